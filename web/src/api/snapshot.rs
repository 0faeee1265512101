use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use lpr_core::{Direction, FrameSize};
use platecam_model::{
    Error, EventKind, NewRecord, Permission, Record, RecordKind, ports::StreamId,
};
use serde::Deserialize;

use crate::{
    app::{App, blocking},
    auth::Login,
    problem::Answer,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .get(
            "/snapshot.jpg",
            Access::Needs(Permission::LiveView),
            picture,
        )
        .post(
            "/snapshots",
            Access::Needs(Permission::ManualSnapshot),
            take,
        )
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    #[serde(default)]
    stream: Stream,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stream {
    #[default]
    Main,
    Sub,
}

/// `GET /snapshot.jpg?stream=main|sub`: the newest picture.
pub(crate) async fn picture(
    State(app): State<App>,
    login: Login,
    query: Result<Query<Which>, QueryRejection>,
) -> Answer<Response> {
    let Query(which) = query?;
    login.actor.require(Permission::LiveView)?;
    let stream = match which.stream {
        Stream::Main => StreamId::Main,
        Stream::Sub => StreamId::Sub,
    };
    let media = app.device.media.clone();
    let snapshot = blocking(move || media.snapshot(stream)).await?;
    Ok(jpeg(snapshot.jpeg))
}

/// `POST /snapshots`: a manual snapshot, kept as a record (LIVE-13).
pub(crate) async fn take(
    State(app): State<App>,
    login: Login,
) -> Answer<(StatusCode, Json<Record>)> {
    login.actor.require(Permission::ManualSnapshot)?;
    let device = app.device.clone();
    let record = blocking(move || {
        let snapshot = device.media.snapshot(StreamId::Main)?;
        let frame_size =
            FrameSize::new(snapshot.width, snapshot.height).map_err(Error::internal)?;
        let record = device.records.insert(NewRecord {
            kind: RecordKind::Manual,
            captured_at: snapshot.captured_at,
            plate_number: String::new(),
            likelihood: 0.0,
            direction: Direction::Unknown,
            country_code: None,
            issuing_entity: None,
            colors: lpr_core::Colors::default(),
            vehicle_type: None,
            plate_rect: None,
            frame_size,
            full: snapshot.jpeg,
            plate: Bytes::new(),
            second: None,
            track_id: 0,
            speed_mps: None,
        })?;
        device.bus.publish(
            record.captured_at,
            EventKind::RecordStored(record.clone().into()),
        );
        Ok(record)
    })
    .await?;
    Ok((StatusCode::CREATED, Json(record)))
}

pub(super) fn jpeg(bytes: Bytes) -> Response {
    (
        [(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"))],
        bytes,
    )
        .into_response()
}
