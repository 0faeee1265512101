//! `platecam run`: starts every part, connects them, and stops them again.

mod media;
mod recognition;
mod rtsp;
mod state;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use media::Media;
use platecam_host::Recorder;
use platecam_media::{MediaPort, RecognitionFigures, SourceSpec};
use platecam_model::{
    Clock, Device, DeviceParts, EventKind, Service, auth::Sessions, settings::NetPorts,
};
use recognition::{Meter, Recognition};
use state::State;

use crate::{
    Failure,
    cli::{RunArgs, exit},
};

/// Everything must have ended by then after Ctrl-C or SIGTERM.
const STOP_WITHIN: Duration = Duration::from_millis(1800);

pub(crate) fn run(args: RunArgs) -> Result<(), Failure> {
    let source = SourceSpec::parse(&args.source, &media::demo_clip())
        .map_err(|e| Failure::new(exit::USAGE, format!("--source: {e}")))?;
    let state = State::open(&args.state_dir)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("platecam")
        .build()
        .map_err(|e| Failure::new(exit::FAILED, e))?;
    let result = runtime.block_on(serve(args, source, state));
    // Connections that do not end by themselves are cut here.
    runtime.shutdown_timeout(Duration::from_millis(200));
    result
}

async fn serve(args: RunArgs, source: SourceSpec, state: State) -> Result<(), Failure> {
    let stop = stop_signal()?;
    let media = Media::start(source, &state.settings, &state.bus, state.clock.clone())?;
    let recognition = start_recognition(&media, &state);
    let meter: Arc<Meter> = recognition
        .as_ref()
        .map(|r| r.meter.clone())
        .unwrap_or_default();
    let port = MediaPort::new(media.engine.clone(), move || {
        let (analysed_fps, mean_ms) = meter.rates();
        RecognitionFigures {
            analysed_fps,
            dropped: meter.dropped(),
            mean_ms,
        }
    });
    let device = Device::new(DeviceParts {
        identity: state.identity.clone(),
        settings: state.settings.clone(),
        accounts: state.accounts.clone(),
        sessions: Arc::new(Sessions::default()),
        bus: state.bus.clone(),
        records: state.records.clone(),
        media: Arc::new(port),
        network: state.network.clone(),
        clock: state.clock.clone(),
    });

    let rtsp_server = start_rtsp(&args, &device, &media).await?;
    let rtsp_port = rtsp_server
        .local_addrs()
        .first()
        .map_or(0, SocketAddr::port);
    state.bus.publish(
        state.clock.now(),
        EventKind::ServiceReady(Service::Rtsp(rtsp_port)),
    );
    announce(&device, args.listen, rtsp_port);

    stop.await;
    tracing::info!("stopping");
    state
        .bus
        .publish(state.clock.now(), EventKind::ShuttingDown);
    let ending = async {
        rtsp_server.shutdown().await;
        for task in &media.tasks {
            task.abort();
        }
        // Stops the worker and stores what is queued; then the pipelines.
        let ended = tokio::task::spawn_blocking(move || drop((recognition, media)));
        let _ = ended.await;
    };
    if tokio::time::timeout(STOP_WITHIN, ending).await.is_err() {
        tracing::warn!("some parts did not stop in time");
    }
    drop(state);
    Ok(())
}

/// Without ONNX Runtime video goes on; the reason is in the log and in the status.
fn start_recognition(media: &Media, state: &State) -> Option<Recognition> {
    let recorder = Recorder::start(
        state.records.clone(),
        state.bus.clone(),
        Arc::new(media::record_jpeg),
    );
    let started = recorder.and_then(|recorder| {
        Recognition::start(recognition::Parts {
            frames: media.engine.frames(),
            settings: state.settings.clone(),
            bus: state.bus.clone(),
            recorder,
        })
    });
    started
        .inspect_err(|e| tracing::error!(error = %e, "recognition is off"))
        .ok()
}

async fn start_rtsp(
    args: &RunArgs,
    device: &Device,
    media: &Media,
) -> Result<Arc<::rtsp::Server>, Failure> {
    let port = args
        .rtsp_port
        .unwrap_or(device.settings.get::<NetPorts>().rtsp.get());
    let mut config = ::rtsp::Config::default();
    config.server_name = format!("Platecam/{}", env!("CARGO_PKG_VERSION"));
    config.max_sessions = args.max_sessions as usize;
    let streams = rtsp::Streams {
        device: device.clone(),
        main: media.main.clone(),
        sub: media.sub.clone(),
    };
    let address = SocketAddr::new(args.listen, port);
    ::rtsp::Server::bind(
        &[address],
        config,
        Arc::new(streams),
        Arc::new(rtsp::Doorkeeper(device.clone())),
    )
    .await
    .map(Arc::new)
    .map_err(|e| Failure::new(exit::LISTEN, format!("RTSP port {address}: {e}")))
}

/// Prints where the device is reached.
fn announce(device: &Device, listen: IpAddr, rtsp: u16) {
    for host in hosts(device, listen) {
        println!("RTSP    rtsp://{host}:{rtsp}/video/livemedia?Ch=1&Streamtype=0");
    }
}

/// The addresses that others can use.
fn hosts(device: &Device, listen: IpAddr) -> Vec<IpAddr> {
    if !listen.is_unspecified() {
        return vec![listen];
    }
    let addresses = device
        .network
        .interfaces()
        .into_iter()
        .filter(|i| i.up)
        .flat_map(|i| i.addresses);
    let mut v4: Vec<_> = addresses.map(|(a, _)| a).filter(IpAddr::is_ipv4).collect();
    v4.sort_by_key(IpAddr::is_loopback);
    if v4.is_empty() {
        vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]
    } else {
        v4
    }
}

/// Ends with Ctrl-C or SIGTERM; listening begins at once.
fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |e| Failure::new(exit::FAILED, format!("signals: {e}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
