//! The committed nets on the committed pictures, held to a floor; see `lpr-core/testdata/README.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lpr_core::{
    FrameSize, FrameView, MediaTime, Picture, Pipeline, Planes, PxRect, RecognitionSettings,
    Region, StillPlate, UtcTime, recognize_still,
};
use lpr_onnx::{Nets, NetsOptions};

/// Plates of all pictures that must be found, and read without a fault (`O` = `0`, `I` = `1`).
const FOUND: usize = 8;
const READ: usize = 7;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata")
}

fn nets() -> Nets {
    Nets::load(NetsOptions::default()).unwrap_or_else(|e| panic!("{e}\nrun `make setup` first"))
}

/// File to plates (box, text), from `labels.tsv`.
fn labels() -> BTreeMap<String, Vec<(PxRect, String)>> {
    let text = std::fs::read_to_string(folder().join("labels.tsv")).unwrap();
    let mut out: BTreeMap<String, Vec<(PxRect, String)>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let f: Vec<&str> = line.split('\t').collect();
        let plates = out.entry(f[0].to_owned()).or_default();
        if let [x, y, w, h] = f[1..5]
            .iter()
            .filter_map(|v| v.parse().ok())
            .collect::<Vec<f32>>()[..]
        {
            plates.push((PxRect::new(x, y, w, h), f[5].to_owned()));
        }
    }
    out
}

fn rgb(file: &str) -> image::RgbImage {
    image::open(folder().join(file))
        .unwrap_or_else(|e| panic!("{file}: {e}"))
        .to_rgb8()
}

fn frame(rgb: &image::RgbImage, at: UtcTime) -> FrameView<'_> {
    let size = FrameSize::new(rgb.width(), rgb.height()).unwrap();
    let planes = Planes::Rgb {
        data: rgb.as_raw(),
        stride: 3 * rgb.width() as usize,
    };
    FrameView::new(planes, size, at, MediaTime::default()).unwrap()
}

fn folded(text: &str) -> String {
    text.replace('O', "0").replace('I', "1")
}

fn recognize(nets: &mut Nets, file: &str) -> Vec<StillPlate> {
    let options = nets.card.still_options(Region::Any);
    recognize_still(
        &mut nets.detector,
        &mut nets.reader,
        &frame(&rgb(file), UtcTime::EPOCH),
        &options,
    )
    .unwrap()
}

#[test]
fn plates_of_the_test_pictures_are_found_and_read() {
    let mut nets = nets();
    let (mut found, mut read, mut report) = (0, 0, String::new());
    for (file, plates) in labels() {
        let got = recognize(&mut nets, &file);
        for (rect, text) in &plates {
            let best = got
                .iter()
                .max_by(|a, b| a.rect.iou(rect).total_cmp(&b.rect.iou(rect)));
            let hit = best.filter(|b| b.rect.iou(rect) >= 0.5);
            let right = hit.is_some_and(|b| folded(b.text()) == folded(text));
            (found, read) = (
                found + usize::from(hit.is_some()),
                read + usize::from(right),
            );
            report += &format!(
                "{file}: {text} {:?}\n",
                hit.map(|b| (b.text(), b.likelihood(), b.rect.iou(rect)))
            );
        }
        if plates.is_empty() {
            // A sign may pass for a plate that nobody can read, never for one with a text.
            assert!(
                got.iter().all(|p| p.plate.is_none()),
                "{file} has no plate: {got:?}"
            );
        }
    }
    println!("{report}");
    assert!(
        found >= FOUND && read >= READ,
        "{found} found, {read} read\n{report}"
    );
}

#[test]
fn a_picture_without_detail_has_no_plate() {
    let mut nets = nets();
    for grey in [0u8, 114, 255] {
        let rgb = image::RgbImage::from_pixel(1280, 720, image::Rgb([grey; 3]));
        let options = nets.card.still_options(Region::Any);
        let frame = frame(&rgb, UtcTime::EPOCH);
        assert!(
            recognize_still(&mut nets.detector, &mut nets.reader, &frame, &options)
                .unwrap()
                .is_empty()
        );
    }
}

/// Video of a standing scene: each plate once, whatever the number of frames and of lines.
#[test]
fn a_standing_scene_gives_each_plate_once() {
    for file in ["us-two.jpg", "two-lines.jpg"] {
        let nets = nets();
        let tuning = nets.card.tuning();
        let settings = RecognitionSettings {
            region: Region::Any,
            detection_interval_ms: 0,
            ..RecognitionSettings::default()
        };
        let mut pipeline = Pipeline::new(nets.detector, nets.reader, settings, tuning, 1).unwrap();
        let rgb = rgb(file);
        let mut reads = Vec::new();
        for i in 0..24 {
            let output = pipeline
                .process(&frame(&rgb, UtcTime::from_millis(100 * i)))
                .unwrap();
            reads.extend(output.reads);
        }
        reads.extend(pipeline.flush());
        let expect: Vec<String> = labels()[file].iter().map(|(_, t)| folded(t)).collect();
        let mut got: Vec<String> = reads.iter().map(|c| folded(&c.read.plate_number)).collect();
        got.sort_unstable();
        assert_eq!(got, expect, "{file}: {reads:?}");
        let picture: &Picture = &reads[0].pictures.full;
        assert_eq!(
            (picture.size().width(), picture.size().height()),
            (960, 540)
        );
    }
}
