//! What ONVIF Media Signing costs a stream: the hashes of a picture, and what closes a group of pictures (ADR 0038).

use std::sync::Arc;
use std::time::Duration;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use lpr_core::MediaTime;
use platecam_model::{
    UtcTime,
    ports::PictureSigner,
    signed_video::{Coding, Signer, Signing, Vendor},
    watermark::{PublicKey, SigningKey},
};

/// A picture of 4 Mbit/s at 25 pictures a second, and a key picture of that stream.
const PICTURE: usize = 20_000;
const KEY_PICTURE: usize = 120_000;
/// Pictures of a group, as delivered.
const GROUP: usize = 50;
const STEP: Duration = Duration::from_millis(40);

/// Time of a picture by its number.
fn time(n: u64) -> MediaTime {
    MediaTime::from_nanos(n * STEP.as_nanos() as u64)
}

fn main() {
    divan::main();
}

struct Spki(PublicKey);

impl rcgen::PublicKeyData for Spki {
    fn der_bytes(&self) -> &[u8] {
        &self.0.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

fn key() -> SigningKey {
    let der = SigningKey::generate().expect("a key is made");
    SigningKey::from_pkcs8(&der).expect("it is read")
}

/// A signer with a certificate of the size that units have.
fn signer() -> Signer {
    let key = key();
    let root = rcgen::KeyPair::generate().expect("a key is made");
    let issuer = rcgen::Issuer::new(rcgen::CertificateParams::default(), root);
    let leaf = rcgen::CertificateParams::default()
        .signed_by(&Spki(key.public_key()), &issuer)
        .expect("it is signed");
    let signing = Signing {
        chain: leaf.pem(),
        signer: Arc::new(key),
        vendor: Vendor {
            firmware: "1.2.3".into(),
            serial: "PC-1".into(),
            manufacturer: "Platecam".into(),
        },
        text: String::new(),
    };
    Signer::new(Coding::H264, Arc::new(signing))
}

/// The NAL units of a picture in two slices.
fn picture(header: u8, bytes: usize) -> Vec<Vec<u8>> {
    let slice = |n: usize| {
        let body = (0..bytes / 2).map(move |i| (i as u32).wrapping_mul(2_654_435_761) as u8 | 1);
        [header, 0x80 | n as u8].into_iter().chain(body).collect()
    };
    (0..2).map(slice).collect()
}

/// A picture in the middle of its group: hashes alone.
#[divan::bench(args = [PICTURE, KEY_PICTURE])]
fn hash_a_picture(bencher: Bencher<'_, '_>, bytes: usize) {
    let units = picture(0x41, bytes);
    let key = picture(0x65, 1000);
    bencher
        .counter(BytesCount::new(bytes))
        .with_inputs(|| {
            let mut signer = signer();
            let began = signer.access_unit(&key, time(0), UtcTime::EPOCH);
            began.expect("a group begins");
            signer
        })
        .bench_local_refs(|signer| signer.access_unit(black_box(&units), time(1), UtcTime::EPOCH));
}

/// The signature alone.
#[divan::bench]
fn sign(bencher: Bencher<'_, '_>) {
    let (key, document) = (key(), vec![7; 5_000]);
    bencher.bench_local(|| key.sign(black_box(&document)));
}

/// A whole group of pictures of two seconds: all hashes, the SEI with its signature.
#[divan::bench]
fn sign_a_group(bencher: Bencher<'_, '_>) {
    let (key, other) = (picture(0x65, KEY_PICTURE), picture(0x41, PICTURE));
    let mut signer = signer();
    let mut sent = 0;
    bencher
        .counter(BytesCount::new(KEY_PICTURE + (GROUP - 1) * PICTURE))
        .bench_local(|| {
            let mut bytes = 0;
            for n in 0..GROUP {
                let units = if n == 0 { &key } else { &other };
                let seis = signer.access_unit(units, time(sent), UtcTime::EPOCH);
                bytes += seis
                    .expect("the key signs")
                    .iter()
                    .map(Vec::len)
                    .sum::<usize>();
                sent += 1;
            }
            bytes
        });
}
