//! The unit's own network: as it is, and the change on trial (NET-10..12).

use axum::{Json, extract::State};
use http::StatusCode;
use platecam_model::{Permission, network::NetworkReport};

use crate::{
    ConnInfo,
    app::{App, blocking},
    auth::Login,
    problem::Answer,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    let write = Access::Needs(Permission::NetworkConfig);
    Routes::new()
        .get("/network", Access::Needs(Permission::ReadConfig), show)
        .post("/network/confirm", write, confirm)
        .post("/network/revert", write, revert)
}

/// `GET /network`.
pub(crate) async fn show(
    State(app): State<App>,
    conn: ConnInfo,
    login: Login,
) -> Answer<Json<NetworkReport>> {
    let device = app.device.clone();
    let local = Some(conn.local.ip());
    let report = blocking(move || device.network_report(&login.actor, local)).await?;
    Ok(Json(report))
}

/// `POST /network/confirm`: the address that the request reached shows that the unit can be reached.
pub(crate) async fn confirm(
    State(app): State<App>,
    conn: ConnInfo,
    login: Login,
) -> Answer<StatusCode> {
    let device = app.device.clone();
    let local = Some(conn.local.ip());
    blocking(move || device.confirm_network(&login.actor, local)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /network/revert`.
pub(crate) async fn revert(State(app): State<App>, login: Login) -> Answer<StatusCode> {
    let device = app.device.clone();
    blocking(move || device.revert_network(&login.actor)).await?;
    Ok(StatusCode::ACCEPTED)
}
