use super::*;
use proptest::prelude::*;

fn fresh() -> Arc<SigningKey> {
    Arc::new(SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap())
}

/// Begins and ends as a JPEG does; what is between does not matter here.
fn picture(len: usize) -> Bytes {
    let mut jpeg = vec![0xff, 0xd8];
    jpeg.extend((0..len).map(|i| u8::try_from(i % 251).unwrap()));
    jpeg.extend([0xff, 0xd9]);
    jpeg.into()
}

fn taken() -> UtcTime {
    UtcTime::from_millis(1_795_000_000_123)
}

fn unit() -> Watermark {
    Watermark::new(fresh(), "PC-1234")
}

/// FILE-12, FILE-13.
#[test]
fn an_untouched_picture_is_normal_and_any_changed_byte_an_error() {
    let unit = unit();
    let marked = unit.mark(picture(300), taken()).unwrap();
    let claim = unit.check(&marked).unwrap();
    assert_eq!(
        (claim.serial.as_str(), claim.taken_at),
        ("PC-1234", taken())
    );
    for i in 0..marked.len() {
        let mut changed = marked.to_vec();
        changed[i] ^= 1;
        assert!(unit.check(&changed).is_err(), "byte {i} may be changed");
    }
    for other in [&marked[..marked.len() - 1], &[&*marked, &[0]].concat()] {
        assert_eq!(unit.check(other), Err(Fault::Changed));
    }
}

/// C-29.
#[test]
fn without_a_watermark_of_this_unit_it_is_an_error_with_its_reason() {
    let (ours, theirs) = (unit(), unit());
    assert_eq!(ours.check(&picture(9)), Err(Fault::NoWatermark));
    assert_eq!(ours.check(b"\x89PNG"), Err(Fault::NotJpeg));
    let foreign = theirs.mark(picture(9), taken()).unwrap();
    assert_eq!(ours.check(&foreign), Err(Fault::Foreign));
    assert!(check(&foreign, &theirs.key()).is_ok());
    // The other's claim under our key.
    let mut forged = ours.mark(picture(9), taken()).unwrap().to_vec();
    let from = foreign.len() - 11 - SIGNATURE_LENGTH;
    forged[from..from + SIGNATURE_LENGTH].copy_from_slice(&foreign[from..from + SIGNATURE_LENGTH]);
    assert_eq!(ours.check(&forged), Err(Fault::Changed));
}

#[test]
fn what_is_no_jpeg_stays_as_it_is() {
    let empty = unit().mark(Bytes::new(), taken()).unwrap();
    assert!(empty.is_empty());
}

#[test]
fn a_long_serial_number_is_cut_between_characters() {
    let long = Watermark::new(fresh(), &"ä".repeat(40));
    let marked = long.mark(picture(5), taken()).unwrap();
    assert_eq!(long.check(&marked).unwrap().serial, "ä".repeat(32));
}

#[test]
fn a_key_is_read_as_it_is_written() {
    let key = unit().key();
    assert_eq!(key.to_string().parse(), Ok(key));
    for wrong in [
        "",
        "04",
        &"zz".repeat(65),
        &"05".repeat(65),
        &"ä".repeat(65),
    ] {
        assert!(wrong.parse::<PublicKey>().is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn garbage_is_refused_without_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 0usize..400) {
        let unit = unit();
        prop_assert!(unit.check(&bytes).is_err());
        bytes.splice(0..0, [0xff, 0xd8, 0xff, 0xea]);
        prop_assert!(unit.check(&bytes).is_err());
        let marked = unit.mark(picture(40), taken()).unwrap();
        prop_assert!(unit.check(&marked[..cut.min(marked.len() - 1)]).is_err());
    }
}
