use std::{convert::Infallible, time::Duration};

use lpr_core::{MediaTime, UtcTime};
use proptest::prelude::*;

use super::{
    sei::{Gop, Sei, Values, read},
    *,
};
use crate::watermark::{PublicKey, SigningKey};

const STEP: Duration = Duration::from_millis(40);

struct Spki(PublicKey);

impl rcgen::PublicKeyData for Spki {
    fn der_bytes(&self) -> &[u8] {
        &self.0.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

/// A certificate of the key, and the root that signed it.
fn certificate_of(key: &PublicKey) -> (String, Vec<u8>) {
    let root = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    let certificate = params.self_signed(&root).unwrap();
    let issuer = rcgen::Issuer::new(params, root);
    let mut params = rcgen::CertificateParams::default();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "PC-1 video");
    let leaf = params.signed_by(&Spki(*key), &issuer).unwrap();
    (leaf.pem(), certificate.der().to_vec())
}

fn signing(text: &str) -> (Arc<Signing>, Trust) {
    let der = SigningKey::generate().unwrap();
    let key = SigningKey::from_pkcs8(&der).unwrap();
    let trust = Trust::Key(key.public_key());
    let signing = Signing {
        chain: certificate_of(&key.public_key()).0,
        signer: Arc::new(key),
        vendor: Vendor {
            firmware: "1.2.3".into(),
            serial: "PC-1".into(),
            manufacturer: "Platecam".into(),
        },
        text: text.into(),
    };
    (Arc::new(signing), trust)
}

/// Two slices of a picture.
fn slices(coding: Coding, key: bool, number: u8) -> Vec<Vec<u8>> {
    let header: &[u8] = match (coding, key) {
        (Coding::H264, true) => &[0x65],
        (Coding::H264, false) => &[0x41],
        (Coding::H265, true) => &[0x26, 1],
        (Coding::H265, false) => &[0x02, 1],
    };
    let body = |first: u8| [header, &[first, number, 0, 0, 3, 1, 0x80]].concat();
    vec![body(0x80), body(0x40)]
}

type Unit = (Duration, Vec<Vec<u8>>);

/// Groups of `group` pictures as they leave the signer.
fn stream(coding: Coding, signing: &Arc<Signing>, pictures: u8, group: u8) -> Vec<Unit> {
    let mut signer = Signer::new(coding, signing.clone());
    (0..pictures)
        .map(|n| {
            let at = STEP * n.into();
            let nals = slices(coding, n % group == 0, n);
            let media = MediaTime::from_nanos(u64::try_from(at.as_nanos()).unwrap());
            let utc = UtcTime::from_millis(1_795_000_000_000) + at;
            let mut unit = signer.access_unit(&nals, media, utc).unwrap();
            unit.extend(nals);
            (at, unit)
        })
        .collect()
}

fn check(coding: Coding, trust: &Trust, stream: &[Unit]) -> Report {
    let mut verifier = Verifier::new(coding, trust.clone());
    for (at, nals) in stream {
        for nal in nals {
            verifier.push(nal, *at);
        }
    }
    verifier.finish()
}

fn verdicts(report: &Report) -> Vec<Verdict> {
    report.spans.iter().map(|s| s.verdict).collect()
}

fn is_slice(coding: Coding, nal: &[u8]) -> bool {
    matches!(coding.kind(nal), nal::Kind::Slice { .. })
}

/// GEN-21, VIDEO-17: what leaves the signer is genuine, with text, serial number and times; the end is not proven yet.
#[test]
fn a_signed_stream_is_genuine_to_its_last_signature() {
    for coding in [Coding::H264, Coding::H265] {
        let (signing, trust) = signing("North gate");
        let report = check(coding, &trust, &stream(coding, &signing, 35, 10));
        assert_eq!(verdicts(&report), [Verdict::Genuine, Verdict::Unsigned]);
        assert!(report.is_genuine());
        let tail = report.spans[1];
        assert_eq!((tail.from, tail.to), (STEP * 30, STEP * 35));
        assert_eq!(report.texts, ["North gate"]);
        assert_eq!(report.vendor.as_ref(), Some(&signing.vendor));
        let (from, to) = report.taken.unwrap();
        assert_eq!(to.saturating_since(from), STEP * 30);
        assert_eq!(report.certificates.len(), 1);
    }
}

/// Nobody may put a long end of his own behind what was signed: a part that waits for its signature is short.
#[test]
fn a_long_end_without_signature_is_not_passed_over() {
    let (signing, trust) = signing("");
    let mut all = stream(Coding::H264, &signing, 31, 10);
    let (begin, count) = (STEP * 31, 9_000 / u32::try_from(STEP.as_millis()).unwrap());
    all.extend((0..count).map(|n| (begin + STEP * n, slices(Coding::H264, false, 7))));
    let report = check(Coding::H264, &trust, &all);
    assert_eq!(verdicts(&report), [Verdict::Genuine, Verdict::Unsigned]);
    assert!(!report.is_genuine());
}

/// A player that joins in the middle, and a file cut at key pictures.
#[test]
fn any_piece_that_begins_with_a_key_picture_is_genuine() {
    let (signing, trust) = signing("");
    let all = stream(Coding::H264, &signing, 35, 10);
    let report = check(Coding::H264, &trust, &all[10..31]);
    assert_eq!(verdicts(&report), [Verdict::Genuine, Verdict::Unsigned]);
    assert!(report.is_genuine());
}

/// Each byte of each slice and of each SEI counts; told is the picture.
#[test]
fn a_changed_byte_is_told_with_its_second() {
    let (signing, trust) = signing("x");
    let all = stream(Coding::H264, &signing, 21, 10);
    for (picture, unit) in all.iter().enumerate().take(20) {
        for (n, nal) in unit.1.iter().enumerate() {
            // The room behind a signature and the stop bit say nothing.
            let end = match is_slice(Coding::H264, nal) {
                true => nal.len(),
                false => nal.len() - 8,
            };
            for at in 1..end {
                let mut changed = all.clone();
                changed[picture].1[n][at] ^= 0x10;
                let report = check(Coding::H264, &trust, &changed);
                assert!(
                    !report.is_genuine(),
                    "picture {picture}, unit {n}, byte {at}"
                );
            }
        }
    }
    let mut changed = all.clone();
    let slice = changed[13].1.last_mut().unwrap();
    *slice.last_mut().unwrap() ^= 1;
    let report = check(Coding::H264, &trust, &changed);
    let span = report.spans.iter().find(|s| s.verdict == Verdict::Changed);
    let span = span.unwrap();
    assert_eq!((span.from, span.to), (STEP * 13, STEP * 14));
}

#[test]
fn pictures_left_out_are_missing() {
    let (signing, trust) = signing("");
    let mut all = stream(Coding::H265, &signing, 31, 10);
    all.remove(14);
    let report = check(Coding::H265, &trust, &all);
    let missing = report.spans.iter().find(|s| s.verdict == Verdict::Missing);
    let missing = missing.unwrap();
    assert_eq!((missing.from, missing.to), (STEP * 14, STEP * 15));
    assert!(!report.spans.iter().any(|s| s.verdict == Verdict::Changed));
}

#[test]
fn a_whole_group_left_out_is_missing() {
    let (signing, trust) = signing("");
    let mut all = stream(Coding::H264, &signing, 41, 10);
    all.drain(10..20);
    let report = check(Coding::H264, &trust, &all);
    assert!(verdicts(&report).contains(&Verdict::Missing), "{report:?}");
    assert!(!report.is_genuine());
}

#[test]
fn pictures_in_another_order_are_told() {
    let (signing, trust) = signing("");
    let mut all = stream(Coding::H264, &signing, 21, 10);
    let (a, b) = (all[4].1.clone(), all[5].1.clone());
    (all[4].1, all[5].1) = (b, a);
    assert!(!check(Coding::H264, &trust, &all).is_genuine());
}

/// Groups of two recordings of the same unit, put together.
#[test]
fn two_recordings_do_not_make_one() {
    let (signing, trust) = signing("");
    let one = stream(Coding::H264, &signing, 30, 10);
    let mut other = stream(Coding::H264, &signing, 51, 10);
    for (at, unit) in &mut other {
        *at += STEP * 30;
        for nal in unit.iter_mut().filter(|n| is_slice(Coding::H264, n)) {
            nal.push(0x77);
        }
    }
    let spliced = [&one[..20], &other[20..]].concat();
    assert!(!check(Coding::H264, &trust, &spliced).is_genuine());
}

#[test]
fn a_lost_signature_leaves_its_group_unsigned() {
    let (signing, trust) = signing("");
    let mut all = stream(Coding::H264, &signing, 41, 10);
    // Proves the pictures from 10 on.
    all[20].1.remove(0);
    let report = check(Coding::H264, &trust, &all);
    let unsigned = report.spans.iter().find(|s| s.verdict == Verdict::Unsigned);
    let unsigned = unsigned.unwrap();
    assert_eq!((unsigned.from, unsigned.to), (STEP * 10, STEP * 20));
    assert!(!report.is_genuine());
}

#[test]
fn without_signatures_all_is_unsigned() {
    let (signing, trust) = signing("");
    let mut all = stream(Coding::H264, &signing, 21, 10);
    for (_, unit) in &mut all {
        unit.retain(|nal| is_slice(Coding::H264, nal));
    }
    let report = check(Coding::H264, &trust, &all);
    assert_eq!(verdicts(&report), [Verdict::Unsigned]);
    assert!(!report.is_genuine() && !report.is_signed());
}

#[test]
fn another_unit_is_not_this_one() {
    let (theirs, _) = signing("");
    let (_, ours) = signing("");
    let report = check(Coding::H264, &ours, &stream(Coding::H264, &theirs, 21, 10));
    assert_eq!(report.spans[0].verdict, Verdict::Foreign);
    assert!(!report.is_genuine() && !report.certificates[0].trusted);
}

#[test]
fn the_root_of_the_unit_is_trust_as_well() {
    let (signing, _) = signing("");
    let (chain, root) = certificate_of(&signing.signer.public_key());
    let signing = Arc::new(Signing {
        chain,
        ..Signing::clone(&signing)
    });
    let all = stream(Coding::H264, &signing, 21, 10);
    assert!(check(Coding::H264, &Trust::Root(root), &all).is_genuine());
    let (_, other) = certificate_of(&signing.signer.public_key());
    let report = check(Coding::H264, &Trust::Root(other), &all);
    assert_eq!(report.spans[0].verdict, Verdict::Foreign);
}

/// Long groups are signed in pieces, and each piece is judged by itself.
#[test]
fn a_long_group_is_signed_in_parts() {
    let (signing, trust) = signing("long");
    // 250 pictures of 40 ms: more than two pieces of 4 s.
    let all = stream(Coding::H264, &signing, 250, 249);
    let report = check(Coding::H264, &trust, &all);
    assert!(report.is_genuine(), "{:?}", report.spans);
    let mut changed = all.clone();
    changed[120].1.last_mut().unwrap()[3] ^= 1;
    let report = check(Coding::H264, &trust, &changed);
    let span = report.spans.iter().find(|s| s.verdict == Verdict::Changed);
    assert_eq!(span.map(|s| s.from), Some(STEP * 120));
    let mut dropped = all;
    dropped.remove(180);
    let report = check(Coding::H264, &trust, &dropped);
    assert!(verdicts(&report).contains(&Verdict::Missing));
}

/// Players take the stream as it was: the SEIs are whole NAL units without a start code in them, before the slices.
#[test]
fn seis_hold_no_start_code() {
    let (signing, _) = signing("text");
    for (_, unit) in stream(Coding::H264, &signing, 60, 10) {
        for nal in unit.iter().filter(|n| is_ours(Coding::H264, n)) {
            assert!(!nal.windows(3).any(|w| w[..2] == [0, 0] && w[2] < 3));
            assert_ne!(nal.last(), Some(&0));
        }
    }
}

#[test]
fn a_signature_is_der() {
    let mut fixed = [0; 64];
    fixed[31] = 5;
    fixed[32] = 0x80;
    let der = der::of(&fixed);
    assert_eq!(der[..8], [0x30, 38, 2, 1, 5, 2, 33, 0]);
    assert_eq!(der.len(), 40);
    assert_eq!(der::of(&[0xff; 64]).len(), der::MAX_DER);
    assert_eq!(der::of(&[0; 64]), [0x30, 6, 2, 1, 0, 2, 1, 0]);
}

fn any_gop() -> impl Strategy<Value = Gop> {
    let time = (0_i64..4_000_000_000_000_000).prop_map(UtcTime::from_micros);
    (
        any::<bool>(),
        time.clone(),
        time,
        any::<u32>(),
        any::<u16>(),
        any::<Hash>(),
        any::<Hash>(),
    )
        .prop_map(|(partial, start, end, counter, units, hash, link)| Gop {
            partial,
            start,
            end,
            counter,
            units,
            hash,
            link,
        })
}

proptest! {
    #[test]
    fn a_sei_is_read_as_it_was_written(
        gop in any_gop(), hashes in proptest::collection::vec(any::<Hash>(), 0..40), text in "[ -~]{0,85}",
        chain in "[ -~]{1,900}", signature in proptest::collection::vec(any::<u8>(), 0..=der::MAX_DER), h265 in any::<bool>())
    {
        let coding = if h265 { Coding::H265 } else { Coding::H264 };
        let vendor = Vendor { firmware: text.clone(), serial: "1".into(), manufacturer: String::new() };
        let mut document = Vec::new();
        let nal = Values::default().crypto().vendor(&vendor).chain(&chain).gop(&gop).hashes(&hashes).sei(coding, Some(|d: &[u8]| {
            document = d.to_vec();
            Ok::<_, Infallible>(signature.clone())
        })).unwrap();
        prop_assert!(is_ours(coding, &nal));
        let sei = read(coding, &nal).unwrap().unwrap();
        let wanted = Sei {
            gop: Some(gop), hashes, signature: Some(signature), sha256: Some(true), vendor: Some(vendor), chain: Some(chain), data: None, document,
        };
        prop_assert_eq!(sei, wanted);
    }

    #[test]
    fn hostile_units_are_taken_without_panic(
        units in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..80), any::<bool>()), 0..12), cut in 0usize..400)
    {
        let (signing, trust) = signing("t");
        let mut verifier = Verifier::new(Coding::H264, trust.clone());
        let real = stream(Coding::H264, &signing, 12, 5);
        for ((bytes, ours), (at, unit)) in units.iter().zip(&real) {
            for nal in unit {
                let mut nal = nal.clone();
                nal.truncate(cut);
                if *ours {
                    nal.extend(bytes);
                }
                verifier.push(&nal, *at);
            }
            verifier.push(bytes, *at);
        }
        let _ = verifier.finish();
    }

    #[test]
    fn emulation_prevention_is_taken_out_again(bytes in proptest::collection::vec(0u8..5, 0..200)) {
        let escaped = nal::escape(&bytes);
        prop_assert!(!escaped.windows(3).any(|w| w[..2] == [0, 0] && w[2] < 3));
        let plain: Vec<u8> = nal::unescape(&escaped).map(|(_, b)| b).collect();
        prop_assert_eq!(plain, bytes);
    }
}
