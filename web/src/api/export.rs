//! Records and alarms as tables for a spreadsheet (FILE-27, FILE-28, FILE-30, FILE-31).

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::Response,
};
use bytes::Bytes;
use lpr_core::ColorRead;
use platecam_model::{
    Permission, Record,
    alarm::{AlarmQuery, MailState, StoredAlarm},
};

use super::{alarms, log::download, pages, records};
use crate::{
    app::{App, blocking},
    auth::Login,
    problem::Answer,
    routes::{Access, Routes},
};

/// Rows that are read at once.
const ROWS: u32 = 500;
const TYPE: &str = "text/csv; charset=utf-8";

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    let needs = Access::Needs(Permission::SearchRecords);
    Routes::new()
        .get("/records/export.csv", needs, all_records)
        .get("/alarms/export.csv", needs, all_alarms)
}

/// `GET /records/export.csv`: what the same search lists, newest first.
pub(crate) async fn all_records(
    State(app): State<App>,
    login: Login,
    query: Result<Query<records::Search>, QueryRejection>,
) -> Answer<Response> {
    let Query(search) = query?;
    login.actor.require(Permission::SearchRecords)?;
    let query = search.read()?;
    let store = app.device.records.clone();
    let page = move |before| {
        let mut query = query.clone();
        (query.limit, query.before) = (ROWS, before);
        let store = store.clone();
        blocking(move || {
            let found = store.search(&query)?;
            let rows = found.items.iter().map(record_row);
            Ok((lines(rows), found.next_before.map(Some)))
        })
    };
    let (rows, next) = page(None).await?;
    let head = "number,time_utc,type,plate,confidence,direction,country,issuing_entity,plate_color,vehicle_color,picture,speed_mps,vehicle_type\r\n";
    let first = ([head.as_bytes(), &rows].concat().into(), next);
    let body = pages::body(first, page);
    Ok(download(&app, body, TYPE, "platecam-records.csv"))
}

/// `GET /alarms/export.csv`.
pub(crate) async fn all_alarms(
    State(app): State<App>,
    login: Login,
    query: Result<Query<alarms::Search>, QueryRejection>,
) -> Answer<Response> {
    let Query(search) = query?;
    let query = search.read()?;
    let device = app.device.clone();
    let page = move |before| {
        let query = AlarmQuery {
            limit: ROWS,
            before,
            ..query.clone()
        };
        let (device, actor) = (device.clone(), login.actor.clone());
        blocking(move || {
            let found = device.search_alarms(&actor, &query)?;
            let rows = found.items.iter().map(alarm_row);
            Ok((lines(rows), found.next_before.map(Some)))
        })
    };
    let (rows, next) = page(None).await?;
    let head = "number,time_utc,type,channel,name,outputs,mail,picture\r\n";
    let first = ([head.as_bytes(), &rows].concat().into(), next);
    let body = pages::body(first, page);
    Ok(download(&app, body, TYPE, "platecam-alarms.csv"))
}

fn record_row(record: &Record) -> Vec<String> {
    let color = |read: Option<ColorRead>| read.map_or("", |r| r.color.as_str()).to_owned();
    vec![
        record.id.0.to_string(),
        record.captured_at.to_string(),
        record.kind.word().into(),
        record.plate_number.clone(),
        format!("{:.2}", record.likelihood),
        record.direction.as_str().into(),
        record.country_code.clone().unwrap_or_default(),
        record.issuing_entity.clone().unwrap_or_default(),
        color(record.colors.plate),
        color(record.colors.vehicle),
        yes(record.has_picture),
        record
            .speed_mps
            .map(|v| format!("{v:.2}"))
            .unwrap_or_default(),
        record
            .vehicle_type
            .map_or("", |t| t.vehicle_type.as_str())
            .into(),
    ]
}

fn alarm_row(alarm: &StoredAlarm) -> Vec<String> {
    let outputs: Vec<_> = alarm.outputs.iter().map(|n| format!("NO{n}")).collect();
    vec![
        alarm.id.0.to_string(),
        alarm.at.to_string(),
        alarm.kind.word().into(),
        alarm.channel.to_string(),
        alarm.name.clone(),
        outputs.join(" "),
        match alarm.mail {
            MailState::None => "none",
            MailState::Due { .. } => "due",
            MailState::Sent => "sent",
            MailState::Failed { .. } => "failed",
        }
        .into(),
        yes(alarm.has_picture),
    ]
}

fn yes(it: bool) -> String {
    if it { "yes" } else { "no" }.into()
}

/// Rows by RFC 4180.
fn lines(rows: impl Iterator<Item = Vec<String>>) -> Bytes {
    let mut out = String::new();
    for row in rows {
        let cells: Vec<_> = row.iter().map(|text| cell(text)).collect();
        out += &cells.join(",");
        out += "\r\n";
    }
    out.into()
}

/// A cell that a spreadsheet takes for text: what begins like a formula (a name that somebody chose) gets an apostrophe.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        for (text, written) in [
            ("ABC123", "ABC123"),
            ("Gate, north", "\"Gate, north\""),
            ("say \"go\"", "\"say \"\"go\"\"\""),
            ("=1+1", "'=1+1"),
            ("@x,y", "\"'@x,y\""),
            ("two\nlines", "\"two\nlines\""),
            ("", ""),
        ] {
            assert_eq!(cell(text), written);
        }
    }
}
