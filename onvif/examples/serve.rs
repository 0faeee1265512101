//! A device in memory behind a real socket, for trying ONVIF clients by hand and for the client
//! checks: `cargo run -p platecam-onvif --example serve [PORT]`, user `admin`, password `Passw0rd-1`.
//!
//! A plate is seen every few seconds. There is no video behind the stream addresses.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use lpr_core::{
    Direction, FrameSize, PlateRead, PlateText, PxPoint, PxQuad, PxRect, Scene, TrackedObject,
    UtcTime,
};
use platecam_model::{
    Clock, Device, EventKind, SystemClock,
    testing::{PASSWORD, initialised, new_record},
};
use platecam_onvif::{
    HttpRequest, MAX_BODY, OnvifService, ServicePorts,
    discovery::{self, DiscoveryConfig},
};
use tokio::net::TcpListener;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| "info,platecam_onvif=debug".into()),
        )
        .init();
    let port = std::env::args().nth(1).map_or(Ok(8080), |p| p.parse())?;
    let test = initialised();
    // The device of the tests with a clock that runs: clients check the time.
    let clock = Arc::new(SystemClock::default());
    let d = &test.device;
    let skew = clock.now().saturating_since(d.clock.now());
    test.clock.advance(skew);
    let ticking = test.clock.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            ticking.advance(Duration::from_millis(100));
        }
    });
    let device = test.device.clone();
    let listener = TcpListener::bind(("0.0.0.0", port)).await?;
    let http = listener.local_addr()?.port();
    let service = OnvifService::new(
        device.clone(),
        ServicePorts {
            http: Some(http),
            rtsp: 8554,
            ..ServicePorts::default()
        },
    );
    println!("http://127.0.0.1:{http}/onvif/device_service  user admin  password {PASSWORD}");
    let runner = service.clone();
    tokio::spawn(async move { runner.run(std::future::pending()).await });
    tokio::spawn(discovery::run(
        service.clone(),
        DiscoveryConfig::default(),
        std::future::pending(),
    ));
    tokio::spawn(drive(device));
    loop {
        let (stream, peer) = listener.accept().await?;
        let local = stream.local_addr().ok();
        let service = service.clone();
        tokio::spawn(async move {
            let answer = service_fn(move |r| answer(service.clone(), r, peer, local));
            let served = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer)
                .await;
            if let Err(e) = served {
                tracing::debug!(%peer, "connection: {e}");
            }
        });
    }
}

async fn answer(
    service: OnvifService,
    request: Request<Incoming>,
    peer: SocketAddr,
    local: Option<SocketAddr>,
) -> Result<Response<Full<bytes::Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(e) => {
            let mut refused = Response::new(Full::from(format!("{e}\n")));
            *refused.status_mut() = http::StatusCode::PAYLOAD_TOO_LARGE;
            return Ok(refused);
        }
    };
    let request = HttpRequest {
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        peer: Some(peer),
        local,
        tls: false,
    };
    Ok(service.handle(request, body).await.map(Full::new))
}

/// A vehicle passes every eight seconds.
async fn drive(device: Device) {
    let Ok(size) = FrameSize::new(1920, 1080) else {
        return;
    };
    for track_id in 1.. {
        tokio::time::sleep(Duration::from_secs(5)).await;
        for step in 0..30 {
            let rect = PxRect::new(
                600.0 + step as f32 * 5.0,
                500.0 + step as f32 * 8.0,
                160.0,
                50.0,
            );
            device
                .bus
                .publish_scene(Arc::new(scene(device.clock.now(), size, track_id, rect)));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        if let Err(e) = read(&device, size, track_id) {
            tracing::error!("{e}");
        }
    }
}

fn quad(r: PxRect) -> PxQuad {
    PxQuad::new([
        PxPoint::new(r.x, r.y),
        PxPoint::new(r.right(), r.y),
        PxPoint::new(r.right(), r.bottom()),
        PxPoint::new(r.x, r.bottom()),
    ])
}

fn scene(at: UtcTime, frame_size: FrameSize, track_id: u64, rect: PxRect) -> Scene {
    Scene {
        captured_at: at,
        frame_size,
        objects: vec![TrackedObject {
            track_id,
            rect,
            quad: quad(rect),
            score: 0.9,
            plate: Some(PlateText {
                text: format!("ABC{track_id:03}"),
                likelihood: 0.93,
                chars: vec![],
            }),
            direction: Direction::Approaching,
            unreadable: None,
            colors: lpr_core::Colors::default(),
            vehicle_type: None,
        }],
    }
}

fn read(device: &Device, frame_size: FrameSize, track_id: u64) -> Result<(), Failure> {
    let now = device.clock.now();
    let rect = PxRect::new(740.0, 732.0, 160.0, 50.0);
    let number = format!("ABC{track_id:03}");
    let read = PlateRead {
        track_id,
        plate_number: number.clone(),
        likelihood: 0.93,
        chars: vec![],
        country_code: Some("US".into()),
        issuing_entity: Some("CA".into()),
        colors: lpr_core::Colors::default(),
        vehicle_type: None,
        direction: Direction::Approaching,
        captured_at: now,
        first_seen: now,
        last_seen: now,
        plate_rect: Some(rect),
        plate_quad: Some(quad(rect)),
        frame_size,
        frames_seen: 30,
        frames_read: 20,
        speed_mps: None,
        test: false,
    };
    device
        .bus
        .publish(now, EventKind::PlateRead(Arc::new(read)));
    let mut record = new_record(&number, now);
    record.track_id = track_id;
    let stored = device.records.insert(record)?;
    device
        .bus
        .publish(now, EventKind::RecordStored(Arc::new(stored)));
    Ok(())
}
