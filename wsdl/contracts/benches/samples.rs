//! Samples of about the size that a camera sends.

use onvif_contracts::{trt, tt};
use onvif_xml::{DateTime, Duration};

/// Four profiles with everything a camera of Profile S says, about 7 kB.
pub(crate) fn profiles() -> trt::GetProfilesResponse {
    let address = |ip: &str, port| tt::MulticastConfiguration {
        address: tt::IPAddress {
            r#type: tt::IPType::from("IPv4"),
            ipv4_address: Some(ip.to_owned()),
            ..Default::default()
        },
        port,
        ttl: 5,
        auto_start: false,
    };
    let profile = |i: i32| tt::Profile {
        token: format!("profile_{i}"),
        fixed: Some(true),
        name: format!("Main stream {i}"),
        video_source_configuration: Some(Box::new(tt::VideoSourceConfiguration {
            token: "vsc_0".to_owned(),
            name: "Video source".to_owned(),
            use_count: 4,
            source_token: "vs_0".to_owned(),
            bounds: tt::IntRectangle {
                x: 0,
                y: 0,
                width: 1920,
                height: 1080,
            },
            ..Default::default()
        })),
        video_encoder_configuration: Some(Box::new(tt::VideoEncoderConfiguration {
            token: format!("vec_{i}"),
            name: format!("Encoder {i}"),
            use_count: 1,
            encoding: tt::VideoEncoding::from("H264"),
            resolution: tt::VideoResolution {
                width: 1920,
                height: 1080,
            },
            quality: 4.0,
            rate_control: Some(Box::new(tt::VideoRateControl {
                frame_rate_limit: 25,
                encoding_interval: 1,
                bitrate_limit: 4096,
            })),
            h264: Some(Box::new(tt::H264Configuration {
                gov_length: 50,
                h264_profile: tt::H264Profile::from("High"),
            })),
            multicast: address("239.0.1.0", 40_000 + i),
            session_timeout: Duration::from_secs(60),
            ..Default::default()
        })),
        metadata_configuration: Some(Box::new(tt::MetadataConfiguration {
            token: "mdc_0".to_owned(),
            name: "Metadata".to_owned(),
            use_count: 4,
            analytics: Some(true),
            multicast: address("239.0.1.1", 41_000),
            session_timeout: Duration::from_secs(60),
            ..Default::default()
        })),
        ..Default::default()
    };
    trt::GetProfilesResponse {
        profiles: (0..4).map(profile).collect(),
    }
}

/// One frame with a vehicle and its plate, and three more vehicles.
pub(crate) fn frame() -> tt::MetadataStream {
    let likely = |value: &str, likelihood| tt::StringLikelihood {
        value: value.to_owned(),
        likelihood,
    };
    let object = |i: i64| {
        let plate = (i == 0).then(|| {
            Box::new(tt::LicensePlateInfo {
                plate_number: likely("7ABC123", Some(0.93)),
                country_code: Some(Box::new(likely("US", Some(0.9)))),
                issuing_entity: Some(Box::new(likely("CA", Some(0.8)))),
                ..Default::default()
            })
        });
        tt::Object {
            object_id: Some(i),
            parent: (i == 0).then_some(1),
            appearance: Some(Box::new(tt::Appearance {
                shape: Some(Box::new(tt::ShapeDescriptor {
                    bounding_box: tt::Rectangle {
                        left: -0.25,
                        top: 0.5,
                        right: 0.125,
                        bottom: 0.0,
                    },
                    center_of_gravity: tt::Vector {
                        x: -0.0625,
                        y: 0.25,
                    },
                    ..Default::default()
                })),
                class: Some(Box::new(tt::ClassDescriptor {
                    r#type: vec![likely(
                        if i == 0 { "LicensePlate" } else { "Vehicle" },
                        Some(0.97),
                    )],
                    ..Default::default()
                })),
                license_plate_info: plate,
                ..Default::default()
            })),
            ..Default::default()
        }
    };
    let frame = tt::Frame {
        utc_time: DateTime::from_unix_millis(1_795_000_000_040).unwrap_or_default(),
        object: (0..5).map(object).collect(),
        ..Default::default()
    };
    let items = vec![tt::VideoAnalyticsStreamItem::Frame(Box::new(frame))];
    let video =
        tt::MetadataStreamItem::VideoAnalytics(Box::new(tt::VideoAnalyticsStream { items }));
    tt::MetadataStream { items: vec![video] }
}
