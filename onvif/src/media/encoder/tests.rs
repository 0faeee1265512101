use platecam_model::{ports::VideoCapabilities, settings::VideoStandard, testing};

use super::*;

/// MEDIA2-2-3-2, -3, -4: every offered combination is accepted and reads back equal.
#[test]
fn what_is_offered_is_accepted_and_reads_back() {
    let t = testing::initialised();
    t.device.settings.set_video_capabilities(VideoCapabilities {
        source_size: Some((1920, 1080)),
        codecs: vec![Codec::H264, Codec::Mjpeg, Codec::H265],
        ..Default::default()
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
                    profile: option.profiles_supported.as_ref().and_then(|p| {
                        let end = if largest { p.0.last() } else { p.0.first() };
                        end.cloned()
                    }),
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
                profile: Some("Extended".into()),
                ..good()
            },
            ["Profile Extended", "Baseline, Main, High"],
        ),
        (
            tt::VideoEncoder2Configuration {
                encoding: "H265".into(),
                profile: Some("Main10".into()),
                ..good()
            },
            ["Profile Main10", "only Main"],
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

/// A source smaller than the size that is set: one that is offered is told, and written back with another rate it changes no
/// size.
#[test]
fn what_is_set_above_the_source_can_be_written_back() {
    let t = testing::initialised();
    t.device.settings.set_video_capabilities(VideoCapabilities {
        source_size: Some((640, 360)),
        codecs: vec![Codec::H264],
        ..Default::default()
    });
    let system = platecam_model::Actor::system();
    let mut wanted = media2(&t.device, StreamId::Main);
    let options = media2_options(&t.device, &[StreamId::Main]);
    let offered = &options[0].resolutions_available;
    assert!(offered.contains(&wanted.resolution));
    assert_eq!(wanted.resolution.width, 640);
    wanted.rate_control.as_mut().unwrap().bitrate_limit = 1000;
    let set = |wanted: &tt::VideoEncoder2Configuration| {
        let config = stored(&t.device, StreamId::Main, &Wanted::from(wanted.clone()));
        let config = config.unwrap();
        t.device
            .settings
            .update::<VideoMain>(&system, |s| s.set_stream(config))
    };
    set(&wanted).unwrap();
    assert_eq!(media2(&t.device, StreamId::Main), wanted);
    let kept = current(&t.device, StreamId::Main).resolution;
    assert_eq!(kept.to_string(), "1920x1080");
    wanted.resolution = tt::VideoResolution2 {
        width: 1280,
        height: 720,
    };
    let refused = set(&wanted).unwrap_err().to_string();
    assert!(refused.contains("640x360"), "{refused}");
}

/// A source smaller than every size of the product: the lists that ONVIF wants filled hold what is set.
#[test]
fn a_small_source_leaves_what_is_set() {
    let t = testing::initialised();
    t.device.settings.set_video_capabilities(VideoCapabilities {
        source_size: Some((320, 240)),
        codecs: vec![Codec::H264],
        ..Default::default()
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

/// NET-24, C-84: H.264 Baseline in CIF is an option of the sub stream and is set by either version, on a unit of NTSC and of PAL.
#[test]
fn the_low_end_profile_is_set_by_either_version() {
    for (standard, height, old) in [
        (VideoStandard::Ntsc, 240, true),
        (VideoStandard::Pal, 288, false),
    ] {
        let t = testing::initialised();
        let system = platecam_model::Actor::system();
        let settings = &t.device.settings;
        settings
            .update::<DeviceGeneral>(&system, |s| s.video_standard = standard)
            .unwrap();
        let sub = &[StreamId::Sub];
        let options = media1_options(&t.device, sub).h264.unwrap();
        let names: Vec<_> = options
            .h264_profiles_supported
            .iter()
            .map(|p| p.as_str())
            .collect();
        assert_eq!(names, ["Baseline", "Main", "High"]);
        let sizes = &options.resolutions_available;
        assert!(sizes.iter().any(|s| (s.width, s.height) == (352, height)));
        let wanted = if old {
            let mut c = media1(&t.device, StreamId::Sub).unwrap();
            assert_eq!(c.h264.as_ref().unwrap().h264_profile.as_str(), "High");
            (c.resolution.width, c.resolution.height) = (352, height);
            c.h264.as_mut().unwrap().h264_profile = "Baseline".into();
            Wanted::from(c)
        } else {
            let mut c = media2(&t.device, StreamId::Sub);
            assert_eq!(c.profile.as_deref(), Some("High"));
            (c.resolution.width, c.resolution.height) = (352, height);
            c.profile = Some("Baseline".into());
            Wanted::from(c)
        };
        let config = wanted.apply(current(&t.device, StreamId::Sub)).unwrap();
        settings
            .update::<VideoSub>(&system, |s| s.set_stream(config))
            .unwrap();
        let stored = settings.get::<VideoSub>();
        assert_eq!(stored.h264_profile, H264Profile::Baseline);
        assert_eq!(stored.resolution.to_string(), format!("352x{height}"));
        assert_eq!(
            media2(&t.device, StreamId::Sub).profile.as_deref(),
            Some("Baseline")
        );
        let first = media1(&t.device, StreamId::Sub).unwrap();
        assert_eq!(first.h264.unwrap().h264_profile.as_str(), "Baseline");
        // What is not said stays.
        let unsaid = tt::VideoEncoder2Configuration {
            profile: None,
            ..media2(&t.device, StreamId::Sub)
        };
        let kept = Wanted::from(unsaid).apply(current(&t.device, StreamId::Sub));
        assert_eq!(kept.unwrap(), config);
    }
}

/// NET-24: an encoder that makes less offers less, and what it really makes is told.
#[test]
fn only_profiles_that_the_encoder_makes_are_offered() {
    let t = testing::initialised();
    t.device.settings.set_video_capabilities(VideoCapabilities {
        h264_profiles: vec![H264Profile::Baseline],
        ..Default::default()
    });
    let one = media2_options(&t.device, &[StreamId::Main]);
    let h264 = one.iter().find(|o| o.encoding == "H264").unwrap();
    assert_eq!(h264.profiles_supported, Some(List(vec!["Baseline".into()])));
    let h265 = one.iter().find(|o| o.encoding == "H265").unwrap();
    assert_eq!(h265.profiles_supported, Some(List(vec!["Main".into()])));
    let told = media2(&t.device, StreamId::Main).profile;
    assert_eq!(told.as_deref(), Some("Baseline"), "High is what is stored");
}
