//! Every status, and what is tolerated.

use rtsp::Config;
use tokio::io::AsyncWriteExt;

use crate::client::{Client, Message};
use crate::server::{BOB, TestServer};

const TCP: &str = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1";

#[tokio::test]
async fn options_needs_no_credentials() {
    let server = TestServer::new(Config::default()).await;
    let mut client = Client::connect(&server).await;
    let answer = client.bare("OPTIONS", "*", &[]).await;
    assert_eq!(answer.status, 200);
    for method in [
        "DESCRIBE",
        "SETUP",
        "PLAY",
        "PAUSE",
        "TEARDOWN",
        "GET_PARAMETER",
        "SET_PARAMETER",
    ] {
        assert!(
            answer.header("Public").contains(method),
            "{method}: ONVIF and live555 look for it"
        );
    }
}

/// NET-22: the server demands Digest; the device says in which algorithms, MD5 first.
#[tokio::test]
async fn challenges_pass_through() {
    let server = TestServer::new(Config::default()).await;
    let mut client = Client::connect(&server).await;
    for (method, headers) in [
        ("DESCRIBE", &[][..]),
        ("SETUP", &[TCP]),
        ("PLAY", &[]),
        ("TEARDOWN", &[]),
        ("GET_PARAMETER", &[]),
    ] {
        let answer = client.bare(method, &server.url(), headers).await;
        assert_eq!(answer.status, 401, "{method}");
        let challenges = answer.all("WWW-Authenticate");
        assert!(
            challenges[0].contains("MD5") && challenges[1].contains("SHA-256"),
            "{challenges:?}"
        );
        assert!(!challenges[0].contains("stale"));
    }
    let answer = client
        .bare(
            "DESCRIBE",
            &server.url(),
            &["Authorization: Digest username=\"stale\""],
        )
        .await;
    assert!(answer.header("WWW-Authenticate").contains("stale=true"));
    let answer = client
        .bare(
            "DESCRIBE",
            &server.url(),
            &["Authorization: Digest username=\"mallory\""],
        )
        .await;
    assert_eq!(answer.status, 403);
    let answer = client
        .bare(
            "DESCRIBE",
            &server.url(),
            &["Authorization: Digest username=\"locked\""],
        )
        .await;
    assert_eq!((answer.status, answer.header("Retry-After")), (403, "300"));
    assert_eq!(client.message().await, Message::End);
}

#[tokio::test]
async fn guessing_is_cut_off() {
    let server = TestServer::new(Config::default()).await;
    let mut client = Client::connect(&server).await;
    for _ in 0..11 {
        assert_eq!(
            client.bare("DESCRIBE", &server.url(), &[]).await.status,
            401
        );
    }
    assert_eq!(client.message().await, Message::End);
}

#[tokio::test]
async fn describe_names_tracks_absolutely() {
    let server = TestServer::new(Config::default()).await;
    server.push_key_frame();
    for suffix in ["", "/"] {
        let mut client = Client::connect(&server).await;
        let url =
            format!("rtsp://bob:secret@camera.local:554/video/livemedia?Ch=1&Streamtype=0{suffix}");
        let answer = client
            .request("DESCRIBE", &url, &["Accept: application/sdp"])
            .await;
        let base = "rtsp://camera.local:554/video/livemedia?Ch=1&Streamtype=0";
        assert_eq!(
            (answer.status, answer.header("Content-Type")),
            (200, "application/sdp")
        );
        assert_eq!(answer.header("Content-Base"), format!("{base}/"));
        for track in [0, 1] {
            assert!(
                answer
                    .body
                    .contains(&format!("a=control:{base}/trackID={track}\r\n")),
                "{}",
                answer.body
            );
        }
        assert!(
            answer.body.contains("sprop-parameter-sets=Z"),
            "{}",
            answer.body
        );
        assert!(!answer.body.contains("secret"));
    }
}

#[tokio::test]
async fn refusals() {
    let server = TestServer::new(Config::default()).await;
    server.push_key_frame();
    let url = server.url();
    let elsewhere = |path: &str| format!("rtsp://{}{path}", server.address);
    let track = format!("{url}/trackID=0");
    // method, url, extra header, status, header the answer must have
    let rows: &[(&str, &str, &str, u16, &str)] = &[
        ("DESCRIBE", &elsewhere("/nothing"), "", 404, ""),
        // NET-20, NET-21
        (
            "DESCRIBE",
            &elsewhere("/video/livemedia?Ch=1&Streamtype=7"),
            "",
            404,
            "",
        ),
        ("DESCRIBE", &elsewhere("/busy"), "", 453, ""),
        ("DESCRIBE", &elsewhere("/off"), "", 503, ""),
        ("DESCRIBE", &elsewhere("/secret"), "", 403, ""),
        ("DESCRIBE", &url, "Accept: text/html", 406, ""),
        ("DESCRIBE", "*", "", 400, ""),
        ("SETUP", "*", TCP, 400, ""),
        (
            "DESCRIBE",
            &url,
            "Require: onvif-replay",
            551,
            "Unsupported",
        ),
        (
            "DESCRIBE",
            &url,
            "Require: www.onvif.org/ver20/backchannel",
            551,
            "Unsupported",
        ),
        ("OPTIONS", &url, "Require: x", 551, "Unsupported"),
        ("ANNOUNCE", &url, "", 405, "Allow"),
        ("RECORD", &url, "", 405, "Allow"),
        ("FROB", &url, "", 501, "Public"),
        ("SETUP", &url, TCP, 459, ""),
        ("SETUP", &format!("{url}/trackID=9"), TCP, 404, ""),
        ("SETUP", &track, "Transport: RTP/AVP;multicast", 461, ""),
        (
            "SETUP",
            &track,
            "Transport: RTP/SAVP;unicast;client_port=5000-5001",
            461,
            "",
        ),
        ("SETUP", &track, "Transport: RTP/AVP;unicast", 461, ""),
        (
            "SETUP",
            &track,
            "Transport: RTP/AVP;unicast;client_port=0-1",
            461,
            "",
        ),
        ("SETUP", &track, "X: no transport", 461, ""),
        ("SETUP", &track, "Session: 12345", 454, ""),
        ("PLAY", &url, "Session: 12345", 454, ""),
        ("PLAY", &url, "", 454, ""),
        ("PAUSE", &url, "Session: 12345", 454, ""),
        ("TEARDOWN", &url, "Session: 12345", 454, ""),
        ("GET_PARAMETER", &url, "Session: 12345", 454, ""),
    ];
    let mut client = Client::connect(&server).await;
    for (method, url, header, status, with) in rows {
        let mut headers = vec![BOB];
        headers.extend((!header.is_empty()).then_some(*header));
        let answer = client.bare(method, url, &headers).await;
        assert_eq!(answer.status, *status, "{method} {url} {header}");
        assert!(
            with.is_empty() || !answer.header(with).is_empty(),
            "{method} {header}: no {with}"
        );
    }
    assert_eq!(server.server.sessions(), [], "nothing was left behind");
}

#[tokio::test]
async fn states() {
    let server = TestServer::new(Config::default()).await;
    let _feed = server.feed(crate::clip::Clip::new(
        rtsp::Codec::H264,
        crate::server::H264,
    ));
    let url = server.url();
    let mut client = Client::connect(&server).await;
    let answer = client
        .setup(&url, 0, "RTP/AVP/TCP;unicast;interleaved=0-1")
        .await;
    assert!(
        answer.header("Session").ends_with(";timeout=60"),
        "{answer:?}"
    );
    assert!(client.session.len() >= 16, "at least 64 random bits");
    assert_eq!(
        client.request("PAUSE", &url, &[]).await.status,
        455,
        "not playing"
    );
    let other = format!(
        "rtsp://{}/video/livemedia?Ch=2&Streamtype=0/trackID=1",
        server.address
    );
    assert_eq!(
        client.request("SETUP", &other, &[TCP]).await.status,
        459,
        "another stream"
    );
    let answer = client
        .setup(&url, 1, "RTP/AVP;unicast;client_port=5000-5001")
        .await;
    assert_eq!(answer.status, 461, "one transport a session");
    assert_eq!(client.request("PLAY", &url, &[]).await.status, 200);
    assert_eq!(
        client
            .setup(&url, 1, "RTP/AVP/TCP;unicast;interleaved=2-3")
            .await
            .status,
        455,
        "playing"
    );
    assert_eq!(
        client.request("PLAY", &url, &[]).await.status,
        200,
        "again is no fault"
    );
    // Somebody else cannot touch the session, whatever he knows of it.
    let mut eve = Client::connect(&server).await;
    let session = format!("Session: {}", client.session);
    for method in ["PAUSE", "TEARDOWN", "PLAY", "GET_PARAMETER"] {
        let answer = eve
            .bare(
                method,
                &url,
                &["Authorization: Digest username=\"eve\"", &session],
            )
            .await;
        assert_eq!(answer.status, 454, "{method}");
    }
    assert_eq!(
        eve.bare("PLAY", &url, &[BOB, &session]).await.status,
        455,
        "interleaved elsewhere"
    );
    assert_eq!(client.request("PAUSE", &url, &[]).await.status, 200);
    assert_eq!(client.request("PLAY", &url, &[]).await.status, 200);
    assert_eq!(client.request("TEARDOWN", &url, &[]).await.status, 200);
    assert_eq!(client.request("TEARDOWN", &url, &[]).await.status, 454);
    server.viewers(0).await;
}

#[tokio::test]
async fn keep_alives() {
    let server = TestServer::new(Config::default()).await;
    server.push_key_frame();
    let url = server.url();
    let mut client = Client::connect(&server).await;
    assert_eq!(
        client.request("GET_PARAMETER", &url, &[]).await.status,
        200,
        "without a session"
    );
    client
        .setup(&url, 0, "RTP/AVP/TCP;unicast;interleaved=0-1")
        .await;
    for method in ["GET_PARAMETER", "SET_PARAMETER", "OPTIONS"] {
        assert_eq!(
            client.request(method, &url, &[]).await.status,
            200,
            "{method}"
        );
    }
    let body = format!(
        "GET_PARAMETER {url} RTSP/1.0\r\nCSeq: 9\r\n{BOB}\r\nContent-Length: 8\r\n\r\njitter\r\n"
    );
    client.send(body).await;
    assert_eq!(client.answer().await.status, 451);
}

#[tokio::test]
async fn transports_are_negotiated() {
    let server = TestServer::new(Config::default()).await;
    server.push_key_frame();
    let url = server.url();
    // offer, start of the answer
    let rows = [
        (
            "RTP/AVP/TCP;unicast;interleaved=0-1",
            "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=",
        ),
        (
            "RTP/AVP/TCP;unicast;interleaved=10-11",
            "RTP/AVP/TCP;unicast;interleaved=10-11;ssrc=",
        ),
        (
            "RTP/AVP/TCP;unicast",
            "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=",
        ),
        (
            "rtp/avp/tcp;INTERLEAVED=4",
            "RTP/AVP/TCP;unicast;interleaved=4-5;ssrc=",
        ),
        (
            "RTP/SAVP;unicast;client_port=1-2,RTP/AVP;multicast,RTP/AVP/TCP;unicast;interleaved=0-1",
            "RTP/AVP/TCP;unicast",
        ),
        (
            "RTP/AVP/UDP;unicast;client_port=5000-5001,RTP/AVP/TCP;interleaved=0-1",
            "RTP/AVP;unicast;client_port=5000-5001;server_port=",
        ),
        (
            "RTP/AVP;unicast;client_port=5000-5001;mode=\"PLAY\"",
            "RTP/AVP;unicast;client_port=5000-5001;server_port=",
        ),
    ];
    for (offer, expect) in rows {
        let mut client = Client::connect(&server).await;
        let answer = client.setup(&url, 0, offer).await;
        assert!(
            answer.header("Transport").starts_with(expect),
            "{offer}: {}",
            answer.header("Transport")
        );
        assert_eq!(client.request("TEARDOWN", &url, &[]).await.status, 200);
    }
    let mut client = Client::connect(&server).await;
    client
        .setup(&url, 0, "RTP/AVP/TCP;unicast;interleaved=0-1")
        .await;
    let answer = client
        .setup(&url, 1, "RTP/AVP/TCP;unicast;interleaved=0-1")
        .await;
    assert!(
        answer.header("Transport").contains("interleaved=2-3"),
        "channels in use are not given twice: {answer:?}"
    );
}

#[tokio::test]
async fn odd_requests_are_understood() {
    let server = TestServer::new(Config::default()).await;
    server.push_key_frame();
    let url = server.url();
    let mut client = Client::connect(&server).await;
    // Pipelined, with lower-case headers, bare line feeds, blank lines and a stray report between.
    let auth = BOB.to_lowercase();
    client
        .send(format!(
            "\r\n\r\noptions * RTSP/1.0\ncseq: 1\n\n$\x01\0\x04\0\0\0\0DESCRIBE {url} RTSP/1.0\r\ncseq:2\r\n{auth}\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 77\r\n\r\nSETUP {path}/trackID=0/ RTSP/1.0\r\nCSEQ: 3 \r\n{auth}\r\ntransport: RTP/AVP/TCP\r\n\r\n",
            path = crate::server::MAIN,
        ))
        .await;
    for cseq in ["1", "2", "3"] {
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.header("CSeq")), (200, cseq));
    }
    // The session may be left out where the connection has one.
    client.session.clear();
    assert_eq!(client.request("PLAY", &url, &[]).await.status, 200);
}

#[tokio::test]
async fn unreadable_requests() {
    let server = TestServer::new(Config::default()).await;
    // what is sent, status, closed after it
    let rows: &[(Vec<u8>, u16, bool)] = &[
        (b"OPTIONS * RTSP/1.0\r\n\r\n".to_vec(), 400, false),
        (
            b"OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n".to_vec(),
            505,
            false,
        ),
        (b"PUT / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), 400, true),
        (b"\x16\x03\x01\x02\0\x01\0".to_vec(), 400, true),
        (
            [
                b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: ".as_slice(),
                &[b'a'; 20_000],
            ]
            .concat(),
            413,
            true,
        ),
        (
            b"SET_PARAMETER * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 70000\r\n\r\n".to_vec(),
            413,
            true,
        ),
        (
            b"SET_PARAMETER * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: x\r\n\r\n".to_vec(),
            400,
            true,
        ),
    ];
    for (bytes, status, closed) in rows {
        let mut client = Client::connect(&server).await;
        client.send(bytes).await;
        let text = String::from_utf8_lossy(bytes);
        let answer = client.answer().await;
        assert_eq!(answer.status, *status, "{:.40}", text);
        if *closed {
            assert_eq!(client.message().await, Message::End, "{:.40}", text);
        } else {
            assert_eq!(
                client.bare("OPTIONS", "*", &[]).await.status,
                200,
                "{:.40}",
                text
            );
        }
    }
}

#[tokio::test]
async fn answers_reach_a_client_that_closes_its_sending_side() {
    let server = TestServer::new(Config::default()).await;
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    stream
        .write_all(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n")
        .await
        .unwrap();
    stream.shutdown().await.unwrap();
    let mut client = Client::new(stream);
    assert_eq!(client.answer().await.header("CSeq"), "1");
    assert_eq!(client.answer().await.header("CSeq"), "2");
    assert_eq!(client.message().await, Message::End);
}
