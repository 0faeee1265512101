//! Restart by hand and by schedule (SYS-18, SYS-19, SYS-22).

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use http::StatusCode;
use platecam_model::{
    Error, Permission, UtcTime,
    ports::{LastRun, Reach, RestartNote},
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
    let access = Access::Needs(Permission::Maintenance);
    Routes::new()
        .get("/maintenance", access, show)
        .post("/maintenance/reboot", access, reboot)
}

/// Seconds until pages ask again: a process is back within a few, a machine within a minute or so.
pub(crate) const fn expected_down_s(reach: Reach) -> u32 {
    match reach {
        Reach::Machine => 60,
        Reach::Process | Reach::Simulated => 5,
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Maintenance {
    reach: Reach,
    started_at: UtcTime,
    uptime_s: u64,
    last_restart: Option<LastRestart>,
    next_restart: Option<UtcTime>,
}

#[derive(Debug, Serialize)]
struct LastRestart {
    kind: &'static str,
    #[serde(flatten)]
    note: Option<RestartNote>,
}

impl LastRestart {
    fn of(run: LastRun) -> Option<Self> {
        let (kind, note) = match run {
            LastRun::None => return None,
            LastRun::Wanted(note) => ("wanted", Some(note)),
            LastRun::Stopped => ("stopped", None),
            LastRun::Lost => ("lost", None),
        };
        Some(Self { kind, note })
    }
}

/// `GET /maintenance`.
pub(crate) async fn show(State(app): State<App>, login: Login) -> Answer<Json<Maintenance>> {
    login.actor.require(Permission::Maintenance)?;
    let device = &app.device;
    let uptime = device.clock.monotonic();
    let now = device.clock.now();
    Ok(Json(Maintenance {
        reach: device.upkeep.power.reach(),
        started_at: UtcTime::from_micros(
            now.as_micros() - i64::try_from(uptime.as_micros()).unwrap_or(0),
        ),
        uptime_s: uptime.as_secs(),
        last_restart: LastRestart::of(device.upkeep.power.last_run()),
        next_restart: device.next_restart(),
    }))
}

/// A body that only confirms (SYS-22).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirmation {
    #[serde(default)]
    confirm: bool,
}

impl Confirmation {
    /// Refuses without the confirmation.
    pub(crate) fn given(&self) -> Result<(), Error> {
        if self.confirm {
            return Ok(());
        }
        Err(Error::invalid(
            "/confirm",
            false,
            "must be true: this interrupts video and recognition",
        ))
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Rebooting {
    reach: Reach,
    expected_down_s: u32,
}

/// `POST /maintenance/reboot` (SYS-18).
pub(crate) async fn reboot(
    State(app): State<App>,
    login: Login,
    body: Result<Json<Confirmation>, JsonRejection>,
) -> Answer<(StatusCode, Json<Rebooting>)> {
    let Json(confirmation) = body?;
    login.actor.require(Permission::Maintenance)?;
    confirmation.given()?;
    let (device, by) = (app.device.clone(), login.actor);
    let reach = blocking(move || device.reboot(&by)).await?;
    let expected_down_s = expected_down_s(reach);
    Ok((
        StatusCode::ACCEPTED,
        Json(Rebooting {
            reach,
            expected_down_s,
        }),
    ))
}
