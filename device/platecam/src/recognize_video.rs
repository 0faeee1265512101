//! `platecam recognize-video`: the passes of vehicles in video files, one line a pass.

use std::{
    io::{BufWriter, Write},
    path::Path,
};

use lpr_core::{PlateCapture, PlateRead, PlateText, RecognitionSettings, UtcTime};
use lpr_onnx::{Nets, NetsOptions};
use platecam_media::Film;
use platecam_model::settings::{LprAreas, LprIntelligence, LprRecognition};
use serde_json::json;

use crate::{
    Failure,
    cli::{RecognizeVideoArgs, exit},
    recognize::{N_BEST, one_field},
};

pub(crate) fn recognize(args: &RecognizeVideoArgs) -> Result<(), Failure> {
    let failed = |e: &dyn std::fmt::Display| Failure::new(exit::FAILED, e);
    let nets = Nets::load(NetsOptions {
        threads: args.threads.into(),
    })
    .map_err(|e| failed(&e))?;
    let tuning = nets.card.tuning();
    // As a camera that nobody set up, but for what was asked.
    let settings = RecognitionSettings {
        region: args.region,
        detection_interval_ms: 1000 / u32::from(args.rate),
        ..LprRecognition::default().settings(&LprAreas::default(), &LprIntelligence::default())
    };
    let mut pipeline =
        Pipeline::new(nets.detector, nets.reader, settings, tuning, 1).map_err(|e| failed(&e))?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut broken = 0usize;
    for file in &args.files {
        match passes(&mut pipeline, file, |read| {
            print(&mut out, file, read, args.json)
        }) {
            Ok(()) => {}
            Err(End::Output(e)) => return Err(failed(&e)),
            Err(End::File(why)) => {
                eprintln!("platecam: {}: {why}", file.display());
                broken += 1;
            }
        }
    }
    match broken {
        0 => Ok(()),
        n => Err(Failure::new(
            exit::FAILED,
            format!(
                "{n} of {} files could not be read to their end",
                args.files.len()
            ),
        )),
    }
}

type Pipeline = lpr_core::Pipeline<lpr_onnx::OnnxDetector, lpr_onnx::OnnxReader>;

/// Why a film is not read on.
enum End {
    Output(std::io::Error),
    File(String),
}

/// Tells each pass as soon as the camera would; those still open at the end of the film (or where it breaks) as well.
fn passes(
    pipeline: &mut Pipeline,
    file: &Path,
    mut tell: impl FnMut(&PlateRead) -> std::io::Result<()>,
) -> Result<(), End> {
    let mut tell_all = |reads: Vec<PlateCapture>| {
        reads
            .iter()
            .try_for_each(|c| tell(&c.read))
            .map_err(End::Output)
    };
    // Another film knows nothing of this one's plates.
    pipeline.forget();
    let seen = (|| {
        let mut film = Film::open(file).map_err(|e| End::File(e.to_string()))?;
        while let Some(frame) = film.next_frame().map_err(|e| End::File(e.to_string()))? {
            if !pipeline.wants(frame.utc) {
                continue;
            }
            let view = frame.view().map_err(|e| End::File(e.to_string()))?;
            let output = pipeline.process(&view);
            tell_all(output.map_err(|e| End::File(e.to_string()))?.reads)?;
        }
        Ok(())
    })();
    tell_all(pipeline.flush())?;
    seen
}

fn print(out: &mut impl Write, file: &Path, read: &PlateRead, json: bool) -> std::io::Result<()> {
    let file = file.display().to_string();
    let second = |t: UtcTime| t.as_millis() as f64 / 1000.0;
    let [first, best, last] = [read.first_seen, read.captured_at, read.last_seen].map(second);
    // Without loops every read has its plate.
    let r = read.plate_rect.unwrap_or_default();
    let [x, y, w, h] = [r.x, r.y, r.width, r.height].map(|v| v.round() as i64);
    let direction = read.direction.as_str();
    if json {
        let text = PlateText {
            text: read.plate_number.clone(),
            likelihood: read.likelihood,
            chars: read.chars.clone(),
        };
        let line = json!({
            "file": file, "first": first, "last": last, "best": best, "plate": read.plate_number, "confidence": read.likelihood,
            "direction": direction, "box": [x, y, w, h], "country": read.country_code, "state": read.issuing_entity,
            "plate_color": read.colors.plate, "vehicle_color": read.colors.vehicle, "vehicle_type": read.vehicle_type,
            "frames": read.frames_read, "n_best": text.n_best(N_BEST),
        });
        writeln!(out, "{line}")?;
    } else {
        let (file, plate, p) = (one_field(&file), &read.plate_number, read.likelihood);
        writeln!(
            out,
            "{file}\t{first:.2}\t{last:.2}\t{best:.2}\t{plate}\t{p:.3}\t{direction}\t{x},{y},{w},{h}"
        )?;
    }
    // A film takes its time: whoever waits sees each pass at once.
    out.flush()
}
