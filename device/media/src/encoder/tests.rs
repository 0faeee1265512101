//! Encoders driven faster than real time, frame by frame.

mod profile;
mod roi;
mod signing;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use gstreamer as gst;
use gstreamer_video as gst_video;

use super::choose::{EncoderChoice, available_encoders};
use super::interest::Regions;
use super::pipeline::{Encoded, EncoderPipeline, Plan};
use crate::annexb::{NalKind, nal_kind, nal_units};
use crate::config::{Codec, EncoderConfig, PictureSize, Rate, StreamId};
use crate::frame::{FrameKind, RawFrame};
use lpr_core::{MediaTime, UtcTime};
use platecam_model::settings::H264Profile;

const HUNG: Duration = Duration::from_secs(60);

/// A textured picture that moves, with some noise: what a street looks like to an encoder.
fn frame(number: u64, size: PictureSize, fps: u64) -> Arc<RawFrame> {
    crate::init().unwrap();
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, size.width, size.height)
        .build()
        .unwrap();
    let mut data = vec![128u8; info.size()];
    let (width, height) = (size.width as usize, size.height as usize);
    let mut noise = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for y in 0..height {
        for x in 0..width {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            let (u, v) = (x + number as usize * 3, y + number as usize);
            let texture = ((u * u / 97 + v * v / 61) % 160) as u8 + ((u ^ v) & 31) as u8;
            data[y * width + x] = 16 + texture + (noise & 7) as u8;
        }
    }
    let buffer = gst::Buffer::from_mut_slice(data);
    Arc::new(RawFrame {
        video: gst_video::VideoFrame::from_buffer_readable(buffer, &info).unwrap(),
        at: MediaTime::from_nanos(5_000_000_000 + number * 1_000_000_000 / fps),
        utc: UtcTime::from_millis(1_000_000 + number as i64),
        sequence: number,
        kind: FrameKind::Picture,
        discontinuity: false,
    })
}

fn plan(config: EncoderConfig, stream: StreamId) -> Plan {
    Plan {
        stream,
        config,
        size: config.size,
        frame_rate: config.frame_rate,
    }
}

fn config(codec: Codec, rate: Rate) -> EncoderConfig {
    EncoderConfig {
        codec,
        h264_profile: H264Profile::High,
        size: PictureSize::new(352, 240),
        frame_rate: 15,
        rate,
        gop: 25,
    }
}

fn start(
    choice: &EncoderChoice,
    plan: &Plan,
    first: &RawFrame,
    regions: &Regions,
) -> (EncoderPipeline, Receiver<Encoded>) {
    let (units, received) = channel();
    let pipeline = EncoderPipeline::start(
        choice,
        plan,
        first.info(),
        regions,
        move |unit| drop(units.send(unit)),
        |error| panic!("{error}"),
    )
    .unwrap();
    (pipeline, received)
}

/// Encodes `count` frames one after the other, with no clock.
fn encode(choice: &EncoderChoice, plan: &Plan, count: u64) -> Vec<Encoded> {
    encode_with(&Regions::default(), choice, plan, count)
}

fn encode_with(regions: &Regions, choice: &EncoderChoice, plan: &Plan, count: u64) -> Vec<Encoded> {
    let fps = u64::from(plan.frame_rate);
    let first = frame(0, plan.size, fps);
    let (mut pipeline, received) = start(choice, plan, &first, regions);
    (0..count)
        .map(|number| {
            assert!(pipeline.push(&frame(number, plan.size, fps)));
            received
                .recv_timeout(HUNG)
                .expect("one unit for each frame, with no delay")
        })
        .collect()
}

fn software(codec: Codec) -> impl Iterator<Item = &'static EncoderChoice> {
    available_encoders()
        .iter()
        .filter(move |choice| choice.codec == codec && !choice.hardware)
}

/// VIDEO-11, VIDEO-14: every encoder gives a unit for each frame at once, with its times, groups of
/// exactly the set length and parameter sets before each key picture.
#[test]
fn groups_times_and_parameter_sets() {
    for codec in [Codec::H264, Codec::H265, Codec::Jpeg] {
        for choice in software(codec) {
            let config = config(
                codec,
                Rate::Vbr {
                    quality: 3,
                    max_kbps: 1000,
                },
            );
            let units = encode(choice, &plan(config, StreamId::Main), 60);
            for (number, unit) in (0u64..).zip(&units) {
                let what = format!("{} unit {number}", choice.element);
                assert_eq!(
                    unit.at.as_nanos(),
                    5_000_000_000 + number * 1_000_000_000 / 15,
                    "{what}"
                );
                assert_eq!(
                    unit.utc,
                    Some(UtcTime::from_millis(1_000_000 + number as i64)),
                    "{what}"
                );
                assert_eq!(unit.key, codec == Codec::Jpeg || number % 25 == 0, "{what}");
                if codec != Codec::Jpeg {
                    let nals = nal_units(&unit.data);
                    let sets = nals
                        .iter()
                        .filter(|nal| nal_kind(codec, nal) == NalKind::ParameterSet)
                        .count();
                    let expect = if unit.key {
                        usize::from(codec == Codec::H265) + 2
                    } else {
                        0
                    };
                    assert_eq!(sets, expect, "{what}");
                }
            }
        }
    }
}

/// VIDEO-15: within 10 % of the target over 10 s, for each software encoder.
#[test]
fn constant_bit_rate_is_within_ten_percent() {
    for (codec, stream, kbps) in [
        (Codec::H264, StreamId::Main, 700),
        (Codec::H264, StreamId::Sub, 320),
        (Codec::H265, StreamId::Sub, 320),
    ] {
        for choice in software(codec).filter(|choice| choice.element != "openh264enc") {
            let config = config(codec, Rate::Cbr { kbps });
            // Two seconds to settle, then the ten that count.
            let units = encode(choice, &plan(config, stream), 12 * 15);
            let bytes: usize = units[2 * 15..].iter().map(|unit| unit.data.len()).sum();
            let measured = bytes as f64 * 8.0 / 1000.0 / 10.0;
            let off = measured / f64::from(kbps) - 1.0;
            assert!(
                off.abs() < 0.10,
                "{} {stream}: {measured:.0} of {kbps} kbit/s",
                choice.element
            );
        }
    }
}

/// VIDEO-9, VIDEO-10: more quality is more bits, and the ceiling holds.
#[test]
fn quality_has_six_levels_under_a_ceiling() {
    for codec in [Codec::H264, Codec::H265, Codec::Jpeg] {
        let Some(choice) = software(codec).next() else {
            continue;
        };
        let bytes = |quality, max_kbps| -> usize {
            let config = config(codec, Rate::Vbr { quality, max_kbps });
            encode(choice, &plan(config, StreamId::Sub), 30)
                .iter()
                .map(|unit| unit.data.len())
                .sum()
        };
        let levels: Vec<usize> = (1..=6).map(|quality| bytes(quality, 100_000)).collect();
        assert!(
            levels.windows(2).all(|pair| pair[0] < pair[1]),
            "{codec}: {levels:?}"
        );
        if codec != Codec::Jpeg {
            // 2 s at 100 kbit/s, and one second's buffer of grace.
            let capped = bytes(6, 100);
            assert!(
                capped < levels[5] / 2 && capped <= 3 * 100 * 1000 / 8,
                "{codec}: {capped} of {}",
                levels[5]
            );
        }
    }
}

/// A forced key picture is the very next one.
#[test]
fn a_forced_key_picture_is_the_next() {
    for codec in [Codec::H264, Codec::H265] {
        for choice in software(codec) {
            let plan = plan(
                config(
                    codec,
                    Rate::Vbr {
                        quality: 3,
                        max_kbps: 1000,
                    },
                ),
                StreamId::Main,
            );
            let (mut pipeline, received) =
                start(choice, &plan, &frame(0, plan.size, 15), &Regions::default());
            for number in 0..20 {
                if number == 7 {
                    pipeline.force_key();
                }
                pipeline.push(&frame(number, plan.size, 15));
                let unit = received.recv_timeout(HUNG).expect("a unit");
                assert_eq!(
                    unit.key,
                    number == 0 || number == 7,
                    "{} unit {number}",
                    choice.element
                );
            }
        }
    }
}

/// A source that changes its size under a running encoder is scaled: the stream stays what it is.
#[test]
fn the_source_may_change_its_size() {
    let Some(choice) = software(Codec::H264).next() else {
        return;
    };
    let plan = plan(config(Codec::H264, Rate::Cbr { kbps: 500 }), StreamId::Main);
    let (mut pipeline, received) =
        start(choice, &plan, &frame(0, plan.size, 15), &Regions::default());
    for (number, (width, height)) in (0u64..).zip([(352, 240), (640, 480), (640, 480), (352, 240)])
    {
        pipeline.push(&frame(number, PictureSize::new(width, height), 15));
        let unit = received.recv_timeout(HUNG).expect("a unit");
        assert_eq!(unit.key, number == 0);
    }
}

#[derive(Default)]
struct Counting(std::sync::Mutex<usize>, std::sync::Condvar);

impl crate::AccessUnitSink for Counting {
    fn format(&self, _: &crate::StreamFormat) {}

    fn push(&self, _: crate::AccessUnit) {
        *self.0.lock().unwrap() += 1;
        self.1.notify_all();
    }
}

/// A stream that nobody wants is encoded for 10 s more (of media time), then not; wanted again, at once.
#[test]
fn an_unwanted_stream_becomes_idle_and_comes_back() {
    let sink = Arc::new(Counting::default());
    crate::init().unwrap();
    let encoder =
        super::Encoder::start(StreamId::Sub, crate::MediaClock::start(), sink.clone()).unwrap();
    let input = encoder.input();
    let config = config(Codec::H264, Rate::Cbr { kbps: 300 });
    input.configure(Some(config)).unwrap();
    let offer = |number: u64| {
        // The blocking way in, so that no frame is left out.
        input
            .messages
            .send(super::Message::Frame(frame(number, config.size, 15)))
            .unwrap();
    };
    let wait = |count: usize| {
        let seen = sink.0.lock().unwrap();
        let (seen, hung) = sink
            .1
            .wait_timeout_while(seen, HUNG, |seen| *seen < count)
            .unwrap();
        assert!(!hung.timed_out(), "{} of {count} units", *seen);
    };
    let settle = || {
        while input.shared.state() != super::EncoderState::Idle {
            std::thread::yield_now();
        }
    };
    for number in 0..5 {
        offer(number);
        wait(number as usize + 1);
    }
    input.key_frames().set_wanted(false);
    offer(5);
    wait(6);
    offer(5 + 9 * 15);
    wait(7);
    offer(6 + 10 * 15);
    settle();
    offer(7 + 10 * 15);
    input.key_frames().set_wanted(true);
    offer(8 + 10 * 15);
    wait(8);
    assert!(matches!(
        input.shared.state(),
        super::EncoderState::Running { .. }
    ));
    drop(encoder);
    assert!(*sink.0.lock().unwrap() <= 9);
}
