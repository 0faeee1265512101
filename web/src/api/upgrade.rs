//! Upgrade from a file and from the upgrade server (SYS-26..28).

use std::time::Duration;

use axum::{
    Json,
    body::{Body, BodyDataStream},
    extract::{DefaultBodyLimit, State},
    response::{IntoResponse, Response},
    routing::post,
};
use futures_util::StreamExt;
use http::{HeaderMap, Method, StatusCode, header};
use platecam_model::{
    Actor, Device, Error, Permission,
    ports::{FirmwareVersion, UpgradeStatus},
    product::Function,
    upkeep::{Checked, Upgrading},
};
use serde::Serialize;

use super::maintenance::expected_down_s;
use crate::{
    app::{App, blocking},
    auth::Login,
    problem::{Answer, Problem},
    routes::{Access, Routes},
};

/// A package that rests for so long is given up.
const IDLE: Duration = Duration::from_secs(30);
/// Bytes of a refused package that are still read.
const READ_ON: usize = 256 * 1024 * 1024;

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    let access = Access::Needs(Permission::Maintenance);
    Routes::new()
        .get("/upgrade", access, show)
        // The body is bounded by the package's own rules and never in memory as a whole.
        .route(
            Method::POST,
            "/upgrade",
            access,
            post(upload).layer(DefaultBodyLimit::disable()),
        )
        .post("/upgrade/check", access, check)
        .post("/upgrade/online", access, online)
        .of(Function::Upgrade)
}

#[derive(Debug, Serialize)]
pub(crate) struct Installed {
    version: FirmwareVersion,
    expected_down_s: u32,
}

/// `GET /upgrade`.
pub(crate) async fn show(State(app): State<App>, login: Login) -> Answer<Json<UpgradeStatus>> {
    let device = app.device.clone();
    blocking(move || device.upgrade_status(&login.actor))
        .await
        .map(Json)
}

/// `POST /upgrade`: verified and stored while it comes in (SYS-26).
pub(crate) async fn upload(
    State(app): State<App>,
    login: Login,
    headers: HeaderMap,
    body: Body,
) -> Answer<(StatusCode, Json<Installed>)> {
    receive(app.device.clone(), login.actor, &headers, body).await
}

/// Takes in a package on behalf of `by`, who has been let in by another interface (ONVIF's upload address).
pub async fn receive_upgrade(
    device: Device,
    by: Actor,
    headers: &HeaderMap,
    body: Body,
) -> Response {
    receive(device, by, headers, body).await.into_response()
}

async fn receive(
    device: Device,
    by: Actor,
    headers: &HeaderMap,
    body: Body,
) -> Answer<(StatusCode, Json<Installed>)> {
    let total = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse().ok());
    let total = total.ok_or_else(length_required)?;
    let mut pieces = body.into_data_stream();
    let taken = take_all(device, by, total, &mut pieces).await;
    if taken.is_err() {
        read_on(&mut pieces).await;
    }
    let version = taken?;
    let expected_down_s = expected_down_s(platecam_model::ports::Reach::Process);
    Ok((
        StatusCode::ACCEPTED,
        Json(Installed {
            version,
            expected_down_s,
        }),
    ))
}

/// Verifies and stores the pieces as they come.
async fn take_all(
    device: Device,
    by: Actor,
    total: u64,
    pieces: &mut BodyDataStream,
) -> Answer<FirmwareVersion> {
    let mut upgrading = blocking(move || device.upgrade(&by, total)).await?;
    loop {
        let piece = tokio::time::timeout(IDLE, pieces.next()).await;
        match piece.map_err(|_| Problem::timeout(IDLE))? {
            None => break,
            Some(Ok(bytes)) => upgrading = take(upgrading, bytes).await?,
            Some(Err(e)) => {
                return Err(Error::Malformed {
                    what: "body",
                    reason: e.to_string(),
                }
                .into());
            }
        }
    }
    blocking(move || upgrading.finish()).await
}

/// Reads what is left of a refused package, up to [`READ_ON`] bytes, and forgets it: a connection that is closed
/// while the client still sends shows it a broken connection instead of the reason.
async fn read_on(pieces: &mut BodyDataStream) {
    let mut left = READ_ON;
    while let Ok(Some(Ok(bytes))) = tokio::time::timeout(IDLE, pieces.next()).await {
        match left.checked_sub(bytes.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

async fn take(mut upgrading: Upgrading, bytes: bytes::Bytes) -> Answer<Upgrading> {
    blocking(move || upgrading.write(&bytes).map(|()| upgrading)).await
}

fn length_required() -> Problem {
    Problem::new(
        StatusCode::LENGTH_REQUIRED,
        "length",
        "Length required",
        "the header Content-Length must say how many bytes the package has",
    )
}

/// `POST /upgrade/check` (SYS-28).
pub(crate) async fn check(State(app): State<App>, login: Login) -> Answer<Json<Checked>> {
    let device = app.device.clone();
    blocking(move || device.upgrade_check(&login.actor))
        .await
        .map(Json)
}

#[derive(Debug, Serialize)]
pub(crate) struct Fetching {
    version: FirmwareVersion,
}

/// `POST /upgrade/online`: goes on by itself; `GET /upgrade` shows how far it is.
pub(crate) async fn online(
    State(app): State<App>,
    login: Login,
) -> Answer<(StatusCode, Json<Fetching>)> {
    let (device, by) = (app.device.clone(), login.actor);
    let offer = device.upgrade_offer(&by)?;
    let version = offer.version;
    let mut fetching = tokio::task::spawn_blocking(move || device.upgrade_online(&by, &offer));
    // What is refused at once is told at once.
    if let Ok(done) = tokio::time::timeout(Duration::from_millis(300), &mut fetching).await {
        done.map_err(Error::internal)??;
    }
    Ok((StatusCode::ACCEPTED, Json(Fetching { version })))
}
