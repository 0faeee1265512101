//! RTP by multicast: described, set up, shared, ended.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rtsp::{Codec, Config, Group, StreamConfig, Transport};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use crate::client::Client;
use crate::clip::Clip;
use crate::server::{H264, MAIN, TestServer, within};

const OFFER: &str = "RTP/AVP;multicast";

/// A group nobody else on this machine uses, with a pair of ports that was free.
fn group(number: u8) -> Group {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let taken = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port() & !1;
    Group::new(Ipv4Addr::new(225, number, high, low).into(), port, 1).unwrap()
}

/// The answer's `destination` and port of RTP.
fn destination(transport: &str) -> SocketAddr {
    let value = |name: &str| {
        let mut parts = transport.split(';');
        parts
            .find_map(|part| part.strip_prefix(name))
            .unwrap_or_else(|| panic!("no {name} in {transport}"))
            .to_owned()
    };
    let ports = value("port=");
    let (rtp, rtcp) = ports.split_once('-').unwrap();
    let rtp: u16 = rtp.parse().unwrap();
    assert_eq!((rtp % 2, rtp + 1), (0, rtcp.parse().unwrap()));
    SocketAddr::new(value("destination=").parse().unwrap(), rtp)
}

/// A socket that has joined a group, as a player on this machine does it: where the machine's routes lead.
fn listen(to: SocketAddr, next: u16) -> UdpSocket {
    let IpAddr::V4(address) = to.ip() else {
        panic!("{to}")
    };
    let routes = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let via = match routes.connect(to) {
        Ok(()) => Ipv4Addr::UNSPECIFIED,
        Err(_) => Ipv4Addr::LOCALHOST,
    };
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.set_nonblocking(true).unwrap();
    let bind = SocketAddr::new(address.into(), to.port() + next);
    socket.bind(&bind.into()).unwrap();
    socket.join_multicast_v4(&address, &via).unwrap();
    UdpSocket::from_std(socket.into()).unwrap()
}

async fn packet(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = [0; 2048];
    let (length, _) = within(socket.recv_from(&mut buffer)).await.unwrap();
    buffer[..length].to_vec()
}

async fn camera() -> (TestServer, impl Drop) {
    let server = TestServer::new(Config::default()).await;
    server.stream.set_groups(&[Some(group(1)), Some(group(2))]);
    let feed = server.feed(Clip::new(Codec::H264, H264));
    (server, feed)
}

/// MCAST-5: viewers share one sender, which begins with the first and ends with the last.
#[tokio::test]
async fn all_viewers_get_the_same_packets() {
    let (server, _feed) = camera().await;
    let mut one = Client::connect(&server).await;
    let setup = one.setup(&server.url(), 0, OFFER).await;
    assert_eq!(setup.status, 200);
    let transport = setup.header("Transport").to_owned();
    assert!(transport.contains("RTP/AVP;multicast;") && transport.contains(";ttl=1;"));
    let to = destination(&transport);
    let (rtp, rtcp) = (listen(to, 0), listen(to, 1));
    let ssrc = transport.split("ssrc=").nth(1).unwrap();
    let ssrc = u32::from_str_radix(&ssrc[..8], 16).unwrap().to_be_bytes();

    let play = one.request("PLAY", &server.url(), &[]).await;
    assert_eq!(play.status, 200);
    let first = packet(&rtp).await;
    assert_eq!(first[8..12], ssrc);
    let report = packet(&rtcp).await;
    assert_eq!((report[1], &report[4..8]), (200, &ssrc[..]));

    // A second viewer adds nothing to the wire: sequence numbers still come one by one.
    let mut two = Client::connect(&server).await;
    assert_eq!(
        destination(two.setup(&server.url(), 0, OFFER).await.header("Transport")),
        to
    );
    assert_eq!(two.request("PLAY", &server.url(), &[]).await.status, 200);
    let seq = |packet: &[u8]| u16::from_be_bytes([packet[2], packet[3]]);
    let mut last = seq(&packet(&rtp).await);
    for _ in 0..200 {
        let next = seq(&packet(&rtp).await);
        assert_eq!(next, last.wrapping_add(1));
        last = next;
    }
    let sessions = server.server.sessions();
    assert_eq!(sessions.len(), 2);
    assert!(
        sessions
            .iter()
            .all(|s| s.transport == Transport::Multicast && s.playing)
    );

    // The first leaves, and the other one still sees the picture; then it is over.
    one.request("TEARDOWN", &server.url(), &[]).await;
    server.viewers(1).await;
    for _ in 0..50 {
        packet(&rtp).await;
    }
    two.request("TEARDOWN", &server.url(), &[]).await;
    let mut report = packet(&rtcp).await;
    while report.len() < 8 || report[report.len() - 7] != 203 {
        report = packet(&rtcp).await;
    }
    assert_eq!(report[report.len() - 4..], ssrc);
}

/// PAUSE stops what nobody else watches; PLAY begins it again.
#[tokio::test]
async fn a_pause_ends_the_sending_and_play_begins_it_again() {
    let (server, _feed) = camera().await;
    let mut client = Client::connect(&server).await;
    let setup = client.setup(&server.url(), 1, OFFER).await;
    let to = destination(setup.header("Transport"));
    let (rtp, rtcp) = (listen(to, 0), listen(to, 1));
    for _ in 0..2 {
        assert_eq!(client.request("PLAY", &server.url(), &[]).await.status, 200);
        packet(&rtp).await;
        assert_eq!(packet(&rtcp).await[1], 200);
        assert_eq!(
            client.request("PAUSE", &server.url(), &[]).await.status,
            200
        );
        let bye = packet(&rtcp).await;
        assert_eq!(bye[bye.len() - 7], 203);
        // What was on its way.
        let mut buffer = [0; 2048];
        while rtp.try_recv(&mut buffer).is_ok() {}
    }
}

/// MCAST-1: sent without a viewer, through a change of the codec, until it is switched off.
#[tokio::test]
async fn a_stream_is_sent_without_viewers() {
    let (server, feed) = camera().await;
    let to = group(3);
    server.stream.set_groups(&[Some(to)]);
    let text = to.to_string();
    let address: IpAddr = text[4..].split('/').next().unwrap().parse().unwrap();
    let mut client = Client::connect(&server).await;
    let setup = client.setup(&server.url(), 0, OFFER).await;
    let to = destination(setup.header("Transport"));
    assert_eq!(to.ip(), address);
    client.request("TEARDOWN", &server.url(), &[]).await;
    let rtp = listen(to, 0);
    let sending = server.server.multicast(&server.stream, 0, None);
    let first = packet(&rtp).await;
    drop(feed);
    server
        .stream
        .reconfigure(StreamConfig::new("main", [Codec::OnvifMetadata]))
        .unwrap();
    let sink = server.stream.sink(0).unwrap();
    let document = crate::server::document(&crate::server::noise(true, 1, 10));
    let second = within(async {
        loop {
            sink.push(&document).unwrap();
            let mut buffer = [0; 2048];
            let wait = std::time::Duration::from_millis(20);
            if let Ok(Ok(length)) = tokio::time::timeout(wait, rtp.recv(&mut buffer)).await
                && buffer[8..12] != first[8..12]
            {
                return buffer[..length].to_vec();
            }
        }
    })
    .await;
    assert_eq!(second[1] & 0x7f, 107);
    assert_eq!(server.stream.viewers(), 1);
    drop(sending);
    server.viewers(0).await;
}

/// A stream that ends tells its viewers, as over any transport.
#[tokio::test]
async fn sessions_end_with_the_stream() {
    let (server, _feed) = camera().await;
    let mut client = Client::connect(&server).await;
    client.setup(&server.url(), 0, OFFER).await;
    assert_eq!(client.request("PLAY", &server.url(), &[]).await.status, 200);
    server.stream.close();
    server.viewers(0).await;
    assert_eq!(server.server.sessions(), []);
}

/// What is not there is refused, and nobody chooses where packets go but the settings.
#[tokio::test]
async fn only_the_groups_of_the_stream_are_offered() {
    let server = TestServer::new(Config::default()).await;
    server.stream.set_groups(&[Some(group(4)), None]);
    let mut client = Client::connect(&server).await;
    let refused = client.setup(&server.url(), 1, OFFER).await;
    assert_eq!(refused.status, 461, "no group for this track");
    let tcp = client
        .setup(&server.url(), 0, "RTP/AVP/TCP;multicast;interleaved=0-1")
        .await;
    assert_eq!(tcp.status, 461);
    let wish = "RTP/AVP;multicast;destination=225.255.1.1;port=6000-6001;ttl=99";
    let setup = client.setup(&server.url(), 0, wish).await;
    let transport = setup.header("Transport");
    assert!(
        !transport.contains("225.255.1.1") && !transport.contains("6000"),
        "{transport}"
    );
    let mixed = client
        .setup(&server.url(), 1, "RTP/AVP;unicast;client_port=5000-5001")
        .await;
    assert_eq!(mixed.status, 461, "one transport a session");
    let either = Client::connect(&server)
        .await
        .setup(
            &server.url(),
            1,
            "RTP/AVP;multicast,RTP/AVP/TCP;unicast;interleaved=0-1",
        )
        .await;
    assert!(either.header("Transport").starts_with("RTP/AVP/TCP"));
}

/// Players choose by the description: only a URL for multicast says so.
#[tokio::test]
async fn only_a_multicast_url_is_described_as_multicast() {
    let server = TestServer::new(Config::default()).await;
    let group = group(5);
    server.stream.set_groups(&[Some(group), None]);
    server.push_key_frame();
    let mut client = Client::connect(&server).await;
    let usual = client.request("DESCRIBE", &server.url(), &[]).await;
    assert!(!usual.body.contains("c=IN IP4 225."), "{}", usual.body);
    let url = format!("rtsp://{}{MAIN}&Multicast=1", server.address);
    let body = client.request("DESCRIBE", &url, &[]).await.body;
    let line = format!("\r\nc=IN {group}\r\n");
    assert!(body.contains(&line), "{body}");
    assert!(body.contains("m=application 0 "), "{body}");
    let setup = client.setup(&url, 0, OFFER).await;
    assert_eq!(setup.status, 200);
}
