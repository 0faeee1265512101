//! `GET /metrics` in Prometheus' text format; the names are part of the API (docs/reference/web-api/monitoring.md).

use std::sync::atomic::AtomicU64;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, header};
use platecam_model::{
    Device, Error, Permission, SourceState, ports::StreamId, settings::Monitoring,
};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::{
    ConnInfo,
    app::{App, blocking},
    auth::Login,
    problem::{Answer, Problem},
};

type Labels = Vec<(&'static str, String)>;
type Number = Gauge<f64, AtomicU64>;

/// `GET /metrics`: off by default; a scraper has a token of a user who may read the log.
pub(crate) async fn show(
    State(app): State<App>,
    conn: ConnInfo,
    headers: HeaderMap,
) -> Answer<Response> {
    // No gate stands before paths outside the API.
    let login = Login::find(&app, &conn, &headers)?;
    login.actor.require(Permission::ReadLog)?;
    if !app.device.settings.get::<Monitoring>().metrics {
        return Err(Problem::no_such_resource("/metrics"));
    }
    let device = app.device.clone();
    let text = blocking(move || text(&device)).await?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok((
        [(header::CONTENT_TYPE, HeaderValue::from_static(kind))],
        text,
    )
        .into_response())
}

fn text(device: &Device) -> platecam_model::Result<String> {
    let mut page = Page(Registry::default());
    page.about(device);
    page.process(device);
    page.media(device);
    page.counts(device);
    let mut out = String::new();
    encode(&mut out, &page.0).map_err(Error::internal)?;
    Ok(out)
}

/// One scrape: every figure is read now, so nothing has to be kept up to date in between.
struct Page(Registry);

impl Page {
    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        let gauge = Number::default();
        gauge.set(value);
        self.0.register(name, help, gauge);
    }

    fn gauges(&mut self, name: &str, help: &str, values: Vec<(Labels, f64)>) {
        let family = Family::<Labels, Number>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).set(value);
        }
        self.0.register(name, help, family);
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        let counter = Counter::<u64>::default();
        counter.inc_by(value);
        self.0.register(name, help, counter);
    }

    fn counters(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: Vec<(&'static str, u64)>,
    ) {
        let family = Family::<Labels, Counter>::default();
        for (word, value) in values {
            family
                .get_or_create(&vec![(label, word.to_owned())])
                .inc_by(value);
        }
        self.0.register(name, help, family);
    }

    fn about(&mut self, device: &Device) {
        let id = &device.identity;
        let labels = vec![
            ("version", id.firmware.clone()),
            ("model", id.model.clone()),
        ];
        self.gauges(
            "platecam_build_info",
            "Version and model",
            vec![(labels, 1.0)],
        );
        let now = device.clock.now().as_micros() as f64 / 1e6;
        let started = now - device.clock.monotonic().as_secs_f64();
        self.gauge(
            "platecam_start_time_seconds",
            "Start of the process, Unix time",
            started,
        );
        let sessions = device.accounts.web_sessions() as f64;
        self.gauge("platecam_web_sessions", "Sessions of the web", sessions);
        let disk = device.upkeep.machine.storage();
        self.gauge(
            "platecam_database_bytes",
            "Size of the database",
            disk.database as f64,
        );
        self.gauge(
            "platecam_disk_free_bytes",
            "Free space under the state directory",
            disk.free as f64,
        );
        self.gauge(
            "platecam_disk_bytes",
            "Size of the disk under the state directory",
            disk.total as f64,
        );
    }

    fn process(&mut self, device: &Device) {
        let p = device.upkeep.machine.process();
        let cpu = Counter::<f64, AtomicU64>::default();
        cpu.inc_by(p.cpu_seconds);
        self.0
            .register("process_cpu_seconds", "Processor time of all threads", cpu);
        self.gauge(
            "process_resident_memory_bytes",
            "Resident memory",
            p.resident_bytes as f64,
        );
        self.gauge(
            "process_open_fds",
            "Open files and sockets",
            p.open_files as f64,
        );
        self.gauge("process_threads", "Threads", p.threads as f64);
    }

    fn media(&mut self, device: &Device) {
        let media = device.media.status();
        let up = |yes: bool| f64::from(u8::from(yes));
        let flows = matches!(media.state, SourceState::Running { .. });
        self.gauge(
            "platecam_source_up",
            "Whether the picture source gives pictures",
            up(flows),
        );
        self.gauge(
            "platecam_capture_fps",
            "Captured frames a second",
            media.capture_fps.into(),
        );
        let of = |value: fn(&platecam_model::ports::StreamStatus) -> f64| {
            let streams = media.streams.iter();
            let named = streams.map(|s| (vec![("stream", stream(s.stream).to_owned())], value(s)));
            named.collect::<Vec<_>>()
        };
        self.gauges(
            "platecam_stream_fps",
            "Encoded frames a second",
            of(|s| s.fps.into()),
        );
        self.gauges(
            "platecam_stream_kbps",
            "Bit rate, kbit/s",
            of(|s| s.kbps.into()),
        );
        let runs = media.recognition_error.is_none();
        self.gauge(
            "platecam_recognition_up",
            "Whether recognition can run",
            up(runs),
        );
        self.gauge(
            "platecam_recognition_fps",
            "Analysed frames a second",
            media.analysed_fps.into(),
        );
        let seconds = f64::from(media.recognition_ms) / 1000.0;
        self.gauge(
            "platecam_recognition_seconds",
            "Mean time for a frame",
            seconds,
        );
        let dropped = media.recognition_dropped;
        self.counter(
            "platecam_recognition_dropped",
            "Frames passed over",
            dropped,
        );
    }

    fn counts(&mut self, device: &Device) {
        let counters = &device.upkeep.counters;
        self.counter(
            "platecam_plate_reads",
            "Reads by recognition",
            counters.traffic(),
        );
        let tests = counters.get("test_reads", "");
        self.counter("platecam_test_reads", "Test captures", tests);
        let all = |name| counters.all(name);
        self.counters(
            "platecam_records_stored",
            "Stored records",
            "kind",
            all("records_stored"),
        );
        self.counters(
            "platecam_events",
            "Events on the bus",
            "kind",
            all("events"),
        );
        self.counters(
            "platecam_logins",
            "Logins by outcome",
            "outcome",
            all("logins"),
        );
    }
}

const fn stream(id: StreamId) -> &'static str {
    match id {
        StreamId::Main => "main",
        StreamId::Sub => "sub",
    }
}
