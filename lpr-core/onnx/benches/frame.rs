//! Detector, reader and whole frames on the real engine, one thread.

use std::path::Path;

use divan::{Bencher, black_box};
use lpr_core::nets::{DetectRequest, Detector, Reader};
use lpr_core::{
    FrameSize, FrameView, GreyImage, MediaTime, Picture, Pipeline, PixelFormat,
    RecognitionSettings, Region, UtcTime, recognize_still,
};
use lpr_onnx::{Nets, NetsOptions};

fn main() {
    divan::main();
}

fn nets() -> Nets {
    Nets::load(NetsOptions::default()).unwrap_or_else(|e| panic!("{e}\nrun `make setup` first"))
}

fn size(w: u32, h: u32) -> FrameSize {
    FrameSize::new(w, h).expect("a bench's size is within bounds")
}

/// The test picture with two plates, doubled to 1080p, as the decoder gives it.
fn full_hd() -> Picture {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/us-two.jpg");
    let grey = image::open(path)
        .expect("the test picture is in the repository")
        .to_luma8();
    let s = size(1920, 1080);
    let mut data = vec![128u8; PixelFormat::I420.bytes(s)];
    for (i, out) in data.iter_mut().take(1920 * 1080).enumerate() {
        let (x, y) = (i as u32 % 1920 / 2, i as u32 / 1920 / 2);
        let g = grey
            .get_pixel(x.min(grey.width() - 1), y.min(grey.height() - 1))
            .0[0];
        *out = 16 + (u16::from(g) * 219 / 255) as u8;
    }
    Picture::new(s, PixelFormat::I420, data).expect("the data has the format's length")
}

#[divan::bench(args = [416, 640, 960], sample_count = 20)]
fn detect_1080p(bencher: Bencher, width: u32) {
    let (mut nets, picture) = (nets(), full_hd());
    let request = DetectRequest {
        region: picture.size().rect(),
        max_input: size(width, (width * 3 / 5).next_multiple_of(32)),
        max_scale: 2.0,
        min_score: 0.35,
    };
    let frame = picture
        .view(UtcTime::EPOCH)
        .expect("a picture is a valid frame");
    bencher.bench_local(|| {
        nets.detector
            .detect(&frame, black_box(&request))
            .map(|d| d.len())
            .ok()
    });
}

#[divan::bench(args = [1, 2, 8], sample_count = 50)]
fn read_plates(bencher: Bencher, crops: usize) {
    let mut nets = nets();
    let data = (0..128 * 64u32).map(|i| (i * 31) as u8).collect();
    let crop = GreyImage::new(size(128, 64), data).expect("the data has the crop's length");
    let batch = vec![crop; crops];
    bencher.bench_local(|| nets.reader.read(black_box(&batch)).map(|o| o.len()).ok());
}

#[divan::bench(sample_count = 20)]
fn video_frame_1080p_two_plates(bencher: Bencher) {
    let (nets, picture) = (nets(), full_hd());
    let tuning = nets.card.tuning();
    let settings = RecognitionSettings {
        detection_interval_ms: 0,
        ..RecognitionSettings::default()
    };
    let mut pipeline = Pipeline::new(nets.detector, nets.reader, settings, tuning, 1)
        .expect("the defaults are valid");
    let planes = picture
        .view(UtcTime::EPOCH)
        .expect("a picture is a valid frame")
        .planes();
    let mut ms = 0;
    bencher.bench_local(|| {
        ms += 100;
        let frame = FrameView::new(
            planes,
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

#[divan::bench(sample_count = 20)]
fn still_picture_1080p(bencher: Bencher) {
    let (mut nets, picture) = (nets(), full_hd());
    let options = nets.card.still_options(Region::Us);
    let frame = picture
        .view(UtcTime::EPOCH)
        .expect("a picture is a valid frame");
    bencher.bench_local(|| {
        recognize_still(&mut nets.detector, &mut nets.reader, &frame, &options)
            .map(|p| p.len())
            .ok()
    });
}
