use platecam_model::{ports::VideoCapabilities, testing};

use super::*;

/// MEDIA2-2-3-2, -3, -4: every offered combination is accepted and reads back equal.
#[test]
fn what_is_offered_is_accepted_and_reads_back() {
    let t = testing::initialised();
    t.device.settings.set_video_capabilities(VideoCapabilities {
        source_size: Some((1920, 1080)),
        codecs: vec![Codec::H264, Codec::Mjpeg, Codec::H265],
    });
    let system = platecam_model::Actor::system();
    for &stream in streams(&t.device) {
        for option in media2_options(&t.device, &[stream]) {
            let ends = |largest: bool| {
                let pick = |a: i32, b: i32| if largest { b } else { a };
                let size = if largest {
                    option.resolutions_available.first()
                } else {
                    option.resolutions_available.last()
                };
                tt::VideoEncoder2Configuration {
                    encoding: option.encoding.clone(),
                    resolution: size.unwrap().clone(),
                    quality: if largest {
                        option.quality_range.max
                    } else {
                        option.quality_range.min
                    },
                    rate_control: Some(Box::new(tt::VideoRateControl2 {
                        frame_rate_limit: if largest { 30.0 } else { 1.0 },
                        bitrate_limit: pick(option.bitrate_range.min, option.bitrate_range.max),
                        constant_bit_rate: Some(largest),
                        ..Default::default()
                    })),
                    gov_length: option
                        .gov_length_range
                        .as_ref()
                        .map(|l| pick(l.0[0], l.0[1])),
                    profile: option.profiles_supported.as_ref().map(|p| p.0[0].clone()),
                    ..media2(&t.device, stream)
                }
            };
            for wanted in [ends(false), ends(true)] {
                let config = Wanted::from(wanted.clone())
                    .apply(current(&t.device, stream))
                    .unwrap_or_else(|f| panic!("{stream:?} {wanted:?}: {f}"));
                let set = match stream {
                    StreamId::Main => t
                        .device
                        .settings
                        .update::<VideoMain>(&system, |s| s.set_stream(config)),
                    StreamId::Sub => t
                        .device
                        .settings
                        .update::<VideoSub>(&system, |s| s.set_stream(config)),
                };
                set.unwrap_or_else(|e| panic!("{stream:?} {wanted:?}: {e}"));
                assert_eq!(media2(&t.device, stream), wanted);
            }
        }
    }
}

#[test]
fn values_outside_the_bounds_name_field_value_and_bound() {
    let t = testing::initialised();
    let good = || media2(&t.device, StreamId::Main);
    let rate = |f: fn(&mut tt::VideoRateControl2)| {
        let mut c = good();
        f(c.rate_control.as_mut().unwrap());
        c
    };
    for (wanted, names) in [
        (
            tt::VideoEncoder2Configuration {
                encoding: "VP8".into(),
                ..good()
            },
            ["VP8", "H264"],
        ),
        (
            tt::VideoEncoder2Configuration {
                quality: 7.0,
                ..good()
            },
            ["Quality 7", "1 to 6"],
        ),
        (
            tt::VideoEncoder2Configuration {
                quality: f32::NAN,
                ..good()
            },
            ["Quality", "number"],
        ),
        (
            tt::VideoEncoder2Configuration {
                quality: f32::INFINITY,
                ..good()
            },
            ["Quality", "number"],
        ),
        (
            tt::VideoEncoder2Configuration {
                gov_length: Some(-5),
                ..good()
            },
            ["GovLength -5", "25 to 150"],
        ),
        (
            tt::VideoEncoder2Configuration {
                profile: Some("Baseline".into()),
                ..good()
            },
            ["Baseline", "High"],
        ),
        (
            rate(|r| r.frame_rate_limit = 1e30),
            ["FrameRateLimit", "1 to 30"],
        ),
        (
            rate(|r| r.bitrate_limit = 1),
            ["BitrateLimit 1", "32 to 16384"],
        ),
        (
            tt::VideoEncoder2Configuration {
                resolution: tt::VideoResolution2 {
                    width: -1,
                    height: 5,
                },
                ..good()
            },
            ["Resolution -1x5", "offered"],
        ),
    ] {
        let fault = Wanted::from(wanted)
            .apply(current(&t.device, StreamId::Main))
            .unwrap_err();
        assert!(fault.has_subcode("ConfigModify"), "{fault}");
        for name in names {
            assert!(fault.reason.contains(name), "{fault} lacks {name}");
        }
    }
}

/// Interop trap 9: H.265 is never said in Media 1.
#[test]
fn media1_never_says_h265() {
    let t = testing::initialised();
    let system = platecam_model::Actor::system();
    t.device
        .settings
        .update::<VideoMain>(&system, |s| s.codec = Codec::H265)
        .unwrap();
    assert_eq!(media1(&t.device, StreamId::Main), None);
    assert_eq!(media2(&t.device, StreamId::Main).encoding, "H265");
    assert!(media1(&t.device, StreamId::Sub).is_some());
}

/// A source smaller than every size of the product: the lists that ONVIF wants filled hold what is set.
#[test]
fn a_small_source_leaves_what_is_set() {
    let t = testing::initialised();
    t.device.settings.set_video_capabilities(VideoCapabilities {
        source_size: Some((320, 240)),
        codecs: vec![Codec::H264],
    });
    for &stream in streams(&t.device) {
        let set = media2(&t.device, stream).resolution;
        for option in media2_options(&t.device, &[stream]) {
            assert_eq!(
                option.resolutions_available.as_slice(),
                std::slice::from_ref(&set)
            );
        }
        let h264 = media1_options(&t.device, &[stream]).h264.unwrap();
        assert_eq!(h264.resolutions_available.len(), 1);
    }
}

/// VIDEO-17: `Signed` switches the watermark; what is not said stays, and motion JPEG has none.
#[test]
fn signed_switches_the_watermark() {
    let t = testing::initialised();
    let main = || media2(&t.device, StreamId::Main);
    assert_eq!(main().signed, Some(false));
    let apply = |wanted: tt::VideoEncoder2Configuration| {
        let config = Wanted::from(wanted).apply(current(&t.device, StreamId::Main));
        let by = platecam_model::Actor::system();
        let config = config.unwrap();
        let settings = &t.device.settings;
        settings
            .update::<VideoMain>(&by, |s| s.set_stream(config))
            .unwrap();
    };
    apply(tt::VideoEncoder2Configuration {
        signed: Some(true),
        ..main()
    });
    assert_eq!(main().signed, Some(true));
    apply(tt::VideoEncoder2Configuration {
        signed: None,
        ..main()
    });
    assert!(t.device.settings.get::<VideoMain>().watermark);
    apply(tt::VideoEncoder2Configuration {
        encoding: "JPEG".into(),
        profile: None,
        gov_length: None,
        ..main()
    });
    assert_eq!(main().signed, Some(false));
}
