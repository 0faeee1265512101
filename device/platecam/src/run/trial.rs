//! A new version proves itself, or the old one comes back (SYS-26).

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use platecam_host::upgrade::HostUpgrades;
use platecam_model::{Actor, Device, RestartScope, ports::Upgrades};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::listeners::Listeners;

/// Everything has to work for so long without a break.
const HEALTHY_FOR: Duration = Duration::from_secs(10);
const EVERY: Duration = Duration::from_secs(1);
/// Time for one answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Where this machine reaches a listener.
fn near(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Looks every second until the version has worked long enough, or its time is over.
pub(crate) async fn watch(
    device: Device,
    upgrades: HostUpgrades,
    listeners: Listeners,
    seconds: u64,
) {
    let time = Duration::from_secs(seconds);
    let enough = HEALTHY_FOR.min(time / 3);
    let (started, mut healthy_since) = (Instant::now(), None);
    loop {
        tokio::time::sleep(EVERY.min(time / 10)).await;
        let why = match trouble(&device, &upgrades, &listeners).await {
            None => {
                let since = *healthy_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= enough {
                    return keep(&device, &upgrades);
                }
                None
            }
            Some(why) => {
                tracing::warn!(why, "the version on trial");
                healthy_since = None;
                Some(why)
            }
        };
        if started.elapsed() >= time {
            let why = why.unwrap_or_else(|| "it was not healthy for long enough".into());
            return give_up(&device, &upgrades, &why);
        }
    }
}

fn keep(device: &Device, upgrades: &HostUpgrades) {
    match upgrades.confirm(device.clock.now()) {
        Ok(()) => device.tell_upgrade(),
        Err(e) => tracing::error!(error = ?e, "the version stays on trial"),
    }
}

fn give_up(device: &Device, upgrades: &HostUpgrades, why: &str) {
    let version = &device.identity.firmware;
    let gone = upgrades.give_up(why).and_then(|()| {
        let reason = format!("version {version} failed its trial: {why}");
        device.restart(&Actor::system(), RestartScope::Process, &reason)
    });
    if let Err(e) = gone {
        tracing::error!(error = ?e, "the old version cannot be started");
    }
}

/// What does not work, the first thing.
async fn trouble(
    device: &Device,
    upgrades: &HostUpgrades,
    listeners: &Listeners,
) -> Option<String> {
    let now = listeners.now();
    let asked = match (now.http, now.https) {
        // A redirect (308) is an answer as well.
        (Some(http), _) => {
            let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            ask(near(http), request, &["HTTP/1.1 200", "HTTP/1.1 308"]).await
        }
        (None, Some(https)) => TcpStream::connect(near(https)).await.map(drop),
        (None, None) => Err(std::io::Error::other("it does not listen")),
    };
    if let Err(e) = asked {
        return Some(format!("web server: {e}"));
    }
    let rtsp = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    let asked = match now.rtsp {
        Some(address) => ask(near(address), rtsp, &["RTSP/1.0 "]).await,
        None => Err(std::io::Error::other("it does not listen")),
    };
    if let Err(e) = asked {
        return Some(format!("RTSP server: {e}"));
    }
    if upgrades.expects_recognition()
        && let Some(why) = device.media.status().recognition_error
    {
        return Some(format!("recognition: {why}"));
    }
    None
}

async fn ask(address: SocketAddr, request: &str, begins: &[&str]) -> std::io::Result<()> {
    let answered = tokio::time::timeout(ANSWER, async {
        let mut tcp = TcpStream::connect(address).await?;
        tcp.write_all(request.as_bytes()).await?;
        let mut head = vec![0; begins.first().map_or(0, |b| b.len())];
        tcp.read_exact(&mut head).await?;
        Ok::<_, std::io::Error>(head)
    });
    match answered.await {
        Ok(Ok(head)) if begins.iter().any(|b| head == b.as_bytes()) => Ok(()),
        Ok(Ok(head)) => Err(std::io::Error::other(format!(
            "it answers {:?}",
            String::from_utf8_lossy(&head)
        ))),
        Ok(Err(e)) => Err(e),
        Err(_) => Err(std::io::Error::other("no answer")),
    }
}
