//! Listeners move while clients play (NET-14).

use std::net::SocketAddr;

use rtsp::{Codec, Config, Error};
use tokio::net::TcpStream;

use crate::client::Client;
use crate::clip::Clip;
use crate::server::{H264, TestServer};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

#[tokio::test]
async fn a_client_plays_on_while_the_listener_moves() {
    let server = TestServer::new(Config::default()).await;
    let _feed = server.feed(Clip::new(Codec::H264, H264));
    let url = server.url();
    let mut client = Client::connect(&server).await;
    client.play(&url).await;
    server.server.rebind(&[]).await.unwrap();
    assert!(server.server.local_addrs().is_empty());
    assert!(TcpStream::connect(server.address).await.is_err());
    for _ in 0..50 {
        client.frame().await;
    }
    server.server.rebind(&[ANY]).await.unwrap();
    let moved = server.server.local_addrs()[0];
    let mut second = Client::new(TcpStream::connect(moved).await.unwrap());
    second
        .play(&format!("rtsp://{moved}/video/livemedia?Ch=1&Streamtype=0"))
        .await;
    second.frame().await;
    assert_eq!(client.request("GET_PARAMETER", &url, &[]).await.status, 200);
    server.viewers(2).await;
}

#[tokio::test]
async fn what_stays_stays_and_what_fails_changes_nothing() {
    let server = TestServer::new(Config::default()).await;
    let taken = std::net::TcpListener::bind(ANY).unwrap();
    let other = taken.local_addr().unwrap();
    let error = server.server.rebind(&[ANY, other]).await.unwrap_err();
    assert!(
        matches!(error, Error::Listen { address, .. } if address == other),
        "{error}"
    );
    assert_eq!(server.server.local_addrs(), [server.address]);
    drop(taken);
    server
        .server
        .rebind(&[server.address, other])
        .await
        .unwrap();
    assert_eq!(server.server.local_addrs(), [server.address, other]);
    server.server.rebind(&[other]).await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
    TcpStream::connect(other).await.unwrap();
    // The port given up is free at once.
    std::net::TcpListener::bind(server.address).unwrap();
}
