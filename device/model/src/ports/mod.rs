//! What the model needs of the host: traits with a Linux implementation in `platecam-host` or
//! `platecam-media` and an in-memory one in [`crate::testing`].

mod alarms;
mod broker;
mod card;
mod certificates;
mod clips;
mod contact;
mod ddns;
mod factory;
mod history;
mod image;
mod keystore;
mod lens;
mod listen;
mod log;
mod machine;
mod mail;
mod moments;
mod network;
mod outputs;
mod people;
mod power;
mod serial;
mod services;
mod supplicant;
mod time;
mod upgrade;
mod upload;
mod wiegand;

use std::net::IpAddr;

use bytes::Bytes;
use lpr_core::UtcTime;
use serde::Serialize;
use serde_json::Value;

use crate::{
    NewRecord, NewSecond, Picture, Record, RecordId, RecordPage, RecordQuery, Result, SourceState,
    settings::{AudioEncoding, BitRateType, Codec, H264Profile, Resolution, Revision},
    watermark::{PublicKey, SIGNATURE_LENGTH},
};

pub use alarms::Alarms;
pub use broker::{BrokerMessage, BrokerState, BrokerStatus, Brokers};
pub use card::{CardState, CardStatus, MemoryCard};
pub use certificates::{
    CertificateInfo, CertificateKind, CertificateState, Certificates, MAX_CERTIFICATES,
    NewCertificate, RootInfo, SignedBy, Subject, UploadedCertificate, is_certificate_name,
};
pub use clips::ClipFiles;
pub use contact::{Contact, ContactLine};
pub use ddns::{DdnsState, DdnsStatus, DynamicDns};
pub use factory::{Factory, ResetScope};
pub use history::{EventHistory, HISTORY_EVENTS, HistoryPlace, KeptEvent};
pub use image::{ControlRange, ImageCapabilities};
pub use keystore::{
    CertificateUpload, CertificationPath, DistinguishedName, Extension, KeyInfo, KeyStatus,
    Keystore, MAX_ANCHORS, MAX_CRL_BYTES, MAX_CRLS, MAX_KEYS, MAX_PASSPHRASES, MAX_PATH_LENGTH,
    MAX_PATHS, MAX_POLICIES, NameAttribute, NewKey, PassphraseInfo, Pkcs12Upload, RequestContent,
    RevocationList, SelfSigned, SignatureAlgorithm, StoredCertificate, ValidationPolicy,
};
pub use lens::{KeptPosition, Lens, LensMemory, Motor, MotorReading};
pub use listen::ListenProbe;
pub use log::{LOG_CAPACITY, LogStore, RemoteLog, RemoteLogStatus, TRAIL_CAPACITY};
pub use machine::{BundleFile, Machine, ProcessFigures, ProcessorTimes, StorageFigures};
pub use mail::{Mail, MailPicture, Mailer};
pub use moments::{Moment, Moments};
pub use network::{Assigned, Ipv4Plan, Ipv6Plan, Lease, NetworkControl, NetworkPlan};
pub use outputs::{Loudspeaker, RelayOutputs, Voice};
pub use people::{StoredGroup, StoredSession, StoredToken, StoredTotp, StoredUser, UserBackend};
pub use power::{LastRun, Power, Reach, RestartNote};
pub use serial::{SerialAnswer, SerialKind, SerialPorts};
pub use services::{
    Gateway, HostServices, MacAddress, Neighbour, Neighbours, SshControl, SshState,
};
pub use supplicant::{Supplicant, SupplicantPlan, SupplicantState};
pub use time::{NamedZone, NtpPlan, NtpStatus, TimeControl};
pub use upgrade::{
    Available, Expectation, FirmwareVersion, LastUpgrade, Outcome, Slot, Trial, UpgradePhase,
    UpgradeStatus, Upgrades, Upload,
};
pub use upload::{UploadState, UploadStatus, Uploads};
pub use wiegand::{WiegandOut, WiegandPace, WiegandTimes};

/// A section as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSection {
    /// Section key.
    pub key: String,
    /// Version of the form of `value`.
    pub version: u32,
    /// Its revision.
    pub revision: Revision,
    /// The section's serde form.
    pub value: Value,
    /// Who changed it.
    pub changed_by: String,
    /// When.
    pub changed_at: Option<UtcTime>,
}

/// Keeps settings.
pub trait SettingsBackend: Send + Sync {
    /// Everything stored.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when it cannot be read.
    fn load(&self) -> Result<Vec<StoredSection>>;

    /// Stores all of `sections`, or nothing; durable when it returns.
    ///
    /// # Errors
    /// [`crate::Error::Internal`]; nothing is stored then.
    fn commit(&self, sections: &[StoredSection]) -> Result<()>;

    /// What a section was, newest revision first, at most `limit`, older than `before`; secrets as they
    /// were stored.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when it cannot be read.
    fn history(
        &self,
        key: &str,
        before: Option<Revision>,
        limit: usize,
    ) -> Result<Vec<StoredSection>>;
}

/// Encrypts secrets at rest with the device key.
pub trait Sealer: Send + Sync {
    /// Encrypts `plain`; `context` must be the same to open it again.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] without a device key.
    fn seal(&self, plain: &[u8], context: &[u8]) -> Result<Vec<u8>>;

    /// Decrypts what [`Sealer::seal`] made.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when it was made with another key or context, or was changed.
    fn open(&self, sealed: &[u8], context: &[u8]) -> Result<Vec<u8>>;
}

/// Signs the watermarks of pictures and video with a key of the unit's own (GEN-21).
pub trait PictureSigner: Send + Sync {
    /// The key's public half.
    fn public_key(&self) -> PublicKey;

    /// ECDSA over P-256 and SHA-256, r and s of 32 bytes each.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when there are no random numbers.
    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_LENGTH]>;
}

/// Keeps records and their pictures.
pub trait Records: Send + Sync {
    /// Stores a record; durable when it returns.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when the store cannot be written.
    fn insert(&self, new: NewRecord) -> Result<Record>;

    /// Adds the second picture to a record that was stored without it (SNAPRULE-4); durable, and there as a whole or not at all. It lies where the
    /// record's other pictures are.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] without such a record, [`crate::Error::Conflict`] when there is no room, [`crate::Error::Internal`] when it cannot be
    /// written.
    fn add_second(&self, id: RecordId, second: NewSecond) -> Result<Record>;

    /// The speed of a record's vehicle was measured after the record was stored (SNAPRULE-3).
    ///
    /// # Errors
    /// [`crate::Error::NotFound`], [`crate::Error::Internal`] when the store cannot be written.
    fn set_speed(&self, id: RecordId, speed_mps: f32) -> Result<()>;

    /// One record.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`].
    fn get(&self, id: RecordId) -> Result<Record>;

    /// One page of a search, newest first.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn search(&self, query: &RecordQuery) -> Result<RecordPage>;

    /// A picture, JPEG.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] without such a record or picture, also while its memory card is not in the unit.
    fn picture(&self, id: RecordId, which: Picture) -> Result<Bytes>;

    /// The server has all that it gets of the records up to this one: pictures that were kept for it alone go.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn release(&self, up_to: RecordId) -> Result<()> {
        let _ = up_to;
        Ok(())
    }

    /// The memory card of this name was erased: says how many records had their pictures there.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn forget_card(&self, card: &str) -> Result<u64> {
        let _ = card;
        Ok(0)
    }
}

/// One of the two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamId {
    /// M, `Streamtype=0`.
    Main,
    /// S1, `Streamtype=1`.
    Sub,
}

/// What source and encoders can do; the basis of every offered option (VIDEO-5, VIDEO-16).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct VideoCapabilities {
    /// Size of the source's picture once known.
    pub source_size: Option<(u32, u32)>,
    /// Codecs with a working encoder; empty before they were probed.
    pub codecs: Vec<Codec>,
    /// Profiles that the encoder of H.264 makes, lowest first; empty before it was probed.
    pub h264_profiles: Vec<H264Profile>,
}

impl VideoCapabilities {
    /// Resolutions that can be offered, largest first: those that fit the source; all before it is known.
    pub fn resolutions(&self) -> Vec<Resolution> {
        let (w, h) = self.source_size.unwrap_or((u32::MAX, u32::MAX));
        Resolution::ALL
            .into_iter()
            .filter(|r| r.fits_in(w, h))
            .collect()
    }

    /// Codecs that can be offered.
    pub fn codecs(&self) -> Vec<Codec> {
        if self.codecs.is_empty() {
            Codec::ALL.to_vec()
        } else {
            self.codecs.clone()
        }
    }

    /// Profiles of H.264 that can be offered.
    pub fn h264_profiles(&self) -> Vec<H264Profile> {
        if self.h264_profiles.is_empty() {
            H264Profile::ALL.to_vec()
        } else {
            self.h264_profiles.clone()
        }
    }
}

/// What is heard, and how it can be encoded.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AudioCapabilities {
    /// Sound came from the source that is set: there is an audio track (AUDIO-6).
    pub present: bool,
    /// Encodings with a working encoder; empty before they were looked for.
    pub encodings: Vec<AudioEncoding>,
    /// There is a loudspeaker (HW-1): people may talk over the back channel.
    pub output: bool,
    /// They may do so in AAC, beside G.711.
    pub hears_aac: bool,
}

impl AudioCapabilities {
    /// Encodings that can be offered.
    #[must_use]
    pub fn encodings(&self) -> Vec<AudioEncoding> {
        if self.encodings.is_empty() {
            AudioEncoding::ALL.to_vec()
        } else {
            self.encodings.clone()
        }
    }
}

/// How a stream is doing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StreamStatus {
    /// Which stream.
    pub stream: StreamId,
    /// Codec in use.
    pub codec: Codec,
    /// CBR or VBR.
    pub bit_rate_type: BitRateType,
    /// Size in use, pixels; may be smaller than configured when the source is.
    pub width: u32,
    /// Rows in use.
    pub height: u32,
    /// GStreamer element at work, or `passthrough`.
    pub encoder: String,
    /// Encoded frames a second, measured.
    pub fps: f32,
    /// kbit/s, measured over about 10 s.
    pub kbps: u32,
    /// Whether the stream is on.
    pub enabled: bool,
}

/// How the whole media side is doing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MediaStatus {
    /// The source's specification without credentials.
    pub source: String,
    /// State of the source.
    #[serde(skip)]
    pub state: SourceState,
    /// Both streams.
    pub streams: Vec<StreamStatus>,
    /// Captured frames a second, measured.
    pub capture_fps: f32,
    /// Analysed frames a second, measured.
    pub analysed_fps: f32,
    /// Frames that recognition passed over because the processor was short, since the start.
    pub recognition_dropped: u64,
    /// Mean time recognition needs for a frame, milliseconds.
    pub recognition_ms: f32,
    /// Why recognition does not run, for people; `None` while it does or is switched off.
    pub recognition_error: Option<String>,
}

/// The picture: status, snapshots, key frames.
pub trait Media: Send + Sync {
    /// How it is doing.
    fn status(&self) -> MediaStatus;

    /// The newest picture as JPEG.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] while there is no picture.
    fn snapshot(&self, stream: StreamId) -> Result<Snapshot>;

    /// The newest picture of the source, raw.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] while there is no picture.
    fn newest_picture(&self) -> Result<(lpr_core::Picture, UtcTime)>;

    /// Makes the next frame of the stream a key frame; at most twice a second.
    fn request_key_frame(&self, stream: StreamId);
}

/// A picture as JPEG with its capture time.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// JFIF.
    pub jpeg: Bytes,
    /// Capture time.
    pub captured_at: UtcTime,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// One network interface as it is now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Interface {
    /// Name, for example `eth0`.
    pub name: String,
    /// Hardware address, `00:11:22:33:44:55`; empty for loopback.
    pub mac: String,
    /// Addresses with their prefix lengths.
    pub addresses: Vec<(IpAddr, u8)>,
    /// Largest packet, bytes; 0 when unknown.
    pub mtu: u32,
    /// Whether it is up.
    pub up: bool,
    /// Whether it is the loopback.
    pub loopback: bool,
}

/// The host's network as it is.
pub trait Network: Send + Sync {
    /// All interfaces.
    fn interfaces(&self) -> Vec<Interface>;
    /// The host's name.
    fn hostname(&self) -> String;
    /// DNS servers in use.
    fn dns_servers(&self) -> Vec<IpAddr>;
    /// Default gateways.
    fn gateways(&self) -> Vec<IpAddr>;
}
