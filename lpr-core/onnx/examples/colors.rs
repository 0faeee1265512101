//! Pixels by which the colours of plates and vehicles are judged, for `training/colors.py`, with the engine's answers.
//!
//! `colors FILE...`: one line a plate, `file<TAB>x,y,w,h<TAB>plate<TAB>above<TAB>beside<TAB>frame<TAB>plate colour<TAB>vehicle colour`; pixels are hexadecimal,
//! colours `name:likelihood` or empty. `FILE@x,y,w,h` takes that box for the plate.

use std::error::Error;
use std::fmt::Write;

use lpr_core::color::{ColorRead, Rgb, Samples, colors_of};
use lpr_core::{
    FrameSize, FrameView, MediaTime, Planes, PxQuad, PxRect, Region, UtcTime, recognize_still,
};
use lpr_onnx::{Nets, NetsOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let mut nets = Nets::load(NetsOptions::default())?;
    let options = nets.card.still_options(Region::Any);
    for arg in std::env::args().skip(1) {
        let (file, given) = match arg.split_once('@') {
            Some((file, numbers)) => (file, Some(rect(numbers)?)),
            None => (arg.as_str(), None),
        };
        let rgb = image::open(file)?.to_rgb8();
        let size = FrameSize::new(rgb.width(), rgb.height())?;
        let planes = Planes::Rgb {
            data: rgb.as_raw(),
            stride: 3 * rgb.width() as usize,
        };
        let frame = FrameView::new(planes, size, UtcTime::EPOCH, MediaTime::default())?;
        let quads: Vec<PxQuad> = match given {
            Some(r) => vec![r.into()],
            None => recognize_still(&mut nets.detector, &mut nets.reader, &frame, &options)?
                .iter()
                .map(|p| p.quad)
                .collect(),
        };
        for quad in quads {
            let (r, s, c) = (
                quad.bounds(),
                Samples::of(&frame, &quad),
                colors_of(&frame, &quad),
            );
            println!(
                "{file}\t{:.0},{:.0},{:.0},{:.0}\t{}\t{}\t{}\t{}\t{}\t{}",
                r.x,
                r.y,
                r.width,
                r.height,
                hex(&s.plate),
                hex(&s.above),
                hex(&s.beside),
                hex(&s.frame),
                word(c.plate),
                word(c.vehicle)
            );
        }
    }
    Ok(())
}

fn rect(numbers: &str) -> Result<PxRect, Box<dyn Error>> {
    let n: Vec<f32> = numbers
        .split(',')
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    match n[..] {
        [x, y, w, h] => Ok(PxRect::new(x, y, w, h)),
        _ => Err(format!("{numbers} is no x,y,w,h").into()),
    }
}

fn hex(pixels: &[Rgb]) -> String {
    pixels.iter().flatten().fold(String::new(), |mut s, c| {
        let _ = write!(s, "{c:02x}");
        s
    })
}

fn word(color: Option<ColorRead>) -> String {
    color.map_or_else(String::new, |c| {
        format!("{}:{:.3}", c.color.as_str(), c.likelihood)
    })
}
