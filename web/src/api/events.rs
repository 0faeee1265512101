//! One WebSocket per page that carries everything that happens.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket},
    },
    http::{HeaderMap, Uri},
    response::Response,
};
use platecam_model::{
    Error, Event, EventKind, Permission, Record, UtcTime, alarm::StoredAlarm, network::NetworkNews,
    settings::Revision, upkeep::Condition,
};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, broadcast::error::RecvError};

use super::status::{Source, Status};
use crate::{
    ConnInfo,
    app::App,
    auth::Login,
    conn::same_origin,
    problem::{Answer, Problem},
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    Routes::new().get("/events", Access::Needs(Permission::LiveView), connect)
}

/// Status and the check of the session come this often.
const TICK: Duration = Duration::from_secs(2);
/// A page that takes no message for so long is gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Pages send nothing but pings and close.
const MAX_INCOMING: usize = 1024;

/// What a page is told. The names are part of the API.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Told<'a> {
    Hello {
        time: UtcTime,
    },
    Record {
        record: &'a Record,
    },
    /// A record that was told before has more now.
    RecordChanged {
        record: &'a Record,
    },
    /// An alarm was raised and kept.
    Alarm {
        alarm: &'a StoredAlarm,
    },
    Status {
        status: Status,
    },
    Source {
        source_state: Source,
    },
    Settings {
        key: &'a str,
        revision: Revision,
        changed_by: String,
    },
    StreamChanged {
        stream: &'a str,
    },
    ClockJumped {
        before: UtcTime,
        after: UtcTime,
    },
    Restarting {
        reason: &'a str,
    },
    UpgradeAvailable {
        version: &'a str,
    },
    /// The unit's own network, or somebody else with its address: ask `GET /network`.
    Network {
        news: &'static str,
    },
    /// What is wrong now, worst first: after `hello`, and at each change.
    Conditions {
        conditions: &'a [Condition],
    },
    Missed {
        count: u64,
    },
    /// Somebody came or went.
    Online,
    SessionEnd {
        reason: &'a str,
    },
}

/// `GET /events`: upgrade to a WebSocket.
pub(crate) async fn connect(
    State(app): State<App>,
    conn: ConnInfo,
    login: Login,
    uri: Uri,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Answer<Response> {
    login.actor.require(Permission::LiveView)?;
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
    Ok(upgrade.on_upgrade(move |socket| run(app, conn, login, socket, permit)))
}

async fn run(
    app: App,
    conn: ConnInfo,
    login: Login,
    mut socket: WebSocket,
    _permit: OwnedSemaphorePermit,
) {
    let mut bus = app.device.bus.subscribe();
    let mut stop = app.stop.clone();
    let mut tick = tokio::time::interval(TICK);
    let config = login.actor.permissions.has(Permission::ReadConfig);
    let people = login.actor.permissions.has(Permission::UserManagement);
    let mut ended = app.device.sessions.watch();
    let mut online = app.device.accounts.watch_online();
    let mut conditions = app.device.upkeep.conditions.watch();
    conditions.mark_changed();
    if !tell(
        &mut socket,
        &Told::Hello {
            time: app.device.clock.now(),
        },
    )
    .await
    {
        return;
    }
    let reason = loop {
        let alive = tokio::select! {
            event = bus.recv() => match event {
                Ok(event) => match translate(&event, config) {
                    Some(told) => tell(&mut socket, &told).await,
                    None => true,
                },
                Err(RecvError::Lagged(count)) => tell(&mut socket, &Told::Missed { count }).await,
                Err(RecvError::Closed) => break "stopping",
            },
            _ = tick.tick() => {
                // An open page keeps its session; one that was ended elsewhere is told so.
                if login.renewed(&app, &conn).is_none() {
                    break "ended";
                }
                if people && online.has_changed().unwrap_or(false) {
                    online.mark_unchanged();
                    tell(&mut socket, &Told::Online).await;
                }
                tell(&mut socket, &Told::Status { status: Status::now(&app) }).await
            }
            _ = conditions.changed() => {
                let now = conditions.borrow_and_update().clone();
                tell(&mut socket, &Told::Conditions { conditions: &now }).await
            }
            _ = ended.changed() => match login.renewed(&app, &conn) {
                Some(_) => true,
                None => break "ended",
            },
            incoming = socket.recv() => matches!(incoming, Some(Ok(m)) if !matches!(m, Message::Close(_))),
            () = stop.wait() => break "stopping",
        };
        if !alive {
            return;
        }
    };
    // What was told to everybody before the stop, above all why it stops, may not have been seen yet.
    while reason == "stopping"
        && let Ok(event) = bus.try_recv()
    {
        if let Some(told) = translate(&event, config)
            && !tell(&mut socket, &told).await
        {
            return;
        }
    }
    if reason == "ended" {
        tell(&mut socket, &Told::SessionEnd { reason }).await;
    }
    let close = CloseFrame {
        code: if reason == "ended" { 1008 } else { 1001 },
        reason: reason.into(),
    };
    let _ = tokio::time::timeout(SEND_TIMEOUT, socket.send(Message::Close(Some(close)))).await;
}

/// The message for an event; `None` when pages have no use for it.
fn translate(event: &Arc<Event>, config: bool) -> Option<Told<'_>> {
    match &event.kind {
        EventKind::RecordStored(record) => Some(Told::Record { record }),
        EventKind::SecondStored(record) => Some(Told::RecordChanged { record }),
        EventKind::SettingsChanged {
            key,
            revision,
            actor,
            ..
        } if config => Some(Told::Settings {
            key,
            revision: *revision,
            changed_by: actor.to_string(),
        }),
        EventKind::Source(state) => Some(Told::Source {
            source_state: state.into(),
        }),
        EventKind::AlarmStored(alarm) => Some(Told::Alarm { alarm }),
        EventKind::StreamChanged { main } => Some(Told::StreamChanged {
            stream: if *main { "main" } else { "sub" },
        }),
        EventKind::ClockJumped { before, after } => Some(Told::ClockJumped {
            before: *before,
            after: *after,
        }),
        EventKind::RestartWanted { reason, .. } => Some(Told::Restarting { reason }),
        EventKind::UpgradeAvailable { version } if config => {
            Some(Told::UpgradeAvailable { version })
        }
        EventKind::Network(news) if config => Some(Told::Network {
            news: match news {
                NetworkNews::Applied { .. } => "applied",
                NetworkNews::Confirmed { .. } => "confirmed",
                NetworkNews::RolledBack { .. } => "rolled-back",
                NetworkNews::Conflict { .. } => "conflict",
                NetworkNews::ConflictOver { .. } => "conflict-over",
            },
        }),
        EventKind::SettingsChanged { .. }
        | EventKind::UpgradeAvailable { .. }
        | EventKind::Network(_)
        | EventKind::KeyStatus { .. }
        | EventKind::ClockSynchronised { .. }
        | EventKind::Log(_)
        | EventKind::PlateRead(_)
        // Told as its record and its alarm.
        | EventKind::TurnedBack(_)
        | EventKind::Login(_)
        | EventKind::PictureAlarm { .. }
        | EventKind::RegionMotion { .. }
        | EventKind::Audit(_)
        | EventKind::Relay { .. }
        | EventKind::Input { .. }
        | EventKind::AtLoop(_)
        | EventKind::Alarm(_)
        | EventKind::LockedOut { .. }
        | EventKind::Storage { .. }
        | EventKind::Card(_)
        | EventKind::RecordLost { .. }
        | EventKind::Moment(_)
        | EventKind::Upgrading { .. }
        | EventKind::Initialised(_)
        | EventKind::ServiceReady(_)
        | EventKind::ShuttingDown => None,
    }
}

/// False when the page is gone or does not take messages.
async fn tell(socket: &mut WebSocket, told: &Told<'_>) -> bool {
    let Ok(text) = serde_json::to_string(told) else {
        return false;
    };
    let sent = tokio::time::timeout(SEND_TIMEOUT, socket.send(Message::Text(text.into()))).await;
    matches!(sent, Ok(Ok(())))
}
