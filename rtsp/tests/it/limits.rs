//! Limits: sessions, connections, time, and viewers that are too slow.

use std::time::Duration;

use rtsp::{Codec, Config};
use tokio::net::UdpSocket;

use crate::client::{Client, Message};
use crate::server::{TestServer, noise, within};

/// `Config` is `non_exhaustive`.
fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    change(&mut config);
    config
}

/// GEN-5: one more than allowed is refused, and nobody already connected is disturbed.
#[tokio::test]
async fn sessions_are_limited() {
    let server = TestServer::new(config(|config| config.max_sessions = 2)).await;
    server.push_key_frame();
    let url = server.url();
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = Client::connect(&server).await;
        client.play(&url).await;
        clients.push(client);
    }
    let mut third = Client::connect(&server).await;
    let answer = third
        .setup(&url, 0, "RTP/AVP/TCP;unicast;interleaved=0-1")
        .await;
    assert_eq!(answer.status, 453);
    assert_eq!(
        third.request("DESCRIBE", &url, &[]).await.status,
        200,
        "its connection stays"
    );
    for client in &mut clients {
        assert_eq!(client.request("GET_PARAMETER", &url, &[]).await.status, 200);
    }
    server.server.set_max_sessions(3);
    assert_eq!(
        third
            .setup(&url, 0, "RTP/AVP/TCP;unicast;interleaved=0-1")
            .await
            .status,
        200
    );
    drop(clients);
    server.viewers(1).await;
}

/// The device counts sessions of its own, keeps something for each, and can end one from outside.
#[tokio::test]
async fn the_device_lets_sessions_in_and_ends_them() {
    let server = TestServer::new(Config::default()).await;
    server.push_key_frame();
    let url = server.url();
    let here = || std::sync::Arc::strong_count(&server.accounts.here) - 1;
    let mut refused = Client::connect(&server).await;
    let full = "Authorization: Digest username=\"full\", response=\"right\"";
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1";
    let setup = format!("{url}/trackID=0");
    let answer = refused.bare("SETUP", &setup, &[full, transport]).await;
    assert_eq!((answer.status, here()), (453, 0));
    let mut client = Client::connect(&server).await;
    client.play(&url).await;
    server.viewers(1).await;
    assert_eq!(here(), 1);
    let end = server.accounts.ends.lock().unwrap()[0].clone();
    end.end();
    server.viewers(0).await;
    assert!(server.server.sessions().is_empty());
    end.end();
}

#[tokio::test]
async fn connections_are_limited() {
    // Those of one address that have not said who they are.
    let server = TestServer::new(config(|config| config.max_pending_per_address = 1)).await;
    server.push_key_frame();
    let mut first = Client::connect(&server).await;
    assert_eq!(first.bare("OPTIONS", "*", &[]).await.status, 200);
    let mut second = Client::connect(&server).await;
    assert_eq!(second.answer().await.status, 503);
    assert_eq!(second.message().await, Message::End);
    assert_eq!(
        first.request("DESCRIBE", &server.url(), &[]).await.status,
        200
    );
    let mut third = Client::connect(&server).await;
    assert_eq!(
        third.bare("OPTIONS", "*", &[]).await.status,
        200,
        "the first is known now and no longer counts"
    );

    let server = TestServer::new(config(|config| config.max_connections = 1)).await;
    let mut first = Client::connect(&server).await;
    assert_eq!(first.request("GET_PARAMETER", "*", &[]).await.status, 200);
    let mut second = Client::connect(&server).await;
    assert_eq!(second.answer().await.status, 503);
    assert_eq!(second.message().await, Message::End);
}

#[tokio::test]
async fn unauthenticated_clients_have_little_time() {
    let server = TestServer::new(config(|config| {
        config.unauthenticated_time = Duration::from_millis(50)
    }))
    .await;
    for sent in [
        "",
        "OPTIONS * RTSP/1.0\r\nCSe",
        "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 10\r\n\r\nabc",
    ] {
        let mut client = Client::connect(&server).await;
        client.send(sent).await;
        assert_eq!(client.answer().await.status, 408, "{sent}");
        assert_eq!(client.message().await, Message::End);
    }
}

#[tokio::test(start_paused = true)]
async fn silent_udp_sessions_expire() {
    let server = TestServer::new(config(|config| {
        config.session_timeout = Duration::from_secs(10)
    }))
    .await;
    server.push_key_frame();
    let mut client = Client::connect(&server).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    let offer = format!("RTP/AVP;unicast;client_port={port}-{port}");
    client.setup(&server.url(), 0, &offer).await;
    assert_eq!(server.server.sessions().len(), 1);
    let began = tokio::time::Instant::now();
    let mut viewers = server.hooks.viewers.subscribe();
    viewers.wait_for(|viewers| *viewers == 0).await.unwrap();
    let lived = began.elapsed();
    assert!(
        (Duration::from_secs(15)..=Duration::from_secs(30)).contains(&lived),
        "{lived:?}"
    );
    assert_eq!(
        client
            .request("GET_PARAMETER", &server.url(), &[])
            .await
            .status,
        454
    );
}

/// A viewer that stops reading misses whole frames, goes on with a key frame, and holds nobody up.
#[tokio::test]
async fn slow_viewers_skip_to_a_key_frame() {
    let server = TestServer::open([Codec::H264]).await;
    let sink = server.stream.sink(0).unwrap();
    sink.push(&noise(true, 0, 100)).unwrap();
    let url = server.url();
    let mut slow = Client::connect(&server).await;
    let mut quick = Client::connect(&server).await;
    for client in [&mut slow, &mut quick] {
        client
            .setup(&url, 0, "RTP/AVP/TCP;unicast;interleaved=0-1")
            .await;
        assert_eq!(client.request("PLAY", &url, &[]).await.status, 200);
    }
    // Pictures of half a megabyte, each taken by the quick viewer before the next is made, until the slow one
    // has taken nothing of the last twenty: more than the stream keeps.
    let (mut number, mut taken, mut stuck) = (0, 0, 0);
    while stuck < 20 {
        number += 1;
        assert!(number < 300, "150 MB in buffers?");
        sink.push(&noise(false, number, 500_000)).unwrap();
        picture(&mut quick, number).await;
        let sessions = server.server.sessions();
        assert_eq!(sessions[1].dropped_frames, 0, "nobody else misses anything");
        stuck = if sessions[0].bytes == taken {
            stuck + 1
        } else {
            0
        };
        taken = sessions[0].bytes;
    }
    // The slow one wakes up: what was under way arrives whole, then nothing until the key frame.
    sink.push(&noise(true, number + 1, 1000)).unwrap();
    sink.push(&noise(false, number + 2, 1000)).unwrap();
    picture(&mut quick, number + 1).await;
    picture(&mut quick, number + 2).await;
    let mut shown = Vec::new();
    while shown.last() != Some(&(number + 2)) {
        shown.push(any_picture(&mut slow).await);
    }
    assert!(server.server.sessions()[0].dropped_frames >= 20);
    assert_eq!(
        shown[shown.len() - 2],
        number + 1,
        "the one after the gap is the key frame: {shown:?}"
    );
    assert!(
        shown[..shown.len() - 2]
            .windows(2)
            .all(|pair| pair[1] == pair[0] + 1),
        "one gap only: {shown:?}"
    );
}

/// Reads up to a marker and checks that it ends picture `number`.
async fn picture(client: &mut Client<tokio::net::TcpStream>, number: u32) {
    loop {
        if any_picture(client).await == number {
            return;
        }
    }
}

/// Reads one whole picture; gives its number by its RTP time, counted from the first one this client saw.
async fn any_picture(client: &mut Client<tokio::net::TcpStream>) -> u32 {
    loop {
        let (channel, packet) = client.frame().await;
        if channel == 0 && packet[1] & 0x80 != 0 {
            let time = u32::from_be_bytes(packet[4..8].try_into().unwrap());
            let zero = *client.zero.get_or_insert(time);
            return time.wrapping_sub(zero) / 3600;
        }
    }
}

#[tokio::test]
async fn a_viewer_that_takes_nothing_is_closed() {
    let server = TestServer::with(
        config(|config| config.stall_time = Duration::from_millis(100)),
        [Codec::H264],
        true,
    )
    .await;
    let sink = server.stream.sink(0).unwrap();
    sink.push(&noise(true, 0, 100)).unwrap();
    let mut client = Client::connect(&server).await;
    client
        .setup(&server.url(), 0, "RTP/AVP/TCP;unicast;interleaved=0-1")
        .await;
    client.request("PLAY", &server.url(), &[]).await;
    // More than any socket buffer holds, as key frames, so that nothing is skipped for want of one.
    let mut viewers = server.hooks.viewers.subscribe();
    within(async {
        for number in 1.. {
            sink.push(&noise(true, number, 4_000_000)).unwrap();
            if tokio::time::timeout(
                Duration::from_millis(20),
                viewers.wait_for(|viewers| *viewers == 0),
            )
            .await
            .is_ok()
            {
                break;
            }
        }
    })
    .await;
    assert_eq!(server.server.sessions(), []);
}

#[tokio::test]
async fn bad_configurations_are_refused() {
    let rows: [(&str, Config); 5] = [
        (
            "max_sessions is 0, allowed are 1 to 4096",
            config(|config| config.max_sessions = 0),
        ),
        (
            "max_sessions is 4097",
            config(|config| config.max_sessions = 4097),
        ),
        (
            "max_connections is 0",
            config(|config| config.max_connections = 0),
        ),
        (
            "udp_port is 5001, allowed are even ports",
            config(|config| config.udp_port = 5001),
        ),
        (
            "session_timeout is 9",
            config(|config| config.session_timeout = Duration::from_secs(9)),
        ),
    ];
    let server = TestServer::open([Codec::H264]).await;
    for (expect, config) in rows {
        let error = server
            .bind_again(&[], config)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(expect), "{error}");
    }
    let error = server
        .bind_again(&[server.address], Config::default())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains(&server.address.to_string()), "{error}");
}
