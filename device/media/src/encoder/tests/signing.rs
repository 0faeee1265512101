//! Signed streams as they leave the encoder, kept in files (GEN-21, VIDEO-17).

use std::path::Path;
use std::process::Command;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use bytes::Bytes;
use platecam_model::ports::PictureSigner;
use platecam_model::signed_video::{Coding, Report, Signing, Trust, Vendor, Verdict, Verifier};
use platecam_model::watermark::{PublicKey, SigningKey};

use super::*;
use crate::{AccessUnit, EncodedFilm, StreamFormat};

const GOP: u32 = 25;
const PICTURES: u64 = 80;

struct Spki(PublicKey);

impl rcgen::PublicKeyData for Spki {
    fn der_bytes(&self) -> &[u8] {
        &self.0.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

fn signing() -> (Signing, Trust) {
    let key = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
    let public = key.public_key();
    let root = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::new(rcgen::CertificateParams::default(), root);
    let leaf = rcgen::CertificateParams::default();
    let signing = Signing {
        signer: Arc::new(key),
        chain: leaf.signed_by(&Spki(public), &issuer).unwrap().pem(),
        vendor: Vendor::default(),
        text: "North gate".into(),
    };
    (signing, Trust::Key(public))
}

#[derive(Default)]
struct Kept(Mutex<Vec<Bytes>>, Condvar);

impl crate::AccessUnitSink for Kept {
    fn format(&self, _: &StreamFormat) {}

    fn push(&self, unit: AccessUnit) {
        self.0.lock().unwrap().push(unit.data);
        self.1.notify_all();
    }
}

/// A signed stream of the encoder; signing begins behind the picture `from`.
fn encoded(codec: Codec, h264_profile: H264Profile, signing: &Signing, from: u64) -> Vec<u8> {
    crate::init().unwrap();
    let sink = Arc::new(Kept::default());
    let encoder =
        super::super::Encoder::start(StreamId::Main, crate::MediaClock::start(), sink.clone())
            .unwrap();
    let input = encoder.input();
    let config = EncoderConfig {
        gop: GOP,
        h264_profile,
        ..config(codec, Rate::Cbr { kbps: 500 })
    };
    input.configure(Some(config)).unwrap();
    for number in 0..PICTURES {
        if number == from {
            input.set_signing(Some(Arc::new(signing.clone())));
        }
        let message = super::super::Message::Frame(frame(number, config.size, 15));
        input.messages.send(message).unwrap();
        // One after the other, so that it is known which was the first of the signed ones.
        let kept = sink.0.lock().unwrap();
        let wanted = |units: &mut Vec<Bytes>| (units.len() as u64) < number;
        let (_kept, hung) = sink.1.wait_timeout_while(kept, HUNG, wanted).unwrap();
        assert!(!hung.timed_out(), "picture {number} did not come out");
    }
    let kept = sink.0.lock().unwrap();
    kept.concat()
}

fn check(file: &Path, trust: &Trust) -> Report {
    let mut film = EncodedFilm::open(file).unwrap();
    let mut verifier = None;
    while let Some((codec, data, at)) = film.next_unit().unwrap() {
        let coding = match codec {
            Codec::H264 => Coding::H264,
            _ => Coding::H265,
        };
        let verifier = verifier.get_or_insert_with(|| Verifier::new(coding, trust.clone()));
        for nal in nal_units(&data) {
            verifier.push(&nal, at);
        }
    }
    verifier.unwrap().finish()
}

fn run(program: &str, args: &[&str]) {
    let done = Command::new(program).args(args).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success() && said.trim().is_empty(),
        "{program} {args:?}: {said}"
    );
}

/// NET-24: of H.264 Baseline too. Bare streams, MP4 and Matroska are genuine up to their last signature, players decode them without a word, and a changed byte is told.
#[test]
fn recordings_of_a_signed_stream_are_genuine_and_play() {
    let (high, baseline) = (H264Profile::High, H264Profile::Baseline);
    let of_h264 = &["x264enc", "openh264enc"][..];
    for (codec, profile, ending, elements) in [
        (Codec::H264, high, "h264", of_h264),
        (Codec::H264, baseline, "h264", of_h264),
        (Codec::H265, high, "h265", &["x265enc"]),
    ] {
        if !available_encoders()
            .iter()
            .any(|e| elements.contains(&e.element))
        {
            panic!("no software encoder for {codec}");
        }
        let (signing, trust) = signing();
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(format!("{name}.{ending}"));
        let stream = encoded(codec, profile, &signing, 0);
        let bare = path("bare");
        std::fs::write(&bare, &stream).unwrap();
        let bare = bare.to_str().unwrap();
        let kept = [dir.path().join("kept.mp4"), dir.path().join("kept.mkv")];
        let [mp4, mkv] = [&kept[0], &kept[1]].map(|file| file.to_str().unwrap());
        let raw = if ending == "h264" { "h264" } else { "hevc" };
        let bare_of = ["-framerate", "15", "-f", raw, "-i", bare, "-c", "copy"];
        // The muxer wants to be told the times of a bare stream, which another kind of file then takes over.
        let mp4_of = [&bare_of[..], &["-bsf:v", "setts=ts=N/(15*TB)", mp4]].concat();
        for args in [
            &mp4_of[..],
            &["-i", mp4, "-c", "copy", mkv],
            &["-i", mp4, "-f", "null", "-"],
            &["-i", mkv, "-f", "null", "-"],
        ] {
            run("ffmpeg", &[&["-v", "error"], args].concat());
        }
        for file in kept.iter().map(|f| f.as_path()).chain([Path::new(bare)]) {
            let report = check(file, &trust);
            assert!(
                report.is_genuine(),
                "{}: {:?}",
                file.display(),
                report.spans
            );
            assert_eq!(report.texts, ["North gate"]);
            // Fifteen pictures a second, wherever they are kept.
            let end = report.spans.last().unwrap().to;
            assert!(end < Duration::from_secs(6), "{}: {end:?}", file.display());
        }
        // In the middle of a slice of the second group.
        let mut changed = stream.clone();
        let at = changed.len() / 2;
        changed[at] ^= 0x04;
        let file = path("changed");
        std::fs::write(&file, &changed).unwrap();
        let report = check(&file, &trust);
        assert!(!report.is_genuine(), "{:?}", report.spans);
        assert!(
            report.spans.iter().any(|s| s.verdict == Verdict::Genuine),
            "{:?}",
            report.spans
        );
    }
}

/// Switched on while it runs: what came before is unsigned, what comes after the next key picture is genuine.
#[test]
fn signing_begins_live() {
    let (signing, trust) = signing();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("late.h264");
    std::fs::write(&file, encoded(Codec::H264, H264Profile::High, &signing, 10)).unwrap();
    let report = check(&file, &trust);
    let verdicts: Vec<_> = report.spans.iter().map(|s| s.verdict).collect();
    assert_eq!(
        verdicts,
        [Verdict::Unsigned, Verdict::Genuine, Verdict::Unsigned]
    );
}
