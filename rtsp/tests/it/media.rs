//! Media as it leaves the server: order, reports, transports, the end of sessions.

use std::time::Duration;

use rtsp::{Codec, Config, ConnectionContext, StreamConfig, Transport, User};
use tokio::net::UdpSocket;

use crate::client::{Client, Message};
use crate::clip::Clip;
use crate::server::{EPOCH, H264, MAIN, TestServer, noise, within};

const NTP_TO_UNIX: u64 = 2_208_988_800;

fn word(data: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(data[at..at + 4].try_into().unwrap())
}

fn seq(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[2], packet[3]])
}

fn kinds(rtcp: &[u8]) -> Vec<u8> {
    let mut rest = rtcp;
    let mut kinds = Vec::new();
    while rest.len() >= 4 {
        kinds.push(rest[1]);
        rest = &rest[(usize::from(u16::from_be_bytes([rest[2], rest[3]])) + 1) * 4..];
    }
    kinds
}

/// `seq` and `rtptime` of a track in an RTP-Info header.
fn rtp_info(header: &str, track: usize) -> (u16, u32) {
    let entry = header
        .split(',')
        .find(|entry| entry.contains(&format!("trackID={track};")))
        .unwrap();
    let value = |name: &str| {
        entry
            .split(&format!("{name}="))
            .nth(1)
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned()
    };
    (
        value(";seq").parse().unwrap(),
        value("rtptime").parse().unwrap(),
    )
}

async fn camera() -> (TestServer, impl Drop) {
    let server = TestServer::new(Config::default()).await;
    let feed = server.feed(Clip::new(Codec::H264, H264));
    (server, feed)
}

#[tokio::test]
async fn play_is_answered_then_reported_then_shown() {
    let (server, _feed) = camera().await;
    let mut client = Client::connect(&server).await;
    let answer = client.play(&server.url()).await;
    assert_eq!(client.data.len(), 0, "no media before the answer");
    assert_eq!(answer.header("Range"), "npt=now-");
    let (first_seq, start) = rtp_info(answer.header("RTP-Info"), 0);

    // A sender report and SDES per track come first, and join RTP time and capture time.
    let mut zero = Vec::new();
    for channel in [1, 3] {
        let (on, report) = client.frame().await;
        assert_eq!((on, kinds(&report)), (channel, vec![200, 202]));
        let fraction = (f64::from(word(&report, 12)) / 4_294_967_296.0 * 1e9).round();
        let utc = Duration::new(u64::from(word(&report, 8)) - NTP_TO_UNIX, fraction as u32);
        let ticks = ((utc - EPOCH).as_nanos() * 90_000 / 1_000_000_000) as u32;
        // RTP time of media time zero by this report; frames will agree below.
        zero.push((word(&report, 4), word(&report, 16).wrapping_sub(ticks)));
    }
    assert_ne!(zero[0].0, zero[1].0, "one SSRC a track");

    let mut next = [None, None];
    let mut pictures = 0;
    while pictures < 30 {
        let (channel, packet) = client.frame().await;
        let track = match channel {
            0 => 0,
            2 => 1,
            _ => continue,
        };
        assert_eq!(word(&packet, 8), zero[track].0);
        if let Some(expected) = next[track] {
            assert_eq!(seq(&packet), expected, "track {track}");
        } else if track == 0 {
            assert_eq!(
                (seq(&packet), word(&packet, 4)),
                (first_seq, start),
                "RTP-Info is exact"
            );
        }
        next[track] = Some(seq(&packet).wrapping_add(1));
        let media = word(&packet, 4).wrapping_sub(zero[track].1);
        // 40 ms are 3600 ticks; the report's NTP fraction rounds by at most a tick.
        let off = media.wrapping_add(2) % 3600;
        assert!(off <= 4, "{media} is the time of no picture");
        pictures += u32::from(track == 0 && packet[1] & 0x80 != 0);
    }
}

#[tokio::test]
async fn first_picture_is_a_key_frame_with_its_parameter_sets() {
    let (server, _feed) = camera().await;
    for _ in 0..3 {
        let mut client = Client::connect(&server).await;
        client.play(&server.url()).await;
        loop {
            let (channel, packet) = client.frame().await;
            if channel == 0 {
                // A STAP-A whose first unit is the SPS.
                assert_eq!((packet[12] & 31, packet[15] & 31), (24, 7));
                break;
            }
        }
    }
}

#[tokio::test]
async fn chosen_channels_are_used() {
    let (server, _feed) = camera().await;
    let mut client = Client::connect(&server).await;
    client
        .setup(&server.url(), 0, "RTP/AVP/TCP;unicast;interleaved=10-11")
        .await;
    client
        .setup(&server.url(), 1, "RTP/AVP/TCP;unicast;interleaved=7-6")
        .await;
    client.request("PLAY", &server.url(), &[]).await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let (channel, packet) = client.frame().await;
        seen.insert((channel, packet[1] & 0x7f));
    }
    assert_eq!(
        seen.into_iter().collect::<Vec<_>>(),
        [(6, 72), (7, 107), (10, 96), (11, 72)]
    );
}

#[tokio::test]
async fn one_track_alone() {
    let (server, _feed) = camera().await;
    let mut client = Client::connect(&server).await;
    client
        .setup(&server.url(), 1, "RTP/AVP/TCP;unicast;interleaved=0-1")
        .await;
    let answer = client.request("PLAY", &server.url(), &[]).await;
    let (first, _) = rtp_info(answer.header("RTP-Info"), 1);
    for number in 0..6u16 {
        let (channel, packet) = client.frame().await;
        if channel == 0 {
            assert!(packet[12..].starts_with(b"<tt:MetadataStream>"));
            assert_eq!(seq(&packet), first.wrapping_add(number - 1));
        } else {
            assert_eq!((channel, number), (1, 0), "one report, before the rest");
        }
    }
}

#[tokio::test]
async fn nothing_follows_pause_and_teardown() {
    let (server, _feed) = camera().await;
    let mut client = Client::connect(&server).await;
    client.play(&server.url()).await;
    for _ in 0..20 {
        client.frame().await;
    }
    assert_eq!(
        client.request("PAUSE", &server.url(), &[]).await.status,
        200
    );
    client.data.clear();
    for _ in 0..10 {
        client.request("GET_PARAMETER", &server.url(), &[]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.data.len(), 0);
    assert!(!server.server.sessions()[0].playing);
    let answer = client.request("PLAY", &server.url(), &[]).await;
    let (first, _) = rtp_info(answer.header("RTP-Info"), 0);
    while client.frame().await.0 != 0 {}
    assert_ne!(first, 0);
    assert_eq!(
        client.request("TEARDOWN", &server.url(), &[]).await.status,
        200
    );
    client.data.clear();
    client.session.clear();
    for _ in 0..10 {
        client.request("OPTIONS", &server.url(), &[]).await;
    }
    assert_eq!(client.data.len(), 0);
    server.viewers(0).await;
    // The connection serves again.
    client.play(&server.url()).await;
    client.frame().await;
}

/// Reads to the end of the connection; the last packet of `channels` must be a BYE.
async fn ends_with_bye(client: &mut Client<tokio::net::TcpStream>, channels: &[u8]) {
    let mut byes = Vec::new();
    loop {
        match client.message().await {
            Message::Data(channel, data) if channel % 2 == 1 => {
                if kinds(&data) == [201, 202, 203] {
                    byes.push(channel);
                }
            }
            Message::Data(..) => assert!(byes.is_empty(), "media after BYE"),
            Message::End => break,
            Message::Answer(answer) => panic!("{answer:?}"),
        }
    }
    assert_eq!(byes, channels);
}

#[tokio::test]
async fn sessions_end_politely() {
    // Shutdown, disconnect, disconnect by user, change of codec, end of the stream.
    for reason in 0..5 {
        let (server, feed) = camera().await;
        let mut client = Client::connect(&server).await;
        client.play(&server.url()).await;
        let info = server.server.sessions();
        assert_eq!(
            (info.len(), info[0].user.name(), info[0].transport),
            (1, "bob", Transport::Tcp)
        );
        assert_eq!(info[0].url, MAIN);
        match reason {
            0 => {
                let began = tokio::time::Instant::now();
                server.server.shutdown().await;
                assert!(began.elapsed() < Duration::from_millis(1500));
            }
            1 => assert!(
                server.server.disconnect(info[0].id) && !server.server.disconnect(info[0].id)
            ),
            2 => {
                assert_eq!(server.server.disconnect_user("alice"), 0);
                assert_eq!(server.server.disconnect_user("bob"), 1);
            }
            3 => server
                .stream
                .reconfigure(StreamConfig::new("main", [Codec::H265]))
                .unwrap(),
            _ => server.stream.close(),
        }
        ends_with_bye(&mut client, &[1, 3]).await;
        server.viewers(0).await;
        assert_eq!(server.server.sessions(), [], "reason {reason}");
        drop(feed);
    }
}

#[tokio::test]
async fn a_vanished_client_leaves_nothing_behind() {
    let (server, _feed) = camera().await;
    let mut client = Client::connect(&server).await;
    client.play(&server.url()).await;
    client.frame().await;
    drop(client);
    server.viewers(0).await;
    assert_eq!(server.server.sessions(), []);
}

async fn udp_pair() -> (UdpSocket, UdpSocket, String) {
    let rtp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let rtcp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let offer = format!(
        "RTP/AVP;unicast;client_port={}-{}",
        rtp.local_addr().unwrap().port(),
        rtcp.local_addr().unwrap().port()
    );
    (rtp, rtcp, offer)
}

async fn packet(socket: &UdpSocket) -> (Vec<u8>, u16) {
    let mut buffer = [0; 2000];
    let (length, from) = within(socket.recv_from(&mut buffer)).await.unwrap();
    (buffer[..length].to_vec(), from.port())
}

#[tokio::test]
async fn udp_delivers_reports_and_ends() {
    let (server, _feed) = camera().await;
    let mut client = Client::connect(&server).await;
    let (rtp, rtcp, offer) = udp_pair().await;
    let answer = client.setup(&server.url(), 0, &offer).await;
    let transport = answer.header("Transport").to_owned();
    let ports = transport
        .split("server_port=")
        .nth(1)
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    let (rtp_port, rtcp_port) = ports.split_once('-').unwrap();
    let answer = client.request("PLAY", &server.url(), &[]).await;
    let (first_seq, start) = rtp_info(answer.header("RTP-Info"), 0);
    let (report, from) = packet(&rtcp).await;
    assert_eq!(
        (kinds(&report), from.to_string().as_str()),
        (vec![200, 202], rtcp_port)
    );
    let ssrc = word(&report, 4);
    assert!(
        transport.contains(&format!("ssrc={ssrc:08X}")),
        "{transport}"
    );
    let mut expected = first_seq;
    for number in 0..60 {
        let (data, from) = packet(&rtp).await;
        assert_eq!(
            (seq(&data), from.to_string().as_str()),
            (expected, rtp_port)
        );
        assert!(data.len() <= 1400);
        if number == 0 {
            assert_eq!(word(&data, 4), start);
        }
        expected = expected.wrapping_add(1);
    }
    // A receiver report reaches the session: half of the packets lost.
    let mut rr = vec![0x81, 201, 0, 7, 0, 0, 0, 9];
    rr.extend(ssrc.to_be_bytes());
    rr.push(128);
    rr.resize(32, 0);
    let to = format!("127.0.0.1:{rtcp_port}");
    within(async {
        while server.server.sessions()[0].lost < 0.4 {
            rtcp.send_to(&rr, &to).await.unwrap();
            packet(&rtp).await;
        }
    })
    .await;
    // The session outlives its connection, and another one can end it.
    let session = client.session.clone();
    drop(client);
    packet(&rtp).await;
    let mut other = Client::connect(&server).await;
    other.session = session;
    assert_eq!(
        other.request("TEARDOWN", &server.url(), &[]).await.status,
        200
    );
    loop {
        if kinds(&packet(&rtcp).await.0) == [201, 202, 203] {
            break;
        }
    }
    server.viewers(0).await;
}

#[tokio::test]
async fn large_udp_frames_arrive_in_order() {
    let server = TestServer::open([Codec::H264]).await;
    let sink = server.stream.sink(0).unwrap();
    sink.push(&noise(true, 0, 10)).unwrap();
    let mut client = Client::connect(&server).await;
    let (rtp, _rtcp, offer) = udp_pair().await;
    client.setup(&server.url(), 0, &offer).await;
    client.request("PLAY", &server.url(), &[]).await;
    packet(&rtp).await;
    packet(&rtp).await;
    // 60 kB in 44 packets: two bursts, the last packet shorter.
    sink.push(&noise(false, 1, 60_000)).unwrap();
    let (mut bytes, mut before) = (0, None);
    loop {
        let (data, _) = packet(&rtp).await;
        assert!(before.is_none_or(|before: u16| seq(&data) == before.wrapping_add(1)));
        before = Some(seq(&data));
        bytes += data.len() - 14;
        if data[1] & 0x80 != 0 {
            break;
        }
    }
    assert_eq!(bytes, 60_000);
}

/// RTSP over a WebSocket (LIVE): the adapter hands over a duplex stream and the user it knows.
#[tokio::test]
async fn any_duplex_serves_a_known_user() {
    let (server, _feed) = camera().await;
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let peer = "192.0.2.7:4711".parse().unwrap();
    let context = ConnectionContext {
        user: Some(User::new("alice")),
        local: None,
        secure: true,
        transport: Transport::WebSocket,
    };
    let task = tokio::spawn({
        let server = server.server.clone();
        async move { server.serve_connection(theirs, peer, context).await }
    });
    let mut client = Client::new(ours);
    let url = format!("rtsp://camera{MAIN}");
    let answer = client.bare("DESCRIBE", &url, &[]).await;
    assert_eq!(answer.status, 200, "no credentials needed");
    let track = format!("{url}/trackID=0");
    let answer = client
        .bare(
            "SETUP",
            &track,
            &["Transport: RTP/AVP;unicast;client_port=5000-5001"],
        )
        .await;
    assert_eq!(answer.status, 461, "no UDP through a WebSocket");
    assert_eq!(
        client
            .bare("SETUP", &track, &["Transport: RTP/AVP/TCP;interleaved=0-1"])
            .await
            .status,
        200
    );
    let session = format!("Session: {}", client.session);
    assert_eq!(client.bare("PLAY", &url, &[&session]).await.status, 200);
    while client.frame().await.0 != 0 {}
    let info = &server.server.sessions()[0];
    assert_eq!(
        (info.user.name(), info.peer, info.transport),
        ("alice", peer, Transport::WebSocket)
    );
    drop(client);
    within(task).await.unwrap();
    assert_eq!(server.server.sessions(), []);
}
