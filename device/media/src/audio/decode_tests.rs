//! The decoder of the back channel, with frames of the unit's own encoder.

use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::audio::{AudioCodec, encode::tests::encode};

const WITHIN: Duration = Duration::from_secs(30);

/// Frames of three seconds of a tone.
pub(in crate::audio) fn aac_tone(rate: u32, hz: u32) -> Vec<Vec<u8>> {
    let wave = |n: u32| {
        let at = f64::from(n) / 48_000.0;
        (10_000.0 * (std::f64::consts::TAU * f64::from(hz) * at).sin()) as i16
    };
    let sound: Vec<i16> = (0..3 * 48_000).map(wave).collect();
    let units = encode(AudioCodec::Aac { rate }, &sound);
    units.into_iter().map(|(_, data)| data.to_vec()).collect()
}

type Out = (u32, Place, usize);

fn decoding() -> (Decoding, Receiver<Out>) {
    crate::init().unwrap();
    let (sender, out) = channel();
    let hear = move |rate, place, samples: &[i16]| {
        let _ = sender.send((rate, place, samples.len()));
    };
    (Decoding::begin(hear).unwrap(), out)
}

fn frame(rate: u32, time: u32, data: &[u8]) -> Frame {
    let packet = AAC_FRAME_SAMPLES;
    Frame {
        codec: Codec::Aac { rate, channels: 1 },
        place: Place { time, packet },
        data: data.into(),
    }
}

/// A lost packet, a jump of the talker's clock, packets in another order: each frame comes out at the time it was told.
#[test]
fn every_frame_comes_out_at_its_own_time() {
    for rate in [8_000, 16_000, 32_000, 48_000] {
        let (decoding, out) = decoding();
        let lost = (0..8u32).filter(|n| *n != 3).map(|n| n * 1024);
        let times: Vec<u32> = lost.chain([4_000_000_000, 7, 9 * 1024]).collect();
        let frames = aac_tone(rate, 500);
        for (time, data) in times.iter().zip(&frames) {
            decoding.take(frame(rate, *time, data));
        }
        // All but what the decoder keeps of the last.
        for time in &times[..times.len() - 1] {
            let (at, place, samples) = out.recv_timeout(WITHIN).unwrap();
            assert_eq!((at, place.time, samples), (rate, *time, 1024));
        }
    }
}

/// Whatever a talker sends for AAC, the next good frames are heard again.
#[test]
fn broken_frames_are_overcome() {
    let (decoding, out) = decoding();
    let frames = aac_tone(16_000, 500);
    let mut broken = frames.clone();
    for (n, data) in broken.iter_mut().enumerate() {
        let at = n * 7 % data.len();
        data[at] ^= 0xff;
        data.truncate(data.len() - n % 3);
    }
    let send = |time: u32, data: &[u8]| {
        decoding.take(frame(16_000, time, data));
        std::thread::sleep(Duration::from_millis(10));
    };
    for (n, data) in broken.iter().enumerate() {
        send(n as u32, data);
    }
    let good = 1 << 20;
    let begun = Instant::now();
    let mut turns = frames.iter().cycle();
    while !out.try_iter().any(|(_, place, _)| place.time == good) {
        assert!(begun.elapsed() < WITHIN, "nothing is heard any more");
        send(good, turns.next().unwrap());
    }
}
