//! Viewers of a stream, on a paused clock.

use std::sync::atomic::AtomicU32;
use std::task::Poll;
use std::time::UNIX_EPOCH;

use bytes::Bytes;

use super::*;

const BOTH: [bool; MAX_TRACKS] = [true, true, false, false, false, false, false, false];
const WAIT: Duration = Duration::from_millis(400);

#[derive(Default)]
struct Asked {
    keys: AtomicU32,
    viewers: AtomicUsize,
}

impl StreamHooks for Asked {
    fn key_frame_wanted(&self) {
        self.keys.fetch_add(1, Ordering::Relaxed);
    }

    fn viewers_changed(&self, viewers: usize) {
        self.viewers.store(viewers, Ordering::Relaxed);
    }
}

struct Bench {
    stream: Arc<Stream>,
    asked: Arc<Asked>,
    number: u32,
}

impl Bench {
    fn new() -> Bench {
        let asked = Arc::new(Asked::default());
        let config = StreamConfig::new("main", [Codec::H264, Codec::OnvifMetadata]);
        Bench {
            stream: Stream::new(config, asked.clone()).unwrap(),
            asked,
            number: 0,
        }
    }

    /// Pushes the next picture, 40 ms after the one before; gives its number.
    fn video(&mut self, key: bool, bytes: usize) -> u32 {
        let header: &[u8] = if key {
            &[0, 0, 1, 0x67, 1, 2, 3, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x65]
        } else {
            &[0, 0, 1, 0x41]
        };
        self.push(0, key, [header, &vec![5; bytes]].concat())
    }

    fn metadata(&mut self) -> u32 {
        self.push(1, true, b"<x/>".to_vec())
    }

    fn push(&mut self, track: usize, key: bool, data: Vec<u8>) -> u32 {
        self.number += 1;
        let pts = Duration::from_millis(40) * self.number;
        let unit = AccessUnit {
            pts,
            utc: UNIX_EPOCH + pts,
            key,
            data: Bytes::from(data),
        };
        self.stream.sink(track).unwrap().push(&unit).unwrap();
        self.number
    }

    async fn start(&self) -> (Cursor, Option<StartPoint>) {
        Cursor::start(&self.stream, 0, BOTH, WAIT).await
    }

    fn keys_asked(&self) -> u32 {
        self.asked.keys.load(Ordering::Relaxed)
    }
}

/// A viewer who comes 300 ms after the last key frame.
async fn starting_late(bench: &mut Bench) -> tokio::task::JoinHandle<(Cursor, Option<StartPoint>)> {
    bench.video(true, 10);
    pass(300).await;
    let stream = bench.stream.clone();
    tokio::spawn(async move { Cursor::start(&stream, 0, BOTH, WAIT).await })
}

/// Numbers of the frames ready for a viewer.
fn ready(cursor: &mut Cursor) -> Vec<u32> {
    let mut numbers = Vec::new();
    while let Poll::Ready(Next::Frame(frame)) = cursor.poll(Instant::now()) {
        numbers.push((frame.pts.as_millis() / 40) as u32);
    }
    numbers
}

async fn pass(ms: u64) {
    tokio::time::advance(Duration::from_millis(ms)).await;
}

#[tokio::test(start_paused = true)]
async fn starts_with_a_fresh_key_frame() {
    let mut bench = Bench::new();
    bench.video(false, 10);
    bench.video(true, 3000);
    bench.metadata();
    bench.video(false, 10);
    pass(200).await;
    let (mut cursor, start) = bench.start().await;
    let tracks = bench.stream.tracks().unwrap().1;
    let start = start.unwrap();
    let Poll::Ready(Next::Frame(first)) = cursor.poll(Instant::now()) else {
        panic!("no frame")
    };
    assert!(first.key);
    assert_eq!(
        start.tracks[0],
        (0, first.first_seq, tracks[0].rtp_time(first.pts)),
        "RTP-Info is exact"
    );
    assert_eq!(
        start.tracks[1].2,
        tracks[1].rtp_time(first.pts),
        "both tracks start at the same media time"
    );
    assert_eq!(ready(&mut cursor), [3, 4]);
    assert_eq!((bench.keys_asked(), cursor.dropped), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn asks_for_a_key_frame_when_the_last_is_old() {
    let mut bench = Bench::new();
    let starting = starting_late(&mut bench).await;
    pass(10).await;
    assert_eq!(bench.keys_asked(), 1);
    bench.video(false, 10);
    pass(10).await;
    let key = bench.video(true, 10);
    let (mut cursor, start) = starting.await.unwrap();
    assert!(start.is_some());
    assert_eq!(ready(&mut cursor), [key]);
}

/// In a crowd: a key frame came for the first, the next may not be asked for yet, and nobody waits for it.
#[tokio::test(start_paused = true)]
async fn a_crowd_starts_with_the_key_frame_made_for_its_first() {
    let mut bench = Bench::new();
    let starting = starting_late(&mut bench).await;
    pass(20).await;
    bench.video(false, 10);
    pass(10).await;
    let key = bench.video(true, 10);
    starting.await.unwrap();
    let mut expect = vec![key];
    for _ in 0..11 {
        pass(40).await;
        expect.push(bench.video(false, 10));
    }
    // The key frame is 440 ms old. More come before the viewer has written it: they are not held against it.
    let (mut cursor, start) = bench.start().await;
    assert!(start.is_some());
    for _ in 0..3 {
        pass(40).await;
        expect.push(bench.video(false, 10));
    }
    assert_eq!(ready(&mut cursor), expect);
    assert_eq!((cursor.dropped, cursor.episodes), (0, 0));
    assert_eq!(bench.keys_asked(), 1);
    // From now on it is held to the same as everybody.
    for _ in 0..14 {
        pass(40).await;
        bench.video(false, 10);
    }
    assert_eq!(ready(&mut cursor), Vec::<u32>::new());
    assert_eq!((cursor.dropped, cursor.episodes), (14, 1));
}

#[tokio::test(start_paused = true)]
async fn starts_later_by_itself_when_no_key_frame_comes() {
    let mut bench = Bench::new();
    let (mut cursor, start) = bench.start().await;
    assert!(start.is_none());
    bench.video(false, 10);
    let document = bench.metadata();
    let key = bench.video(true, 10);
    assert_eq!(
        ready(&mut cursor),
        [document, key],
        "never part of a group of pictures"
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_viewer_goes_on_with_the_next_key_frame() {
    let mut bench = Bench::new();
    bench.video(true, 10);
    let (mut slow, _) = bench.start().await;
    let (mut quick, _) = bench.start().await;
    assert_eq!((ready(&mut slow), ready(&mut quick)), (vec![1], vec![1]));
    for _ in 0..14 {
        pass(40).await;
        bench.video(false, 10);
        assert_eq!(ready(&mut quick), [bench.number], "nobody else is held up");
    }
    // 14 pictures wait, the oldest for 520 ms: all are left out, and a key frame is asked for.
    assert_eq!(ready(&mut slow), Vec::<u32>::new());
    assert_eq!(
        (slow.dropped, slow.episodes, bench.keys_asked()),
        (14, 1, 1)
    );
    bench.video(false, 10);
    assert_eq!(ready(&mut slow), Vec::<u32>::new());
    let document = bench.metadata();
    let key = bench.video(true, 10);
    let after = bench.video(false, 10);
    assert_eq!(ready(&mut slow), [document, key, after]);
    assert_eq!((slow.dropped, slow.episodes), (15, 1));
    assert_eq!((quick.dropped, quick.episodes), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn too_many_bytes_are_as_bad_as_too_much_time() {
    let mut bench = Bench::new();
    bench.video(true, 10);
    let (mut cursor, _) = bench.start().await;
    ready(&mut cursor);
    for _ in 0..5 {
        bench.video(false, 500_000);
    }
    assert_eq!(ready(&mut cursor), Vec::<u32>::new(), "2.5 MB wait");
    let key = bench.video(true, 3_000_000);
    let after = bench.video(false, 10);
    assert_eq!(
        ready(&mut cursor),
        [key, after],
        "a large key frame is not left out for its size"
    );
}

#[tokio::test(start_paused = true)]
async fn a_viewer_far_behind_skips_to_a_fresh_key_frame() {
    let mut bench = Bench::new();
    bench.video(true, 10);
    let (mut cursor, _) = bench.start().await;
    ready(&mut cursor);
    for number in 0..50 {
        pass(40).await;
        bench.video(number == 47, 10);
    }
    // The ring holds one second: what the viewer wanted next is long gone.
    assert_eq!(ready(&mut cursor), [49, 50, 51]);
    assert_eq!((cursor.dropped, bench.keys_asked()), (47, 0));
}

#[tokio::test(start_paused = true)]
async fn reconfiguring_ends_viewers_only_when_codecs_change() {
    let mut bench = Bench::new();
    let old = bench.stream.sink(0).unwrap();
    bench.video(true, 10);
    let (mut cursor, _) = bench.start().await;
    ready(&mut cursor);
    bench
        .stream
        .reconfigure(StreamConfig::new(
            "renamed",
            [Codec::H264, Codec::OnvifMetadata],
        ))
        .unwrap();
    assert_eq!(bench.stream.name(), "renamed");
    let number = bench.video(true, 20);
    assert_eq!(ready(&mut cursor), [number]);

    bench
        .stream
        .reconfigure(StreamConfig::new("main", [Codec::H265]))
        .unwrap();
    assert!(matches!(cursor.next().await, Next::Ended));
    let unit = AccessUnit {
        pts: Duration::ZERO,
        utc: UNIX_EPOCH,
        key: true,
        data: Bytes::from_static(&[0, 0, 1, 0x65, 1]),
    };
    assert!(matches!(old.push(&unit), Err(MediaError::Stale)));
    assert!(matches!(
        bench.stream.sink(1),
        Err(MediaError::NoTrack {
            track: 1,
            tracks: 1
        })
    ));
    bench.stream.close();
    assert!(matches!(bench.stream.sink(0), Err(MediaError::Stale)));
    assert!(bench.stream.describe(WAIT).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn reports_carry_the_capture_clock_on() {
    let mut bench = Bench::new();
    let tracks = bench.stream.tracks().unwrap().1;
    assert_eq!(
        bench.stream.sender_info(&tracks[0], Instant::now()),
        None,
        "no clock before the first frame"
    );
    bench.video(true, 3000);
    bench.metadata();
    pass(2500).await;
    let video = bench
        .stream
        .sender_info(&tracks[0], Instant::now())
        .unwrap();
    let at = Duration::from_millis(40 + 2500);
    assert_eq!(
        (video.utc, video.rtp_time),
        (UNIX_EPOCH + at, tracks[0].rtp_time(at))
    );
    assert_eq!(
        (video.packets, video.octets),
        (4, 3012 + 5),
        "STAP-A of two sets, three fragments"
    );
    let metadata = bench
        .stream
        .sender_info(&tracks[1], Instant::now())
        .unwrap();
    assert_eq!(
        (metadata.utc, metadata.rtp_time),
        (video.utc, tracks[1].rtp_time(at)),
        "one clock for all tracks"
    );
    assert_ne!(video.ssrc, metadata.ssrc);
}

#[tokio::test(start_paused = true)]
async fn describe_waits_for_parameter_sets_and_counts_as_viewer() {
    let mut bench = Bench::new();
    let describing = tokio::spawn({
        let stream = bench.stream.clone();
        async move { stream.describe(Duration::from_secs(1)).await.unwrap() }
    });
    pass(1).await;
    assert_eq!(
        (
            bench.asked.viewers.load(Ordering::Relaxed),
            bench.keys_asked()
        ),
        (1, 1)
    );
    bench.video(true, 10);
    let description = describing.await.unwrap();
    assert_eq!(
        description.tracks[0].1.sps,
        [Bytes::from_static(&[0x67, 1, 2, 3])]
    );
    assert_eq!(bench.asked.viewers.load(Ordering::Relaxed), 0);
}

#[test]
fn track_counts_are_bounded() {
    let make = |count: usize| {
        Stream::new(
            StreamConfig::new("x", vec![Codec::H264; count]),
            Arc::new(()),
        )
    };
    assert!(make(8).is_ok());
    for count in [0, 9] {
        assert!(matches!(make(count), Err(MediaError::Tracks { tracks }) if tracks == count));
    }
}

/// The wall clock is set by an hour, forth and back: RTP time goes on as if nothing was, the reports follow
/// the new UTC with the next picture.
#[tokio::test(start_paused = true)]
async fn rtp_time_does_not_know_jumps_of_the_wall_clock() {
    let bench = Bench::new();
    let track = bench.stream.tracks().unwrap().1.remove(0);
    let hour = Duration::from_secs(3600);
    let walls = [hour, hour * 2, hour * 2, Duration::ZERO, hour];
    for (n, wall) in walls.into_iter().enumerate() {
        let pts = Duration::from_millis(40) * n as u32;
        let unit = AccessUnit {
            pts,
            utc: UNIX_EPOCH + wall + pts,
            key: true,
            data: Bytes::from_static(&[0, 0, 1, 0x65, 1, 2, 3]),
        };
        bench.stream.sink(0).unwrap().push(&unit).unwrap();
        let report = bench.stream.sender_info(&track, Instant::now()).unwrap();
        assert_eq!(report.rtp_time, track.rtp_time(pts), "picture {n}");
        assert_eq!(report.utc, UNIX_EPOCH + wall + pts, "picture {n}");
        pass(40).await;
    }
}
