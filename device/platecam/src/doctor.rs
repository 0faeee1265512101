//! `platecam doctor`: is this machine fit to be a camera?

use platecam_host::doctor::{self, Check, Verdict};
use platecam_media::available_encoders;
use platecam_model::{Clock, SystemClock};
use serde_json::json;

use crate::{
    Failure,
    cli::{DoctorArgs, exit},
};

pub(crate) fn doctor(args: &DoctorArgs) -> Result<(), Failure> {
    let checks = all(args);
    let worst = checks
        .iter()
        .map(|c| c.verdict)
        .max()
        .unwrap_or(Verdict::Ok);
    if args.json {
        println!("{}", json!({"verdict": worst, "checks": checks}));
    } else {
        for check in &checks {
            let mark = match check.verdict {
                Verdict::Ok => "ok     ",
                Verdict::Warning => "warning",
                Verdict::Failed => "FAILED ",
            };
            println!("{mark}  {:<16} {}", check.id, check.text);
        }
    }
    match worst {
        Verdict::Ok | Verdict::Warning => Ok(()),
        Verdict::Failed => {
            let n = checks
                .iter()
                .filter(|c| c.verdict == Verdict::Failed)
                .count();
            Err(Failure::new(
                exit::FAILED,
                format!("{n} of {} checks failed", checks.len()),
            ))
        }
    }
}

fn all(args: &DoctorArgs) -> Vec<Check> {
    let mut checks = vec![video(), encoders(), recognition()];
    let (state, running) = doctor::state_dir(&args.state_dir);
    checks.push(state);
    checks.extend(doctor::secrets(&args.state_dir));
    checks.push(doctor::disk(&args.state_dir));
    checks.push(doctor::clock(SystemClock::default().now()));
    for (name, port) in [
        ("web", args.http_port),
        ("https", args.https_port),
        ("rtsp", args.rtsp_port),
    ] {
        checks.push(if running {
            Check::new(
                &format!("port-{name}"),
                Verdict::Ok,
                "not looked at: the camera runs",
            )
        } else {
            doctor::port(name, args.listen, port)
        });
    }
    checks.push(doctor::discovery());
    checks.push(doctor::console(std::path::Path::new("/")));
    checks
}

fn video() -> Check {
    match platecam_media::init() {
        Ok(()) => Check::new(
            "gstreamer",
            Verdict::Ok,
            "GStreamer has the elements that are needed",
        ),
        Err(e) => Check::new("gstreamer", Verdict::Failed, e.to_string()),
    }
}

fn encoders() -> Check {
    use platecam_media::Codec;
    if platecam_media::init().is_err() {
        return Check::new(
            "encoders",
            Verdict::Failed,
            "without GStreamer there are none",
        );
    }
    let missing: Vec<_> = [Codec::H264, Codec::H265, Codec::Jpeg]
        .into_iter()
        .filter(|codec| !available_encoders().iter().any(|e| e.codec == *codec))
        .map(|codec| codec.to_string())
        .collect();
    match missing.as_slice() {
        [] => Check::new(
            "encoders",
            Verdict::Ok,
            "there is an encoder for H.264, H.265 and MJPEG",
        ),
        some => Check::new(
            "encoders",
            if some.len() == 3 {
                Verdict::Failed
            } else {
                Verdict::Warning
            },
            format!("no encoder for {}", some.join(", ")),
        ),
    }
}

fn recognition() -> Check {
    match lpr_onnx::Nets::load(lpr_onnx::NetsOptions::default()) {
        Ok(_) => Check::new(
            "recognition",
            Verdict::Ok,
            "ONNX Runtime and both nets load",
        ),
        Err(e) => Check::new("recognition", Verdict::Failed, e.to_string()),
    }
}
