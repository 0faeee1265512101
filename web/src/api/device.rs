use std::collections::BTreeMap;

use axum::{Json, extract::State, http::HeaderMap};
use platecam_model::{
    Identity, UtcTime,
    product::{Function, Limit},
    settings::{DeviceGeneral, Language},
};
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

/// SYS-7.
const COPYRIGHT: &str =
    "Copyright 2026 The Platecam authors. All rights reserved under the MIT or Apache-2.0 licence.";

/// `GET /device`. Before a login only what the first pages need.
#[derive(Debug, Serialize)]
pub(crate) struct DeviceInfo {
    initialized: bool,
    name: String,
    model: String,
    /// Of pages whose browser has not chosen one (SYS-2).
    language: Language,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    more: Option<More>,
}

#[derive(Debug, Serialize)]
struct More {
    manufacturer: String,
    serial: String,
    version: String,
    build_date: String,
    /// Version and date as the manual shows them (SYS-5).
    system_version: String,
    onvif_version: String,
    hardware: String,
    /// Of the first interface that is up; empty without one (SYS-4).
    mac: String,
    copyright: &'static str,
    time: UtcTime,
    /// Functions that this model does not have (GEN-24).
    lacks: Vec<Function>,
    /// What this model bounds.
    limits: BTreeMap<&'static str, u32>,
}

pub(crate) async fn show(
    State(app): State<App>,
    conn: ConnInfo,
    headers: HeaderMap,
) -> Json<DeviceInfo> {
    let device = &app.device;
    let general = device.settings.get::<DeviceGeneral>();
    let known = Login::find(&app, &conn, &headers).is_ok();
    Json(DeviceInfo {
        initialized: device.accounts.is_initialised(),
        name: general.name.clone(),
        model: device.identity.model.clone(),
        language: general.language,
        more: known.then(|| more(&app)),
    })
}

/// What the General Settings page shows and does not change (SYS-4..7).
fn more(app: &App) -> More {
    let Identity {
        manufacturer,
        serial,
        firmware,
        build_date,
        onvif_version,
        hardware_id,
        ..
    } = app.device.identity.clone();
    let interfaces = app.device.network.interfaces();
    let product = app.device.product();
    let mut wired = interfaces.into_iter().filter(|i| !i.loopback);
    More {
        manufacturer,
        serial,
        system_version: format!("{firmware}, Build Date: {build_date}"),
        version: firmware,
        build_date,
        onvif_version,
        hardware: hardware_id,
        mac: wired
            .find(|i| i.up && !i.mac.is_empty())
            .map_or_else(String::new, |i| i.mac),
        copyright: COPYRIGHT,
        time: app.device.clock.now(),
        lacks: product.lacks().collect(),
        limits: Limit::ALL
            .map(|limit| (limit.name(), product.limit(limit)))
            .into(),
    }
}
