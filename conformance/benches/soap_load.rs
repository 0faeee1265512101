//! Requests per second of the whole camera, and memory of a pull point, with the camera's test picture and no viewer.
//!
//! `PLATECAM_BIN=target/release/platecam cargo bench -p conformance --bench soap_load`. Figures: `onvif/benches/README.md`.

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use conformance::{
    Camera, Options, PASSWORD,
    auth::{Challenge, Credentials},
    soap,
};
use reqwest::{Client, StatusCode};
use tokio::runtime::Builder;

const SERVICE: &str = "/onvif/device_service";
const CLIENTS: usize = 8;
const LASTS: Duration = Duration::from_secs(5);
const PULL_POINTS: usize = 1_000;

fn main() -> anyhow::Result<()> {
    // reqwest comes without one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let camera = Camera::start(&Options {
        args: vec!["--host".into(), "simulated".into()],
        source: "test:".into(),
        ..Options::default()
    })?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let open = "<tds:GetSystemDateAndTime/>";
        load(&camera, "GetSystemDateAndTime, nobody", SERVICE, open, false).await?;
        let services = "<tds:GetServices><tds:IncludeCapability>true</tds:IncludeCapability></tds:GetServices>";
        load(&camera, "GetServices, nobody", SERVICE, services, false).await?;
        load(&camera, "GetServices, Digest", SERVICE, services, true).await?;
        load(&camera, "GetProfiles, Digest", "/onvif/media_service", "<trt:GetProfiles/>", true).await?;
        pull_points(&camera).await
    })
}

/// One connection that signs its requests with Digest, its nonce used over and over.
struct Signed {
    client: Client,
    url: String,
    path: String,
    who: Credentials,
    challenge: Option<(Challenge, u32)>,
}

impl Signed {
    fn new(camera: &Camera, path: &str) -> anyhow::Result<Self> {
        Ok(Self {
            client: Client::builder().pool_max_idle_per_host(1).build()?,
            url: camera.url(path),
            path: path.into(),
            who: Credentials::new("admin", PASSWORD),
            challenge: None,
        })
    }

    async fn call(&mut self, body: &str) -> anyhow::Result<String> {
        for _ in 0..3 {
            let mut request = self
                .client
                .post(&self.url)
                .header("content-type", "application/soap+xml; charset=utf-8")
                .body(soap::envelope("", body));
            if let Some((challenge, count)) = &mut self.challenge {
                *count += 1;
                let answer = challenge.answer(&self.who, "POST", &self.path, *count);
                request = request.header("authorization", answer);
            }
            let answer = request.send().await?;
            if answer.status() != StatusCode::UNAUTHORIZED {
                anyhow::ensure!(answer.status().is_success(), "{}", answer.text().await?);
                return Ok(answer.text().await?);
            }
            let headers = answer.headers().get_all("www-authenticate");
            let challenge = headers
                .iter()
                .find_map(|h| Challenge::parse(h.to_str().ok()?));
            self.challenge = challenge.map(|c| (c, 0));
        }
        anyhow::bail!("Digest is refused")
    }
}

/// Calls one operation from [`CLIENTS`] connections for [`LASTS`].
async fn load(
    camera: &Camera,
    name: &str,
    path: &str,
    body: &'static str,
    digest: bool,
) -> anyhow::Result<()> {
    let count = std::sync::Arc::new(AtomicU64::new(0));
    let (begin, before) = (Instant::now(), cpu(camera.pid())?);
    let mut tasks = Vec::new();
    for _ in 0..CLIENTS {
        let mut one = Signed::new(camera, path)?;
        let count = count.clone();
        tasks.push(async move {
            while begin.elapsed() < LASTS {
                if digest {
                    one.call(body).await?;
                } else {
                    let request = one.client.post(&one.url).body(soap::envelope("", body));
                    let answer = request
                        .header("content-type", "application/soap+xml; charset=utf-8")
                        .send()
                        .await?;
                    anyhow::ensure!(answer.status().is_success(), "{}", answer.text().await?);
                    answer.bytes().await?;
                }
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
    }
    for ended in futures_util::future::join_all(tasks).await {
        ended?;
    }
    let (n, seconds) = (count.load(Ordering::Relaxed), begin.elapsed().as_secs_f64());
    let used = cpu(camera.pid())? - before;
    println!(
        "{name}: {:.0} requests/s from {CLIENTS} connections, {:.0} µs of the camera's processor time each, its other work included",
        n as f64 / seconds,
        used * 1e6 / n as f64
    );
    Ok(())
}

async fn pull_points(camera: &Camera) -> anyhow::Result<()> {
    let mut client = Signed::new(camera, "/onvif/event_service")?;
    let create = "<tev:CreatePullPointSubscription><tev:InitialTerminationTime>PT10M</tev:InitialTerminationTime></tev:CreatePullPointSubscription>";
    client.call(create).await?;
    let before = anonymous(camera.pid())?;
    let begin = Instant::now();
    for _ in 1..PULL_POINTS {
        client.call(create).await?;
    }
    let took = begin.elapsed();
    // What was only needed to make them has been given back by then.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let after = anonymous(camera.pid())?;
    println!(
        "{PULL_POINTS} pull points with their first states, nobody pulling: {:.1} kB each ({before} kB before, {after} kB after), made in {:.1} s",
        after.saturating_sub(before) as f64 / PULL_POINTS as f64,
        took.as_secs_f64()
    );
    Ok(())
}

/// Processor seconds used so far, by user and kernel.
fn cpu(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(ticks as f64 / 100.0)
}

/// Anonymous resident memory, kB.
fn anonymous(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|l| l.starts_with("RssAnon:"));
    let kb = line.and_then(|l| l.split_whitespace().nth(1));
    Ok(kb.unwrap_or("0").parse()?)
}
