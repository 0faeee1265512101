//! The loudspeaker, with one that writes down what it plays.

use std::path::Path;
use std::sync::atomic::AtomicU32;

use platecam_model::ports::Loudspeaker as _;

use super::*;
use crate::audio::decode::tests::aac_tone;
use crate::audio::speaker::FileSpeaker;

const WITHIN: Duration = Duration::from_secs(30);

fn of_file(path: &Path, volume: u8) -> Loudspeaker {
    let speaker = FileSpeaker { path: path.into() };
    Loudspeaker::new(speaker, move || volume)
}

fn heard(path: &Path) -> Vec<i16> {
    let bytes = std::fs::read(path).unwrap_or_default();
    let samples = bytes.chunks_exact(2);
    samples.map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
}

fn until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < WITHIN, "{what}");
        std::thread::sleep(TURN);
    }
}

fn say(talker: &Talker, packets: std::ops::Range<u16>) {
    say_in(rtsp::Codec::Pcmu, 0xef, talker, packets);
}

fn say_in(codec: rtsp::Codec, byte: u8, talker: &Talker, packets: std::ops::Range<u16>) {
    for n in packets {
        let packet = rtsp::Heard {
            sequence: n,
            time: u32::from(n) * 160,
            codec,
            packet: 160,
            samples: &[byte; 160],
        };
        rtsp::Talk::hear(talker, packet);
    }
}

/// ONVIF's back channel in A-law, beside µ-law.
#[test]
fn both_laws_are_heard_as_what_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("heard.raw");
    let loudspeaker = of_file(&path, 50);
    let talker = loudspeaker.begin().unwrap().unwrap();
    say_in(rtsp::Codec::Pcma, 0xc5, &talker, 0..5);
    say_in(rtsp::Codec::Pcmu, 0xef, &talker, 5..10);
    until("all is played", || heard(&path).len() >= 1600);
    assert_eq!(heard(&path), [[264; 800], [132; 800]].concat());
}

/// AAC over the back channel: what the unit's own encoder makes is heard at its own rate; what is no AAC is not, and harms nothing.
#[test]
fn aac_is_heard_at_its_own_rate() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("heard.raw");
    let loudspeaker = of_file(&path, 50);
    let talker = loudspeaker.begin().unwrap().unwrap();
    let codec = rtsp::Codec::Aac {
        rate: 16_000,
        channels: 1,
    };
    let hear = |time: u32, samples: &[u8]| {
        let packet = rtsp::Heard {
            sequence: 0,
            time,
            codec,
            packet: rtsp::AAC_FRAME_SAMPLES,
            samples,
        };
        rtsp::Talk::hear(&talker, packet);
    };
    for junk in [&[0xff; rtsp::MAX_AAC_FRAME][..], &[0], &[0x21, 0x10, 5]] {
        hear(77, junk);
    }
    // Over the end of RTP's 32 bits, no quicker than a talker is.
    for (n, frame) in (0u32..).zip(aac_tone(16_000, 500)) {
        hear((u32::MAX - 5000).wrapping_add(n * 1024), &frame);
        std::thread::sleep(Duration::from_millis(64));
    }
    until("it is played", || heard(&path).len() >= 16_000);
    let sound = heard(&path);
    // A tone of 500 Hz has its next half wave after 16 samples of 16 kHz.
    let loud: Vec<_> = sound.windows(17).filter(|w| w[0].abs() > 5_000).collect();
    let tone = loud.iter().filter(|w| (w[0] + w[16]).abs() < 2_500).count();
    assert!(
        loud.len() > 4_000 && tone * 10 > loud.len() * 9,
        "{tone} of {} of {}",
        loud.len(),
        sound.len()
    );
}

fn tone(rate: u32, samples: usize) -> Sound {
    Sound {
        rate,
        samples: vec![1000; samples],
    }
}

#[test]
fn one_talks_at_a_time_and_is_heard() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("heard.raw");
    let loudspeaker = of_file(&path, 100);
    let talker = loudspeaker.begin().unwrap().unwrap();
    assert!(loudspeaker.begin().unwrap().is_none(), "another talks");
    assert!(!path.exists(), "opened only when something is said");
    say(&talker, 0..10);
    until("all is played", || heard(&path).len() >= 1600);
    drop(talker);
    assert_eq!(heard(&path), [264; 1600], "twice as loud as it came");
    assert!(loudspeaker.begin().unwrap().is_some(), "the next may");
}

/// AUDIO-1: volume of the settings, or one of its own.
#[test]
fn a_sound_is_played_to_its_end_as_loud_as_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("heard.raw");
    let loudspeaker = of_file(&path, 25);
    let sound = tone(8_000, 1000);
    assert!(loudspeaker.play(&sound, None, &|| true).unwrap());
    assert_eq!(heard(&path), [500; 1000]);
    assert!(loudspeaker.play(&sound, Some(0), &|| true).unwrap());
    assert_eq!(heard(&path), [0; 1000]);
    let left = AtomicU32::new(3);
    let go_on = || left.fetch_sub(1, Ordering::Relaxed) > 1;
    assert!(!loudspeaker.play(&sound, None, &go_on).unwrap(), "stopped");
    assert_eq!(heard(&path).len(), 160);
}

/// Who talks cuts a sound; what comes meanwhile waits until there is silence.
#[test]
fn who_talks_goes_before_what_is_played() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("heard.raw");
    let loudspeaker = of_file(&path, 50);
    let talker = loudspeaker.begin().unwrap().unwrap();
    std::thread::scope(|scope| {
        let long = scope.spawn(|| loudspeaker.play(&tone(8_000, 8_000 * 600), None, &|| true));
        until("the sound plays", || heard(&path).contains(&1000));
        say(&talker, 0..5);
        assert!(!long.join().unwrap().unwrap(), "cut");
        until("who talks is heard", || heard(&path) == [132; 800]);
        let waits = AtomicBool::new(false);
        let go_on = || {
            waits.store(true, Ordering::Relaxed);
            true
        };
        assert!(loudspeaker.play(&tone(8_000, 160), None, &go_on).unwrap());
        assert!(waits.load(Ordering::Relaxed));
        assert_eq!(heard(&path), [1000; 160]);
    });
}

/// A loudspeaker that cannot be opened: the error names it, and the way stays free.
#[test]
fn a_loudspeaker_that_does_not_open_is_an_error() {
    let loudspeaker = of_file(Path::new("/no/such/folder/heard.raw"), 50);
    for _ in 0..2 {
        let refused = loudspeaker.play(&tone(8_000, 160), None, &|| true);
        let why = refused.unwrap_err().to_string();
        assert!(why.contains("/no/such/folder"), "{why}");
    }
}
