//! The support bundle (DEBUG-1..3, DEBUG-6): chosen parts as files of one archive, without secrets.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    Actor, Device, Error, LogKind, Permission, Result, Secret,
    log::LogQuery,
    ports::{BundleFile, LastRun},
};

/// Entries of the audit trail in a bundle, the newest ones.
const TRAIL: u32 = 2000;
/// Characters of a bundle's password.
const PASSWORD: std::ops::RangeInclusive<usize> = 8..=64;

/// What a bundle may hold (DEBUG-1, DEBUG-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BundlePart {
    /// Identity, version, restarts, slots.
    Device,
    /// All settings without secrets.
    Settings,
    /// The system log.
    Log,
    /// Who did what.
    Audit,
    /// The machine.
    System,
    /// Source, encoders, recognition.
    Media,
}

impl BundlePart {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Device,
        Self::Settings,
        Self::Log,
        Self::Audit,
        Self::System,
        Self::Media,
    ];

    /// The word of the API, and of the file.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Settings => "settings",
            Self::Log => "log",
            Self::Audit => "audit",
            Self::System => "system",
            Self::Media => "media",
        }
    }

    /// For the page.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Device => "Device and versions",
            Self::Settings => "Settings without secrets",
            Self::Log => "System log",
            Self::Audit => "Audit trail",
            Self::System => "Machine and process",
            Self::Media => "Video and recognition",
        }
    }

    /// The part with this word.
    pub fn of(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.id() == id)
    }

    const fn needs_log(self) -> bool {
        matches!(self, Self::Log | Self::Audit)
    }
}

impl Device {
    /// Makes a support bundle of `parts` (all when empty), a ZIP archive; with a password every file is encrypted.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`] for `/password`, [`Error::Internal`].
    pub fn support_bundle(
        &self,
        by: &Actor,
        parts: &[BundlePart],
        password: Option<&Secret>,
    ) -> Result<Bytes> {
        by.require(Permission::Maintenance)?;
        let parts = if parts.is_empty() {
            &BundlePart::ALL[..]
        } else {
            parts
        };
        if parts.iter().any(|p| p.needs_log()) {
            by.require(Permission::ReadLog)?;
        }
        if let Some(n) = password.map(|p| p.expose().chars().count())
            && !PASSWORD.contains(&n)
        {
            return Err(Error::invalid(
                "/password",
                "",
                format!("has {n} characters; allowed are 8 to 64"),
            ));
        }
        let mut files = Vec::new();
        for part in BundlePart::ALL.into_iter().filter(|p| parts.contains(p)) {
            self.bundle_part(part, &mut files)?;
        }
        let packed = self.upkeep.machine.pack(&files, password)?;
        let names: Vec<_> = parts.iter().map(|p| p.id()).collect();
        let how = if password.is_some() {
            "encrypted"
        } else {
            "not encrypted"
        };
        self.audit(
            LogKind::System,
            by,
            format!(
                "Debug information was exported ({}; {how}).",
                names.join(", ")
            ),
        );
        Ok(packed)
    }

    /// Device, video and machine as one text, for interfaces that carry no archive.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Internal`].
    pub fn support_text(&self, by: &Actor) -> Result<String> {
        by.require(Permission::Maintenance)?;
        let mut files = Vec::new();
        for part in [BundlePart::Device, BundlePart::Media, BundlePart::System] {
            self.bundle_part(part, &mut files)?;
        }
        let one =
            |f: &BundleFile| format!("== {}\n{}\n", f.name, String::from_utf8_lossy(&f.content));
        self.audit(LogKind::System, by, "Support information was read.");
        Ok(files.iter().map(one).collect())
    }

    fn bundle_part(&self, part: BundlePart, files: &mut Vec<BundleFile>) -> Result<()> {
        let value = match part {
            BundlePart::Device => self.bundle_device(),
            BundlePart::Settings => self.bundle_settings()?,
            BundlePart::Log => {
                let page = self.log.search(&LogQuery::default())?;
                serde_json::to_value(page.items).map_err(Error::internal)?
            }
            BundlePart::Audit => self.bundle_trail()?,
            BundlePart::System => {
                files.extend(self.upkeep.machine.report());
                return Ok(());
            }
            BundlePart::Media => json!({
                "status": self.media.status(),
                "capabilities": self.settings.video_capabilities(),
            }),
        };
        let content = serde_json::to_vec_pretty(&value).map_err(Error::internal)?;
        files.push(BundleFile {
            name: format!("{}.json", part.id()),
            content,
        });
        Ok(())
    }

    fn bundle_device(&self) -> Value {
        let id = &self.identity;
        let last = match self.upkeep.power.last_run() {
            LastRun::None => json!("first start"),
            LastRun::Wanted(note) => json!(note),
            LastRun::Stopped => json!("stopped from outside"),
            LastRun::Lost => json!("not ended in order"),
        };
        json!({
            "manufacturer": id.manufacturer, "model": id.model, "version": id.firmware,
            "serial": id.serial, "hardware": id.hardware_id,
            "time": self.clock.now(), "uptime_s": self.clock.monotonic().as_secs(),
            "last_run": last,
            "upgrade": self.upkeep.upgrades.as_ref().map(|u| u.status()),
            "ntp": self.time.ntp_status(),
        })
    }

    /// Sections as every adapter shows them: secrets are never read back.
    fn bundle_settings(&self) -> Result<Value> {
        let by = Actor::system();
        let keys: Vec<_> = self.settings.sections().map(|d| d.key).collect();
        let views = keys.into_iter().map(|key| self.settings.read(key, &by));
        let views: Vec<_> = views.collect::<Result<_>>()?;
        serde_json::to_value(views).map_err(Error::internal)
    }

    fn bundle_trail(&self) -> Result<Value> {
        let (mut after, mut newest) = (0, Vec::new());
        loop {
            let page = self.log.trail(after, TRAIL)?;
            let Some(last) = page.last() else { break };
            after = last.entry.id;
            newest.extend(page);
            let more = newest.len().saturating_sub(TRAIL as usize);
            newest.drain(..more);
        }
        serde_json::to_value(newest).map_err(Error::internal)
    }
}
