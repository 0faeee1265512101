//! `platecam run`: starts every part, connects them, and stops them again.

mod alarms;
mod broadcast;
mod button;
mod io;
mod lens;
mod listeners;
mod log;
mod media;
mod metadata;
mod multicast;
mod network;
mod notify;
mod peripheral;
mod recognition;
mod restart;
mod rtsp;
mod scenes;
pub(crate) mod state;
mod storage;
mod trial;
mod watch;
mod web;

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use listeners::{Fixed, Listeners, Wanted};
use media::{Mark, Media};
use platecam_host::{Recorder, TimePace};
use platecam_media::{Loudspeaker, MediaPort, RecognitionFigures, SourceSpec, back_channel_codecs};
use platecam_model::{
    Clock, Device, DeviceParts, EventKind,
    broadcast::Broadcast,
    peripheral::{Peripherals, PlateWay},
    settings::NetHttps,
    signed_video::Vendor,
    watermark::MarkedMedia,
};
use platecam_onvif::{
    OnvifService, ServicePorts,
    discovery::{self, DiscoveryConfig},
};
use recognition::{Meter, Recognition};
use restart::{Ended, Ports};
use state::State;

use crate::{
    Failure,
    cli::{RunArgs, exit},
    launch::Launched,
    local,
};

/// How often the gateway's binding is looked at.
const LOOK_AT_GATEWAY: Duration = Duration::from_secs(10);
/// Everything must have ended by then after Ctrl-C or SIGTERM.
const STOP_WITHIN: Duration = Duration::from_millis(1800);

pub(crate) fn run(args: RunArgs) -> Result<(), Failure> {
    let launched = Launched::from_environment();
    let source = SourceSpec::parse(&args.source, &media::demo_clip())
        .map_err(|e| Failure::new(exit::USAGE, format!("--source: {e}")))?;
    let state = State::open(&args, &launched)?;
    tracing::info!(mode = ?args.host, "host");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("platecam")
        .build()
        .map_err(|e| Failure::new(exit::FAILED, e))?;
    let power = state.power.clone();
    let result = runtime.block_on(serve(args, source, state, launched.trial_seconds));
    // Connections that do not end by themselves are cut here.
    runtime.shutdown_timeout(Duration::from_millis(200));
    let (ended, ports) = result?;
    power.ends();
    match ended {
        Ended::Stopped => Ok(()),
        Ended::Restart(scope) => Err(restart::restart(scope, &power, ports)),
    }
}

async fn serve(
    mut args: RunArgs,
    source: SourceSpec,
    mut state: State,
    trial_seconds: Option<u64>,
) -> Result<(Ended, Ports), Failure> {
    let stop = stop_signal()?;
    let restart = restart::wanted(state.bus.subscribe());
    let (log_done, log_task) = log::start(&mut state);
    keep_ports(&mut args);
    let lens = lens::find(&source, args.host, &state);
    let media = Media::start(
        source,
        &state.settings,
        &state.bus,
        state.clock.clone(),
        Mark {
            watermark: state.watermark.clone(),
            vendor: Vendor {
                firmware: state.identity.firmware.clone(),
                serial: state.identity.serial.clone(),
                manufacturer: state.identity.manufacturer.clone(),
            },
        },
        state.upkeep.loudspeaker.unavailable().is_none(),
    )?;
    let recognition = start_recognition(&media, &state);
    let _watch = watch::PictureWatch::start(
        media.engine.frames(),
        state.settings.clone(),
        state.bus.clone(),
        state.clock.clone(),
    )?;
    let meter: Arc<Meter> = match &recognition {
        Ok(recognition) => recognition.meter.clone(),
        Err(_) => Arc::default(),
    };
    let error = recognition.as_ref().err().cloned();
    let port = MediaPort::new(media.engine.clone(), move || {
        let (analysed_fps, mean_ms) = meter.rates();
        RecognitionFigures {
            analysed_fps,
            dropped: meter.dropped(),
            mean_ms,
            error: error.clone(),
        }
    });
    let device = Device::new(DeviceParts {
        identity: state.identity.clone(),
        settings: state.settings.clone(),
        accounts: state.accounts.clone(),
        sessions: state.accounts.sessions().clone(),
        bus: state.bus.clone(),
        records: state.records.clone(),
        alarms: state.alarms.clone(),
        media: Arc::new(MarkedMedia::new(Arc::new(port), state.watermark.clone())),
        network: state.network.clone(),
        networking: state.networking.clone(),
        broadcast: Broadcast::default(),
        peripherals: Peripherals::default(),
        io: state.io.io.clone(),
        lens,
        certificates: state.certificates.clone(),
        factory: state.factory.clone(),
        history: state.factory.clone(),
        log: state.log.clone(),
        remote_log: state.remote_log.clone(),
        brokers: state.brokers.clone(),
        mail: state.mail.clone(),
        ddns: state.ddns.clone(),
        uploads: state.uploads.clone(),
        watermark: state.watermark.clone(),
        card: state.card.clone(),
        time: state.time.clone(),
        host: state.host.clone(),
        upkeep: state.upkeep.clone(),
        clock: state.clock.clone(),
    });

    // What rests is idle before anybody is told its state.
    device.follow_io_settings();
    let rtsp_server = start_rtsp(&args, &device, &media, state.loudspeaker.clone()).await?;
    // Its real ports follow; nobody can ask before the web server listens.
    let onvif = OnvifService::new(device.clone(), ServicePorts::default());
    let tls = Arc::new(web::TlsConfigs::new(&state.certificates));
    let web_server = start_web(&args, &device, tls.clone(), &onvif, rtsp_server.clone()).await?;
    let mut listeners = Listeners {
        device: device.clone(),
        onvif: onvif.clone(),
        web: web_server.clone(),
        rtsp: rtsp_server.clone(),
        rtsps: Arc::new(rtsp::Rtsps {
            device: device.clone(),
            tls: tls.clone(),
        }),
        tls,
        fixed: Fixed::of(&args, &device.settings.snapshot()),
    };
    listeners.begin();

    let _button = button::start(&device);
    let _lens = lens::serve(&device);
    let alarms = alarms::start(&device);
    let _inputs = io::watch(&device, std::mem::take(&mut state.io.contacts));
    let (stopping, _) = tokio::sync::watch::channel(false);
    let mut tasks = vec![
        tokio::spawn({
            let (service, stop) = (onvif.clone(), stopped(&stopping));
            async move { service.run(stop).await }
        }),
        tokio::spawn(metadata::run(
            onvif.clone(),
            media.engine.clone(),
            [&media.main, &media.sub].map(|s| s.stream().clone()),
        )),
        tokio::spawn(platecam_host::keep_time(
            device.clone(),
            TimePace::default(),
            stopped(&stopping),
        )),
        tokio::spawn(platecam_host::keep_services(
            device.clone(),
            LOOK_AT_GATEWAY,
            stopped(&stopping),
        )),
    ];
    if !args.no_discovery {
        tasks.push(tokio::spawn(discovery::run(
            onvif,
            DiscoveryConfig::default(),
            stopped(&stopping),
        )));
    }
    let local_socket = local_socket(&state);
    announce(&device, args.listen, listeners.now().ports());
    restart::tell_start(&device);
    notify::ready();
    device.tell_upgrade();
    let mut chores = vec![
        tokio::spawn(restart::schedule(device.clone())),
        tokio::spawn(restart::check_upgrades(device.clone())),
        tokio::spawn(restart::watch_certificate(device.clone())),
        tokio::spawn(notify::watchdog(device.clone())),
        tokio::spawn(restart::count(device.clone())),
        tokio::spawn(io::serve(device.clone())),
        tokio::spawn(alarms),
        tokio::spawn(broadcast::listen(device.clone(), device.bus.subscribe())),
        tokio::spawn(broadcast::play(device.clone())),
        tokio::spawn(peripheral::listen(device.clone(), device.bus.subscribe())),
        tokio::spawn(listeners.clone().follow()),
        tokio::spawn(network::keep(device.clone())),
        tokio::spawn(storage::keep(device.clone())),
        tokio::spawn(scenes::keep(device.clone())),
        tokio::spawn(rtsp::follow_filter(rtsp_server.clone(), device.clone())),
        tokio::spawn(multicast::follow(
            rtsp_server.clone(),
            device.clone(),
            media.main.clone(),
            media.sub.clone(),
        )),
    ];
    for way in PlateWay::ALL {
        chores.push(tokio::spawn(peripheral::send(device.clone(), way)));
    }
    if let Some(socket) = local_socket {
        chores.push(tokio::spawn(local::serve(socket, device.clone())));
    }
    if let Some(seconds) = trial_seconds {
        let (device, upgrades) = (device.clone(), state.upgrades.clone());
        chores.push(tokio::spawn(trial::watch(
            device,
            upgrades,
            listeners.clone(),
            seconds,
        )));
    }

    let ended = tokio::select! {
        () = stop => Ended::Stopped,
        scope = restart => Ended::Restart(scope),
    };
    let ports = listeners.now().ports();
    tracing::info!("stopping");
    notify::stopping();
    for chore in &chores {
        chore.abort();
    }
    state
        .bus
        .publish(state.clock.now(), EventKind::ShuttingDown);
    stopping.send_replace(true);
    let ending = async {
        // Viewers get their BYE while discovery says Bye and open requests end.
        tokio::join!(rtsp_server.shutdown(), web_server.shutdown());
        for task in media.tasks.iter().chain(&tasks[1..2]) {
            task.abort();
        }
        for task in tasks {
            let _ = task.await;
        }
        // Stops the worker and stores what is queued; then the pipelines.
        let brokers = state.brokers.clone();
        let ended = tokio::task::spawn_blocking(move || {
            drop((recognition, media));
            brokers.stop();
        });
        let _ = ended.await;
    };
    if tokio::time::timeout(STOP_WITHIN, ending).await.is_err() {
        tracing::warn!("some parts did not stop in time");
    }
    // The last that happened is in the log as well.
    log::finish(log_done, log_task).await;
    // Others may still hold it; nobody needs it any more.
    state.card.close();
    drop(state);
    Ok((ended, ports))
}

/// Where the command line on this machine asks; without it the camera does everything else.
fn local_socket(state: &State) -> Option<local::Socket> {
    local::Socket::bind(state.dir.path())
        .inspect_err(
            |e| tracing::warn!(error = %e, "no local socket: platecam config and user need the camera stopped"),
        )
        .ok()
}

/// After a restart a free port is the same free port as before.
fn keep_ports(args: &mut RunArgs) {
    let Some(kept) = Ports::kept() else { return };
    for (port, kept) in [
        (&mut args.http_port, kept.http),
        (&mut args.https_port, kept.https),
        (&mut args.rtsp_port, kept.rtsp),
    ] {
        if *port == Some(0) {
            *port = Some(kept);
        }
    }
}

/// Without ONNX Runtime video goes on; the reason is in the log and in the status.
fn start_recognition(media: &Media, state: &State) -> Result<Recognition, String> {
    let watermark = state.watermark.clone();
    let recorder = Recorder::start(
        state.records.clone(),
        state.bus.clone(),
        Arc::new(move |picture, taken_at| watermark.mark(media::record_jpeg(picture)?, taken_at)),
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
        .map_err(|e| e.to_string())
}

async fn start_rtsp(
    args: &RunArgs,
    device: &Device,
    media: &Media,
    loudspeaker: Arc<Loudspeaker>,
) -> Result<Arc<::rtsp::Server>, Failure> {
    let settings = device.settings.snapshot();
    let wanted = Wanted::of(&settings, Fixed::of(args, &settings));
    let mut config = ::rtsp::Config::default();
    config.server_name = format!("Platecam/{}", env!("CARGO_PKG_VERSION"));
    config.max_sessions = args.max_sessions as usize;
    let streams = rtsp::Streams {
        device: device.clone(),
        main: media.main.clone(),
        sub: media.sub.clone(),
        back: Arc::new(rtsp::Gate {
            device: device.clone(),
            loudspeaker,
            codecs: back_channel_codecs(),
        }),
    };
    let address = wanted.rtsp;
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

async fn start_web(
    args: &RunArgs,
    device: &Device,
    tls: Arc<web::TlsConfigs>,
    onvif: &OnvifService,
    rtsp: Arc<::rtsp::Server>,
) -> Result<Arc<platecam_web::Server>, Failure> {
    let settings = device.settings.snapshot();
    let wanted = Wanted::of(&settings, Fixed::of(args, &settings));
    let config = web::config(
        wanted.http,
        wanted.https,
        tls.of(&device.settings.get::<NetHttps>()),
    );
    let routers = vec![web::onvif_router(onvif.clone(), device.clone())];
    platecam_web::serve(config, device.clone(), routers, Arc::new(web::Tunnel(rtsp)))
        .await
        .map(Arc::new)
        .map_err(|e| web::refused(&e))
}

/// Ready once the process is to stop.
fn stopped(stopping: &tokio::sync::watch::Sender<bool>) -> impl Future<Output = ()> + Send + use<> {
    let mut stopping = stopping.subscribe();
    async move {
        // An error means that the sender is gone, which is stopping too.
        let _ = stopping.wait_for(|s| *s).await;
    }
}

/// Prints where the device is reached.
fn announce(device: &Device, listen: IpAddr, ports: Ports) {
    for host in hosts(device, listen) {
        let served = [("http", ports.http), ("https", ports.https)];
        let mut bases = served
            .into_iter()
            .filter(|(_, port)| *port != 0)
            .map(|(scheme, port)| format!("{scheme}://{host}:{port}"));
        let first = bases.next().unwrap_or_default();
        println!("Web     {first}/");
        for base in bases {
            println!("        {base}/");
        }
        println!("ONVIF   {first}{}", platecam_onvif::DEVICE_PATH);
        println!(
            "RTSP    rtsp://{host}:{}/video/livemedia?Ch=1&Streamtype=0 (main), ...&Streamtype=1 (sub)",
            ports.rtsp
        );
    }
    if !device.accounts.is_initialised() {
        println!("Open the web address and set the administrator's password.");
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
