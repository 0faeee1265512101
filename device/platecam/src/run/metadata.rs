//! ONVIF's metadata documents onto the metadata tracks of both streams, on the pictures' clock.

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use platecam_media::MediaEngine;
use platecam_onvif::OnvifService;
use rtsp::{AccessUnit, Stream, TrackSink};

/// Track of a stream that carries metadata; track 0 is video.
const TRACK: usize = 1;

/// Runs until the feed ends.
pub(crate) async fn run(
    service: OnvifService,
    engine: Arc<MediaEngine>,
    streams: [Arc<Stream>; 2],
) {
    let mut feed = service.metadata();
    let mut tracks = streams.map(|stream| Track { stream, sink: None });
    while let Some(document) = feed.next().await {
        let utc =
            UNIX_EPOCH + Duration::from_micros(document.at.as_micros().try_into().unwrap_or(0));
        let unit = AccessUnit {
            pts: engine.clock().recent(document.at).as_duration(),
            utc,
            key: true,
            data: document.xml.into_bytes().into(),
        };
        for track in &mut tracks {
            track.push(&unit);
        }
    }
}

struct Track {
    stream: Arc<Stream>,
    sink: Option<TrackSink>,
}

impl Track {
    fn push(&mut self, unit: &AccessUnit) {
        // A change of the video codec makes the sink stale once: take a new one and try again.
        for _ in 0..2 {
            if self.sink.is_none() {
                self.sink = self.stream.sink(TRACK).ok();
            }
            match &self.sink {
                Some(sink) if sink.push(unit).is_err() => self.sink = None,
                _ => return,
            }
        }
    }
}
