//! The motorised lens: where it is, zoom, focus and automatic focus (LPRCFG-7..14).

use std::time::Duration;

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use http::StatusCode;
use lpr_core::NormRect;
use platecam_model::{
    Error, Permission,
    lens::{LensMove, LensStatus},
    ports::Motor,
    settings::{LensSettings, Section},
};
use serde::Deserialize;

use crate::{
    app::{App, blocking},
    auth::Login,
    problem::Answer,
    routes::{Access, Routes},
};

/// A held button whose browser is gone lets go after this.
const HELD: Duration = Duration::from_secs(10);

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    let read = Access::Needs(Permission::ReadConfig);
    let change = Access::Needs(Permission::LprConfig);
    Routes::new()
        .get("/lens", read, status)
        .post("/lens/move", change, go)
        .post("/lens/stop", change, stop)
        .post("/lens/auto-focus", change, auto_focus)
        .needing(LensSettings::NEEDS)
}

/// `GET /lens`.
pub(crate) async fn status(State(app): State<App>, _login: Login) -> Answer<Json<LensStatus>> {
    Ok(Json(app.device.lens_status()?))
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    /// Towards wide or near.
    Back,
    /// Towards tele or far.
    Forward,
}

impl Way {
    fn forward(self) -> bool {
        matches!(self, Self::Forward)
    }
}

/// A motor and one way to move it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Move {
    motor: Motor,
    /// 0 to 1.
    position: Option<f32>,
    /// -1 to 1.
    distance: Option<f32>,
    /// One click.
    step: Option<Way>,
    /// On and on, for ten seconds at most.
    on: Option<Way>,
}

impl Move {
    fn how(&self) -> Result<LensMove, Error> {
        Ok(match (self.position, self.distance, self.step, self.on) {
            (Some(position), None, None, None) => LensMove::To(position),
            (None, Some(distance), None, None) => LensMove::By(distance),
            (None, None, Some(way), None) => LensMove::Step {
                forward: way.forward(),
            },
            (None, None, None, Some(way)) => LensMove::On {
                forward: way.forward(),
                speed: None,
                within: Some(HELD),
            },
            _ => {
                let why = "must have one of position, distance, step and on";
                return Err(Error::invalid("", self.motor.word(), why));
            }
        })
    }
}

/// `POST /lens/move`.
pub(crate) async fn go(
    State(app): State<App>,
    login: Login,
    body: Result<Json<Move>, JsonRejection>,
) -> Answer<StatusCode> {
    let Json(wanted) = body?;
    let how = wanted.how()?;
    let device = app.device.clone();
    blocking(move || device.move_lens(wanted.motor, how, &login.actor)).await?;
    Ok(StatusCode::ACCEPTED)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stop {
    /// Both without it.
    motor: Option<Motor>,
}

/// `POST /lens/stop`.
pub(crate) async fn stop(
    State(app): State<App>,
    login: Login,
    body: Result<Json<Stop>, JsonRejection>,
) -> Answer<StatusCode> {
    let Json(Stop { motor }) = body?;
    let device = app.device.clone();
    blocking(move || device.stop_lens(motor, &login.actor)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AutoFocus {
    /// Left, top, right and bottom, -1 to 1, up positive; the whole picture without it.
    area: Option<[f32; 4]>,
}

/// `POST /lens/auto-focus`: answers when it has begun.
pub(crate) async fn auto_focus(
    State(app): State<App>,
    login: Login,
    body: Result<Json<AutoFocus>, JsonRejection>,
) -> Answer<StatusCode> {
    let Json(AutoFocus { area }) = body?;
    let area = area.map(|[left, top, right, bottom]| NormRect {
        left,
        top,
        right,
        bottom,
    });
    let device = app.device.clone();
    blocking(move || device.auto_focus(area, &login.actor)).await?;
    Ok(StatusCode::ACCEPTED)
}
