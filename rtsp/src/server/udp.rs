//! RTP over UDP: one pair of ports for all viewers, segmentation offload where the kernel has it.

use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::{Domain, MsgHdr, Protocol, SockAddr, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::session::{LagLog, REPORT_INTERVAL, Route, Routes, Session, report_due};
use crate::error::Error;
use crate::packet::{Frame, Span};
use crate::stream::{Cursor, Next};

/// Packets of one send: what a switch takes in one go without loss, and below the kernel's 64 segments.
const BURST: usize = 32;
/// Pause between bursts, so that a large key frame does not overrun the receiver or Wi-Fi.
const PACE: Duration = Duration::from_millis(1);
/// Most pauses in one frame: with them it still leaves in well under half a frame interval.
const PAUSES: usize = 8;
/// Attempts at finding a free even port with a free odd one after it.
const ATTEMPTS: usize = 64;

/// `SOL_UDP` and `UDP_SEGMENT` of Linux.
const SOL_UDP: i32 = 17;
const UDP_SEGMENT: i32 = 103;

/// The RTP and RTCP socket of one listening address.
pub(crate) struct UdpPair {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    /// RTP and RTCP port.
    pub(crate) ports: (u16, u16),
    /// The kernel or the interface has refused segmentation offload.
    no_offload: AtomicBool,
}

impl UdpPair {
    /// Binds `port` and the next one; 0 looks for a free pair.
    pub(crate) fn bind(address: IpAddr, port: u16) -> Result<UdpPair, Error> {
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..ATTEMPTS {
            match Self::try_bind(address, port) {
                Ok(pair) => return Ok(pair),
                Err(error) => last = error,
            }
            if port != 0 {
                break;
            }
        }
        Err(Error::UdpPair {
            address: SocketAddr::new(address, port),
            source: last,
        })
    }

    fn try_bind(address: IpAddr, port: u16) -> io::Result<UdpPair> {
        let first = bind(SocketAddr::new(address, port))?;
        let port = first.local_addr()?.port();
        let other = bind(SocketAddr::new(address, port ^ 1))?;
        let (rtp, rtcp) = if port % 2 == 0 {
            (first, other)
        } else {
            (other, first)
        };
        // As much as the kernel gives: a key frame should fit.
        let _ = SockRef::from(&rtp).set_send_buffer_size(2 << 20);
        let ports = (rtp.local_addr()?.port(), rtcp.local_addr()?.port());
        Ok(UdpPair {
            rtp,
            rtcp,
            ports,
            no_offload: AtomicBool::new(!cfg!(target_os = "linux")),
        })
    }

    /// Sends all packets of a frame.
    pub(super) async fn send_frame(&self, frame: &Frame, to: SocketAddr) -> io::Result<()> {
        let pause_every = frame.packets.len().div_ceil(PAUSES + 1).max(BURST);
        let mut since_pause = 0;
        for burst in bursts(&frame.packets, BURST) {
            if since_pause >= pause_every {
                since_pause = 0;
                tokio::time::sleep(PACE).await;
            }
            since_pause += burst.len();
            self.send_burst(frame, &frame.packets[burst], to).await?;
        }
        Ok(())
    }

    /// Sends an RTCP packet; lost like any other.
    pub(super) async fn send_rtcp(&self, packet: &[u8], to: SocketAddr) {
        let _ = self.rtcp.send_to(packet, to).await;
    }

    /// Sends packet by packet from now on.
    pub(super) fn without_offload(&self) {
        self.no_offload.store(true, Ordering::Relaxed);
    }

    /// Both sockets, to set them up.
    pub(super) fn sockets(&self) -> [SockRef<'_>; 2] {
        [SockRef::from(&self.rtp), SockRef::from(&self.rtcp)]
    }

    async fn send_burst(&self, frame: &Frame, spans: &[Span], to: SocketAddr) -> io::Result<()> {
        if spans.len() > 1 && !self.no_offload.load(Ordering::Relaxed) {
            let address = SockAddr::from(to);
            let slices: Vec<IoSlice<'_>> = spans
                .iter()
                .map(|span| IoSlice::new(frame.packet(*span)))
                .collect();
            let control = segment_size(spans[0].len);
            let send = || {
                let message = MsgHdr::new()
                    .with_addr(&address)
                    .with_buffers(&slices)
                    .with_control(&control);
                SockRef::from(&self.rtp).sendmsg(&message, 0)
            };
            match self.rtp.async_io(Interest::WRITABLE, send).await {
                Ok(_) => return Ok(()),
                Err(error)
                    if matches!(
                        error.raw_os_error(),
                        Some(libc::EINVAL | libc::EIO | libc::ENOPROTOOPT)
                    ) =>
                {
                    self.no_offload.store(true, Ordering::Relaxed);
                    tracing::info!(%error, "no UDP segmentation offload here, sending packet by packet");
                }
                Err(error) => return Err(error),
            }
        }
        for span in spans {
            self.rtp.send_to(frame.packet(*span), to).await?;
        }
        Ok(())
    }
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// A `cmsghdr` that asks the kernel to cut a message into segments of `size` bytes.
fn segment_size(size: u16) -> Vec<u8> {
    const WORD: usize = size_of::<usize>();
    const HEADER: usize = WORD + 4 + 4;
    let mut control = Vec::with_capacity(HEADER + WORD);
    control.extend((HEADER + 2).to_ne_bytes());
    control.extend(SOL_UDP.to_ne_bytes());
    control.extend(UDP_SEGMENT.to_ne_bytes());
    control.extend(size.to_ne_bytes());
    control.resize(HEADER + WORD, 0);
    control
}

/// Cuts packets into runs of at most `max` that offload can take: equal sizes, only the last one smaller.
fn bursts(packets: &[Span], max: usize) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let size = packets.get(at)?.len;
        let start = at;
        while at < packets.len() && at - start < max {
            let len = packets[at].len;
            if len > size {
                break;
            }
            at += 1;
            if len < size {
                break;
            }
        }
        Some(start..at)
    })
}

/// Receives receiver reports for all sessions of a pair.
pub(crate) async fn receive_reports(shared: Arc<Shared>, pair: Arc<UdpPair>) {
    let mut buffer = [0u8; 2048];
    loop {
        let received = tokio::select! {
            () = shared.cancel.cancelled() => return,
            received = pair.rtcp.recv_from(&mut buffer) => received,
        };
        match received {
            Ok((length, from)) => {
                if let Some(session) = shared.registry.find_rtcp(from) {
                    session.receive_rtcp(&buffer[..length]);
                }
            }
            // An ICMP error of some viewer that left; nothing to do with the socket.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// Receives the sound of back channels for all sessions of a pair.
pub(crate) async fn receive_talk(shared: Arc<Shared>, pair: Arc<UdpPair>) {
    let mut buffer = [0u8; 2048];
    loop {
        let received = tokio::select! {
            () = shared.cancel.cancelled() => return,
            received = pair.rtp.recv_from(&mut buffer) => received,
        };
        match received {
            Ok((length, from)) => {
                if let Some(session) = shared.registry.find_rtcp(from) {
                    session.receive_talk(&buffer[..length]);
                }
            }
            // As with reports.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// Sends a session's media until it ends or `pause` is cancelled.
pub(crate) async fn deliver(
    shared: Arc<Shared>,
    pair: Arc<UdpPair>,
    session: Arc<Session>,
    mut cursor: Cursor,
    routes: Routes,
    pause: CancellationToken,
) {
    let mut lag = LagLog::default();
    let mut report_at: Option<Instant> = None;
    loop {
        let next = tokio::select! {
            biased;
            () = pause.cancelled() => break,
            () = shared.cancel.cancelled() => break,
            () = report_due(report_at) => None,
            next = cursor.next() => Some(next),
        };
        if report_at.is_none() || next.is_none() {
            report_at = Some(Instant::now() + REPORT_INTERVAL);
            send_rtcp(&pair, session.sender_reports(&routes, &shared.cname)).await;
        }
        match next {
            None => {}
            Some(Next::Ended) => {
                shared.registry.end(&session);
                break;
            }
            Some(Next::Frame(frame)) => {
                lag.note(&session, &cursor);
                if let Some(Route::Udp(rtp, _)) = routes[frame.track] {
                    // Lost like any other packet; a viewer that is gone times out.
                    match pair.send_frame(&frame, rtp).await {
                        Ok(()) => {
                            let bytes = frame.wire.len() as u64;
                            session.stats.bytes.fetch_add(bytes, Ordering::Relaxed);
                        }
                        Err(error) => tracing::debug!(%error, peer = %rtp, "RTP packets not sent"),
                    }
                }
            }
        }
    }
    if session.cancel.is_cancelled() || shared.cancel.is_cancelled() {
        send_rtcp(&pair, session.goodbyes(&routes, &shared.cname)).await;
    }
}

async fn send_rtcp(pair: &UdpPair, packets: Vec<(Route, Vec<u8>)>) {
    for (route, packet) in packets {
        if let Route::Udp(_, rtcp) = route {
            pair.send_rtcp(&packet, rtcp).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_suit_offload() {
        let check = |sizes: &[u16], expect: &[(usize, usize)]| {
            let spans: Vec<Span> = sizes.iter().map(|&len| Span { start: 0, len }).collect();
            assert_eq!(
                bursts(&spans, 3)
                    .map(|run| (run.start, run.end))
                    .collect::<Vec<_>>(),
                expect,
                "{sizes:?}"
            );
        };
        check(&[], &[]);
        check(&[5], &[(0, 1)]);
        check(&[5, 5, 4], &[(0, 3)]);
        check(&[5, 5, 5, 5, 2], &[(0, 3), (3, 5)]);
        check(&[2, 5, 5, 1, 5], &[(0, 1), (1, 4), (4, 5)]);
        check(&[5, 4, 5], &[(0, 2), (2, 3)]);
        check(&[5, 4, 4, 4], &[(0, 2), (2, 4)]);
    }

    #[tokio::test]
    async fn pairs_are_even_and_odd() {
        let pair = UdpPair::bind(IpAddr::from([127, 0, 0, 1]), 0).unwrap();
        assert_eq!((pair.ports.0 % 2, pair.ports.1), (0, pair.ports.0 + 1));
        let taken = UdpPair::bind(IpAddr::from([127, 0, 0, 1]), pair.ports.0)
            .map(|_| ())
            .unwrap_err();
        assert!(
            taken.to_string().contains(&pair.ports.0.to_string()),
            "{taken}"
        );
    }
}
