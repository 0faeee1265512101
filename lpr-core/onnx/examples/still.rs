//! Reads still pictures: one line a plate (without a text where it cannot be read), `file<TAB>plate<TAB>likelihood<TAB>score<TAB>x,y,w,h`.
//!
//! `still [--region us|eu|br|any] [--score S] [--likelihood L] [--long PIXELS] FILE...`

use std::error::Error;
use std::time::Instant;

use lpr_core::{FrameSize, FrameView, MediaTime, Planes, Region, UtcTime, recognize_still};
use lpr_onnx::{Nets, NetsOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let mut nets = Nets::load(NetsOptions::default())?;
    let mut options = nets.card.still_options(Region::Any);
    let mut args = std::env::args().skip(1);
    let (mut files, mut spent) = (0u32, 0.0);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--region" => options.region = value()?.parse()?,
            "--score" => options.min_score = value()?.parse()?,
            "--likelihood" => options.min_likelihood = value()?.parse()?,
            "--length" => options.min_length = value()?.parse()?,
            "--long" => options.long_side = value()?.parse()?,
            file => {
                let rgb = image::open(file)?.to_rgb8();
                let started = Instant::now();
                let size = FrameSize::new(rgb.width(), rgb.height())?;
                let planes = Planes::Rgb {
                    data: rgb.as_raw(),
                    stride: 3 * rgb.width() as usize,
                };
                let frame = FrameView::new(planes, size, UtcTime::EPOCH, MediaTime::default())?;
                let plates =
                    recognize_still(&mut nets.detector, &mut nets.reader, &frame, &options)?;
                spent += started.elapsed().as_secs_f64();
                files += 1;
                if plates.is_empty() {
                    println!("{file}\t\t\t\t");
                }
                for p in plates {
                    let r = p.rect;
                    println!(
                        "{file}\t{}\t{:.3}\t{:.3}\t{:.0},{:.0},{:.0},{:.0}",
                        p.text(),
                        p.likelihood(),
                        p.score,
                        r.x,
                        r.y,
                        r.width,
                        r.height
                    );
                }
            }
        }
    }
    eprintln!(
        "{files} pictures, {:.1} ms each without decoding",
        1000.0 * spent / f64::from(files.max(1))
    );
    Ok(())
}
