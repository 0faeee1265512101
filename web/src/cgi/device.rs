//! What the unit is, and its restart.

use axum::extract::State;
use platecam_model::{Permission, ports::Reach, settings::DeviceGeneral};

use super::{
    answer::{Lines, Refusal},
    blocking, command,
    gate::Caller,
    query::Query,
};
use crate::{
    app::App,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    let read = Access::Needs(Permission::ReadConfig);
    let restart = Access::Needs(Permission::Maintenance);
    command("/cgi-bin/device.cgi", read, info).merge(command(
        "/cgi-bin/reboot.cgi",
        restart,
        reboot,
    ))
}

/// `device.cgi`.
async fn info(State(app): State<App>, query: Query) -> Result<Lines, Refusal> {
    query.finish()?;
    let id = &app.device.identity;
    let general = app.device.settings.get::<DeviceGeneral>();
    let interfaces = app.device.network.interfaces();
    let wired = interfaces
        .iter()
        .find(|i| !i.loopback && i.up && !i.mac.is_empty());
    let mut lines = Lines::default();
    for (key, value) in [
        ("manufacturer", id.manufacturer.as_str()),
        ("model", &id.model),
        ("name", &general.name),
        ("serial", &id.serial),
        ("version", &id.firmware),
        ("build_date", &id.build_date),
        ("onvif_version", &id.onvif_version),
        ("hardware", &id.hardware_id),
        ("mac", wired.map_or("", |i| i.mac.as_str())),
        ("time", &app.device.clock.now().to_string()),
    ] {
        lines.add(key, value);
    }
    Ok(lines)
}

/// `reboot.cgi`: answered before it happens.
async fn reboot(
    State(app): State<App>,
    Caller(by): Caller,
    query: Query,
) -> Result<Lines, Refusal> {
    query.finish()?;
    let device = app.device.clone();
    let reach = blocking(move || device.reboot(&by)).await?;
    let mut lines = Lines::default();
    lines.add(
        "reboot",
        match reach {
            Reach::Machine => "machine",
            Reach::Process => "process",
            Reach::Simulated => "simulated",
        },
    );
    Ok(lines)
}
