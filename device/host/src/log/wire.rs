//! One connection to the log server.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket},
    time::Duration,
};

use platecam_model::{
    log::syslog::{MAX_STREAM, MAX_UDP, framed},
    settings::{LogRemote, LogTransport},
};
use rustls::{ClientConnection, StreamOwned};
use socket2::{SockRef, TcpKeepalive};

use super::{kernel, tls};

/// For connecting, the TLS handshake and each write.
const PATIENCE: Duration = Duration::from_secs(5);
/// The peer's system must confirm within this time, or the connection is broken.
const CONFIRM_WITHIN: Duration = Duration::from_secs(15);

pub(super) enum Wire {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    /// Connects as the settings say.
    pub(super) fn open(to: &LogRemote) -> io::Result<Self> {
        let mut last = io::Error::other("the name has no address");
        for address in (to.host.as_str(), to.port.get()).to_socket_addrs()? {
            match Self::to_address(to, address) {
                Ok(wire) => return Ok(wire),
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    fn to_address(to: &LogRemote, address: SocketAddr) -> io::Result<Self> {
        match to.transport {
            LogTransport::Udp => {
                let any: SocketAddr = if address.is_ipv4() {
                    (Ipv4Addr::UNSPECIFIED, 0).into()
                } else {
                    (Ipv6Addr::UNSPECIFIED, 0).into()
                };
                let socket = UdpSocket::bind(any)?;
                socket.connect(address)?;
                Ok(Self::Udp(socket))
            }
            LogTransport::Tcp => Ok(Self::Tcp(tcp(address)?)),
            LogTransport::Tls => {
                let stream = tls::connect(tcp(address)?, &to.host, &to.ca_certificate)?;
                Ok(Self::Tls(Box::new(stream)))
            }
        }
    }

    /// Most bytes of a message.
    pub(super) const fn most(&self) -> usize {
        match self {
            Self::Udp(_) => MAX_UDP,
            Self::Tcp(_) | Self::Tls(_) => MAX_STREAM,
        }
    }

    /// Sends one message.
    pub(super) fn send(&mut self, message: &str) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.send(message.as_bytes()).map(drop),
            Self::Tcp(stream) => stream.write_all(&framed(message)),
            Self::Tls(stream) => {
                stream.write_all(&framed(message))?;
                stream.flush()
            }
        }
    }

    /// Whether the peer is still there, as far as is known without waiting.
    pub(super) fn look(&mut self) -> io::Result<()> {
        match self {
            // "Connection refused" of an earlier datagram.
            Self::Udp(socket) => socket.take_error()?.map_or(Ok(()), Err),
            Self::Tcp(stream) => {
                stream.set_nonblocking(true)?;
                // A log server says nothing; what it says nevertheless is dropped.
                let read = stream.read(&mut [0; 512]);
                stream.set_nonblocking(false)?;
                match read {
                    Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(_) => Ok(()),
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(()),
                    Err(e) => Err(e),
                }
            }
            Self::Tls(stream) => tls::look(stream),
        }
    }

    /// Whether the peer's system confirmed everything that was sent. Where nobody can tell: yes.
    pub(super) fn confirmed(&self) -> bool {
        let stream = match self {
            Self::Udp(_) => return true,
            Self::Tcp(stream) => stream,
            Self::Tls(stream) => &stream.sock,
        };
        let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else {
            return false;
        };
        kernel::unconfirmed(local, peer).is_none_or(|bytes| bytes == 0)
    }
}

fn tcp(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let socket = SockRef::from(&stream);
    socket.set_tcp_user_timeout(Some(CONFIRM_WITHIN))?;
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(30));
    socket.set_tcp_keepalive(&keepalive.with_interval(Duration::from_secs(10)))?;
    Ok(stream)
}

/// What went wrong, for people: without a number of the system's.
pub(super) fn reason(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::UnexpectedEof => "the server closed the connection".into(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "no answer in time".into(),
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        _ => e.to_string(),
    }
}
