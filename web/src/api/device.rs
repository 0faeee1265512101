use axum::{Json, extract::State, http::HeaderMap};
use platecam_model::{UtcTime, settings::DeviceGeneral};
use serde::Serialize;

use crate::{
    ConnInfo,
    app::App,
    auth::Login,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    Routes::new().get("/device", Access::Always, show)
}

/// `GET /device`. Before a login only what the first pages need.
#[derive(Debug, Serialize)]
pub(crate) struct DeviceInfo {
    initialized: bool,
    name: String,
    model: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    more: Option<More>,
}

#[derive(Debug, Serialize)]
struct More {
    manufacturer: String,
    serial: String,
    version: String,
    hardware: String,
    time: UtcTime,
}

pub(crate) async fn show(
    State(app): State<App>,
    conn: ConnInfo,
    headers: HeaderMap,
) -> Json<DeviceInfo> {
    let identity = &app.device.identity;
    let known = Login::find(&app, &conn, &headers).is_ok();
    Json(DeviceInfo {
        initialized: app.device.accounts.is_initialised(),
        name: app.device.settings.get::<DeviceGeneral>().name.clone(),
        model: identity.model.clone(),
        more: known.then(|| More {
            manufacturer: identity.manufacturer.clone(),
            serial: identity.serial.clone(),
            version: identity.firmware.clone(),
            hardware: identity.hardware_id.clone(),
            time: app.device.clock.now(),
        }),
    })
}
