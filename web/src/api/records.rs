use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use lpr_core::Direction;
use platecam_model::{
    Permission, Picture, Record, RecordId, RecordKind, RecordQuery, UtcTime, Violation, Violations,
    naming::{NameContext, NameRule, Named},
    settings::{DeviceGeneral, TimeSettings, UploadServer},
};
use serde::{Deserialize, Serialize};

use super::snapshot::jpeg;
use crate::{
    app::{App, blocking},
    assets,
    auth::Login,
    problem::Answer,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    let needs = Access::Needs(Permission::SearchRecords);
    Routes::new()
        .get("/records", needs, search)
        .get("/records/{id}", needs, show)
        .get("/records/{id}/picture.jpg", needs, picture)
        .get("/records/{id}/plate.jpg", needs, plate_picture)
        .get("/records/{id}/second.jpg", needs, second_picture)
}

/// Rows per page at most.
const MAX_LIMIT: u32 = 500;
/// Signs of a plate pattern at most.
const MAX_PLATE: usize = 32;

/// The query string as it comes; every field is judged by [`Search::read`], so that all mistakes
/// are named at once.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Search {
    from: Option<String>,
    to: Option<String>,
    plate: Option<String>,
    kind: Option<String>,
    direction: Option<String>,
    limit: Option<String>,
    before_id: Option<String>,
}

impl Search {
    pub(super) fn read(self) -> platecam_model::Result<RecordQuery> {
        let mut violations = Violations::default();
        let query = RecordQuery {
            from: field(
                self.from,
                "/from",
                "is not a time such as 2026-11-22T15:04:05Z",
                time,
                &mut violations,
            ),
            to: field(
                self.to,
                "/to",
                "is not a time such as 2026-11-22T15:04:05Z",
                time,
                &mut violations,
            ),
            plate: field(
                self.plate,
                "/plate",
                "has blanks, control characters or more than 32 characters",
                plate,
                &mut violations,
            ),
            kind: field(
                self.kind,
                "/kind",
                "must be lpr, manual, test, backing or unlicensed",
                RecordKind::of_word,
                &mut violations,
            ),
            direction: field(
                self.direction,
                "/direction",
                "must be approaching, departing or unknown",
                Direction::of_word,
                &mut violations,
            ),
            before: field(
                self.before_id,
                "/before_id",
                "must be the number of a record",
                |s| s.parse().ok().map(RecordId),
                &mut violations,
            ),
            limit: field(
                self.limit,
                "/limit",
                "must be 1 to 500",
                limit,
                &mut violations,
            )
            .unwrap_or(50),
        };
        violations.into_result()?;
        Ok(query)
    }
}

/// Reads one field of a query; empty means not given, a mistake is noted with its pointer.
pub(super) fn field<T>(
    given: Option<String>,
    pointer: &str,
    reason: &str,
    read: impl FnOnce(&str) -> Option<T>,
    violations: &mut Violations,
) -> Option<T> {
    let text = given.filter(|s| !s.is_empty())?;
    let value = read(&text);
    violations.require(value.is_some(), || Violation::new(pointer, &text, reason));
    value
}

/// A time in RFC 3339.
pub(super) fn time(text: &str) -> Option<UtcTime> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).ok()
}

fn plate(text: &str) -> Option<String> {
    let fits = text.chars().count() <= MAX_PLATE
        && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    fits.then(|| text.to_uppercase())
}

/// Rows of a page.
pub(super) fn limit(text: &str) -> Option<u32> {
    text.parse().ok().filter(|n| (1..=MAX_LIMIT).contains(n))
}

#[derive(Debug, Serialize)]
pub(crate) struct Page {
    items: Vec<Record>,
    next_before_id: Option<RecordId>,
    total: u64,
}

/// `GET /records`: newest first.
pub(crate) async fn search(
    State(app): State<App>,
    login: Login,
    query: Result<Query<Search>, QueryRejection>,
) -> Answer<Json<Page>> {
    let Query(search) = query?;
    login.actor.require(Permission::SearchRecords)?;
    let query = search.read()?;
    let records = app.device.records.clone();
    let page = blocking(move || records.search(&query)).await?;
    Ok(Json(Page {
        items: page.items,
        next_before_id: page.next_before,
        total: page.total,
    }))
}

/// `GET /records/{id}`.
pub(crate) async fn show(
    State(app): State<App>,
    login: Login,
    Path(id): Path<String>,
) -> Answer<Json<Record>> {
    login.actor.require(Permission::SearchRecords)?;
    let id = number(&id)?;
    let records = app.device.records.clone();
    Ok(Json(blocking(move || records.get(id)).await?))
}

/// `GET /records/{id}/picture.jpg`.
pub(crate) async fn picture(
    app: State<App>,
    login: Login,
    id: Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    image(app, &login, id, &headers, Picture::Full).await
}

/// `GET /records/{id}/plate.jpg`.
pub(crate) async fn plate_picture(
    app: State<App>,
    login: Login,
    id: Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    image(app, &login, id, &headers, Picture::Plate).await
}

/// `GET /records/{id}/second.jpg` (SNAPRULE-4).
pub(crate) async fn second_picture(
    app: State<App>,
    login: Login,
    id: Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    image(app, &login, id, &headers, Picture::Second).await
}

/// The name of a picture by the naming rule, folders included, for whoever saves it (LIVE-6, STOR-12; RFC 6266, RFC 8187).
fn file_name(app: &App, record: &Record, which: Picture) -> Option<HeaderValue> {
    let settings = &app.device.settings;
    let rule = NameRule::parse(&settings.get::<UploadServer>().name_rule).ok()?;
    let (general, time) = (
        settings.get::<DeviceGeneral>(),
        settings.get::<TimeSettings>(),
    );
    let zone = time.effective();
    let context = NameContext {
        device: &general.name,
        serial: &app.device.identity.serial,
        zone: &zone,
    };
    let path = rule.path(Named::from(record), which, context).join("/");
    let mut value = "inline; filename*=UTF-8''".to_owned();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                value.push(char::from(byte));
            }
            _ => value.push_str(&format!("%{byte:02X}")),
        }
    }
    HeaderValue::from_str(&value).ok()
}

/// Pictures never change, but each use is checked: the browser may keep them, and must ask.
async fn image(
    State(app): State<App>,
    login: &Login,
    Path(id): Path<String>,
    asked: &HeaderMap,
    which: Picture,
) -> Answer<Response> {
    login.actor.require(Permission::SearchRecords)?;
    let id = number(&id)?;
    let etag = format!("\"{}-{}\"", app.device.identity.serial, id.0);
    let mut response = if assets::matches(asked, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let device = app.device.clone();
        let read = move || Ok((device.records.picture(id, which)?, device.records.get(id)?));
        let (picture, record) = blocking(read).await?;
        let mut response = jpeg(picture);
        if let Some(name) = file_name(&app, &record, which) {
            response
                .headers_mut()
                .insert(header::CONTENT_DISPOSITION, name);
        }
        response
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    if let Ok(value) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, value);
    }
    Ok(response)
}

fn number(text: &str) -> platecam_model::Result<RecordId> {
    text.parse().map(RecordId).map_err(|_| {
        platecam_model::Error::not_found("record", text.chars().take(32).collect::<String>())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_field() {
        let q = Search {
            from: Some("2026-11-22T15:04:05Z".into()),
            to: Some("2026-11-22T16:04:05+01:00".into()),
            plate: Some("abc*".into()),
            kind: Some("lpr".into()),
            direction: Some("departing".into()),
            limit: Some("500".into()),
            before_id: Some("7".into()),
        }
        .read()
        .unwrap();
        assert_eq!(q.from, q.to, "offsets are understood");
        assert_eq!(
            (q.plate.as_deref(), q.kind),
            (Some("ABC*"), Some(RecordKind::Lpr))
        );
        assert_eq!(
            (q.direction, q.limit, q.before),
            (Some(Direction::Departing), 500, Some(RecordId(7)))
        );
    }

    #[test]
    fn names_every_mistake_at_once() {
        let wrong = Search {
            from: Some("yesterday".into()),
            plate: Some("A B".into()),
            kind: Some("all".into()),
            limit: Some("501".into()),
            before_id: Some("x".into()),
            ..Search::default()
        };
        let platecam_model::Error::Invalid(v) = wrong.read().unwrap_err() else {
            panic!("not Invalid")
        };
        let pointers: Vec<_> = v.0.iter().map(|v| v.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            ["/from", "/plate", "/kind", "/before_id", "/limit"]
        );
    }

    #[test]
    fn empty_fields_do_not_restrict() {
        let q = Search {
            plate: Some(String::new()),
            limit: Some(String::new()),
            ..Search::default()
        }
        .read()
        .unwrap();
        assert_eq!((q.plate, q.limit), (None, 50));
    }
}
