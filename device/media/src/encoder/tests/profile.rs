//! NET-24: what comes out of an encoder is the profile that was chosen.

use super::*;

/// The first three bytes behind the head of the first sequence parameter set: profile, constraints, level.
fn announced(units: &[Encoded]) -> [u8; 3] {
    let nals = nal_units(&units[0].data);
    let set = nals.iter().find(|nal| nal[0] & 0x1f == 7).unwrap();
    [set[1], set[2], set[3]]
}

/// NET-24: every software encoder makes all three, on small pictures and on those for which x264 is driven in its
/// fastest way; a unit comes out for each frame that goes in, so there are no B frames.
#[test]
fn each_profile_comes_out_as_chosen() {
    let small = (PictureSize::new(352, 240), 15);
    let cif_of_pal = (PictureSize::new(352, 288), 25);
    let fast = (PictureSize::new(1280, 720), 120);
    let rates = [
        Rate::Cbr { kbps: 500 },
        Rate::Vbr {
            quality: 4,
            max_kbps: 1000,
        },
    ];
    for choice in software(Codec::H264) {
        assert_eq!(
            choice.h264_profiles(),
            H264Profile::ALL,
            "{}",
            choice.element
        );
        for (h264_profile, idc) in [
            (H264Profile::Baseline, 66),
            (H264Profile::Main, 77),
            (H264Profile::High, 100),
        ] {
            for (size, frame_rate) in [small, cif_of_pal, fast] {
                for rate in rates {
                    let config = EncoderConfig {
                        h264_profile,
                        size,
                        frame_rate,
                        ..config(Codec::H264, rate)
                    };
                    let units = encode(choice, &plan(config, StreamId::Sub), 4);
                    let [profile, constraints, _] = announced(&units);
                    let what = format!("{} {h264_profile} {size} {rate:?}", choice.element);
                    assert_eq!(profile, idc, "{what}");
                    // Constraint set 1: nothing of Baseline that decoders of Main lack.
                    let constrained = constraints & 0x40 != 0;
                    assert!(
                        h264_profile != H264Profile::Baseline || constrained,
                        "{what}"
                    );
                }
            }
        }
    }
}

/// NET-24: other codecs have no such profiles, and an element that is not there makes none.
#[test]
fn profiles_are_those_of_h264_encoders_that_are_there() {
    crate::init().unwrap();
    for choice in crate::encoder::ORDER {
        let there = available_encoders().contains(choice);
        let offers = !choice.h264_profiles().is_empty();
        assert!(!offers || choice.codec == Codec::H264, "{}", choice.element);
        assert!(
            offers || !there || choice.codec != Codec::H264,
            "{}",
            choice.element
        );
    }
}
