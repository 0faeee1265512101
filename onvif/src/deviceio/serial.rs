//! Serial ports: the settings section `serial`, and bytes over them (HW-4, GEN-23).

use std::time::Duration;

use onvif_contracts::{tmd, tt};
use onvif_xml::{Base64, soap::Fault};
use platecam_model::{
    Device, Error,
    io::MAX_SERIAL_WAIT,
    ports::{SerialAnswer, SerialKind},
    settings::{BaudRate, CharacterLength, Parity, SerialLines, SerialSettings, StopBits},
};

use crate::{
    call::{Answer, Call},
    fault::{self, Subcodes, shortened},
};

/// How long an answer is waited for where the client says nothing.
const PATIENCE: Duration = Duration::from_secs(1);

fn token(index: usize) -> String {
    format!("serial_{}", index + 1)
}

fn index_of(device: &Device, wanted: &str) -> Answer<usize> {
    let found = (0..device.serial_ports().len()).find(|i| token(*i) == wanted.trim());
    found.ok_or_else(|| {
        let text = format!("there is no serial port '{}'", shortened(wanted));
        Fault::sender(&["InvalidArgVal", "InvalidSerialPort"], text)
    })
}

fn parity(parity: Parity) -> tmd::ParityBit {
    match parity {
        Parity::None => tmd::ParityBit::None,
        Parity::Even => tmd::ParityBit::Even,
        Parity::Odd => tmd::ParityBit::Odd,
    }
}

/// `GetSerialPorts`.
pub(super) fn all(device: &Device) -> tmd::GetSerialPortsResponse {
    let ports = 0..device.serial_ports().len();
    tmd::GetSerialPortsResponse {
        serial_port: ports
            .map(|index| tmd::SerialPort {
                token: token(index),
                ..Default::default()
            })
            .collect(),
    }
}

/// `GetSerialPortConfiguration`; of the token of its port.
pub(super) fn get(device: &Device, wanted: &str) -> Answer<tmd::SerialPortConfiguration> {
    let index = index_of(device, wanted)?;
    let ports = device.serial_ports();
    let (kind, s) = ports.get(index).cloned().unwrap_or_else(|| {
        // The index was just found.
        (SerialKind::Rs232, SerialSettings::default())
    });
    Ok(tmd::SerialPortConfiguration {
        baud_rate: i32::try_from(s.baud_rate.get()).unwrap_or(i32::MAX),
        parity_bit: parity(s.parity),
        character_length: i32::from(s.character_length.get()),
        stop_bit: f32::from(s.stop_bits.get()),
        token: token(index),
        r#type: match kind {
            SerialKind::Rs232 => tmd::SerialPortType::Rs232,
            SerialKind::Rs485HalfDuplex => tmd::SerialPortType::RS485HalfDuplex,
        },
    })
}

/// `GetSerialPortConfigurationOptions`.
pub(super) fn options(
    device: &Device,
    wanted: &str,
) -> Answer<tmd::SerialPortConfigurationOptions> {
    let index = index_of(device, wanted)?;
    let bits = CharacterLength::MIN..=CharacterLength::MAX;
    let stops = StopBits::MIN..=StopBits::MAX;
    Ok(tmd::SerialPortConfigurationOptions {
        baud_rate_list: tt::IntItems {
            items: BaudRate::ALL
                .iter()
                .filter_map(|n| (*n).try_into().ok())
                .collect(),
        },
        parity_bit_list: tmd::ParityBitList {
            items: Parity::ALL.map(parity).to_vec(),
        },
        character_length_list: tt::IntItems {
            items: bits.map(i32::from).collect(),
        },
        stop_bit_list: tt::FloatItems {
            items: stops.map(f32::from).collect(),
        },
        token: token(index),
    })
}

/// `SetSerialPortConfiguration`; stored at once, whatever `ForcePersistance` says.
pub(super) fn set(call: &Call<'_>, wanted: &tmd::SerialPortConfiguration) -> Answer<()> {
    let index = index_of(call.device(), &wanted.token)?;
    let bad = |what: &str, why: String| {
        let text = format!("{what}: {why}");
        Fault::sender(&["InvalidArgVal", "ConfigModify"], text)
    };
    let kind = get(call.device(), &wanted.token)?.r#type;
    if wanted.r#type != kind {
        let why = format!("is {} and cannot be changed", kind.as_str());
        return Err(bad("type", why));
    }
    let baud_rate = u32::try_from(wanted.baud_rate)
        .map_err(|_| "is negative".to_owned())
        .and_then(BaudRate::try_from)
        .map_err(|why| bad("BaudRate", why))?;
    let parity = Parity::ALL
        .into_iter()
        .find(|p| parity(*p) == wanted.parity_bit)
        .ok_or_else(|| {
            let name = shortened(wanted.parity_bit.as_str());
            bad("ParityBit", format!("{name} is none of None, Even, Odd"))
        })?;
    let character_length = CharacterLength::try_from(i64::from(wanted.character_length))
        .map_err(|why| bad("CharacterLength", why))?;
    let stop = wanted.stop_bit;
    let stop_bits = match stop.fract() == 0.0 {
        // `as` saturates; what is outside is refused by its bounds.
        true => StopBits::try_from(stop as i64),
        false => Err(format!("{stop} is neither 1 nor 2")),
    };
    let port = SerialSettings {
        baud_rate,
        parity,
        character_length,
        stop_bits: stop_bits.map_err(|why| bad("StopBit", why))?,
    };
    let change = |s: &mut SerialLines| {
        if let Some(own) = s.port_mut(index) {
            *own = port;
        }
    };
    let own = Subcodes {
        invalid: "ConfigModify",
        ..Subcodes::default()
    };
    let done = call.device().settings.update(call.actor, change);
    done.map(drop).map_err(|e| fault::of_operation(e, own))
}

/// `SendReceiveSerialCommand`: without a token the first port; the answer is of the kind of what was sent, binary
/// where its bytes are no text.
pub(super) fn exchange(
    call: &Call<'_>,
    request: &tmd::SendReceiveSerialCommand,
) -> Answer<tmd::SendReceiveSerialCommandResponse> {
    let first = token(0);
    let index = index_of(call.device(), request.token.as_deref().unwrap_or(&first))?;
    let bad = |what: &str, why: &str| Fault::sender(&["InvalidArgVal"], format!("{what}: {why}"));
    let data = request.serial_data.as_deref();
    let binary = data.and_then(|d| d.binary.as_ref());
    let text = data.and_then(|d| d.string.as_deref());
    let send = match (binary, text) {
        (Some(binary), _) => binary.0.as_slice(),
        (None, text) => text.unwrap_or_default().as_bytes(),
    };
    let within = match &request.time_out {
        None => PATIENCE,
        // -PT1S waits for the length or the delimiter, as long as anything is waited for (Device IO §5.8.5).
        Some(d) if d.negative && (d.months, d.seconds, d.nanos) == (0, 1, 0) => MAX_SERIAL_WAIT,
        Some(d) if d.negative || d.months > 0 => {
            return Err(bad("TimeOut", "must be a time from 0 to 60 s, or -PT1S"));
        }
        Some(d) => Duration::new(d.seconds, d.nanos).min(MAX_SERIAL_WAIT),
    };
    let length = request.data_length.map(usize::try_from).transpose();
    let answer = SerialAnswer {
        within,
        length: length.map_err(|_| bad("DataLength", "is negative"))?,
        delimiter: request.delimiter.clone().unwrap_or_default().into_bytes(),
    };
    let device = call.device();
    let came = device.exchange_serial(call.actor, index, send, &answer);
    let came = came.map_err(too_long)?;
    let data = match String::from_utf8(came) {
        Ok(text) if binary.is_none() && writable(&text) => tmd::SerialData {
            string: Some(text),
            binary: None,
        },
        Ok(text) => tmd::SerialData {
            binary: Some(Base64(text.into_bytes())),
            string: None,
        },
        Err(e) => tmd::SerialData {
            binary: Some(Base64(e.into_bytes())),
            string: None,
        },
    };
    Ok(tmd::SendReceiveSerialCommandResponse {
        serial_data: Some(Box::new(data)),
    })
}

/// What is wrong with an exchange is that something has too many bytes.
fn too_long(error: Error) -> Fault {
    let Error::Invalid(violations) = &error else {
        return fault::of(error);
    };
    let delimiter = violations.0.iter().any(|v| v.pointer == "/delimiter");
    let subcode = match delimiter {
        true => "DelimiterNotSupported",
        false => "DataLengthOver",
    };
    Fault::sender(&["OperationProhibited", subcode], error.to_string())
}

/// Whether XML gives a text back as it is: line ends come back changed, other controls not at all.
fn writable(text: &str) -> bool {
    !text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\t'))
}
