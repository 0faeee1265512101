//! The topics that this device publishes, and what their messages hold.
//!
//! Only what is truly sent is listed: a listed topic that never comes is worse than none.

use onvif_xml::{Ns, ns};
use platecam_model::Device;

use crate::model;

/// A topic of the ONVIF topic namespace `tns1`.
#[derive(Debug, PartialEq, Eq)]
pub struct Topic {
    /// Names from the root on.
    pub path: &'static [&'static str],
    /// Whether it has a state that new subscribers get at once.
    pub property: bool,
    /// Simple items of the source: name and type.
    pub source: &'static [(&'static str, Type)],
    /// Simple items of the data.
    pub data: &'static [(&'static str, Type)],
    /// Element items of the data.
    pub elements: &'static [(&'static str, Type)],
}

/// Type of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `tt:ReferenceToken`.
    Token,
    /// `xs:string`.
    String,
    /// `xs:boolean`.
    Boolean,
    /// `xs:float`.
    Float,
    /// `xs:anyURI`.
    Uri,
    /// `xs:dateTime`.
    DateTime,
    /// `tt:IPv4Address`.
    Ipv4,
    /// `tt:IPv6Address`.
    Ipv6,
    /// `tt:RelayLogicalState`.
    RelayLogicalState,
    /// `tt:Direction`.
    Direction,
    /// `tt:ObjectId`.
    ObjectId,
    /// `tt:Rectangle`.
    Rectangle,
    /// `tt:LicensePlateInfo`.
    LicensePlateInfo,
    /// `tt:VehicleInfo`.
    VehicleInfo,
    /// `tt:Object`.
    Object,
    /// `tt:ObjectTrack`.
    ObjectTrack,
    /// `tas:KeyID`.
    KeyId,
    /// `tas:KeyStatus`.
    KeyStatus,
}

impl Type {
    /// The namespace of the type, and its name there.
    pub const fn name(self) -> (Ns, &'static str) {
        match self {
            Self::KeyId => (ns::TAS, "KeyID"),
            Self::KeyStatus => (ns::TAS, "KeyStatus"),
            Self::Ipv4 => (ns::TT, "IPv4Address"),
            Self::Ipv6 => (ns::TT, "IPv6Address"),
            Self::Token => (ns::TT, "ReferenceToken"),
            Self::String => (ns::XS, "string"),
            Self::Boolean => (ns::XS, "boolean"),
            Self::Float => (ns::XS, "float"),
            Self::Uri => (ns::XS, "anyURI"),
            Self::DateTime => (ns::XS, "dateTime"),
            Self::Direction => (ns::TT, "Direction"),
            Self::ObjectId => (ns::TT, "ObjectId"),
            Self::Rectangle => (ns::TT, "Rectangle"),
            Self::LicensePlateInfo => (ns::TT, "LicensePlateInfo"),
            Self::VehicleInfo => (ns::TT, "VehicleInfo"),
            Self::Object => (ns::TT, "Object"),
            Self::ObjectTrack => (ns::TT, "ObjectTrack"),
            Self::RelayLogicalState => (ns::TT, "RelayLogicalState"),
        }
    }
}

/// A recognised plate, once a pass (Analytics Service §13.3).
pub static LICENSE_PLATE: Topic = Topic {
    path: &["RuleEngine", "Recognition", "LicensePlate"],
    property: false,
    source: &[("VideoSource", Type::Token), ("Rule", Type::String)],
    data: &[
        ("Likelihood", Type::Float),
        ("ImageURI", Type::Uri),
        ("VehicleImageURI", Type::Uri),
        // Of our own: a vehicle may have two pictures (SNAPRULE-4).
        ("SecondVehicleImageURI", Type::Uri),
        ("Direction", Type::Direction),
        ("Speed", Type::Float),
        ("IsTest", Type::Boolean),
    ],
    elements: &[
        ("ObjectId", Type::ObjectId),
        ("BoundingBox", Type::Rectangle),
        ("LicensePlateInfo", Type::LicensePlateInfo),
        ("VehicleInfo", Type::VehicleInfo),
    ],
};

/// A followed plate that has left (Analytics Service §7.10).
pub static OBJECT_TRACK: Topic = Topic {
    path: &["RuleEngine", "ObjectTrack", "Aggregation"],
    property: false,
    source: &[("VideoSource", Type::Token), ("Rule", Type::String)],
    data: &[
        ("AggregationStart", Type::DateTime),
        ("Final", Type::Boolean),
    ],
    elements: &[("Object", Type::Object), ("ObjectTrack", Type::ObjectTrack)],
};

/// A vehicle that came, turned back and leaves (INTEL-6). ONVIF has no rule and no topic for that; both are our own.
pub static BACKING: Topic = Topic {
    path: &["RuleEngine", "BackingDetector", "Leaving"],
    property: false,
    source: &[("VideoSource", Type::Token), ("Rule", Type::String)],
    data: &[("Direction", Type::Direction)],
    elements: &[
        ("ObjectId", Type::ObjectId),
        ("BoundingBox", Type::Rectangle),
        ("LicensePlateInfo", Type::LicensePlateInfo),
        ("VehicleInfo", Type::VehicleInfo),
    ],
};

/// Whether a vehicle (its plate) is in the picture. Not an ONVIF topic by letter but the one that
/// Home Assistant (onvif-parsers 2.5.0, 2026-11) and others turn into a sensor.
pub static VEHICLE_DETECT: Topic = Topic {
    path: &["RuleEngine", "MyRuleDetector", "VehicleDetect"],
    property: true,
    source: &[("Source", Type::Token), ("Rule", Type::String)],
    data: &[("State", Type::Boolean)],
    elements: &[],
};

/// Whether something moves in a region that is watched on its own (Analytics, motion region detector; Profile T 8.6).
pub static MOTION_REGION: Topic = Topic {
    path: &["RuleEngine", "MotionRegionDetector", "Motion"],
    property: true,
    source: &[("VideoSource", Type::Token), ("RuleName", Type::String)],
    data: &[("State", Type::Boolean)],
    elements: &[],
};

/// Whether the picture source has no picture.
pub static SIGNAL_LOSS: Topic = Topic {
    path: &["VideoSource", "SignalLoss"],
    property: true,
    source: &[("Source", Type::Token)],
    data: &[("State", Type::Boolean)],
    elements: &[],
};

/// A state of the picture of a video source (Imaging §5.5).
const fn picture_state(path: &'static [&'static str]) -> Topic {
    Topic {
        path,
        property: true,
        source: &[("Source", Type::Token)],
        data: &[("State", Type::Boolean)],
        elements: &[],
    }
}

/// Something moves (Profile T 7.20).
pub static MOTION_ALARM: Topic = picture_state(&["VideoSource", "MotionAlarm"]);
/// Almost everything is black.
pub static TOO_DARK: Topic = picture_state(&["VideoSource", "ImageTooDark", "ImagingService"]);
/// Almost everything is white.
pub static TOO_BRIGHT: Topic = picture_state(&["VideoSource", "ImageTooBright", "ImagingService"]);
/// No edge is sharp.
pub static TOO_BLURRY: Topic = picture_state(&["VideoSource", "ImageTooBlurry", "ImagingService"]);
/// Another scene: turned or covered.
pub static SCENE_CHANGE: Topic =
    picture_state(&["VideoSource", "GlobalSceneChange", "ImagingService"]);

/// The states of the picture.
pub(crate) static PICTURE_STATES: [&Topic; 5] = [
    &MOTION_ALARM,
    &TOO_DARK,
    &TOO_BRIGHT,
    &TOO_BLURRY,
    &SCENE_CHANGE,
];

/// A configuration was changed (Media2 §5.16).
pub static CONFIGURATION_CHANGED: Topic = Topic {
    path: &["Media", "ConfigurationChanged"],
    property: false,
    source: &[("Token", Type::Token)],
    data: &[("Type", Type::String)],
    elements: &[],
};

/// A media profile was made, changed or deleted (Media2 §5.16).
pub static PROFILE_CHANGED: Topic = Topic {
    path: &["Media", "ProfileChanged"],
    property: false,
    source: &[("Token", Type::Token)],
    data: &[],
    elements: &[],
};

/// Whether an alarm output is active (Device IO §5.5).
pub static RELAY: Topic = Topic {
    path: &["Device", "Trigger", "Relay"],
    property: true,
    source: &[("RelayToken", Type::Token)],
    data: &[("LogicalState", Type::RelayLogicalState)],
    elements: &[],
};

/// Whether an alarm input is active (Device IO §5.7).
pub static DIGITAL_INPUT: Topic = Topic {
    path: &["Device", "Trigger", "DigitalInput"],
    property: true,
    source: &[("InputToken", Type::Token)],
    data: &[("LogicalState", Type::Boolean)],
    elements: &[],
};

/// When the clock was last set, by NTP or by hand; at the start it is the start, which takes the machine's (Core §8.10.2).
pub(super) static LAST_CLOCK_SYNCHRONIZATION: Topic =
    singleton(&["Monitoring", "OperatingTime", "LastClockSynchronization"]);

/// When the device was last started (Core §8.10.2).
pub(super) static LAST_REBOOT: Topic = singleton(&["Monitoring", "OperatingTime", "LastReboot"]);

/// When the unit went back to factory settings last; 1970 for never (Core §8.10.2).
pub(super) static LAST_RESET: Topic = singleton(&["Monitoring", "OperatingTime", "LastReset"]);

/// When the configuration was fetched as a backup last; 1970 for never (Core §8.10.2).
pub(super) static LAST_BACKUP: Topic = singleton(&["Monitoring", "Backup", "Last"]);

/// How much of a firmware package has come, per cent; 0 while none comes (Core §8.10).
pub(super) static UPLOAD_STATUS: Topic = Topic {
    data: &[("Status", Type::Float)],
    ..singleton(&["Monitoring", "UploadStatus"])
};

/// Something of the device's own course, without items (Core, device management events).
const fn plain(path: &'static [&'static str]) -> Topic {
    Topic {
        path,
        property: false,
        source: &[],
        data: &[],
        elements: &[],
    }
}

/// The unit stops or restarts.
pub(super) static SHUTDOWN: Topic = plain(&["Device", "OperationMode", "ShutdownInitiated"]);

/// A firmware package begins to come in.
pub(super) static UPLOAD: Topic = plain(&["Device", "OperationMode", "UploadInitiated"]);

/// Whether the store of records fails: disk full or not writable (Core, mechanical failure events).
pub(super) static STORAGE_FAILURE: Topic = Topic {
    path: &["Device", "HardwareFailure", "StorageFailure"],
    property: true,
    source: &[("Token", Type::Token)],
    data: &[("Failed", Type::Boolean)],
    elements: &[],
};

/// Too many failed logins from one address (Core §10.5).
pub(super) static AUTH_FAILED: Topic = Topic {
    path: &["Device", "SecurityPolicy", "AuthFailed"],
    property: false,
    source: &[("NetworkInterface", Type::Token)],
    data: &[("SourceIPv4", Type::Ipv4), ("SourceIPv6", Type::Ipv6)],
    elements: &[],
};

/// The begin of the kept events, told when a pull pointer reaches it (Core §11.11).
pub(super) static EVENT_BUFFER_BEGIN: Topic = plain(&["EventBuffer", "Begin"]);

/// How busy the processors are, per cent (Core §8.10.1).
pub(super) static PROCESSOR_USAGE: Topic = Topic {
    path: &["Monitoring", "ProcessorUsage"],
    property: true,
    source: &[("Token", Type::Token)],
    data: &[("Value", Type::Float)],
    elements: &[],
};

/// A key of the store is made, or could not be (Security Service, key status event).
pub(super) static KEY_STATUS: Topic = Topic {
    path: &["Advancedsecurity", "Keystore", "KeyStatus"],
    property: false,
    source: &[("KeyID", Type::KeyId)],
    data: &[
        ("OldStatus", Type::KeyStatus),
        ("NewStatus", Type::KeyStatus),
    ],
    elements: &[],
};

/// There is one of each: no source is needed to tell them apart.
const fn singleton(path: &'static [&'static str]) -> Topic {
    Topic {
        path,
        property: true,
        source: &[],
        data: &[("Status", Type::DateTime)],
        elements: &[],
    }
}

/// Everything we publish.
pub static CATALOG: &[&Topic] = &[
    &LICENSE_PLATE,
    &OBJECT_TRACK,
    &BACKING,
    &VEHICLE_DETECT,
    &MOTION_REGION,
    &SIGNAL_LOSS,
    &MOTION_ALARM,
    &TOO_DARK,
    &TOO_BRIGHT,
    &TOO_BLURRY,
    &SCENE_CHANGE,
    &RELAY,
    &DIGITAL_INPUT,
    &CONFIGURATION_CHANGED,
    &PROFILE_CHANGED,
    &LAST_CLOCK_SYNCHRONIZATION,
    &LAST_REBOOT,
    &LAST_RESET,
    &LAST_BACKUP,
    &UPLOAD_STATUS,
    &SHUTDOWN,
    &UPLOAD,
    &STORAGE_FAILURE,
    &AUTH_FAILED,
    &PROCESSOR_USAGE,
    &KEY_STATUS,
    &EVENT_BUFFER_BEGIN,
];

/// What this unit publishes: topics of what it does not have are left out.
pub(super) fn published(device: &Device) -> Vec<&'static Topic> {
    let slots = device.upkeep.upgrades.is_some();
    let there = |topic: &&'static Topic| {
        (slots || ![&UPLOAD, &UPLOAD_STATUS].contains(topic))
            && device.meets(model::of_topic(topic))
    };
    CATALOG.iter().copied().filter(there).collect()
}

impl Topic {
    /// As a concrete topic expression with the prefix `tns1`, which some clients take literally.
    pub fn expression(&self) -> String {
        format!("tns1:{}", self.path.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_have_a_source_that_tells_them_apart() {
        for t in CATALOG {
            // There is one of each.
            let single = t.path.starts_with(&["Monitoring"]) && t.path[1] != "ProcessorUsage"
                || ["OperationMode", "Begin"].contains(&t.path[1]);
            assert!(!t.path.is_empty() && t.source.is_empty() == single, "{t:?}");
            assert!(!t.property || !t.data.is_empty(), "{t:?}");
            let twins = CATALOG.iter().filter(|o| o.path == t.path).count();
            assert_eq!(twins, 1, "{t:?}");
            // A topic below another topic would make its element carry both.
            let below = CATALOG
                .iter()
                .filter(|o| o.path.len() > t.path.len() && o.path.starts_with(t.path));
            assert_eq!(below.count(), 0, "{t:?}");
        }
    }
}
