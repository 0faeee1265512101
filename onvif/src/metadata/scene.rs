//! Analysed frames and events as `tt:MetadataStream` documents.

use lpr_core::{
    ColorRead, Direction, FrameSize, PxQuad, PxRect, Scene, TrackedObject, TypeRead, VehicleType,
};
use onvif_contracts::tt;
use onvif_xml::to_document;

use crate::{
    address::Base,
    events::{self, Notice},
    fault::date_time,
    media::MODULE,
};

/// Colour space of the values that are sent; ONVIF's default is YCbCr.
const RGB: &str = "http://www.onvif.org/ver10/colorspace/RGB";

/// A box in ONVIF's normalised coordinates: -1 to 1, y upwards.
pub(crate) fn rectangle(rect: PxRect, size: FrameSize) -> tt::Rectangle {
    let n = rect.clipped(size).to_norm(size);
    tt::Rectangle {
        left: n.left,
        top: n.top,
        right: n.right,
        bottom: n.bottom,
    }
}

/// Text of a plate as `tt:LicensePlateInfo`.
pub(crate) fn license_plate_info(
    plate_number: &str,
    likelihood: f32,
    country_code: Option<&str>,
    issuing_entity: Option<&str>,
    color: Option<ColorRead>,
) -> tt::LicensePlateInfo {
    let plain = |text: &str| {
        Box::new(tt::StringLikelihood {
            value: text.to_owned(),
            likelihood: None,
        })
    };
    tt::LicensePlateInfo {
        plate_number: tt::StringLikelihood {
            value: plate_number.to_owned(),
            likelihood: Some(likelihood),
        },
        country_code: country_code.map(plain),
        issuing_entity: issuing_entity.map(plain),
        color: color.map(color_descriptor).map(Box::new),
        ..Default::default()
    }
}

/// A colour by its values in RGB: ONVIF has no names for colours.
fn color_descriptor(read: ColorRead) -> tt::ColorDescriptor {
    let [x, y, z] = read.color.rgb().map(f32::from);
    tt::ColorDescriptor {
        color_cluster: vec![tt::ColorDescriptorColorCluster {
            color: tt::Color {
                x,
                y,
                z,
                colorspace: Some(RGB.into()),
                likelihood: Some(read.likelihood),
            },
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// What is known of a vehicle, if anything is. The type is mandatory: one that is not known says so by likelihood 0.
pub(crate) fn vehicle_info(
    kind: Option<TypeRead>,
    color: Option<ColorRead>,
) -> Option<tt::VehicleInfo> {
    (kind.is_some() || color.is_some()).then(|| tt::VehicleInfo {
        r#type: tt::StringLikelihood {
            value: kind.map_or("Others", |k| type_word(k.vehicle_type)).into(),
            likelihood: Some(kind.map_or(0.0, |k| k.likelihood)),
        },
        color: color.map(color_descriptor).map(Box::new),
        ..Default::default()
    })
}

/// A type in the words of `tt:VehicleType`, which has none for vans; a pickup is a small lorry there.
const fn type_word(kind: VehicleType) -> &'static str {
    match kind {
        VehicleType::Car => "Car",
        VehicleType::Van => "Others",
        VehicleType::Pickup | VehicleType::Truck => "Truck",
        VehicleType::Bus => "Bus",
    }
}

fn polygon(quad: &PxQuad, size: FrameSize) -> tt::Polygon {
    // Ours run clockwise in pixels from the top left; ONVIF wants counter-clockwise with y upwards,
    // so that the inside is on the left: the order is turned round.
    let point = quad.corners.iter().rev().map(|p| {
        let n = p.to_norm(size);
        tt::Vector {
            x: n.x.clamp(-1.0, 1.0),
            y: n.y.clamp(-1.0, 1.0),
        }
    });
    tt::Polygon {
        point: point.collect(),
    }
}

fn shape(o: &TrackedObject, size: FrameSize) -> tt::ShapeDescriptor {
    let bounds = rectangle(o.rect, size);
    tt::ShapeDescriptor {
        center_of_gravity: tt::Vector {
            x: (bounds.left + bounds.right) / 2.0,
            y: (bounds.top + bounds.bottom) / 2.0,
        },
        bounding_box: bounds,
        polygon: vec![polygon(&o.quad, size)],
        ..Default::default()
    }
}

fn class(kind: &str, likelihood: f32) -> Option<Box<tt::ClassDescriptor>> {
    Some(Box::new(tt::ClassDescriptor {
        r#type: vec![tt::StringLikelihood {
            value: kind.into(),
            likelihood: Some(likelihood.clamp(0.0, 1.0)),
        }],
        ..Default::default()
    }))
}

fn plate_info(o: &TrackedObject) -> Option<Box<tt::LicensePlateInfo>> {
    let plate = o.plate.as_ref();
    let info = plate.map(|p| license_plate_info(&p.text, p.likelihood, None, None, None));
    info.map(Box::new)
}

/// The identifier of the vehicle of a plate: beyond those of plates, and within 32 bits for clients that know no more.
fn vehicle_id(track_id: u64) -> Option<i64> {
    const FIRST: i64 = 1_000_000_000;
    FIRST.checked_add(i64::try_from(track_id).ok()?)
}

/// The vehicle that bears a plate, where its type or colour tells that there is one. Its outline is not known, so it has no shape.
fn vehicle(o: &TrackedObject) -> Option<tt::Object> {
    let info = vehicle_info(o.vehicle_type, o.colors.vehicle)?;
    Some(tt::Object {
        object_id: vehicle_id(o.track_id),
        appearance: Some(Box::new(tt::Appearance {
            class: class("Vehicle", o.score),
            vehicle_info: vec![info],
            license_plate_info: plate_info(o),
            ..Default::default()
        })),
        behaviour: behaviour(o.direction).map(Box::new),
        ..Default::default()
    })
}

fn object(o: &TrackedObject, size: FrameSize, picture: Option<String>) -> tt::Object {
    tt::Object {
        object_id: i64::try_from(o.track_id).ok(),
        parent: vehicle_info(o.vehicle_type, o.colors.vehicle).and_then(|_| vehicle_id(o.track_id)),
        appearance: Some(Box::new(tt::Appearance {
            shape: Some(Box::new(shape(o, size))),
            color: o.colors.plate.map(color_descriptor).map(Box::new),
            class: class("LicensePlate", o.score),
            license_plate_info: plate_info(o),
            image_ref: picture,
            ..Default::default()
        })),
        behaviour: behaviour(o.direction).map(Box::new),
        ..Default::default()
    }
}

/// What is known of a plate and its vehicle when it has left, without where it was; `best` is the detector's best score.
pub(crate) fn track_summary(o: &TrackedObject, best: f32) -> tt::Object {
    let vehicle = vehicle_info(o.vehicle_type, o.colors.vehicle);
    tt::Object {
        object_id: i64::try_from(o.track_id).ok(),
        appearance: Some(Box::new(tt::Appearance {
            color: o.colors.plate.map(color_descriptor).map(Box::new),
            class: class("LicensePlate", best),
            vehicle_info: vehicle.into_iter().collect(),
            license_plate_info: plate_info(o),
            ..Default::default()
        })),
        behaviour: behaviour(o.direction).map(Box::new),
        ..Default::default()
    }
}

/// Where a plate was at a time.
pub(crate) fn track_state(
    o: &TrackedObject,
    size: FrameSize,
    capture_time: onvif_xml::DateTime,
) -> tt::ObjectState {
    tt::ObjectState {
        appearance: Some(Box::new(tt::Appearance {
            shape: Some(Box::new(shape(o, size))),
            class: class("LicensePlate", o.score),
            ..Default::default()
        })),
        object_id: i64::try_from(o.track_id).ok(),
        capture_time,
        ..Default::default()
    }
}

/// Yaw 90 is away from the camera, -90 towards it (Analytics §5.3).
fn behaviour(direction: Direction) -> Option<tt::Behaviour> {
    let yaw = match direction {
        Direction::Approaching => -90.0,
        Direction::Departing => 90.0,
        Direction::Unknown => return None,
    };
    Some(tt::Behaviour {
        direction: Some(Box::new(tt::GeoOrientation {
            yaw: Some(yaw),
            ..Default::default()
        })),
        ..Default::default()
    })
}

/// One analysed frame as a document of its own; its time is that of the analysed picture.
///
/// There is a `LicensePlate` object for each followed plate, with the text as far as it is known, and the `Vehicle` that is its
/// parent once the colour around the plate is known. Vehicles are not detected: one without that is not invented. `picture_of` is the address of the picture of a plate by
/// its track, where there is one.
pub fn scene_document(scene: &Scene, picture_of: impl Fn(u64) -> Option<String>) -> String {
    let frame = scene_frame(scene, picture_of);
    let analytics = tt::VideoAnalyticsStream {
        items: vec![tt::VideoAnalyticsStreamItem::Frame(Box::new(frame))],
    };
    to_document(&tt::MetadataStream {
        items: vec![tt::MetadataStreamItem::VideoAnalytics(Box::new(analytics))],
    })
}

/// One analysed frame.
pub(crate) fn scene_frame(scene: &Scene, picture_of: impl Fn(u64) -> Option<String>) -> tt::Frame {
    tt::Frame {
        object: scene
            .objects
            .iter()
            .flat_map(|o| {
                let plate = object(o, scene.frame_size, picture_of(o.track_id));
                vehicle(o).into_iter().chain([plate])
            })
            .collect(),
        utc_time: date_time(scene.captured_at),
        source: Some(MODULE.into()),
        ..Default::default()
    }
}

/// Notifications as a document; paths on the device become URLs on `base`.
pub fn event_document(notices: &[&Notice], base: &Base) -> String {
    let messages = notices
        .iter()
        .map(|n| tt::EventStreamItem::NotificationMessage(Box::new(events::render(n, base))));
    let stream = tt::EventStream {
        items: messages.collect(),
    };
    to_document(&tt::MetadataStream {
        items: vec![tt::MetadataStreamItem::Event(Box::new(stream))],
    })
}
