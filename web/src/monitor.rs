//! For monitoring systems: health and metrics. These paths have no `/api/v1` before them.

use axum::{Json, Router, extract::State, routing::get};
use http::StatusCode;
use platecam_model::{Error, RecordId, SourceState};
use serde::Serialize;

use crate::app::{App, blocking};

/// The paths, outside the gate of the API: a probe has no session, and an uninitialised device is healthy too.
pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
        .route("/metrics", get(crate::metrics::show))
        .with_state(app)
}

/// One word; no details for those who are not logged in.
#[derive(Debug, Serialize)]
pub(crate) struct Word {
    status: &'static str,
}

/// `GET /healthz`: the process works and its state can be read.
pub(crate) async fn health(State(app): State<App>) -> (StatusCode, Json<Word>) {
    let records = app.device.records.clone();
    // A look-up by number: no such record is an answer, an unreadable disk is none.
    let read = blocking(move || match records.get(RecordId(0)) {
        Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
        Err(e) => Err(e),
    });
    match read.await {
        Ok(()) => (StatusCode::OK, Json(Word { status: "ok" })),
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(Word { status: "failing" }),
        ),
    }
}

/// `GET /readyz`: pictures flow and recognition runs, or is switched off.
pub(crate) async fn ready(State(app): State<App>) -> (StatusCode, Json<Word>) {
    let media = app.device.media.status();
    let flows = matches!(media.state, SourceState::Running { .. });
    if flows && media.recognition_error.is_none() {
        (StatusCode::OK, Json(Word { status: "ready" }))
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(Word {
                status: "not-ready",
            }),
        )
    }
}
