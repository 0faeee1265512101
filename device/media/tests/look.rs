//! Texts, masks and tone in what viewers decode, and in what recognition gets.

mod common;

use std::path::Path;
use std::sync::Arc;

use common::{Collector, HUNG, Item};
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use lpr_core::metering::Metered;
use lpr_core::{NormPoint, NormRect};
use platecam_media::{
    Codec, EncoderConfig, EngineOptions, ImagingSetup, Look, Mask, MediaEngine, PictureSize, Place,
    Rate, SourceSpec, StreamId, Text, Tone,
};
use platecam_model::settings::H264Profile;

const W: u32 = 320;
const H: u32 = 240;

struct Rig {
    engine: MediaEngine,
    main: Arc<Collector>,
    sub: Arc<Collector>,
}

/// H.264 in the source's size and Motion JPEG in half of it.
fn rig() -> Rig {
    let (main, sub) = (Collector::new(), Collector::new());
    let source = SourceSpec::parse("test:?size=320x240&fps=25", Path::new("/no/clip")).unwrap();
    let options = EngineOptions {
        source,
        pass_through: true,
        main: main.clone(),
        sub: sub.clone(),
    };
    let engine = MediaEngine::start(options).unwrap();
    let config = |codec, width, height| EncoderConfig {
        codec,
        h264_profile: H264Profile::High,
        size: PictureSize::new(width, height),
        frame_rate: 25,
        rate: Rate::Vbr {
            quality: 6,
            max_kbps: 4000,
        },
        gop: 25,
    };
    engine
        .configure(StreamId::Main, Some(config(Codec::H264, W, H)))
        .unwrap();
    engine
        .configure(StreamId::Sub, Some(config(Codec::Jpeg, W / 2, H / 2)))
        .unwrap();
    Rig { engine, main, sub }
}

/// A decoded picture in grey.
struct Grey {
    width: usize,
    luma: Vec<u8>,
}

impl Grey {
    /// Mean of a part, in fractions of the picture.
    fn mean(&self, x: (f32, f32), y: (f32, f32)) -> f32 {
        let height = self.luma.len() / self.width;
        let span = |(a, b): (f32, f32), n: usize| (a * n as f32) as usize..(b * n as f32) as usize;
        let mut sum = (0.0, 0.0);
        for row in span(y, height) {
            for n in &self.luma[row * self.width..][span(x, self.width)] {
                sum = (sum.0 + f32::from(*n), sum.1 + 1.0);
            }
        }
        sum.0 / sum.1
    }

    fn whole(&self) -> f32 {
        self.mean((0.0, 1.0), (0.0, 1.0))
    }
}

/// The last of an H.264 stream's pictures.
fn decode(units: &[Item]) -> Grey {
    let description = "appsrc name=in caps=video/x-h264,stream-format=byte-stream,alignment=au format=time \
         ! h264parse ! avdec_h264 ! videoconvert ! video/x-raw,format=GRAY8 ! appsink name=out sync=false";
    let pipeline = gst::parse::launch(description)
        .unwrap()
        .downcast::<gst::Pipeline>()
        .unwrap();
    let element = |name| pipeline.by_name(name).unwrap();
    let input = element("in").downcast::<gst_app::AppSrc>().unwrap();
    let output = element("out").downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    for item in units {
        if let Item::Unit(unit) = item {
            let mut buffer = gst::Buffer::from_slice(unit.data.clone());
            let at = gst::ClockTime::from_nseconds(unit.at.as_nanos());
            buffer.get_mut().unwrap().set_pts(at);
            input.push_buffer(buffer).unwrap();
        }
    }
    input.end_of_stream().unwrap();
    let mut last = None;
    while let Ok(sample) = output.pull_sample() {
        last = Some(sample);
    }
    pipeline.set_state(gst::State::Null).unwrap();
    let map = last
        .as_ref()
        .and_then(|s| s.buffer())
        .unwrap()
        .map_readable()
        .unwrap();
    Grey {
        width: W as usize,
        luma: map.to_vec(),
    }
}

fn jpeg(data: &[u8]) -> Grey {
    let picture = image::load_from_memory(data).unwrap().into_luma8();
    Grey {
        width: picture.width() as usize,
        luma: picture.into_raw(),
    }
}

impl Rig {
    /// What everybody sees once `look` is in force: main, sub, snapshot, recognition.
    fn with(&self, look: Look) -> [Grey; 4] {
        self.engine.set_look(look).unwrap();
        let reader = self.engine.frames();
        // A frame that was taken after the change, and what the encoders made of it.
        reader.next(HUNG).unwrap();
        let (frame, _) = reader.next(HUNG).unwrap();
        let after = |item: &Item| matches!(item, Item::Unit(u) if u.at >= frame.at);
        for stream in [&self.main, &self.sub] {
            stream.wait("a picture with the new look", |items| {
                items.iter().any(after)
            });
        }
        let analysed = frame.plane(0).unwrap();
        let rows = analysed.data.chunks(analysed.stride).take(H as usize);
        let snapshot = self.engine.snapshot(None, 95).unwrap();
        [
            decode(&self.main.items()),
            jpeg(&self.sub.units().last().unwrap().data),
            jpeg(&snapshot.jpeg),
            Grey {
                width: W as usize,
                luma: rows.flat_map(|row| row[..W as usize].to_vec()).collect(),
            },
        ]
    }
}

/// OSD-4, OSD-5: the text is in both streams and the snapshot, where it was put, and not in what
/// recognition reads.
#[test]
fn a_text_is_in_what_viewers_decode() {
    let rig = rig();
    let place = ((0.1, 0.3), (0.1, 0.17));
    // The test picture moves: without contrast it is the same grey everywhere.
    let flat = || Look {
        tone: Tone {
            contrast: 0,
            ..Tone::default()
        },
        ..Look::default()
    };
    let plain = rig.with(flat());
    let text = Text {
        line: Arc::new(|_| " ".repeat(24)),
        place: Place::At(NormPoint { x: -0.8, y: 0.8 }),
        height: 96,
        color: [0; 3],
        background: Some([255; 3]),
    };
    let lettered = rig.with(Look {
        texts: vec![text],
        ..flat()
    });
    for (n, (before, after)) in plain.iter().zip(&lettered).enumerate().take(3) {
        let (before, after) = (before.mean(place.0, place.1), after.mean(place.0, place.1));
        assert!(before < 180.0 && after > 220.0, "{n}: {before} {after}");
    }
    let analysed = lettered[3].mean(place.0, place.1);
    assert!(analysed < 180.0, "recognition: {analysed}");
    let gone = rig.with(flat())[1].mean(place.0, place.1);
    assert!(gone < 180.0, "gone again: {gone}");
}

/// A mask is in everything that leaves the source.
#[test]
fn a_mask_is_in_everything() {
    let rig = rig();
    let corner = |x, y| NormPoint { x, y };
    let mask = Mask {
        corners: vec![
            corner(-0.5, 0.5),
            corner(0.5, 0.5),
            corner(0.5, -0.5),
            corner(-0.5, -0.5),
        ],
        color: [0; 3],
    };
    let masked = rig.with(Look {
        masks: vec![mask],
        ..Look::default()
    });
    for (n, picture) in masked.iter().enumerate() {
        let inside = picture.mean((0.27, 0.73), (0.27, 0.73));
        assert!(inside < 20.0, "{n}: {inside}");
        assert!(
            picture.mean((0.0, 0.23), (0.0, 0.6)) > 30.0,
            "{n}: beside it"
        );
    }
}

/// IMG-1: more brightness is more light, for everybody.
#[test]
fn brightness_moves_the_mean() {
    let rig = rig();
    let with = |brightness| {
        let tone = Tone {
            brightness,
            ..Tone::default()
        };
        rig.with(Look {
            tone,
            ..Look::default()
        })
    };
    let [dark, usual, light] = [20, 50, 80].map(with);
    for n in 0..4 {
        let (dark, usual, light) = (dark[n].whole(), usual[n].whole(), light[n].whole());
        assert!(
            dark + 15.0 < usual && usual + 15.0 < light,
            "{n}: {dark} {usual} {light}"
        );
    }
}

/// METER-5: a dark area is brought up, the whole picture with it, for everybody; switched off, it is as it was.
#[test]
fn metering_brightens_until_a_dark_area_is_right() {
    let rig = rig();
    let whole = |rig: &Rig| rig.with(Look::default()).map(|picture| picture.whole());
    let before = whole(&rig);
    let setup = ImagingSetup {
        metered: Metered {
            partial: true,
            ..Metered::default()
        },
        // Below the colour bars there is little light.
        areas: vec![NormRect {
            left: -1.0,
            top: -0.55,
            right: 1.0,
            bottom: -0.95,
        }],
        ..ImagingSetup::default()
    };
    rig.engine.set_imaging(setup).unwrap();
    let reader = rig.engine.frames();
    let lit = (0..400).any(|_| {
        let (frame, _) = reader.next(HUNG).unwrap();
        let luma = frame.plane(0).unwrap();
        let sum: u64 = luma.data.iter().map(|n| u64::from(*n)).sum();
        sum as f32 / luma.data.len() as f32 > before[3] + 20.0
    });
    assert!(lit, "nothing happened");
    for (n, (before, after)) in before.iter().zip(whole(&rig)).enumerate() {
        assert!(after > before + 15.0, "{n}: {before} {after}");
    }
    rig.engine.set_imaging(ImagingSetup::default()).unwrap();
    for (n, (before, after)) in before.iter().zip(whole(&rig)).enumerate() {
        assert!((before - after).abs() < 8.0, "{n}: {before} {after}");
    }
}
