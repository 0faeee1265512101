//! What a model of the camera lacks is not here: services, operations, topics (GEN-24).

use onvif_contracts::port::Operation;
use onvif_xml::{Ns, ns};
use platecam_model::product::{Function, Limit, Need};

use crate::{events, events::Topic, route::Port};

/// What a service needs of the model.
pub(crate) fn of_service(ns: Ns) -> Option<Need> {
    match ns {
        ns::TRT => Some(Need::Function(Function::Media1)),
        ns::TIMG => Some(Need::Function(Function::PictureSettings)),
        ns::TPV => Some(Need::AtLeast(Limit::Lenses, 1)),
        ns::TAS => Some(Need::Function(Function::SecurityConfiguration)),
        _ => None,
    }
}

/// What an operation needs of the model.
pub(crate) fn of_operation(port: Port, operation: &Operation) -> Option<Need> {
    let service = match port {
        Port::Media => of_service(ns::TRT),
        Port::Imaging => of_service(ns::TIMG),
        Port::Provisioning => of_service(ns::TPV),
        Port::Security | Port::Keystore | Port::TlsServer | Port::Dot1x | Port::MediaSigning => {
            of_service(ns::TAS)
        }
        Port::Device
        | Port::DeviceIo
        | Port::Media2
        | Port::Event
        | Port::PullPoint
        | Port::Producer
        | Port::Manager
        | Port::Analytics
        | Port::Rules => None,
    };
    let name = operation.name;
    let own = match port {
        Port::Media | Port::Media2 if name.contains("OSD") => Function::VideoTexts,
        Port::Media2 if name.contains("AudioClip") => Function::Voice,
        Port::Media2 if name.contains("Mask") => Function::PrivacyMasks,
        Port::Device if name.contains("IPAddressFilter") => Function::AddressFilter,
        Port::Device if name.contains("GeoLocation") => Function::GeoLocation,
        Port::Device if name.contains("FirmwareUpgrade") => Function::Upgrade,
        Port::Device if name == "UpgradeSystemFirmware" => Function::Upgrade,
        Port::Event if name.contains("EventBroker") => {
            return Some(Need::AtLeast(Limit::EventBrokers, 1));
        }
        // The lists of what is wired are empty instead.
        Port::Device | Port::DeviceIo if name.starts_with("SetRelayOutput") => {
            return Some(Need::AtLeast(Limit::AlarmOutputs, 1));
        }
        Port::DeviceIo
            if matches!(
                name,
                "SetSerialPortConfiguration" | "SendReceiveSerialCommand"
            ) =>
        {
            return Some(Need::AtLeast(Limit::SerialPorts, 1));
        }
        Port::DeviceIo if name == "SetDigitalInputConfigurations" => {
            return Some(Need::AtLeast(Limit::AlarmInputs, 1));
        }
        _ => return service,
    };
    // A texts operation of Media 1 needs its service first.
    service.or(Some(Need::Function(own)))
}

/// What a topic needs of the model.
pub(crate) fn of_topic(topic: &Topic) -> Option<Need> {
    match topic {
        t if *t == events::RELAY => Some(Need::AtLeast(Limit::AlarmOutputs, 1)),
        t if *t == events::DIGITAL_INPUT => Some(Need::AtLeast(Limit::AlarmInputs, 1)),
        t if events::PICTURE_STATES.contains(&t) => Some(Need::Function(Function::PictureAlarms)),
        t if t.path.last().is_some_and(|name| name.starts_with("Upload")) => {
            Some(Need::Function(Function::Upgrade))
        }
        t if t.path.starts_with(&["Advancedsecurity"]) => of_service(ns::TAS),
        _ => None,
    }
}
