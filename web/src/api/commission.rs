//! Device commission (COMM-1..7).

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use http::StatusCode;
use platecam_model::{
    Permission, Record, UtcTime,
    product::Function,
    upkeep::{BarrierAction, Finding, Tests},
};
use serde::{Deserialize, Serialize};

use crate::{
    app::{App, blocking},
    auth::Login,
    problem::Answer,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    let access = Access::Needs(Permission::LprConfig);
    let loudspeaker = Routes::new()
        .post("/commission/voice", access, voice)
        .of(Function::Voice);
    Routes::new()
        .get("/commission", access, show)
        .get("/commission/check", access, check)
        .post("/commission/test-capture", access, capture)
        // The model wants `lpr-config` as well.
        .post(
            "/commission/barrier",
            Access::Needs(Permission::BarrierControl),
            barrier,
        )
        .merge(loudspeaker)
}

/// `GET /commission`.
pub(crate) async fn show(State(app): State<App>, login: Login) -> Answer<Json<Tests>> {
    let device = app.device.clone();
    blocking(move || device.commission_tests(&login.actor))
        .await
        .map(Json)
}

#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    checked_at: UtcTime,
    findings: Vec<Finding>,
}

/// `GET /commission/check` (COMM-6).
pub(crate) async fn check(State(app): State<App>, login: Login) -> Answer<Json<Checked>> {
    let device = app.device.clone();
    let findings = blocking(move || device.abnormal_configuration(&login.actor)).await?;
    Ok(Json(Checked {
        checked_at: app.device.clock.now(),
        findings,
    }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestPlate {
    plate: String,
}

/// `POST /commission/test-capture` (COMM-3, COMM-7).
pub(crate) async fn capture(
    State(app): State<App>,
    login: Login,
    body: Result<Json<TestPlate>, JsonRejection>,
) -> Answer<(StatusCode, Json<Record>)> {
    let Json(TestPlate { plate }) = body?;
    let device = app.device.clone();
    let record = blocking(move || device.test_capture(&login.actor, &plate)).await?;
    Ok((StatusCode::CREATED, Json(record)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Speech {
    text: String,
}

/// `POST /commission/voice` (COMM-4).
pub(crate) async fn voice(
    State(app): State<App>,
    login: Login,
    body: Result<Json<Speech>, JsonRejection>,
) -> Answer<StatusCode> {
    let Json(Speech { text }) = body?;
    let device = app.device.clone();
    blocking(move || device.test_voice(&login.actor, &text)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BarrierTest {
    action: BarrierAction,
}

/// `POST /commission/barrier` (COMM-5).
pub(crate) async fn barrier(
    State(app): State<App>,
    login: Login,
    body: Result<Json<BarrierTest>, JsonRejection>,
) -> Answer<StatusCode> {
    let Json(BarrierTest { action }) = body?;
    let device = app.device.clone();
    blocking(move || device.test_barrier(&login.actor, action)).await?;
    Ok(StatusCode::NO_CONTENT)
}
