//! Plates to devices that are wired to the unit: tests, and the number of a plate on Wiegand (GEN-23).

use axum::{
    Json,
    extract::{
        Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
};
use platecam_model::{
    Permission,
    peripheral::PlateNumber,
    settings::{Section, SerialPlates, WiegandPlates},
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
    let test = Access::Needs(Permission::BarrierControl);
    let read = Access::Needs(Permission::ReadConfig);
    let serial = Routes::new()
        .post("/peripherals/serial/test", test, test_serial)
        .needing(SerialPlates::NEEDS);
    Routes::new()
        .post("/peripherals/wiegand/test", test, test_wiegand)
        .get("/peripherals/wiegand/number", read, number)
        .needing(WiegandPlates::NEEDS)
        .merge(serial)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plate {
    plate: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Line {
    /// As its rule would write it.
    line: String,
}

/// `POST /peripherals/serial/test`: the line of a text.
pub(crate) async fn test_serial(
    State(app): State<App>,
    login: Login,
    body: Result<Json<Plate>, JsonRejection>,
) -> Answer<Json<Line>> {
    let Json(Plate { plate }) = body?;
    let device = app.device.clone();
    let line = blocking(move || device.test_serial_plate(&login.actor, &plate)).await?;
    Ok(Json(Line { line }))
}

/// `POST /peripherals/wiegand/test`: the number of a text.
pub(crate) async fn test_wiegand(
    State(app): State<App>,
    login: Login,
    body: Result<Json<Plate>, JsonRejection>,
) -> Answer<Json<PlateNumber>> {
    let Json(Plate { plate }) = body?;
    let device = app.device.clone();
    let number = blocking(move || device.test_wiegand_plate(&login.actor, &plate)).await?;
    Ok(Json(number))
}

/// `GET /peripherals/wiegand/number?plate=`: what is sent for a text with the settings that are saved.
pub(crate) async fn number(
    State(app): State<App>,
    _login: Login,
    query: Result<Query<Plate>, QueryRejection>,
) -> Answer<Json<PlateNumber>> {
    let Query(Plate { plate }) = query?;
    Ok(Json(app.device.plate_number(&plate)?))
}
