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
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::player::{Exit, Player};
use super::round::{Event, Playing};
use super::session::Route;
use crate::error::Error;
use crate::packet::{Frame, Span};
use crate::stream::Next;

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
/// Control messages are aligned to this.
const WORD: usize = size_of::<usize>();

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

    /// Sends the packets of a frame from number `from` on.
    pub(super) async fn send_frame(
        &self,
        frame: &Frame,
        from: usize,
        to: SocketAddr,
    ) -> io::Result<()> {
        let packets = frame.packets.get(from..).unwrap_or_default();
        let pause_every = packets.len().div_ceil(PAUSES + 1).max(BURST);
        let mut since_pause = 0;
        for burst in bursts(packets, BURST) {
            if since_pause >= pause_every {
                since_pause = 0;
                tokio::time::sleep(PACE).await;
            }
            since_pause += burst.len();
            let mut sent = burst.start;
            while let Err(error) = self.try_send(frame, packets, (&mut sent, burst.end), to) {
                if error.kind() != io::ErrorKind::WouldBlock {
                    return Err(error);
                }
                self.rtp.writable().await?;
            }
        }
        Ok(())
    }

    /// The same without waiting, for a frame that needs no pause.
    ///
    /// # Errors
    /// The number of packets sent, when that is not all.
    pub(super) fn try_send_frame(&self, frame: &Frame, to: SocketAddr) -> Result<(), usize> {
        if frame.packets.len() > BURST {
            return Err(0);
        }
        let mut sent = 0;
        for burst in bursts(&frame.packets, BURST) {
            match self.try_send(frame, &frame.packets, (&mut sent, burst.end), to) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(sent),
                Err(error) => {
                    // Lost like any other packet.
                    tracing::debug!(%error, peer = %to, "RTP packets not sent");
                    return Ok(());
                }
            }
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

    /// Sends a burst without waiting; counts what was sent.
    fn try_send(
        &self,
        frame: &Frame,
        packets: &[Span],
        (sent, end): (&mut usize, usize),
        to: SocketAddr,
    ) -> io::Result<()> {
        let spans = &packets[*sent..end];
        if spans.len() > 1 && !self.no_offload.load(Ordering::Relaxed) {
            let address = SockAddr::from(to);
            let mut slices = [IoSlice::new(&[]); BURST];
            for (slice, span) in slices.iter_mut().zip(spans) {
                *slice = IoSlice::new(frame.packet(*span));
            }
            let slices = &slices[..spans.len().min(BURST)];
            let control = segment_size(spans[0].len);
            let send = || {
                let message = MsgHdr::new()
                    .with_addr(&address)
                    .with_buffers(slices)
                    .with_control(&control);
                SockRef::from(&self.rtp).sendmsg(&message, 0)
            };
            match self.rtp.try_io(Interest::WRITABLE, send) {
                Ok(_) => {
                    *sent = end;
                    return Ok(());
                }
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
            self.rtp.try_send_to(frame.packet(*span), to)?;
            *sent += 1;
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
fn segment_size(size: u16) -> [u8; 2 * WORD + 8] {
    let mut control = [0; 2 * WORD + 8];
    let (length, rest) = control.split_at_mut(WORD);
    length.copy_from_slice(&(WORD + 8 + 2).to_ne_bytes());
    rest[..4].copy_from_slice(&SOL_UDP.to_ne_bytes());
    rest[4..8].copy_from_slice(&UDP_SEGMENT.to_ne_bytes());
    rest[8..10].copy_from_slice(&size.to_ne_bytes());
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
    player: Box<Player>,
    pause: CancellationToken,
) {
    let (session, routes) = (player.session.clone(), player.routes);
    let exit = Exit::Udp(pair.clone());
    let mut playing = Playing::new(player);
    loop {
        playing.lend(&shared, &exit);
        let event = tokio::select! {
            biased;
            () = pause.cancelled() => break,
            () = shared.cancel.cancelled() => break,
            event = playing.next() => event,
        };
        if playing.is_new() || matches!(event, Event::Report) {
            playing.reports();
            send_rtcp(&pair, session.sender_reports(&routes, &shared.cname)).await;
        }
        let (frame, from) = match event {
            Event::Media(Next::Frame(frame)) => (frame, 0),
            Event::Media(Next::Ended) => {
                shared.registry.end(&session);
                break;
            }
            Event::Back => match playing.recall() {
                Some(rest) => (rest.frame, rest.sent),
                None => continue,
            },
            Event::Report => continue,
            Event::Ended => break,
        };
        let (Some(player), Some(Route::Udp(rtp, _))) = (playing.player(), routes[frame.track])
        else {
            continue;
        };
        player.note();
        // Lost like any other packet; a viewer that is gone times out.
        match pair.send_frame(&frame, from, rtp).await {
            Ok(()) => player.sent(&frame),
            Err(error) => tracing::debug!(%error, peer = %rtp, "RTP packets not sent"),
        }
        if !player.caught_up() {
            // What waited since the key frame would else overrun the receiver.
            tokio::time::sleep(PACE).await;
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
