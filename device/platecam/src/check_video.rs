//! `platecam check-video`: which seconds of a recording are as a unit signed them (GEN-21, VIDEO-17).

use std::{fs, path::Path, time::Duration};

use platecam_media::{Codec, EncodedFilm, nal_units};
use platecam_model::signed_video::{Coding, Report, Trust, Verifier};

use crate::{
    Failure,
    cli::{CheckVideoArgs, exit},
};

/// For each file a line with name, `Normal` or `Error`, serial number, first and last moment and watermark text, then one line for each certificate and
/// each stretch.
pub(crate) fn check_videos(args: &CheckVideoArgs) -> Result<(), Failure> {
    let trust = trust(args)?;
    let mut errors = 0;
    for file in &args.files {
        let name = file.display();
        match check(file, &trust) {
            Ok(report) => {
                errors += usize::from(!report.is_genuine());
                tell(&name.to_string(), &report);
            }
            Err(reason) => {
                println!("{name}\tError\t{reason}");
                errors += 1;
            }
        }
    }
    if errors == 0 {
        return Ok(());
    }
    let all = args.files.len();
    Err(Failure::new(
        exit::FAILED,
        format!("{errors} of {all} videos are not as the unit made them"),
    ))
}

fn trust(args: &CheckVideoArgs) -> Result<Trust, Failure> {
    let wrong = |e: String| Failure::new(exit::USAGE, e);
    if let Some(key) = &args.key {
        let key = key.parse().map_err(|e| wrong(format!("--key: {e}")))?;
        return Ok(Trust::Key(key));
    }
    let file = args.root.as_deref().unwrap_or(Path::new(""));
    let named = |e: &dyn std::fmt::Display| wrong(format!("--root {}: {e}", file.display()));
    let pem = fs::read(file).map_err(|e| named(&e))?;
    Trust::root(&pem).map_err(|e| named(&e))
}

fn check(file: &Path, trust: &Trust) -> Result<Report, String> {
    let mut film = EncodedFilm::open(file).map_err(|e| e.to_string())?;
    let mut verifier = None;
    let mut begin = None;
    while let Some((codec, data, at)) = film.next_unit().map_err(|e| e.to_string())? {
        let coding = match codec {
            Codec::H264 => Coding::H264,
            Codec::H265 => Coding::H265,
            Codec::Jpeg => {
                return Err(
                    "motion JPEG cannot be signed; single pictures have a watermark of their own: platecam check-picture".into(),
                );
            }
        };
        let verifier = verifier.get_or_insert_with(|| Verifier::new(coding, trust.clone()));
        let at = at.saturating_sub(*begin.get_or_insert(at));
        for nal in nal_units(&data) {
            verifier.push(&nal, at);
        }
    }
    let verifier = verifier.ok_or("holds no pictures")?;
    Ok(verifier.finish())
}

fn tell(name: &str, report: &Report) {
    let result = match (report.is_genuine(), report.is_signed()) {
        (true, _) => "Normal",
        (false, true) => "Error",
        (false, false) => "Error\tno watermark",
    };
    print!("{name}\t{result}");
    if let (Some(vendor), Some((from, to))) = (&report.vendor, report.taken) {
        let texts = report.texts.join(" | ");
        print!(
            "\t{}\t{from}\t{to}\t{}",
            plain(&vendor.serial),
            plain(&texts)
        );
    }
    println!();
    for certificate in &report.certificates {
        let whose = match certificate.trusted {
            true => "of this camera",
            false => "not of this camera",
        };
        let subject = plain(&certificate.subject);
        println!(
            "{name}\tcertificate\t{subject}\t{}\t{whose}",
            certificate.fingerprint
        );
    }
    let seconds = |at: Duration| format!("{:.3}", at.as_secs_f64());
    for span in &report.spans {
        let (from, to) = (seconds(span.from), seconds(span.to));
        println!("{name}\t{from}\t{to}\t{}\t{}", span.verdict, span.reason);
    }
}

/// What a file says of itself must not move the columns, or a terminal.
fn plain(text: &str) -> String {
    let seen = |c: char| if c.is_control() { '?' } else { c };
    text.chars().map(seen).collect()
}
