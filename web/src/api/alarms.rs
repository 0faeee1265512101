//! Alarms that were kept, the state of inputs and outputs, and the test of outputs (ALARM-14, FILE-29).

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use platecam_model::{
    Error, Permission, Violations,
    alarm::{AlarmId, AlarmKind, AlarmQuery, StoredAlarm},
};
use serde::{Deserialize, Serialize};

use super::{
    records::{field, limit, time},
    snapshot::jpeg,
};
use crate::{
    app::{App, blocking},
    assets,
    auth::Login,
    problem::Answer,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    let search_records = Access::Needs(Permission::SearchRecords);
    Routes::new()
        .get("/alarms", search_records, search)
        .get("/alarms/{id}/picture.jpg", search_records, picture)
        .get("/io", Access::Needs(Permission::ReadConfig), lines)
        .post(
            "/io/outputs/test",
            Access::Needs(Permission::BarrierControl),
            test,
        )
}

/// Outputs that a test may name; a unit has fewer.
const MAX_TESTED: usize = 8;

/// The query string as it comes; every mistake is named at once.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Search {
    from: Option<String>,
    to: Option<String>,
    kind: Option<String>,
    limit: Option<String>,
    before_id: Option<String>,
}

impl Search {
    pub(super) fn read(self) -> platecam_model::Result<AlarmQuery> {
        let mut violations = Violations::default();
        let v = &mut violations;
        let moment = "is not a time such as 2026-11-22T15:04:05Z";
        let number = |s: &str| s.parse().ok().map(AlarmId);
        let query = AlarmQuery {
            from: field(self.from, "/from", moment, time, v),
            to: field(self.to, "/to", moment, time, v),
            kind: field(
                self.kind,
                "/kind",
                "must be input or backing",
                AlarmKind::of_word,
                v,
            ),
            before: field(
                self.before_id,
                "/before_id",
                "must be the number of an alarm",
                number,
                v,
            ),
            limit: field(self.limit, "/limit", "must be 1 to 500", limit, v).unwrap_or(50),
        };
        violations.into_result()?;
        Ok(query)
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Page {
    items: Vec<StoredAlarm>,
    next_before_id: Option<AlarmId>,
    total: u64,
}

/// `GET /alarms`: newest first.
pub(crate) async fn search(
    State(app): State<App>,
    login: Login,
    query: Result<Query<Search>, QueryRejection>,
) -> Answer<Json<Page>> {
    let Query(search) = query?;
    let query = search.read()?;
    let device = app.device.clone();
    let page = blocking(move || device.search_alarms(&login.actor, &query)).await?;
    Ok(Json(Page {
        items: page.items,
        next_before_id: page.next_before,
        total: page.total,
    }))
}

/// `GET /alarms/{id}/picture.jpg`. Pictures never change, but each use is checked.
pub(crate) async fn picture(
    State(app): State<App>,
    login: Login,
    Path(id): Path<String>,
    asked: HeaderMap,
) -> Answer<Response> {
    login.actor.require(Permission::SearchRecords)?;
    let unknown = || Error::not_found("alarm", id.chars().take(32).collect::<String>());
    let id = id.parse().map(AlarmId).map_err(|_| unknown())?;
    let etag = format!("\"{}-alarm-{}\"", app.device.identity.serial, id.0);
    let mut response = if assets::matches(&asked, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let device = app.device.clone();
        jpeg(blocking(move || device.alarm_picture(&login.actor, id)).await?)
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

/// An input or output as it is.
#[derive(Debug, Serialize)]
struct Line {
    name: String,
    active: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Lines {
    inputs: Vec<Line>,
    outputs: Vec<Line>,
}

/// `GET /io`: inputs and outputs in their order.
pub(crate) async fn lines(State(app): State<App>) -> Json<Lines> {
    let device = &app.device;
    let inputs = device.inputs().into_iter().map(|i| Line {
        name: i.settings.name,
        active: i.active,
    });
    let outputs = device.outputs().into_iter().map(|o| Line {
        name: o.settings.name,
        active: o.active,
    });
    Json(Lines {
        inputs: inputs.collect(),
        outputs: outputs.collect(),
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutputTest {
    /// Numbers, 1 is NO1.
    outputs: Vec<usize>,
}

/// `POST /io/outputs/test`: each for its time (ALARM-14, ALARM-15).
pub(crate) async fn test(
    State(app): State<App>,
    login: Login,
    body: Result<Json<OutputTest>, JsonRejection>,
) -> Answer<StatusCode> {
    let Json(OutputTest { outputs }) = body?;
    let n = outputs.len();
    if n > MAX_TESTED {
        let reason = format!("are too many outputs; allowed are 1 to {MAX_TESTED}");
        return Err(Error::invalid("/outputs", n, reason).into());
    }
    // 0 is none: the model refuses what is not there.
    let indices: Vec<usize> = outputs.iter().map(|n| n.wrapping_sub(1)).collect();
    let device = app.device.clone();
    blocking(move || device.test_outputs(&login.actor, &indices)).await?;
    Ok(StatusCode::NO_CONTENT)
}
