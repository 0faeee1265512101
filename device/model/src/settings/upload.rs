use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, SecretText, Section, time::host_name};
use crate::{
    Permission, Violation, Violations, bounded,
    naming::{DEFAULT_RULE, NameRule},
};

bounded! {
    /// Port of an upload server (FTP-6); 0 takes the protocol's own.
    pub struct UploadPort(u16) in 0..=65535, unit ""
}

/// Where pictures are kept (STOR-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum StorageSpot {
    /// In the unit.
    Local,
    /// On the upload server alone; in the unit only until they are there.
    #[serde(rename = "FTP")]
    Ftp,
    /// In the unit, and a copy on the upload server.
    Both,
}

/// How the upload server is spoken to (FTP-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum UploadProtocol {
    /// Within SSH: encrypted, and the server shows a key.
    #[serde(rename = "SFTP")]
    Sftp,
    /// Everybody on the way reads pictures and password.
    #[serde(rename = "FTP")]
    Ftp,
}

impl UploadProtocol {
    /// Scheme of its addresses.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Sftp => "sftp",
            Self::Ftp => "ftp",
        }
    }

    /// Its usual port.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Sftp => 22,
            Self::Ftp => 21,
        }
    }
}

/// How names of files are written for an FTP server (FTP-7). SFTP is always UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum NameEncoding {
    /// Every character.
    #[serde(rename = "UTF-8")]
    Utf8,
    /// Chinese characters as older servers know them (GB 2312 within GBK); what it lacks becomes `_`.
    #[serde(rename = "GB2312")]
    Gb2312,
}

/// Pictures of records go to a server (FTP-1..12, GEN-16). ONVIF: `tds:CreateStorageConfiguration`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadServer {
    /// Where pictures are kept.
    #[schemars(title = "Storage Spot", extend("x-widget" = "radio"))]
    pub spot: StorageSpot,
    /// Uploads pictures; needs a Storage Spot with the server.
    #[schemars(title = "Enable")]
    pub enabled: bool,
    /// Automatic Network Replenishment: pictures of an outage wait in the unit and are uploaded in order afterwards. Off:
    /// they are not uploaded.
    #[schemars(title = "Automatic Network Recovery")]
    pub anr: bool,
    /// How the server is spoken to; SFTP is recommended.
    #[schemars(title = "Protocol", extend("x-widget" = "radio"))]
    pub protocol: UploadProtocol,
    /// Name or address of the server.
    #[schemars(title = "Server IP", length(max = 253))]
    pub host: String,
    /// Its port; 0 takes 22 for SFTP and 21 for FTP.
    #[schemars(title = "Port")]
    pub port: UploadPort,
    /// How names of files are written.
    #[schemars(title = "Encode Mode", extend("x-visible-when" = {"protocol": "FTP"}))]
    pub encoding: NameEncoding,
    /// Name of the account; empty is anonymous, with FTP only.
    #[schemars(title = "Username", length(max = 128))]
    pub username: String,
    /// Its password.
    #[schemars(title = "Password")]
    pub password: SecretText,
    /// Fingerprint of the server's key as `ssh-keygen -l` shows it, `SHA256:...`; empty remembers the first one that is
    /// seen.
    #[schemars(title = "Host Key", length(max = 64), extend("x-visible-when" = {"protocol": "SFTP"}))]
    pub host_key: String,
    /// Folder on the server below which everything lies; empty is where the login leads.
    #[schemars(title = "Folder", length(max = 128))]
    pub directory: String,
    /// Rule of the names: folders and a name with tokens in braces.
    #[schemars(title = "Picture Name", length(max = 200))]
    pub name_rule: String,
    /// Uploads the whole picture.
    #[schemars(title = "Original Picture")]
    pub original: bool,
    /// Uploads the plate's cut-out.
    #[schemars(title = "Plate Cutout")]
    pub plate: bool,
}

impl Default for UploadServer {
    fn default() -> Self {
        Self {
            spot: StorageSpot::Local,
            enabled: false,
            anr: true,
            protocol: UploadProtocol::Sftp,
            host: String::new(),
            port: UploadPort::clamped(0),
            encoding: NameEncoding::Utf8,
            username: String::new(),
            password: SecretText::default(),
            host_key: String::new(),
            directory: String::new(),
            name_rule: DEFAULT_RULE.into(),
            original: true,
            plate: true,
        }
    }
}

impl UploadServer {
    /// The port that is used.
    #[must_use]
    pub fn port(&self) -> u16 {
        match self.port.get() {
            0 => self.protocol.default_port(),
            port => port,
        }
    }

    /// Host and port as one, `[2001:db8::1]:22`.
    #[must_use]
    pub fn place(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port()),
            false => format!("{}:{}", self.host, self.port()),
        }
    }

    /// Its address as ONVIF writes it, `sftp://host:port/folder`; without user.
    #[must_use]
    pub fn address(&self) -> String {
        let (scheme, place) = (self.protocol.scheme(), self.place());
        format!(
            "{scheme}://{place}/{}",
            self.directory.trim_start_matches('/')
        )
    }
}

impl Section for UploadServer {
    const KEY: &'static str = "upload.server";
    const TITLE: &'static str = "FTP";
    const PAGE: &'static str = "Setting/Storage/FTP";
    const WRITE: Permission = Permission::StorageConfig;
    const SECRETS: &'static [&'static str] = &["password"];

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        let mut require = |good: bool, pointer: &str, value: &str, reason: &str| {
            violations.require(good, || Violation::new(pointer, value, reason));
        };
        let remote = self.spot != StorageSpot::Local;
        require(
            remote || !self.enabled,
            "/enabled",
            "true",
            "needs a Storage Spot with the server",
        );
        require(
            self.host.is_empty() || host_name(&self.host),
            "/host",
            &self.host,
            "must be a host's name of at most 253 characters, or an address",
        );
        require(
            !self.host.is_empty() || !self.enabled,
            "/host",
            "",
            "must be set when upload is enabled",
        );
        let sftp = self.protocol == UploadProtocol::Sftp;
        require(
            !self.username.is_empty() || !self.enabled || !sftp,
            "/username",
            "",
            "must be set for SFTP; only FTP knows anonymous users",
        );
        let plain = |text: &str| !text.chars().any(char::is_control);
        require(
            self.username.len() <= 128 && plain(&self.username),
            "/username",
            &self.username,
            "must have at most 128 bytes without control characters",
        );
        let key = self.host_key.strip_prefix("SHA256:");
        let base64 = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
        require(
            self.host_key.is_empty() || key.is_some_and(|k| k.len() == 43 && k.chars().all(base64)),
            "/host_key",
            &self.host_key,
            "must be a fingerprint: SHA256: and 43 characters of base64",
        );
        let up = self.directory.split('/').any(|part| part == "..");
        require(
            self.directory.len() <= 128 && plain(&self.directory) && !up,
            "/directory",
            &self.directory,
            "must be a folder's path of at most 128 bytes without '..'",
        );
        require(
            self.original || self.plate || !self.enabled,
            "/original",
            "false",
            "is needed where no other picture is uploaded",
        );
        if let Err(e) = NameRule::parse(&self.name_rule) {
            require(false, "/name_rule", &self.name_rule, &e.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Actor, Error, testing::uninitialised};

    /// FTP-1, 4..8, 10..12, STOR-1, C-10.
    #[test]
    fn values_are_bounded_and_the_password_kept() {
        let t = uninitialised();
        let by = Actor::system();
        let set = |value: Value| t.device.settings.patch("upload.server", &value, None, &by);
        for (value, pointer) in [
            (
                json!({"enabled": true, "host": "h", "username": "u"}),
                "/enabled",
            ),
            (json!({"enabled": true, "spot": "Both"}), "/host"),
            (
                json!({"enabled": true, "spot": "Both", "host": "h"}),
                "/username",
            ),
            (
                json!({"enabled": true, "spot": "Both", "original": false, "plate": false}),
                "/original",
            ),
            (json!({"host": "no host"}), "/host"),
            (json!({"port": 65536}), "/port"),
            (json!({"protocol": "SCP"}), "/protocol"),
            (json!({"encoding": "Latin"}), "/encoding"),
            (json!({"username": "a\nb"}), "/username"),
            (json!({"host_key": "MD5:00"}), "/host_key"),
            (json!({"directory": "a/../../b"}), "/directory"),
            (json!({"directory": "a\r\nDELE b"}), "/directory"),
            (json!({"name_rule": "{nothing}"}), "/name_rule"),
        ] {
            let Err(Error::Invalid(found)) = set(value.clone()) else {
                panic!("{value} was taken");
            };
            assert!(
                found.0.iter().any(|v| v.pointer == pointer),
                "{value}: {found:?}"
            );
        }
        set(json!({"enabled": true, "spot": "Both", "host": "2001:db8::1", "protocol": "FTP"}))
            .unwrap();
        set(json!({"protocol": "SFTP", "username": "u", "password": "Ftp-2026", "directory": "/a/b"})).unwrap();
        let shown = t.device.settings.read("upload.server", &by).unwrap();
        assert!(!serde_json::to_string(&shown).unwrap().contains("Ftp-2026"));
        let s = t.device.settings.get::<UploadServer>();
        assert_eq!(s.address(), "sftp://[2001:db8::1]:22/a/b");
    }
}
