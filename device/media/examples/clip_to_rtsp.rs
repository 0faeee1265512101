//! Plays a source as two RTSP streams to anybody, until Enter or the end of standard input.
//!
//! `clip_to_rtsp [SOURCE] [ADDRESS:PORT] [SECONDS]`; without arguments GStreamer's test picture on
//! 127.0.0.1:8554. With seconds it stops by itself and prints what the process cost. Frames also go
//! to a reader that does nothing, in recognition's place.

#[path = "../tests/common/serve.rs"]
mod serve;

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use platecam_media::{
    Codec, EncoderConfig, EngineOptions, KeyFrameHooks, MediaEngine, RtspSink, SourceSpec, StreamId,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let source = arguments.next().unwrap_or_else(|| "test:".into());
    let address = arguments
        .next()
        .unwrap_or_else(|| "127.0.0.1:8554".into())
        .parse()?;
    let seconds: Option<u64> = arguments.next().map(|text| text.parse()).transpose()?;

    let hooks = [
        Arc::new(KeyFrameHooks::default()),
        Arc::new(KeyFrameHooks::default()),
    ];
    let main = Arc::new(RtspSink::new("main", Codec::H264, [], hooks[0].clone())?);
    let sub = Arc::new(RtspSink::new("sub", Codec::H264, [], hooks[1].clone())?);
    let engine = Arc::new(MediaEngine::start(EngineOptions {
        source: SourceSpec::parse(&source, Path::new("assets/demo.mp4"))?,
        pass_through: true,
        main: main.clone(),
        sub: sub.clone(),
    })?);
    hooks[0].attach(&engine, StreamId::Main);
    hooks[1].attach(&engine, StreamId::Sub);
    engine.configure(StreamId::Main, Some(EncoderConfig::main()))?;
    engine.configure(StreamId::Sub, Some(EncoderConfig::sub()))?;
    let reader = engine.frames();
    std::thread::spawn(move || {
        while !reader.is_closed() && reader.next(Duration::from_secs(1)).is_some() {}
    });

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let streams = serve::Streams {
        main: main.stream().clone(),
        sub: sub.stream().clone(),
    };
    let server = runtime.block_on(serve::serve(address, streams))?;
    for stream in [0, 1] {
        println!(
            "rtsp://{}/video/livemedia?Ch=1&Streamtype={stream}",
            server.local_addrs()[0]
        );
    }
    match seconds {
        Some(seconds) => std::thread::sleep(Duration::from_secs(seconds)),
        None => drop(std::io::stdin().read_line(&mut String::new())?),
    }
    println!("{:#?}", engine.status());
    if let (Some(seconds), Some(cpu)) = (seconds, cpu_seconds()) {
        println!(
            "{cpu:.2} CPU seconds in {seconds} s: {:.2} of a core",
            cpu / seconds as f64
        );
    }
    runtime.block_on(server.shutdown());
    Ok(())
}

/// CPU time of this process: user and system, in Linux's hundredths of a second.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / 100.0)
}
