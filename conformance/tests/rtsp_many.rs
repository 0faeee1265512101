//! As many viewers as are allowed at once, among them some that behave badly (GEN-5).

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use conformance::{Camera, Options, PASSWORD};
use futures_util::StreamExt;
use retina::client;

/// Maximum Viewers, as delivered.
const VIEWERS: usize = 64;
const WITHIN: Duration = Duration::from_secs(120);

async fn view(camera: &Camera, stream: u8) -> Result<client::Demuxed, retina::Error> {
    let url = url::Url::parse(&camera.rtsp_url_anonymous(stream)).unwrap();
    let credentials = client::Credentials {
        username: "admin".into(),
        password: PASSWORD.into(),
    };
    let options = client::SessionOptions::default().creds(Some(credentials));
    let mut session = client::Session::describe(url, options).await?;
    session.setup(0, client::SetupOptions::default()).await?;
    session
        .play(client::PlayOptions::default())
        .await?
        .demuxed()
}

/// Waits for `count` things from each viewer.
async fn frames(viewers: &mut [client::Demuxed], count: usize) {
    let all = viewers.iter_mut().map(|viewer| async move {
        for _ in 0..count {
            viewer.next().await.expect("it goes on").expect("no error");
        }
    });
    tokio::time::timeout(WITHIN, futures_util::future::join_all(all))
        .await
        .expect("pictures for everybody");
}

/// GEN-5, NET-22: 64 viewers get pictures; the next one is refused and can come when a place is free; one that does not
/// read, ones that vanish and ones that send rubbish cost nobody anything.
#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_viewers_and_some_bad_ones() {
    let camera = Camera::start(&Options {
        source: "test:".into(),
        ..Options::default()
    })
    .unwrap();
    // Takes its answer to PLAY, and nothing more; it is closed some time.
    let lazy = view(&camera, 0).await.unwrap();
    let vanishes = view(&camera, 1).await.unwrap();
    let mut viewers = Vec::new();
    let refused = loop {
        match view(&camera, 1).await {
            Ok(viewer) => viewers.push(viewer),
            Err(e) => break e.to_string(),
        }
    };
    assert!(refused.contains("453"), "{refused}");
    assert!(
        (VIEWERS - 2..VIEWERS).contains(&viewers.len()),
        "{} viewers beside two",
        viewers.len()
    );
    frames(&mut viewers, 5).await;
    for rubbish in [
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".as_slice(),
        b"$\0\xff\xff",
        b"DESCRIBE \0\xff RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 4096],
    ] {
        let mut tcp = TcpStream::connect(("127.0.0.1", camera.rtsp)).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let _ = tcp.write_all(rubbish);
        let _ = tcp.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        // Some answer or none, but the connection ends.
        let _ = tcp.read_to_end(&mut answer);
    }
    drop(vanishes);
    let arrives = async {
        loop {
            match view(&camera, 1).await {
                Ok(viewer) => return viewer,
                Err(e) => assert!(e.to_string().contains("453"), "{e}"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let arrived = tokio::time::timeout(WITHIN, arrives);
    viewers.push(arrived.await.expect("the place of who vanished is free"));
    frames(&mut viewers, 15).await;
    drop(lazy);
}
