//! The picture, and where the streams are.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Uri, header};
use platecam_model::{
    Error, Permission,
    ports::StreamId,
    settings::{Codec, VideoMain, VideoSub},
};

use super::{
    answer::{Lines, Refusal},
    blocking, command,
    query::Query,
};
use crate::{
    ConnInfo,
    app::App,
    conn::host,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    let needs = Access::Needs(Permission::LiveView);
    command("/cgi-bin/snapshot.cgi", needs, snapshot).merge(command(
        "/cgi-bin/streams.cgi",
        needs,
        streams,
    ))
}

/// `snapshot.cgi?stream=main|sub`: the newest picture as JPEG.
async fn snapshot(State(app): State<App>, mut query: Query) -> Result<Response, Refusal> {
    let stream = match query.word("stream", &["main", "sub"])? {
        "sub" => StreamId::Sub,
        _ => StreamId::Main,
    };
    query.finish()?;
    let media = app.device.media.clone();
    let snapshot = blocking(move || media.snapshot(stream)).await?;
    let kind = HeaderValue::from_static("image/jpeg");
    Ok(([(header::CONTENT_TYPE, kind)], snapshot.jpeg).into_response())
}

/// `streams.cgi`: addresses that the caller can reach, with codec, profile and size.
async fn streams(
    State(app): State<App>,
    conn: ConnInfo,
    uri: Uri,
    headers: HeaderMap,
    query: Query,
) -> Result<Lines, Refusal> {
    query.finish()?;
    let port = app.rtsp.port();
    let port = port.ok_or_else(|| Error::Unsupported("RTSP is not listened on".into()))?;
    let host = host(&uri, &headers, &conn);
    let at = match port {
        554 => host,
        port => format!("{host}:{port}"),
    };
    let settings = &app.device.settings;
    let main = settings.get::<VideoMain>().stream();
    let sub = settings.get::<VideoSub>();
    let mut all = vec![("main", 0, main)];
    if sub.enabled {
        all.push(("sub", 1, sub.stream()));
    }
    let made = settings.video_capabilities().h264_profiles();
    let mut lines = Lines::default();
    for (name, number, config) in all {
        let url = format!("rtsp://{at}/video/livemedia?Ch=1&Streamtype={number}");
        lines.add(&format!("{name}.url"), &url);
        lines.add(&format!("{name}.codec"), &config.codec.to_string());
        if config.codec == Codec::H264 {
            let profile = config.h264_profile.among(&made);
            lines.add(&format!("{name}.h264_profile"), profile.name());
        }
        lines.add(
            &format!("{name}.resolution"),
            &config.resolution.to_string(),
        );
    }
    Ok(lines)
}
