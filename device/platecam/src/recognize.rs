//! `platecam recognize`: the plates of still pictures, one line a plate; one that is found and cannot be read has no text.

use std::{
    fs::File,
    io::{BufReader, BufWriter, Write},
    path::Path,
};

use image::{DynamicImage, ImageDecoder, ImageReader};
use lpr_core::{FrameSize, Picture, PixelFormat, StillPlate, UtcTime, recognize_still};
use lpr_onnx::{Nets, NetsOptions};
use serde_json::json;

use crate::{
    Failure,
    cli::{RecognizeArgs, exit},
};

/// Larger pictures are refused before they are decoded.
const MAX_SIDE: u32 = FrameSize::MAX_SIDE;
/// Texts listed for a plate in JSON, the one that counts included.
pub(crate) const N_BEST: usize = 5;
/// Memory one decoded picture may take, bytes.
const MAX_BYTES: u64 = 512 << 20;

pub(crate) fn recognize(args: &RecognizeArgs) -> Result<(), Failure> {
    let failed = |e: &dyn std::fmt::Display| Failure::new(exit::FAILED, e);
    let mut nets = Nets::load(NetsOptions {
        threads: args.threads.into(),
    })
    .map_err(|e| failed(&e))?;
    let options = nets.card.still_options(args.region);
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut unreadable = 0usize;
    for file in &args.files {
        let picture = match load(file) {
            Ok(picture) => picture,
            Err(why) => {
                eprintln!("platecam: {}: {why}", file.display());
                unreadable += 1;
                continue;
            }
        };
        // A picture that exists has a view: its bytes fit its size.
        let Some(view) = picture.view(UtcTime::EPOCH) else {
            continue;
        };
        let plates = recognize_still(&mut nets.detector, &mut nets.reader, &view, &options)
            .map_err(|e| failed(&e))?;
        print(&mut out, file, &plates, args.json).map_err(|e| failed(&e))?;
    }
    match unreadable {
        0 => Ok(()),
        n => Err(Failure::new(
            exit::FAILED,
            format!("{n} of {} files could not be read", args.files.len()),
        )),
    }
}

/// The picture, turned upright as its EXIF orientation says.
fn load(file: &Path) -> Result<Picture, String> {
    let text = |e: &dyn std::fmt::Display| e.to_string();
    let mut reader = ImageReader::new(BufReader::new(File::open(file).map_err(|e| text(&e))?))
        .with_guessed_format()
        .map_err(|e| text(&e))?;
    let mut limits = image::Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|e| text(&e))?;
    let orientation = decoder.orientation().map_err(|e| text(&e))?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|e| text(&e))?;
    picture.apply_orientation(orientation);
    let rgb = picture.into_rgb8();
    let size = FrameSize::new(rgb.width(), rgb.height()).map_err(|e| text(&e))?;
    Picture::new(size, PixelFormat::Rgb, rgb.into_raw()).map_err(|e| text(&e))
}

fn print(
    out: &mut impl Write,
    file: &Path,
    plates: &[StillPlate],
    json: bool,
) -> std::io::Result<()> {
    let file = file.display().to_string();
    for p in plates {
        let r = p.rect;
        let [x, y, w, h] = [r.x, r.y, r.width, r.height].map(|v| v.round() as i64);
        if json {
            let line = json!({
                "file": file, "plate": p.plate.as_ref().map(|t| &t.text), "confidence": p.likelihood(),
                "box": [x, y, w, h], "score": p.score,
                "plate_color": p.colors.plate, "vehicle_color": p.colors.vehicle, "vehicle_type": p.vehicle_type,
                "country": p.origin.country, "state": p.origin.entity,
                "n_best": p.plate.as_ref().map_or_else(Vec::new, |t| t.n_best(N_BEST)),
            });
            writeln!(out, "{line}")?;
        } else {
            writeln!(
                out,
                "{}\t{}\t{:.3}\t{x},{y},{w},{h}",
                one_field(&file),
                p.text(),
                p.likelihood()
            )?;
        }
    }
    if plates.is_empty() {
        match json {
            true => writeln!(out, "{}", json!({"file": file, "plate": null}))?,
            false => writeln!(out, "{}\t\t\t", one_field(&file))?,
        }
    }
    out.flush()
}

/// File names may hold anything; a field may not hold tabs and line ends.
pub(crate) fn one_field(name: &str) -> String {
    name.replace(['\t', '\n', '\r'], "?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_without_a_plate_prints_its_name_and_empty_fields() {
        let mut out = Vec::new();
        print(&mut out, Path::new("a\tb.jpg"), &[], false).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "a?b.jpg\t\t\t\n");
    }

    #[test]
    fn a_plate_that_cannot_be_read_keeps_its_box() {
        let rect = lpr_core::PxRect::new(10.0, 20.0, 100.0, 40.0);
        let plate = StillPlate {
            plate: None,
            score: 0.75,
            rect,
            quad: rect.into(),
            colors: lpr_core::Colors::default(),
            vehicle_type: None,
            origin: lpr_core::plausibility::Origin::default(),
        };
        let printed = |json| {
            let mut out = Vec::new();
            print(
                &mut out,
                Path::new("a.jpg"),
                std::slice::from_ref(&plate),
                json,
            )
            .unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(printed(false), "a.jpg\t\t0.000\t10,20,100,40\n");
        let json: serde_json::Value = serde_json::from_str(&printed(true)).unwrap();
        assert_eq!(
            json,
            json!({"file": "a.jpg", "plate": null, "confidence": 0.0, "box": [10, 20, 100, 40], "score": 0.75, "plate_color": null, "vehicle_color": null, "vehicle_type": null, "country": null, "state": null, "n_best": []})
        );
    }

    #[test]
    fn unreadable_files_say_why() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.jpg");
        assert!(load(&path).unwrap_err().contains("No such file"));
        std::fs::write(&path, b"not a picture").unwrap();
        assert!(!load(&path).unwrap_err().is_empty());
        // A PNG header that claims 60000 x 60000 pixels.
        let mut png =
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xea\x60\0\0\xea\x60\x08\x02\0\0\0".to_vec();
        png.extend([0; 64]);
        std::fs::write(&path, png).unwrap();
        assert!(load(&path).is_err());
    }
}
