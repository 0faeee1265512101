//! New log entries as they come (DEBUG-3..5).

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{
        Query, State, WebSocketUpgrade,
        rejection::QueryRejection,
        ws::{CloseFrame, Message, WebSocket},
    },
    http::{HeaderMap, Uri},
    response::Response,
};
use platecam_model::{Error, LogEntry, LogKind, Permission, UtcTime, Violations};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, broadcast::error::RecvError};

use super::log::kinds;
use crate::{
    ConnInfo,
    app::App,
    auth::Login,
    conn::same_origin,
    problem::{Answer, Problem},
};

/// The session is looked at this often.
const TICK: Duration = Duration::from_secs(2);
/// A reader that takes no message for so long is gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Readers send nothing but pings and close.
const MAX_INCOMING: usize = 1024;

/// What a reader is told. The names are part of the API.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Told<'a> {
    Hello { time: UtcTime },
    Entry { entry: &'a LogEntry },
    Missed { count: u64 },
    SessionEnd { reason: &'a str },
}

/// Kinds wanted; none means all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    kind: Option<String>,
}

/// `GET /log/live`: upgrade to a WebSocket.
pub(crate) async fn connect(
    State(app): State<App>,
    conn: ConnInfo,
    login: Login,
    uri: Uri,
    headers: HeaderMap,
    query: Result<Query<Wanted>, QueryRejection>,
    upgrade: WebSocketUpgrade,
) -> Answer<Response> {
    login.actor.require(Permission::ReadLog)?;
    let mut violations = Violations::default();
    let wanted = kinds(query?.0.kind, &mut violations);
    violations.into_result()?;
    if same_origin(&uri, &headers, conn.secure) == Some(false) {
        return Err(Problem::foreign_origin());
    }
    let Ok(permit) = app.event_sockets.clone().try_acquire_owned() else {
        return Err(Error::Exhausted {
            what: "event sockets",
            limit: app.limits.event_sockets as u64,
        }
        .into());
    };
    let upgrade = upgrade
        .max_message_size(MAX_INCOMING)
        .max_frame_size(MAX_INCOMING);
    Ok(upgrade.on_upgrade(move |socket| run(app, conn, login, wanted, socket, permit)))
}

async fn run(
    app: App,
    conn: ConnInfo,
    login: Login,
    wanted: Vec<LogKind>,
    mut socket: WebSocket,
    _permit: OwnedSemaphorePermit,
) {
    let mut entries = app.device.bus.subscribe_entries();
    let mut stop = app.stop.clone();
    let mut tick = tokio::time::interval(TICK);
    let time = app.device.clock.now();
    if !tell(&mut socket, &Told::Hello { time }).await {
        return;
    }
    let reason = loop {
        let alive = tokio::select! {
            entry = entries.recv() => match entry {
                Ok(entry) => offer(&mut socket, &wanted, &entry).await,
                Err(RecvError::Lagged(count)) => tell(&mut socket, &Told::Missed { count }).await,
                Err(RecvError::Closed) => break "stopping",
            },
            _ = tick.tick() => {
                // Permissions are those of this moment.
                let may = login.renewed(&app, &conn)
                    .is_some_and(|l| l.actor.permissions.has(Permission::ReadLog));
                if !may {
                    break "ended";
                }
                true
            }
            incoming = socket.recv() => matches!(incoming, Some(Ok(m)) if !matches!(m, Message::Close(_))),
            () = stop.wait() => break "stopping",
        };
        if !alive {
            return;
        }
    };
    if reason == "ended" {
        tell(&mut socket, &Told::SessionEnd { reason }).await;
    }
    let close = CloseFrame {
        code: if reason == "ended" { 1008 } else { 1001 },
        reason: reason.into(),
    };
    let _ = tokio::time::timeout(SEND_TIMEOUT, socket.send(Message::Close(Some(close)))).await;
}

async fn offer(socket: &mut WebSocket, wanted: &[LogKind], entry: &Arc<LogEntry>) -> bool {
    if !wanted.is_empty() && !wanted.contains(&entry.kind) {
        return true;
    }
    tell(socket, &Told::Entry { entry }).await
}

/// False when the reader is gone or does not take messages.
async fn tell(socket: &mut WebSocket, told: &Told<'_>) -> bool {
    let Ok(text) = serde_json::to_string(told) else {
        return false;
    };
    let sent = tokio::time::timeout(SEND_TIMEOUT, socket.send(Message::Text(text.into()))).await;
    matches!(sent, Ok(Ok(())))
}
