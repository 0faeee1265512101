//! RTSP over WebSocket (ONVIF Streaming Specification): the byte stream of an RTSP connection in
//! binary messages, subprotocol `rtsp.onvif.org`.

use std::{future::Future, net::SocketAddr, pin::Pin, time::Duration};

use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::{HeaderMap, Uri},
    response::Response,
};
use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use platecam_model::{Actor, Error, Permission};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};

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
    Routes::new().get(
        "/live",
        Access::OrProvesItself(Permission::LiveView),
        connect,
    )
}

/// Subprotocol of the ONVIF Streaming Specification.
const PROTOCOL: &str = "rtsp.onvif.org";
/// Bytes on their way from the RTSP server to the socket; a slow viewer fills it, and the RTSP
/// server, which is told by the blocked write, skips frames.
const BUFFER: usize = 256 * 1024;
/// Bytes per message at most, both ways.
const CHUNK: usize = 64 * 1024;
/// How often the session is looked at.
const CHECK: Duration = Duration::from_secs(5);
/// A viewer that takes nothing for so long is gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(15);

/// A connection's bytes, both ways.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// Who watches, as far as the web server knows.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The logged-in user; `None` for clients that will prove themselves by Digest within RTSP.
    pub actor: Option<Actor>,
    /// The client's address.
    pub peer: SocketAddr,
    /// The address the client reached.
    pub local: SocketAddr,
    /// Whether it is under TLS.
    pub secure: bool,
}

/// The RTSP server, as the web server sees it.
pub trait RtspTunnel: Send + Sync + 'static {
    /// Serves one RTSP connection until one of the sides ends it.
    fn serve(
        &self,
        stream: Box<dyn ByteStream>,
        viewer: Viewer,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// The port on which RTSP is served without this tunnel, when it is.
    fn port(&self) -> Option<u16>;
}

/// `GET /live`: upgrade to a WebSocket.
///
/// A browser comes with the session cookie and must come from a page of this server. A client
/// without a cookie is let through to RTSP's own Digest.
pub(crate) async fn connect(
    State(app): State<App>,
    conn: ConnInfo,
    uri: Uri,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Answer<Response> {
    if same_origin(&uri, &headers, conn.secure) == Some(false) {
        return Err(Problem::foreign_origin());
    }
    let login = match Login::find(&app, &conn, &headers) {
        Ok(login) => Some(login),
        Err(Error::Unauthenticated) => None,
        Err(other) => return Err(other.into()),
    };
    match &login {
        Some(login) if login.is_expired() => return Err(Error::PasswordExpired.into()),
        Some(login) => login.actor.require(Permission::LiveView)?,
        // A browser cannot do RTSP's Digest: it is told at once to log in.
        None if headers.contains_key(http::header::ORIGIN) => {
            return Err(Error::Unauthenticated.into());
        }
        None => {}
    }
    let Ok(permit) = app.live_sockets.clone().try_acquire_owned() else {
        return Err(Error::Exhausted {
            what: "live sockets",
            limit: app.limits.live_sockets as u64,
        }
        .into());
    };
    let upgrade = upgrade
        .protocols([PROTOCOL])
        .max_message_size(CHUNK)
        .max_frame_size(CHUNK);
    if upgrade.selected_protocol().is_none() {
        let detail = format!("the WebSocket subprotocol must be {PROTOCOL}");
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "subprotocol",
            "Subprotocol missing",
            detail,
        ));
    }
    let viewer = Viewer {
        actor: login.as_ref().map(|l| l.actor.clone()),
        peer: conn.peer,
        local: conn.local,
        secure: conn.secure,
    };
    Ok(upgrade.on_upgrade(move |socket| async move {
        let _permit = permit;
        let (near, far) = tokio::io::duplex(BUFFER);
        let served = app.rtsp.serve(Box::new(far), viewer);
        tokio::select! {
            () = served => {}
            () = pump(socket, near) => {}
            () = ended(&app, &conn, login) => {}
        }
    }))
}

/// Returns when the server stops or the viewer's session is over.
async fn ended(app: &App, conn: &ConnInfo, login: Option<Login>) {
    let mut stop = app.stop.clone();
    let mut check = tokio::time::interval(CHECK);
    let mut ended = app.device.sessions.watch();
    loop {
        tokio::select! {
            () = stop.wait() => return,
            _ = check.tick() => {}
            // A session that is ended elsewhere ends its pictures at once (USER-13).
            _ = ended.changed() => {}
        }
        if let Some(login) = &login
            && login.renewed(app, conn).is_none_or(|l| l.is_expired())
        {
            return;
        }
    }
}

/// Carries bytes between socket and RTSP server until either ends.
async fn pump(socket: WebSocket, near: DuplexStream) {
    let (mut to_peer, mut from_peer) = socket.split();
    let (mut from_server, mut to_server) = tokio::io::split(near);
    let down = async {
        let mut buffer = BytesMut::with_capacity(CHUNK);
        loop {
            buffer.reserve(CHUNK);
            match (&mut from_server)
                .take(CHUNK as u64)
                .read_buf(&mut buffer)
                .await
            {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
            let message = Message::Binary(buffer.split().freeze());
            let sent = tokio::time::timeout(SEND_TIMEOUT, to_peer.send(message)).await;
            if !matches!(sent, Ok(Ok(()))) {
                break;
            }
        }
        let _ = tokio::time::timeout(SEND_TIMEOUT, to_peer.close()).await;
    };
    let up = async {
        while let Some(Ok(message)) = from_peer.next().await {
            let bytes = match message {
                Message::Binary(bytes) => bytes,
                Message::Text(text) => text.into(),
                Message::Ping(_) | Message::Pong(_) => continue,
                Message::Close(_) => break,
            };
            if to_server.write_all(&bytes).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = down => {}
        () = up => {}
    }
}
