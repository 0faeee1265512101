//! What the memory card and the unit's own storage are like.

use axum::extract::State;
use platecam_model::Permission;
use serde_json::json;

use super::{
    answer::{Lines, Refusal},
    blocking, command,
    query::Query,
};
use crate::{
    app::App,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    let read = Access::Needs(Permission::ReadConfig);
    command("/cgi-bin/storage.cgi", read, show)
}

/// `storage.cgi`.
async fn show(State(app): State<App>, query: Query) -> Result<Lines, Refusal> {
    query.finish()?;
    let device = app.device.clone();
    let (card, unit) =
        blocking(move || Ok((device.card.status(), device.upkeep.machine.storage()))).await?;
    let mut lines = Lines::default();
    for (key, value) in [
        ("card.state", json!(card.state)),
        ("card.total", json!(card.total)),
        ("card.free", json!(card.free)),
        ("card.error", json!(card.error.unwrap_or_default())),
        ("unit.total", json!(unit.total)),
        ("unit.free", json!(unit.free)),
    ] {
        lines.add_value(key, &value);
    }
    Ok(lines)
}
