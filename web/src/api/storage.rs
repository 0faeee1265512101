//! Local storage (STOR-4..7): what the memory card and the unit's own storage are like, and the card's format; what is wanted is
//! the section `storage.local`.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use http::StatusCode;
use platecam_model::{Error, Permission, ports::CardStatus};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    app::{App, blocking},
    auth::Login,
    problem::Answer,
    routes::{Access, Routes},
};

/// What has to be typed before everything on the card is erased.
const FORMAT: &str = "FORMAT";

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/storage", Access::Needs(Permission::ReadConfig), show)
        .post(
            "/storage/card/format",
            Access::Needs(Permission::StorageConfig),
            format,
        )
}

#[derive(Debug, Serialize)]
struct Storage {
    card: CardStatus,
    unit: Unit,
}

/// The unit's own storage, bytes.
#[derive(Debug, Serialize)]
struct Unit {
    total: u64,
    free: u64,
}

/// `GET /storage` (STOR-5).
async fn show(State(app): State<App>) -> Answer<Json<Storage>> {
    let device = app.device.clone();
    let shown = blocking(move || {
        let disk = device.upkeep.machine.storage();
        Ok(Storage {
            card: device.card.status(),
            unit: Unit {
                total: disk.total,
                free: disk.free,
            },
        })
    });
    shown.await.map(Json)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    confirm: Value,
}

/// `POST /storage/card/format` (STOR-6): begins it; `GET /storage` tells its end.
async fn format(
    State(app): State<App>,
    login: Login,
    body: Result<Json<Wanted>, JsonRejection>,
) -> Answer<(StatusCode, Json<CardStatus>)> {
    let Json(Wanted { confirm }) = body?;
    if confirm != FORMAT {
        let reason = format!("must be \"{FORMAT}\": everything on the memory card is erased");
        return Err(Error::invalid("/confirm", confirm, reason).into());
    }
    let device = app.device.clone();
    let begun = blocking(move || {
        device.format_card(&login.actor)?;
        Ok(device.card.status())
    });
    Ok((StatusCode::ACCEPTED, Json(begun.await?)))
}
