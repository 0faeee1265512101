//! The clock: what it says, setting it, the zones (SYS-8..17).

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use chrono::NaiveDateTime;
use platecam_model::{
    Error, Permission, UtcTime,
    ports::NamedZone,
    time::{ClockSource, TimeReport, WallTime},
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
    let read = Access::Needs(Permission::ReadConfig);
    Routes::new()
        .get("/time", read, show)
        .post("/time", Access::Needs(Permission::SystemConfig), set)
        .get("/time/zones", read, zones)
}

/// `GET /time`.
pub(crate) async fn show(State(app): State<App>, login: Login) -> Answer<Json<TimeReport>> {
    let device = app.device.clone();
    Ok(Json(
        blocking(move || device.time_report(&login.actor)).await?,
    ))
}

/// A time to set: in UTC or on the unit's wall.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTime {
    utc: Option<UtcTime>,
    local: Option<String>,
    #[serde(default)]
    fold: bool,
    #[serde(default)]
    source: Source,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    #[default]
    Manual,
    Pc,
}

impl NewTime {
    fn read(&self) -> platecam_model::Result<WallTime> {
        match (self.utc, &self.local) {
            (Some(utc), None) => Ok(WallTime::Utc(utc)),
            (None, Some(local)) => {
                let time: Result<NaiveDateTime, _> = local.parse();
                let reason = "is not a date and time such as 2026-11-26T06:48:45";
                let time = time.map_err(|_| Error::invalid("/local", local, reason))?;
                Ok(WallTime::Local {
                    time,
                    fold: self.fold,
                })
            }
            _ => Err(Error::invalid("/utc", "", "give either utc or local")),
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Set {
    before: UtcTime,
    after: UtcTime,
}

/// `POST /time`: by hand or from the user's computer (SYS-9, SYS-10).
pub(crate) async fn set(
    State(app): State<App>,
    login: Login,
    body: Result<Json<NewTime>, JsonRejection>,
) -> Answer<Json<Set>> {
    let Json(new) = body?;
    let to = new.read()?;
    let source = match new.source {
        Source::Manual => ClockSource::Manual,
        Source::Pc => ClockSource::Pc,
    };
    let device = app.device.clone();
    let (before, after) = blocking(move || device.set_clock(&login.actor, to, source)).await?;
    Ok(Json(Set { before, after }))
}

/// `GET /time/zones`.
pub(crate) async fn zones(State(app): State<App>, _login: Login) -> Answer<Json<Vec<NamedZone>>> {
    let time = app.device.time.clone();
    Ok(Json(blocking(move || Ok(time.zones())).await?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// SEC-17: whatever comes as a body, it is read or refused.
        #[test]
        fn hostile_bodies_are_refused_or_read(utc in ".{0,40}", local in ".{0,40}", source in "pc|manual|.{0,8}") {
            for body in [
                serde_json::json!({"utc": utc, "source": source}),
                serde_json::json!({"local": local, "fold": true}),
                serde_json::json!({"local": local, "utc": utc}),
            ] {
                if let Ok(new) = serde_json::from_value::<NewTime>(body) {
                    let _ = new.read();
                }
            }
        }
    }
}
