//! What recognition costs beside the nets: input, boxes, crops, text, vote, and the pipeline with nets that cost nothing.

use divan::{Bencher, black_box};
use lpr_core::nets::{ALPHABET, BLANK, CLASSES};
use lpr_core::{
    DetectRequest, Detector, FrameSize, FrameView, GreyImage, MediaTime, NetError, Picture,
    Pipeline, PixelFormat, PlateDetection, PxPoint, PxQuad, PxRect, ReadOutput, Reader,
    RecognitionSettings, Region, Sensitivity, Tuning, UtcTime, Watch, WatchSettings, cells,
    color::colors_of, ctc, letterbox::Letterbox, vote::Ballot, warp,
};

fn main() {
    divan::main();
}

fn size(w: u32, h: u32) -> FrameSize {
    FrameSize::new(w, h).expect("a bench's size is within bounds")
}

/// A 1080p frame with some texture.
fn full_hd(format: PixelFormat) -> Picture {
    let s = size(1920, 1080);
    let data = (0..format.bytes(s))
        .map(|i| (i * 7 + i / 1920 * 13) as u8)
        .collect();
    Picture::new(s, format, data).expect("the data has the format's length")
}

fn view(p: &Picture) -> FrameView<'_> {
    p.view(UtcTime::EPOCH).expect("a picture is a valid frame")
}

#[divan::bench(args = [PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Rgb])]
fn letterbox_1080p_to_640x384(bencher: Bencher, format: PixelFormat) {
    let picture = full_hd(format);
    let mut letterbox = Letterbox::default();
    bencher.bench_local(|| {
        letterbox.fill(&view(&picture), picture.size().rect(), size(640, 384), 2.0);
        black_box(letterbox.data().len())
    });
}

/// Motion and tampering: one look at a 1080p frame, as is done five times a second.
#[divan::bench]
fn watch_1080p(bencher: Bencher) {
    let picture = full_hd(PixelFormat::I420);
    let mid = Some(Sensitivity::clamped(50));
    let mut watch = Watch::new(WatchSettings {
        motion: mid,
        dark: mid,
        bright: mid,
        blurry: mid,
        scene: mid,
        ..WatchSettings::default()
    });
    let mut frame = view(&picture);
    bencher.bench_local(|| {
        frame.pts = MediaTime::from_nanos(frame.pts.as_nanos() + 200_000_000);
        black_box(watch.look(&frame, false)).len()
    });
}

/// A plate 200 pixels wide, turned a little.
fn quad() -> PxQuad {
    PxQuad::new(
        [(800., 500.), (998., 520.), (994., 620.), (796., 598.)].map(|(x, y)| PxPoint::new(x, y)),
    )
}

#[divan::bench]
fn rectify_a_plate(bencher: Bencher) {
    let picture = full_hd(PixelFormat::I420);
    bencher.bench_local(|| warp::rectify(&view(&picture), black_box(&quad()), size(128, 64)));
}

/// Colours of a plate and its vehicle, as is done for a track's first read frames.
#[divan::bench]
fn colors_of_a_plate_1080p(bencher: Bencher) {
    let picture = full_hd(PixelFormat::I420);
    bencher.bench_local(|| colors_of(&view(&picture), black_box(&quad())));
}

#[divan::bench(args = [0, 40, 2000])]
fn boxes_of_640x384(bencher: Bencher, candidates: usize) {
    let (w, h) = (80, 48);
    let mut out = vec![0.0f32; cells::CHANNELS * w * h];
    out[..w * h].fill(-8.0);
    for i in 0..candidates {
        out[(i * 37) % (w * h)] = 1.0 + (i % 7) as f32;
    }
    out[3 * w * h..5 * w * h].fill(1.5);
    let picture = full_hd(PixelFormat::I420);
    let at = Letterbox::default().fill(&view(&picture), picture.size().rect(), size(640, 384), 2.0);
    bencher.bench_local(|| cells::plates(black_box(&out), &at, picture.size(), 0.35));
}

fn output(text: &str, p: f32) -> ReadOutput {
    let mut probs = Vec::new();
    let mut step = |class: usize, p: f32| {
        let at = probs.len();
        probs.resize(at + CLASSES, (1.0 - p) / (CLASSES - 1) as f32);
        probs[at + class] = p;
    };
    for sign in text.bytes() {
        step(ALPHABET.iter().position(|a| *a == sign).unwrap_or(0), p);
        step(BLANK, 0.99);
    }
    (text.len() * 2..32).for_each(|_| step(BLANK, 0.99));
    ReadOutput::from_probs(probs).expect("steps are complete")
}

#[divan::bench]
fn decode_text(bencher: Bencher) {
    let o = output("7ABC123", 0.9);
    bencher.bench_local(|| ctc::decode(black_box(&o)));
}

#[divan::bench(args = [1, 8, 32])]
fn vote_over_frames(bencher: Bencher, frames: usize) {
    let mut ballot = Ballot::default();
    for i in 0..frames {
        ballot.cast(
            ctc::decode(&output(if i % 5 == 4 { "7A8C123" } else { "7ABC123" }, 0.8)),
            1.0,
        );
    }
    bencher.bench_local(|| ballot.outcome(black_box(Region::Us)));
}

/// Nets that know one plate and cost nothing.
struct Still;

impl Detector for Still {
    fn detect(
        &mut self,
        _: &FrameView<'_>,
        _: &DetectRequest,
    ) -> Result<Vec<PlateDetection>, NetError> {
        let rect = PxRect::new(796.0, 500.0, 202.0, 120.0);
        Ok(vec![PlateDetection {
            rect,
            quad: quad(),
            score: 0.9,
        }])
    }
}

impl Reader for Still {
    fn read(&mut self, crops: &[GreyImage]) -> Result<Vec<ReadOutput>, NetError> {
        Ok(crops.iter().map(|_| output("7ABC123", 0.9)).collect())
    }

    fn crop_size(&self) -> FrameSize {
        size(128, 64)
    }
}

/// Crop, quality, text, track, vote, best frame, scene: all but the nets and their input.
#[divan::bench]
fn pipeline_without_nets(bencher: Bencher) {
    let picture = full_hd(PixelFormat::I420);
    let settings = RecognitionSettings {
        detection_interval_ms: 0,
        ..RecognitionSettings::default()
    };
    let mut pipeline = Pipeline::new(Still, Still, settings, Tuning::default(), 1)
        .expect("the defaults are valid");
    let mut ms = 0;
    bencher.bench_local(|| {
        ms += 100;
        let frame = FrameView::new(
            view(&picture).planes(),
            picture.size(),
            UtcTime::from_millis(ms),
            MediaTime::default(),
        );
        pipeline
            .process(&frame.expect("a picture is a valid frame"))
            .map(|o| o.scene.objects.len())
            .ok()
    });
}
