use serde::{Deserialize, Serialize};

/// A function that a model may lack (GEN-24). Its kebab-case name stands in model files and in the web API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Function {
    /// Texts in the video (OSD).
    VideoTexts,
    /// Privacy masks.
    PrivacyMasks,
    /// Regions of interest (ROI).
    RegionsOfInterest,
    /// Brightness and what else corrects the picture; ONVIF's imaging service.
    PictureSettings,
    /// Motion and tampering alarms.
    PictureAlarms,
    /// Where the unit stands on earth.
    GeoLocation,
    /// E-mail.
    Email,
    /// A log server.
    RemoteLog,
    /// Addresses that may connect, or may not.
    AddressFilter,
    /// The gateway's hardware address, bound.
    GatewayBinding,
    /// Upgrade packages.
    Upgrade,
    /// The switch of the machine's SSH server.
    Ssh,
    /// CGI commands.
    Cgi,
    /// The reset button.
    ResetButton,
    /// Reset of a forgotten password from the login page.
    PasswordReset,
    /// Test of the loudspeaker.
    Voice,
    /// ONVIF's media service of version 1, for clients of before Profile T.
    Media1,
    /// ONVIF's security configuration service: keys and certificates for other programs.
    SecurityConfiguration,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::VideoTexts,
        Self::PrivacyMasks,
        Self::RegionsOfInterest,
        Self::PictureSettings,
        Self::PictureAlarms,
        Self::GeoLocation,
        Self::Email,
        Self::RemoteLog,
        Self::AddressFilter,
        Self::GatewayBinding,
        Self::Upgrade,
        Self::Ssh,
        Self::Cgi,
        Self::ResetButton,
        Self::PasswordReset,
        Self::Voice,
        Self::Media1,
        Self::SecurityConfiguration,
    ];

    /// Its name, as model files write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::VideoTexts => "video-texts",
            Self::PrivacyMasks => "privacy-masks",
            Self::RegionsOfInterest => "regions-of-interest",
            Self::PictureSettings => "picture-settings",
            Self::PictureAlarms => "picture-alarms",
            Self::GeoLocation => "geo-location",
            Self::Email => "email",
            Self::RemoteLog => "remote-log",
            Self::AddressFilter => "address-filter",
            Self::GatewayBinding => "gateway-binding",
            Self::Upgrade => "upgrade",
            Self::Ssh => "ssh",
            Self::Cgi => "cgi",
            Self::ResetButton => "reset-button",
            Self::PasswordReset => "password-reset",
            Self::Voice => "voice",
            Self::Media1 => "media1",
            Self::SecurityConfiguration => "security-configuration",
        }
    }

    /// What it is, for sentences such as "the model has no ...".
    pub const fn what(self) -> &'static str {
        match self {
            Self::VideoTexts => "texts in the video",
            Self::PrivacyMasks => "privacy masks",
            Self::RegionsOfInterest => "regions of interest",
            Self::PictureSettings => "picture settings",
            Self::PictureAlarms => "picture alarms",
            Self::GeoLocation => "geographic location",
            Self::Email => "e-mail",
            Self::RemoteLog => "remote log",
            Self::AddressFilter => "address filter",
            Self::GatewayBinding => "gateway binding",
            Self::Upgrade => "upgrade by package",
            Self::Ssh => "SSH switch",
            Self::Cgi => "CGI",
            Self::ResetButton => "reset button",
            Self::PasswordReset => "password reset from the login page",
            Self::Voice => "voice test",
            Self::Media1 => "media service of version 1",
            Self::SecurityConfiguration => "security configuration service",
        }
    }
}
