//! Viewers of one stream whose sockets are now full, now empty: a property of all they get.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use rtsp::Codec;
use tokio::net::TcpStream;

use crate::client::Client;
use crate::server::{TestServer, noise};

/// Viewer 0 reads everything at once, the others when they feel like it.
const VIEWERS: usize = 3;

#[derive(Clone, Debug)]
enum Act {
    Push { key: bool, bytes: usize },
    Read(usize),
    Ask(usize),
    PauseAndPlay(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let push = (prop::bool::weighted(0.2), 1..400_000usize);
    prop_oneof![
        14 => push.prop_map(|(key, bytes)| Act::Push { key, bytes }),
        3 => (1..VIEWERS).prop_map(Act::Read),
        3 => (0..VIEWERS).prop_map(Act::Ask),
        1 => (1..VIEWERS).prop_map(Act::PauseAndPlay),
    ]
}

type Picture = Vec<Vec<u8>>;

struct Viewer {
    client: Client<TcpStream>,
    pictures: Vec<Picture>,
    part: Picture,
}

impl Viewer {
    async fn new(server: &TestServer) -> Viewer {
        let mut client = Client::connect(server).await;
        let url = server.url();
        let offer = "RTP/AVP/TCP;unicast;interleaved=0-1";
        client.setup(&url, 0, offer).await;
        assert_eq!(client.request("PLAY", &url, &[]).await.status, 200);
        Viewer {
            client,
            pictures: Vec::new(),
            part: Vec::new(),
        }
    }

    /// Reads up to the end of a picture. Nothing is lost when the future is dropped.
    async fn picture(&mut self) {
        loop {
            let (channel, packet) = self.client.frame().await;
            if channel == 0 {
                let last = packet[1] & 0x80 != 0;
                self.part.push(packet);
                if last {
                    self.pictures.push(std::mem::take(&mut self.part));
                    return;
                }
            }
        }
    }

    async fn up_to(&mut self, time: u32) {
        while self.pictures.last().map(|last| rtp_time(last)) != Some(time) {
            self.picture().await;
        }
    }
}

fn rtp_time(picture: &[Vec<u8>]) -> u32 {
    u32::from_be_bytes(picture[0][4..8].try_into().unwrap())
}

fn seq(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[2], packet[3]])
}

async fn viewers(server: &TestServer) -> Vec<Viewer> {
    let mut viewers = Vec::new();
    for _ in 0..VIEWERS {
        viewers.push(Viewer::new(server).await);
    }
    viewers
}

async fn check(acts: Vec<Act>) {
    let server = TestServer::open([Codec::H264]).await;
    let sink = server.stream.sink(0).unwrap();
    let url = server.url();
    let mut number = 0;
    let mut push = |key, bytes| {
        sink.push(&noise(key, number, bytes)).unwrap();
        number += 1;
    };
    let connecting = viewers(&server);
    tokio::pin!(connecting);
    let mut viewers = loop {
        push(true, 10);
        tokio::select! {
            viewers = &mut connecting => break viewers,
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    };
    // The first large one: from here on the first viewer follows picture by picture.
    push(true, 5000);
    while viewers[0].pictures.last().is_none_or(|it| it.len() < 4) {
        viewers[0].picture().await;
    }
    for act in acts {
        match act {
            Act::Push { key, bytes } => {
                push(key, bytes);
                viewers[0].picture().await;
            }
            Act::Read(who) => {
                let reading = viewers[who].picture();
                let _ = tokio::time::timeout(Duration::from_millis(20), reading).await;
            }
            Act::Ask(who) => {
                let asking = viewers[who].client.request("GET_PARAMETER", &url, &[]);
                assert_eq!(asking.await.status, 200);
            }
            Act::PauseAndPlay(who) => {
                for method in ["PAUSE", "PLAY"] {
                    let answer = viewers[who].client.request(method, &url, &[]).await;
                    assert_eq!(answer.status, 200);
                }
            }
        }
    }
    for key in [true, false] {
        push(key, 10);
        viewers[0].picture().await;
    }
    let last = rtp_time(viewers[0].pictures.last().unwrap());
    for viewer in &mut viewers[1..] {
        viewer.up_to(last).await;
    }

    let all: HashMap<u32, &Picture> = { viewers[0].pictures.iter() }
        .map(|picture| (rtp_time(picture), picture))
        .collect();
    for (who, viewer) in viewers.iter().enumerate() {
        let mut next = None;
        for picture in &viewer.pictures {
            let whole = all.get(&rtp_time(picture));
            assert!(
                whole.is_none_or(|whole| *whole == picture),
                "viewer {who} got a picture in part"
            );
            // A key frame begins with an aggregate of its parameter sets.
            let goes_on = next == Some(seq(&picture[0]));
            assert!(
                goes_on || (who > 0 || next.is_none()) && picture[0][12] & 31 == 24,
                "viewer {who} misses a part of a group of pictures"
            );
            next = Some(seq(&picture[picture.len() - 1]).wrapping_add(1));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever the others do, who reads at once gets everything; all get whole pictures alone, in order, go on with a
    /// key frame after a gap, and find every answer between two packets.
    #[test]
    fn viewers_get_whole_pictures_and_harm_nobody(acts in prop::collection::vec(act(), 20..60)) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(check(acts));
    }
}
