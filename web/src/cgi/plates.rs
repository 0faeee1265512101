//! The newest plate reads.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use lpr_core::ColorRead;
use platecam_model::{
    Error, Permission, RecordKind, RecordPage, RecordQuery, UtcTime, ports::Records,
};
use serde_json::json;

use super::{
    answer::{Refusal, escaped, text},
    blocking, command,
    query::Query,
};
use crate::{
    app::App,
    routes::{Access, Routes},
};

/// Rows at most.
const MOST: u32 = 100;

pub(super) fn routes() -> Routes {
    let needs = Access::Needs(Permission::SearchRecords);
    command("/cgi-bin/plates.cgi", needs, plates)
}

/// `plates.cgi?count=10&from=…&format=text|json`: newest first.
async fn plates(State(app): State<App>, mut query: Query) -> Result<Response, Refusal> {
    let limit = query.number("count", 1..=MOST, 10)?;
    let format = query.word("format", &["text", "json"])?;
    let from = match query.take("from") {
        None => None,
        Some(time) => Some(moment(&time)?),
    };
    query.finish()?;
    let search = RecordQuery {
        kind: Some(RecordKind::Lpr),
        from,
        limit,
        ..RecordQuery::default()
    };
    let records = app.device.records.clone();
    let page = blocking(move || Records::search(&*records, &search)).await?;
    Ok(match format {
        "json" => Json(json!({"total": page.total, "items": page.items})).into_response(),
        _ => text(table(&page)),
    })
}

fn moment(time: &str) -> platecam_model::Result<UtcTime> {
    let value = serde_json::Value::String(time.to_owned());
    serde_json::from_value(value)
        .map_err(|_| Error::invalid("/from", time, "is not a time such as 2026-11-22T15:04:05Z"))
}

/// A colour by name.
fn word(color: Option<ColorRead>) -> &'static str {
    color.map_or("-", |c| c.color.as_str())
}

/// A head and one row for each read, columns by tabs.
fn table(page: &RecordPage) -> String {
    let mut out = String::from(
        "id\ttime\tplate\tlikelihood\tdirection\tcountry\tplate_color\tvehicle_color\tvehicle_type\n",
    );
    for r in &page.items {
        let direction = r.direction.as_str();
        let country = r.country_code.as_deref().unwrap_or("-");
        out += &format!(
            "{}\t{}\t{}\t{:.2}\t{direction}\t{}\t{}\t{}\t{}\n",
            r.id.0,
            r.captured_at,
            escaped(&r.plate_number),
            r.likelihood,
            escaped(country),
            word(r.colors.plate),
            word(r.colors.vehicle),
            r.vehicle_type.map_or("-", |t| t.vehicle_type.as_str()),
        );
    }
    out
}
