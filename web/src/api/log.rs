//! System log, audit trail and remote log (LOG-1..8, RLOG-1..3, SEC-14).

use axum::{
    Json,
    body::Body,
    extract::{
        Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderValue, header};
use platecam_model::{
    Error, LogEntry, LogKind, Permission, Secret, Violations,
    log::{AuditCheck, LogQuery},
    ports::RemoteLogStatus,
    product::Function,
    settings::TimeSettings,
};
use serde::{Deserialize, Serialize};

use super::{
    pages,
    records::{field, time},
};
use crate::{
    app::{App, blocking},
    archive::encrypted_zip,
    auth::Login,
    problem::Answer,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    let read = Access::Needs(Permission::ReadLog);
    let server = Routes::new()
        .get("/log/remote", Access::Needs(Permission::ReadConfig), remote)
        .post(
            "/log/remote/test",
            Access::Needs(Permission::SystemConfig),
            test_remote,
        )
        .of(Function::RemoteLog);
    Routes::new()
        .get("/log", read, search)
        .get("/log/export.txt", read, export_text)
        .post("/log/export", read, export_zip)
        .post("/log/clear", Access::Needs(Permission::Maintenance), clear)
        .get("/log/live", read, super::log_live::connect)
        .get("/audit/verify", read, verify)
        .get("/audit/export.jsonl", read, export_trail)
        .merge(server)
}

/// Entries per page at most.
const MAX_LIMIT: u32 = 500;
/// Length of the password of an export, characters.
const PASSWORD: std::ops::RangeInclusive<usize> = 8..=64;

/// The query as it comes; every field is judged at once.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Search {
    from: Option<String>,
    to: Option<String>,
    kind: Option<String>,
    user: Option<String>,
    limit: Option<String>,
    before_id: Option<String>,
}

impl Search {
    fn read(self) -> platecam_model::Result<LogQuery> {
        const TIME: &str = "is not a time such as 2026-11-22T15:04:05Z";
        let mut v = Violations::default();
        let query = LogQuery {
            from: field(self.from, "/from", TIME, time, &mut v),
            to: field(self.to, "/to", TIME, time, &mut v),
            kinds: kinds(self.kind, &mut v),
            user: field(
                self.user,
                "/user",
                "has more than 64 characters",
                name,
                &mut v,
            ),
            before: field(
                self.before_id,
                "/before_id",
                "must be the number of an entry",
                |s| s.parse().ok(),
                &mut v,
            ),
            limit: field(self.limit, "/limit", "must be 1 to 500", limit, &mut v).unwrap_or(50),
        };
        v.into_result()?;
        Ok(query)
    }
}

/// Kinds by their words, separated by commas (LOG-2); none means all.
pub(super) fn kinds(given: Option<String>, violations: &mut Violations) -> Vec<LogKind> {
    let read =
        |text: &str| -> Option<Vec<LogKind>> { text.split(',').map(LogKind::of_word).collect() };
    let words = LogKind::ALL.map(LogKind::word).join(", ");
    let reason = format!("must be some of {words}, separated by commas");
    field(given, "/kind", &reason, read, violations).unwrap_or_default()
}

fn name(text: &str) -> Option<String> {
    (text.chars().count() <= 64).then(|| text.to_owned())
}

fn limit(text: &str) -> Option<u32> {
    text.parse().ok().filter(|n| (1..=MAX_LIMIT).contains(n))
}

#[derive(Debug, Serialize)]
pub(crate) struct Page {
    items: Vec<LogEntry>,
    next_before_id: Option<u64>,
    total: u64,
}

/// `GET /log`: newest first.
pub(crate) async fn search(
    State(app): State<App>,
    login: Login,
    query: Result<Query<Search>, QueryRejection>,
) -> Answer<Json<Page>> {
    let query = query?.0.read()?;
    let device = app.device.clone();
    let page = blocking(move || device.search_log(&login.actor, &query)).await?;
    Ok(Json(Page {
        items: page.items,
        next_before_id: page.next_before,
        total: page.total,
    }))
}

/// Names the file under which a browser keeps the answer, after the unit and the day.
pub(super) fn download(
    app: &App,
    body: impl Into<Body>,
    media_type: &'static str,
    name: &str,
) -> Response {
    let mut response = body.into().into_response();
    let serial: String = app
        .device
        .identity
        .serial
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    // The day as the unit shows it (SYS-16).
    let zone = app.device.settings.get::<TimeSettings>().effective();
    let day = zone.local(app.device.clock.now()).at.format("%Y-%m-%d");
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let (stem, ending) = name.split_once('.').unwrap_or((name, "txt"));
    let named = format!("attachment; filename=\"{stem}-{serial}-{day}.{ending}\"");
    if let Ok(value) = HeaderValue::from_str(&named) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// `GET /log/export.txt` (LOG-4).
pub(crate) async fn export_text(
    State(app): State<App>,
    login: Login,
    query: Result<Query<Search>, QueryRejection>,
) -> Answer<Response> {
    let query = query?.0.read()?;
    let device = app.device.clone();
    let text = blocking(move || device.export_log(&login.actor, &query)).await?;
    Ok(download(
        &app,
        text,
        "text/plain; charset=utf-8",
        "platecam-log.txt",
    ))
}

/// Body of `POST /log/export`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Encrypted {
    password: String,
    from: Option<String>,
    to: Option<String>,
    kind: Option<String>,
    user: Option<String>,
}

/// `POST /log/export`: the same text in a ZIP that the password opens (LOG-5).
pub(crate) async fn export_zip(
    State(app): State<App>,
    login: Login,
    body: Result<Json<Encrypted>, JsonRejection>,
) -> Answer<Response> {
    let Json(wanted) = body?;
    let password = Secret::new(wanted.password);
    let n = password.expose().chars().count();
    if !PASSWORD.contains(&n) {
        let reason = format!("has {n} characters; allowed are 8 to 64");
        return Err(Error::invalid("/password", "", reason).into());
    }
    let query = Search {
        from: wanted.from,
        to: wanted.to,
        kind: wanted.kind,
        user: wanted.user,
        ..Search::default()
    }
    .read()?;
    let device = app.device.clone();
    let zip = blocking(move || {
        let text = device.export_log(&login.actor, &query)?;
        encrypted_zip("platecam-log.txt", text.as_bytes(), &password)
    })
    .await?;
    Ok(download(&app, zip, "application/zip", "platecam-log.zip"))
}

#[derive(Debug, Serialize)]
pub(crate) struct Cleared {
    removed: u64,
}

/// `POST /log/clear`: leaves one entry that says who did it.
pub(crate) async fn clear(State(app): State<App>, login: Login) -> Answer<Json<Cleared>> {
    let device = app.device.clone();
    let removed = blocking(move || device.clear_log(&login.actor)).await?;
    Ok(Json(Cleared { removed }))
}

/// `GET /audit/verify`.
pub(crate) async fn verify(State(app): State<App>, login: Login) -> Answer<Json<AuditCheck>> {
    let device = app.device.clone();
    Ok(Json(
        blocking(move || device.verify_audit_trail(&login.actor)).await?,
    ))
}

/// `GET /audit/export.jsonl`: page by page, so that 100,000 entries are never in memory together.
pub(crate) async fn export_trail(
    State(app): State<App>,
    login: Login,
    query: Result<Query<Search>, QueryRejection>,
) -> Answer<Response> {
    let query = query?.0.read()?;
    let shown = app.clone();
    let lines = |entries: Vec<platecam_model::log::TrailEntry>| {
        let mut out = String::new();
        for entry in entries {
            out += &serde_json::to_string(&entry).map_err(Error::internal)?;
            out.push('\n');
        }
        Ok::<_, Error>(Bytes::from(out))
    };
    let page = move |after: u64| {
        let (device, actor, query) = (app.device.clone(), login.actor.clone(), query.clone());
        blocking(move || {
            let (entries, next) = device.audit_trail(&actor, &query, after)?;
            Ok((lines(entries)?, next))
        })
    };
    // The first page is read before the answer begins: what is refused is refused with a status.
    let first = page(0).await?;
    let body = pages::body(first, page);
    Ok(download(
        &shown,
        body,
        "application/jsonl",
        "platecam-audit.jsonl",
    ))
}

/// `GET /log/remote`.
pub(crate) async fn remote(State(app): State<App>, _login: Login) -> Answer<Json<RemoteLogStatus>> {
    let remote = app.device.remote_log.clone();
    Ok(Json(blocking(move || Ok(remote.status())).await?))
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Tested {
    Sent { sent: bool, millis: u64 },
    Failed { sent: bool, error: String },
}

impl Tested {
    pub(crate) fn sent(took: std::time::Duration) -> Self {
        Self::Sent {
            sent: true,
            millis: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
    }

    pub(crate) const fn failed(error: String) -> Self {
        Self::Failed { sent: false, error }
    }
}

/// `POST /log/remote/test`: one message at once.
pub(crate) async fn test_remote(State(app): State<App>, _login: Login) -> Answer<Json<Tested>> {
    let remote = app.device.remote_log.clone();
    let tested = blocking(move || match remote.test() {
        Ok(took) => Ok(Tested::sent(took)),
        Err(Error::Unsupported(error)) => Ok(Tested::failed(error)),
        Err(other) => Err(other),
    });
    Ok(Json(tested.await?))
}

#[cfg(test)]
mod tests {
    use platecam_model::Violation;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// SEC-17: whatever comes, it is read or refused with a pointer.
        #[test]
        fn hostile_queries_are_refused_or_read(fields in prop::collection::vec(prop::option::of(".{0,80}"), 6)) {
            let mut fields = fields.into_iter();
            let mut next = || fields.next().flatten();
            let search = Search {
                from: next(), to: next(), kind: next(), user: next(), limit: next(), before_id: next(),
            };
            if let Err(e) = search.read() {
                prop_assert!(matches!(e, Error::Invalid(v) if !v.0.is_empty()));
            }
        }
    }

    #[test]
    fn names_every_mistake_at_once() {
        let wrong = Search {
            from: Some("yesterday".into()),
            to: Some("2026".into()),
            kind: Some("login,all".into()),
            user: Some("u".repeat(65)),
            limit: Some("501".into()),
            before_id: Some("-1".into()),
        };
        let Error::Invalid(v) = wrong.read().unwrap_err() else {
            panic!("not Invalid")
        };
        let pointers: Vec<_> = v.0.iter().map(|v: &Violation| v.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            ["/from", "/to", "/kind", "/user", "/before_id", "/limit"]
        );
        let right = Search {
            kind: Some("login,save-config".into()),
            limit: Some(String::new()),
            ..Search::default()
        };
        let q = right.read().unwrap();
        assert_eq!(
            (q.kinds, q.limit),
            (vec![LogKind::Login, LogKind::SaveConfig], 50)
        );
    }
}
