//! The host behind the model's ports: SQLite, device key, certificate, network.
//!
//! Everything lives in one state directory. What is acknowledged is on the disk: SQLite in WAL mode
//! with full synchronisation, pictures written and synced before their row.
#![forbid(unsafe_code)]

mod alarms;
mod card;
mod certificates;
mod clips;
mod contact;
mod database;
mod ddns;
pub mod doctor;
mod dot1x;
mod factory;
mod history;
pub mod hostile;
mod http;
mod key;
mod lens;
mod listen;
mod log;
mod machine;
mod mail;
mod mode;
mod moments;
mod mqtt;
mod neighbours;
mod network;
mod outputs;
mod people;
mod power;
mod recorder;
mod records;
mod serial;
mod services;
mod ssh;
mod state_dir;
mod time;
mod tpm;
pub mod upgrade;
mod upload;
mod watermark;
mod wiegand;

pub use alarms::{AlarmLimits, AlarmStore};
pub use card::{CARD_PATIENCE, CardParts, CardSlot, LinuxCard};
pub use certificates::{CertificateStore, StoreParts};
pub use clips::ClipFolder;
pub use contact::{FileContact, GpioContact};
pub use database::Database;
pub use ddns::{DdnsPace, DdnsParts, DdnsUpdater};
pub use dot1x::WiredSupplicant;
pub use key::DeviceKey;
pub use listen::PortProbe;
pub use log::{Forwarder, LogDatabase, Pace, check_export, write_log};
pub use machine::LinuxMachine;
pub use mail::SmtpMailer;
pub use mode::HostMode;
pub use mqtt::MqttBrokers;
pub use neighbours::LinuxNeighbours;
pub use network::{LinuxNetwork, LinuxNetworkControl, NetworkPaths};
pub use outputs::{EspeakVoice, GpioLine, GpioRelays};
pub use power::HostPower;
pub use recorder::{EncodeJpeg, Recorder};
pub use records::{PicturePlaces, RecordLimits, RecordStore};
pub use serial::{LinuxSerial, SerialLine};
pub use services::keep_services;
pub use ssh::LinuxSsh;
pub use state_dir::{StateDir, StateDirError};
pub use time::{LinuxTime, TimePace, TimePaths, keep_time};
pub use tpm::{Tpm, TpmChoice};
pub use upload::{UploadPace, UploadParts, Uploader};
pub use watermark::picture_key;
pub use wiegand::{GpioWiegand, WiegandLines};
