//! ROI-2, ROI-4, ROI-5: what regions do to each area of the picture at the same bit rate.

use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use lpr_core::NormRect;
use platecam_model::settings::{RegionOfInterest, RoiQuality};

use super::*;

const FRAMES: u64 = 25;
const FPS: u64 = 15;

fn region(quality: RoiQuality) -> RegionOfInterest {
    let area = NormRect {
        left: -0.5,
        top: 0.5,
        right: 0.5,
        bottom: -0.5,
    };
    RegionOfInterest { quality, area }
}

/// The luma of every decoded picture.
fn decode(units: &[Encoded], codec: Codec) -> Vec<Vec<u8>> {
    let decoder = match codec {
        Codec::H264 => "h264parse ! avdec_h264 max-threads=1",
        Codec::H265 => "h265parse ! avdec_h265 max-threads=1",
        Codec::Jpeg => "jpegdec",
    };
    let line = format!("appsrc name=in format=time ! {decoder} ! appsink name=out sync=false");
    let pipeline = gst::parse::launch(&line)
        .unwrap()
        .downcast::<gst::Pipeline>()
        .unwrap();
    let source = pipeline
        .by_name("in")
        .unwrap()
        .downcast::<gst_app::AppSrc>()
        .unwrap();
    let sink = pipeline
        .by_name("out")
        .unwrap()
        .downcast::<gst_app::AppSink>()
        .unwrap();
    let name = match codec {
        Codec::H264 => "video/x-h264",
        Codec::H265 => "video/x-h265",
        Codec::Jpeg => "image/jpeg",
    };
    let caps = gst::Caps::builder(name);
    let caps = match codec {
        Codec::Jpeg => caps,
        _ => caps
            .field("stream-format", "byte-stream")
            .field("alignment", "au"),
    };
    source.set_caps(Some(&caps.build()));
    pipeline.set_state(gst::State::Playing).unwrap();
    for unit in units {
        let mut buffer = gst::Buffer::from_slice(unit.data.clone());
        buffer
            .get_mut()
            .unwrap()
            .set_pts(gst::ClockTime::from_nseconds(unit.at.as_nanos()));
        source.push_buffer(buffer).unwrap();
    }
    source.end_of_stream().unwrap();
    let mut pictures = Vec::new();
    while let Ok(sample) = sink.pull_sample() {
        let info = gst_video::VideoInfo::from_caps(sample.caps().unwrap()).unwrap();
        let buffer = sample.buffer_owned().unwrap();
        let frame = gst_video::VideoFrame::from_buffer_readable(buffer, &info).unwrap();
        let (width, stride) = (info.width() as usize, info.stride()[0] as usize);
        let rows = frame
            .plane_data(0)
            .unwrap()
            .chunks(stride)
            .take(info.height() as usize);
        pictures.push(rows.flat_map(|row| row[..width].to_vec()).collect());
    }
    pipeline.set_state(gst::State::Null).unwrap();
    pictures
}

/// Squared error of luma inside and outside of the region, and the stream's bytes.
fn errors(choice: &EncoderChoice, plan: &Plan, regions: &[RegionOfInterest]) -> (f64, f64, usize) {
    let set = Regions::default();
    set.set(regions.into());
    let units = encode_with(&set, choice, plan, FRAMES);
    let pictures = decode(&units, choice.codec);
    assert_eq!(pictures.len(), FRAMES as usize, "{}", choice.element);
    let (width, height) = (plan.size.width as usize, plan.size.height as usize);
    let (mut inside, mut outside) = ((0.0, 0.0), (0.0, 0.0));
    // A second to settle.
    // The first ones to settle.
    for (number, picture) in (0..).zip(&pictures).skip(10) {
        let source = frame(number, plan.size, FPS);
        let luma = source.video.plane_data(0).unwrap();
        let stride = source.info().stride()[0] as usize;
        for y in 0..height {
            for x in 0..width {
                // Away from the edge, where either may be.
                let away = |n: usize, of: usize| {
                    let (from, to) = (of / 4, of * 3 / 4);
                    (n > from + 16 && n + 16 < to, n + 16 < from || n > to + 16)
                };
                let ((in_x, off_x), (in_y, off_y)) = (away(x, width), away(y, height));
                let sum = match (in_x && in_y, off_x || off_y) {
                    (true, _) => &mut inside,
                    (_, true) => &mut outside,
                    _ => continue,
                };
                let error = f64::from(luma[y * stride + x]) - f64::from(picture[y * width + x]);
                *sum = (sum.0 + error * error, sum.1 + 1.0);
            }
        }
    }
    let bytes = units.iter().map(|u| u.data.len()).sum();
    (inside.0 / inside.1, outside.0 / outside.1, bytes)
}

fn psnr(error: f64) -> f64 {
    10.0 * (255.0 * 255.0 / error).log10()
}

#[test]
fn a_region_is_encoded_better_or_worse_than_without_it() {
    for codec in [Codec::H264, Codec::H265] {
        let Some(choice) = software(codec).next() else {
            continue;
        };
        let plan = plan(config(codec, Rate::Cbr { kbps: 400 }), StreamId::Sub);
        let of = |regions: &[RegionOfInterest]| {
            let (inside, outside, bytes) = errors(choice, &plan, regions);
            let (inside, outside) = (psnr(inside), psnr(outside));
            println!(
                "{codec} {regions:?}: inside {inside:.2} dB, outside {outside:.2} dB, {bytes} bytes"
            );
            (inside, outside, bytes)
        };
        let none = of(&[]);
        let high = of(&[region(RoiQuality::High)]);
        assert!(high.0 > none.0 + 0.5, "{codec}: high gains");
        let more = high.2 as f64 / none.2 as f64;
        assert!(
            (0.9..1.1).contains(&more),
            "{codec}: at the same bit rate, not {more}"
        );
        if codec == Codec::H264 {
            let low = of(&[region(RoiQuality::Low)]);
            assert!(
                low.0 < none.0 - 1.0 && low.1 > none.1 - 0.5,
                "low loses, and the rest does not"
            );
        }
    }
}

/// Motion JPEG has no bit rate to share out: what a region of low quality gives up is saved.
#[test]
fn motion_jpeg_saves_bytes() {
    let choice = software(Codec::Jpeg).next().expect("jpegenc");
    let rate = Rate::Vbr {
        quality: 4,
        max_kbps: 1000,
    };
    let plan = plan(config(Codec::Jpeg, rate), StreamId::Sub);
    let none = errors(choice, &plan, &[]);
    let low = errors(choice, &plan, &[region(RoiQuality::Low)]);
    assert!(
        low.2 < none.2 * 9 / 10 && low.1 == none.1 && low.0 > none.0,
        "{none:?} {low:?}"
    );
}
