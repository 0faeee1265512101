use axum::{Json, extract::State};
use platecam_model::{Permission, SourceState, UtcTime, ports::MediaStatus};
use serde::Serialize;

use crate::{
    app::App,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    Routes::new().get("/status", Access::Needs(Permission::LiveView), show)
}

/// How video and recognition are doing, `GET /status` and the `status` message of `/events`.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    /// The device's clock now; a page ties its own clock to it.
    time: UtcTime,
    #[serde(flatten)]
    media: MediaStatus,
    source_state: Source,
}

/// State of the picture source.
#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub(crate) enum Source {
    Connecting,
    Running { width: u32, height: u32, fps: f64 },
    Failed { reason: String, retry_in_ms: u64 },
}

impl From<&SourceState> for Source {
    fn from(state: &SourceState) -> Self {
        match state {
            SourceState::Connecting => Self::Connecting,
            SourceState::Running {
                width,
                height,
                millifps,
            } => Self::Running {
                width: *width,
                height: *height,
                fps: f64::from(*millifps) / 1000.0,
            },
            SourceState::Failed {
                reason,
                retry_in_ms,
            } => Self::Failed {
                reason: reason.clone(),
                retry_in_ms: *retry_in_ms,
            },
        }
    }
}

impl Status {
    pub(crate) fn now(app: &App) -> Self {
        let media = app.device.media.status();
        Self {
            time: app.device.clock.now(),
            source_state: Source::from(&media.state),
            media,
        }
    }
}

pub(crate) async fn show(State(app): State<App>) -> Json<Status> {
    Json(Status::now(&app))
}
