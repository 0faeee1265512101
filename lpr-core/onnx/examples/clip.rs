//! Runs raw I420 frames from standard input through the video pipeline: one line a read.
//!
//! `ffmpeg -i CLIP -f rawvideo -pix_fmt yuv420p - | clip WIDTH HEIGHT FPS [--region us] [--interval MS] [--stable FRAMES] [--scenes]`

use std::error::Error;
use std::io::Read;
use std::time::{Duration, Instant};

use lpr_core::{
    ColorRead, FrameSize, FrameView, MediaTime, Pipeline, Planes, PlateRead, RecognitionSettings,
    UtcTime,
};
use lpr_onnx::{Nets, NetsOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut number = |what: &str| args.next().ok_or(format!("{what} is missing"));
    let (width, height): (u32, u32) = (number("WIDTH")?.parse()?, number("HEIGHT")?.parse()?);
    let fps: f64 = number("FPS")?.parse()?;
    let mut settings = RecognitionSettings::default();
    let mut scenes = false;
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--region" => settings.region = value()?.parse()?,
            "--interval" => settings.detection_interval_ms = value()?.parse()?,
            "--stable" => settings.stable_reads = value()?.parse()?,
            "--width" => settings.detector_width_px = value()?.parse()?,
            "--scenes" => scenes = true,
            other => return Err(format!("{other} is no option").into()),
        }
    }
    let nets = Nets::load(NetsOptions::default())?;
    let tuning = nets.card.tuning();
    let mut pipeline = Pipeline::new(nets.detector, nets.reader, settings, tuning, 1)?;
    let size = FrameSize::new(width, height)?;
    let (w, h) = (width as usize, height as usize);
    let (cw, luma) = (w.div_ceil(2), w * h);
    let chroma = cw * h.div_ceil(2);
    let mut data = vec![0; luma + 2 * chroma];
    let (mut analysed, mut spent, mut slowest) = (0u32, Duration::ZERO, Duration::ZERO);
    let mut input = std::io::stdin().lock();
    for n in 0u64.. {
        if input.read_exact(&mut data).is_err() {
            break;
        }
        let at = UtcTime::EPOCH + Duration::from_secs_f64(n as f64 / fps);
        if !pipeline.wants(at) {
            continue;
        }
        let (y, c) = data.split_at(luma);
        let (u, v) = c.split_at(chroma);
        let planes = Planes::I420 {
            y,
            y_stride: w,
            u,
            v,
            uv_stride: cw,
        };
        let frame = FrameView::new(planes, size, at, MediaTime::default())?;
        let started = Instant::now();
        let output = pipeline.process(&frame)?;
        let took = started.elapsed();
        analysed += 1;
        spent += took;
        slowest = slowest.max(took);
        if output.scene_cut {
            println!("{:8.2} cut", n as f64 / fps);
        }
        for o in output.scene.objects.iter().filter(|_| scenes) {
            let text = o
                .plate
                .as_ref()
                .map_or(String::new(), |p| format!("{} {:.2}", p.text, p.likelihood));
            println!(
                "{:8.2}   track {} {:.0}x{:.0} at {:.0},{:.0} score {:.2} {text} {:?}",
                n as f64 / fps,
                o.track_id,
                o.rect.width,
                o.rect.height,
                o.rect.x,
                o.rect.y,
                o.score,
                o.unreadable
            );
        }
        output
            .reads
            .iter()
            .for_each(|c| print(n as f64 / fps, &c.read));
    }
    pipeline
        .flush()
        .iter()
        .for_each(|c| print(f64::INFINITY, &c.read));
    let mean = spent.as_secs_f64() * 1000.0 / f64::from(analysed.max(1));
    eprintln!(
        "{analysed} frames analysed, {mean:.1} ms each, slowest {:.1} ms",
        slowest.as_secs_f64() * 1000.0
    );
    Ok(())
}

fn print(sent: f64, r: &PlateRead) {
    let s = |t: UtcTime| t.as_millis() as f64 / 1000.0;
    println!(
        "{sent:8.2} READ {} {:.3} {:?} best {:.2} seen {:.2}-{:.2} track {} frames {}/{} width {:.0} plate {} vehicle {}",
        r.plate_number,
        r.likelihood,
        r.direction,
        s(r.captured_at),
        s(r.first_seen),
        s(r.last_seen),
        r.track_id,
        r.frames_read,
        r.frames_seen,
        r.plate_quad.map_or(0.0, |q| q.width()),
        color(r.colors.plate),
        color(r.colors.vehicle)
    );
}

fn color(read: Option<ColorRead>) -> String {
    read.map_or("?".into(), |c| {
        format!("{} {:.2}", c.color.as_str(), c.likelihood)
    })
}
