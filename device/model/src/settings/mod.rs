//! The settings model: typed sections, one store, one way to write.

mod access_filter;
mod alarm;
mod area;
mod audio;
mod bounded;
mod broker;
mod clips;
mod commission;
mod ddns;
mod diff;
mod dot1x;
mod gateway_binding;
mod general;
mod geo;
mod h264;
mod https;
mod image;
mod io;
mod lens;
mod lpr;
mod lpr_areas;
mod lpr_intelligence;
mod lpr_loops;
mod lpr_tracks;
mod mail;
mod maintenance;
mod masks;
mod merge;
mod metering;
mod model;
mod motion_regions;
mod multicast;
mod net_ip;
mod onvif;
mod onvif_metadata;
mod osd;
mod osd_images;
mod paint;
mod password;
mod peripheral;
mod picture_alarm;
mod ports;
mod preview;
mod remote_log;
mod remote_user;
mod reset_button;
mod roi;
mod scenes;
mod schedule;
mod secrets;
mod section;
mod security;
mod sensor;
mod serial;
mod services;
mod storage;
mod store;
mod time;
mod transfer;
pub(crate) mod trust;
mod upload;
mod url;
mod video;

pub use access_filter::{AccessFilter, FilterMode, IpPrefix};
pub use alarm::{AlarmInput, AlarmInputs, AlarmSchedule, AlarmSchedules, EventInterval};
pub use area::MAX_CORNERS;
pub use audio::{
    AudioEncoding, AudioFrom, AudioInput, AudioKbps, AudioOutput, SampleRate, SpeechSpeed, Volume,
};
pub use broker::{
    BrokerConfig, BrokerPort, BrokerQos, BrokerTransport, EventBroker, MAX_BROKERS, MqttVersion,
    brokers,
};
pub use clips::{AudioClip, AudioClips, ClipLanguage, RepeatInterval, Repeats};
pub(crate) use clips::{TOKEN_RULE, is_token};
pub use commission::LprCommission;
pub use ddns::{DdnsMinutes, DdnsService, DdnsSource, NetDdns};
pub use diff::Difference;
pub use dot1x::{Dot1xMethod, NetDot1x};
pub use gateway_binding::GatewayBinding;
pub use general::{DeviceGeneral, Language, VideoStandard};
pub use geo::GeoLocation;
pub use h264::H264Profile;
pub use https::NetHttps;
pub use image::{Level, VideoImage};
pub use io::{AlarmIo, IdleState, InputSettings, OutputDelay, OutputMode, OutputSettings};
pub use lens::{LensSettings, LensSpeed};
pub use lpr::{
    AnalysisRate, FramesToOutput, LprRecognition, Percent, PlateWidth, RepeatSeconds,
    SnapshotQuantity,
};
pub use lpr_areas::{LprAreas, ShieldArea};
pub use lpr_intelligence::LprIntelligence;
pub use lpr_loops::{LoopDistance, LoopInput, LprLoops, PassTime};
pub use lpr_tracks::LprTracks;
pub use mail::{MailEncryption, MailPort, NetMail};
pub use maintenance::{Maintenance, Monitoring, RestartDay, TimeOfDay};
pub use masks::{PrivacyMask, VideoMasks};
pub use metering::{MeteringMode, VideoMetering};
pub use motion_regions::{MotionRegion, MotionRegions, RegionSensitivity};
pub use multicast::{
    MulticastAudio, MulticastConfig, MulticastGroups, MulticastMain, MulticastMetadata,
    MulticastPort, MulticastSub, MulticastTtl,
};
pub(crate) use net_ip::is_host_name;
pub use net_ip::{
    ConfirmWithin, Ipv4Mode, Ipv4Prefix, Ipv6Mode, Ipv6Prefix, MaybeAddress, NetIp, WaitingGateway,
};
pub use onvif::{DiscoveryMode, MediaProfile, OnvifProfiles, OnvifService, ProfileEncoder};
pub use onvif_metadata::OnvifMetadata;
pub use osd::{FontSize, ImageHeight, OsdImage, OsdKind, OsdPlace, OsdText, VideoOsd};
pub use osd_images::{ImageSlot, OsdImages, PngImage, Rgba};
pub use paint::Paint;
pub use password::{SecurityPassword, SecurityPasswordReset};
pub use peripheral::{
    DiscardSeconds, FacilityCode, FacilityFrom, IntervalMicros, PulseMicros, SerialPlates,
    SerialPortNumber, WiegandCoding, WiegandFormat, WiegandPlates,
};
pub use picture_alarm::{EventPicture, MotionHold, SensitivityPercent, TamperingSeconds};
pub use ports::{NetPorts, Port, RESERVED_PORTS};
pub use remote_log::{Facility, LogPort, LogRemote, LogTransport};
pub use remote_user::RemoteUser;
pub use reset_button::DeviceResetButton;
pub use roi::{RegionOfInterest, RoiQuality, VideoRoi};
pub use scenes::{Scene, VideoScenes};
pub use schedule::{DayPeriods, Period, WeekSchedule};
pub use secrets::SecretText;
pub use section::{Descriptor, Restore, Section};
pub use security::SecurityLogin;
pub use sensor::{
    AutoManual, DayNight, IrLight, NightBelow, SensorGain, ShutterTime, VideoSensor,
    WhiteBalanceMode,
};
pub use serial::{BaudRate, CharacterLength, Parity, SerialLines, SerialSettings, StopBits};
pub use services::{SshSwitch, SystemServices};
pub use storage::{DiskFull, StorageLocal};
pub use store::{Patch, Revision, SectionView, Settings, SettingsStore};
pub use time::{DstRule, NtpPort, NtpUpdate, TimeSettings};
pub use transfer::{Change, SectionExport, SectionImport};
pub use upload::{NameEncoding, StorageSpot, UploadPort, UploadProtocol, UploadServer};
pub use video::{
    BitRateType, Codec, FrameRate, GopLength, Kbps, Quality, Resolution, StreamConfig, VideoMain,
    VideoSub,
};

use crate::{
    Actor,
    ports::{AudioCapabilities, HostServices, ImageCapabilities, ListenProbe, VideoCapabilities},
};

/// What a section's rules may look at.
pub struct CheckContext<'a> {
    /// All sections as they would be.
    pub settings: &'a Settings,
    /// All sections as they are.
    pub before: &'a Settings,
    /// What source and encoders can do; default before the source is known.
    pub video: &'a VideoCapabilities,
    /// What is heard and how it can be encoded; default before that is known.
    pub audio: &'a AudioCapabilities,
    /// What the source's sensor can be told; default before that is known.
    pub image: &'a ImageCapabilities,
    /// What the system says to a port.
    pub listen: &'a dyn ListenProbe,
    /// What the host says to an address.
    pub network: &'a (dyn Fn(&NetIp) -> std::result::Result<(), String> + Send + Sync),
    /// Services of the machine; `None` before they are known.
    pub host: Option<&'a HostServices>,
    /// Who changes it.
    pub actor: &'a Actor,
    /// The sections being changed.
    pub touched: &'a [Descriptor],
}

impl std::fmt::Debug for CheckContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckContext")
            .field("touched", &self.touched)
            .finish_non_exhaustive()
    }
}

impl CheckContext<'_> {
    /// Whether `S` is among the sections being changed. Rules about the hardware only apply then:
    /// a stored value must not block other changes because a camera was swapped.
    pub fn touches<S: Section>(&self) -> bool {
        self.touched.iter().any(|d| d.key == S::KEY)
    }
}

/// Every section of the product, in no particular order. A test refuses two owners of one key.
pub fn all_sections() -> Vec<Descriptor> {
    vec![
        Descriptor::of::<DeviceGeneral>(),
        Descriptor::of::<GeoLocation>(),
        Descriptor::of::<AlarmIo>(),
        Descriptor::of::<AlarmInputs>(),
        Descriptor::of::<AlarmSchedules>(),
        Descriptor::of::<SerialLines>(),
        Descriptor::of::<SerialPlates>(),
        Descriptor::of::<WiegandPlates>(),
        Descriptor::of::<VideoMain>(),
        Descriptor::of::<VideoSub>(),
        Descriptor::of::<NetIp>(),
        Descriptor::of::<VideoImage>(),
        Descriptor::of::<VideoScenes>(),
        Descriptor::of::<VideoSensor>(),
        Descriptor::of::<VideoMetering>(),
        Descriptor::of::<VideoOsd>(),
        Descriptor::of::<OsdImages>(),
        Descriptor::of::<VideoMasks>(),
        Descriptor::of::<VideoRoi>(),
        Descriptor::of::<NetPorts>(),
        Descriptor::of::<NetHttps>(),
        Descriptor::of::<MulticastMain>(),
        Descriptor::of::<MulticastSub>(),
        Descriptor::of::<MulticastMetadata>(),
        Descriptor::of::<MulticastAudio>(),
        Descriptor::of::<AudioInput>(),
        Descriptor::of::<AudioOutput>(),
        Descriptor::of::<AudioClips>(),
        Descriptor::of::<NetMail>(),
        Descriptor::of::<NetDot1x>(),
        Descriptor::of::<NetDdns>(),
        Descriptor::of::<StorageLocal>(),
        Descriptor::of::<UploadServer>(),
        Descriptor::of::<OnvifService>(),
        Descriptor::of::<OnvifProfiles>(),
        Descriptor::of::<OnvifMetadata>(),
        Descriptor::of::<RemoteUser>(),
        Descriptor::of::<SystemServices>(),
        Descriptor::of::<AccessFilter>(),
        Descriptor::of::<GatewayBinding>(),
        Descriptor::of::<SecurityLogin>(),
        Descriptor::of::<SecurityPassword>(),
        Descriptor::of::<SecurityPasswordReset>(),
        Descriptor::of::<DeviceResetButton>(),
        Descriptor::of::<LprRecognition>(),
        Descriptor::of::<LprAreas>(),
        Descriptor::of::<LensSettings>(),
        Descriptor::of::<LprTracks>(),
        Descriptor::of::<LprIntelligence>(),
        Descriptor::of::<EventPicture>(),
        Descriptor::of::<MotionRegions>(),
        Descriptor::of::<EventBroker<1>>(),
        Descriptor::of::<EventBroker<2>>(),
        Descriptor::of::<TimeSettings>(),
        Descriptor::of::<LogRemote>(),
        Descriptor::of::<LprCommission>(),
        Descriptor::of::<Maintenance>(),
        Descriptor::of::<Monitoring>(),
    ]
}
