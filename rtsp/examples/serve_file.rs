//! Serves an elementary stream as a live camera would, without passwords, until Ctrl-C.
//!
//! `serve_file [FILE.h264|FILE.h265|FILE.jpg] [ADDRESS:PORT] [FPS]`; without arguments a small test clip on
//! 127.0.0.1:8554 at 25 pictures a second. Beside the video there is an ONVIF metadata track.

#[path = "../tests/it/clip.rs"]
mod clip;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use clip::Clip;
use rtsp::{
    AccessUnit, AuthOutcome, AuthRequest, Authorizer, Codec, Config, MediaSource, OpenError,
    Presentation, Server, Stream, StreamConfig, StreamHooks, StreamRequest, User,
};

struct OneStream(Arc<Stream>);

impl MediaSource for OneStream {
    fn open(&self, request: &StreamRequest<'_>) -> Result<Presentation, OpenError> {
        match (request.url.path.as_str(), request.url.parameter("Ch")) {
            ("/video/livemedia", Some("1")) => Ok(self.0.clone().into()),
            _ => Err(OpenError::NotFound),
        }
    }
}

struct Anybody;

impl Authorizer for Anybody {
    fn challenge(&self, _stale: bool) -> Vec<String> {
        Vec::new()
    }

    fn authorize(&self, _request: &AuthRequest<'_>) -> AuthOutcome {
        AuthOutcome::Granted(User::new("anybody"))
    }
}

#[derive(Default)]
struct KeyWanted(AtomicBool);

impl StreamHooks for KeyWanted {
    fn key_frame_wanted(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (codec, data) = match arguments.next() {
        None => (
            Codec::H264,
            include_bytes!("../src/testdata/clip_160x120.h264").to_vec(),
        ),
        Some(path) => {
            let codec = match path.rsplit('.').next() {
                Some("h265" | "hevc") => Codec::H265,
                Some("jpg" | "jpeg") => Codec::Jpeg,
                _ => Codec::H264,
            };
            (codec, std::fs::read(&path)?)
        }
    };
    let clip = Clip::new(codec, &data);
    let address = arguments
        .next()
        .unwrap_or_else(|| "127.0.0.1:8554".to_owned())
        .parse()?;
    let fps: u32 = arguments.next().map_or(Ok(25), |fps| fps.parse())?;

    let mut config = Config::default();
    config.max_sessions = 4096;
    config.max_pending_per_address = 4096;

    let wanted = Arc::new(KeyWanted::default());
    let stream = Stream::new(
        StreamConfig::new("test", [codec, Codec::OnvifMetadata]),
        wanted.clone(),
    )?;
    let server = Server::bind(
        &[address],
        config,
        Arc::new(OneStream(stream.clone())),
        Arc::new(Anybody),
    )
    .await?;
    println!(
        "rtsp://{}/video/livemedia?Ch=1&Streamtype=0",
        server.local_addrs()[0]
    );

    let (video, metadata) = (stream.sink(0)?, stream.sink(1)?);
    let start = SystemTime::now();
    let mut ticker = tokio::time::interval(Duration::from_secs(1) / fps);
    let (mut index, mut number) = (0, 0);
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => break,
            _ = ticker.tick() => {}
        }
        // An encoder makes a key frame; a file can only jump to one.
        if wanted.0.swap(false, Ordering::Relaxed) {
            index = clip.next_key(index);
        }
        let unit = clip.unit(index, number, fps, start);
        let xml = format!(
            "<tt:MetadataStream xmlns:tt=\"http://www.onvif.org/ver10/schema\"><!-- {number} --></tt:MetadataStream>"
        );
        metadata.push(&AccessUnit {
            key: true,
            data: Bytes::from(xml),
            ..unit.clone()
        })?;
        video.push(&unit)?;
        index = (index + 1) % clip.units.len();
        number += 1;
    }
    server.shutdown().await;
    Ok(())
}
