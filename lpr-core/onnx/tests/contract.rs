//! The embedded nets against the real engine. Fails, and says why, where the shared library is missing.

use lpr_core::nets::{DetectRequest, Detector, Reader};
use lpr_core::{FrameSize, GreyImage, Picture, PixelFormat, UtcTime};
use lpr_onnx::{Nets, NetsOptions, OnnxDetector, OnnxReader, Runtime};

fn nets() -> Nets {
    Nets::load(NetsOptions::default()).unwrap_or_else(|e| panic!("{e}\nrun `make setup` first"))
}

#[test]
fn nets_load_warm_up_and_answer_for_any_size() {
    let mut nets = nets();
    for (w, h) in [(1, 1), (33, 17), (1920, 1080), (300, 2000)] {
        let size = FrameSize::new(w, h).unwrap();
        let picture = Picture::new(size, PixelFormat::Grey, vec![90; (w * h) as usize]).unwrap();
        let frame = picture.view(UtcTime::EPOCH).unwrap();
        let max_input = FrameSize::new(640, 640).unwrap();
        let request = DetectRequest {
            region: size.rect(),
            max_input,
            max_scale: 1.5,
            min_score: 0.2,
        };
        let found = nets.detector.detect(&frame, &request).unwrap();
        assert!(
            found.iter().all(|d| d.rect.right() <= w as f32 + 0.01),
            "{w}x{h}: {found:?}"
        );
    }
}

#[test]
fn crops_are_read_in_order_and_in_any_number() {
    let mut nets = nets();
    let size = nets.reader.crop_size();
    let crops: Vec<GreyImage> = (0..20u32)
        .map(|k| {
            let data = (0..size.width() * size.height())
                .map(|i| ((i * (k + 1)) % 251) as u8)
                .collect();
            GreyImage::new(size, data).unwrap()
        })
        .collect();
    let all = nets.reader.read(&crops).unwrap();
    assert_eq!(all.len(), 20);
    let one = nets.reader.read(&crops[17..18]).unwrap();
    for (a, b) in all[17].steps().zip(one[0].steps()) {
        assert!(a.iter().zip(b).all(|(x, y)| (x - y).abs() < 1e-3));
    }
    assert!(nets.reader.read(&[]).unwrap().is_empty());
}

#[test]
fn a_crop_of_another_size_is_refused() {
    let e = nets()
        .reader
        .read(&[GreyImage::filled(FrameSize::new(64, 64).unwrap(), 0)])
        .unwrap_err();
    assert!(e.to_string().contains("64x64, must be 128x64"), "{e}");
}

#[test]
fn wrong_models_are_refused_with_the_reason() {
    let runtime = Runtime::load().unwrap_or_else(|e| panic!("{e}\nrun `make setup` first"));
    let reader = include_bytes!("../../models/reader.onnx");
    for (e, part) in [
        (
            OnnxDetector::open(&runtime, reader, 1)
                .map(|_| ())
                .unwrap_err(),
            "must be \"image\"",
        ),
        (
            OnnxDetector::open(&runtime, b"no model", 1)
                .map(|_| ())
                .unwrap_err(),
            "detector model",
        ),
        (
            OnnxReader::open(&runtime, reader, 1, 0.0)
                .map(|_| ())
                .unwrap_err(),
            "temperature is 0",
        ),
    ] {
        assert!(e.to_string().contains(part), "{e}");
    }
}
