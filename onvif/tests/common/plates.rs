//! Plates and scenes with known numbers.

use lpr_core::{
    Direction, FrameSize, PlateRead, PlateText, PxPoint, PxQuad, PxRect, Scene, TrackedObject,
    UtcTime,
};

pub const SIZE: (u32, u32) = (1920, 1080);

pub fn at(ms: i64) -> UtcTime {
    UtcTime::from_millis(1_795_000_000_000 + ms)
}

pub fn plate_rect() -> PxRect {
    // A quarter of the picture wide and high, its top left corner in the middle.
    PxRect::new(960.0, 540.0, 480.0, 270.0)
}

pub fn quad() -> PxQuad {
    let r = plate_rect();
    PxQuad::new([
        PxPoint::new(r.x, r.y),
        PxPoint::new(r.right(), r.y),
        PxPoint::new(r.right(), r.bottom()),
        PxPoint::new(r.x, r.bottom()),
    ])
}

pub fn read(track_id: u64, number: &str) -> PlateRead {
    let frame_size = FrameSize::new(SIZE.0, SIZE.1).unwrap();
    PlateRead {
        track_id,
        plate_number: number.into(),
        likelihood: 0.5,
        chars: vec![],
        country_code: Some("US".into()),
        issuing_entity: Some("CA".into()),
        colors: lpr_core::Colors {
            plate: Some(lpr_core::ColorRead {
                color: lpr_core::Color::Yellow,
                likelihood: 0.75,
            }),
            vehicle: Some(lpr_core::ColorRead {
                color: lpr_core::Color::Blue,
                likelihood: 0.5,
            }),
        },
        vehicle_type: Some(lpr_core::TypeRead {
            vehicle_type: lpr_core::VehicleType::Pickup,
            likelihood: 0.75,
        }),
        direction: Direction::Approaching,
        captured_at: at(250),
        first_seen: at(0),
        last_seen: at(300),
        plate_rect: Some(plate_rect()),
        plate_quad: Some(quad()),
        frame_size,
        frames_seen: 5,
        frames_read: 4,
        speed_mps: None,
        test: false,
    }
}

pub fn scene(objects: usize) -> Scene {
    let object = |i| TrackedObject {
        track_id: i as u64 + 7,
        rect: plate_rect(),
        quad: quad(),
        score: 0.75,
        plate: Some(PlateText {
            text: "ABC123".into(),
            likelihood: 0.5,
            chars: vec![],
        }),
        direction: Direction::Departing,
        unreadable: None,
        colors: lpr_core::Colors {
            plate: Some(lpr_core::ColorRead {
                color: lpr_core::Color::Yellow,
                likelihood: 0.75,
            }),
            vehicle: Some(lpr_core::ColorRead {
                color: lpr_core::Color::Blue,
                likelihood: 0.5,
            }),
        },
        vehicle_type: Some(lpr_core::TypeRead {
            vehicle_type: lpr_core::VehicleType::Pickup,
            likelihood: 0.75,
        }),
    };
    Scene {
        captured_at: at(100),
        frame_size: FrameSize::new(SIZE.0, SIZE.1).unwrap(),
        objects: (0..objects).map(object).collect(),
    }
}

pub const PLATE_FILTER: &str = "<tev:Filter><wsnt:TopicExpression Dialect=\"http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet\">tns1:RuleEngine/Recognition//.</wsnt:TopicExpression></tev:Filter>";
