//! Check for abnormal configuration (COMM-6): a table of rules over facts; each rule says what is wrong and where it is mended.

use std::time::Duration;

use lpr_core::UtcTime;
use serde::Serialize;

use crate::{
    Actor, Device, Permission, Result, SourceState,
    ports::{MediaStatus, NtpStatus, StorageFigures},
    settings::{
        DeviceGeneral, DiscoveryMode, LprRecognition, OnvifService, Settings, TimeSettings,
        VideoMain,
    },
    time::in_bounds,
};

/// How bad a finding is, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FindingSeverity {
    /// The unit does not do its work.
    Error,
    /// It will not, or not well.
    Warning,
    /// Worth a look.
    Notice,
}

/// One thing that somebody should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Word of the rule.
    pub id: &'static str,
    /// How bad it is.
    pub severity: FindingSeverity,
    /// What is wrong, for people, with values and bounds.
    pub text: String,
    /// Route of the page that mends it; empty when none does.
    pub page: &'static str,
}

/// What the rules look at.
#[derive(Clone, Debug)]
pub struct Facts {
    /// All sections.
    pub settings: Settings,
    /// Source, encoders, recognition.
    pub media: MediaStatus,
    /// The NTP daemon.
    pub ntp: NtpStatus,
    /// The disk.
    pub storage: StorageFigures,
    /// Why records cannot be stored; `None` while they can.
    pub storage_failure: Option<String>,
    /// The clock.
    pub now: UtcTime,
    /// End of the certificate.
    pub certificate_ends: Option<UtcTime>,
    /// Whether any key may sign upgrades; `None` where there are no slots.
    pub upgrade_trust: Option<bool>,
}

struct Rule {
    id: &'static str,
    severity: FindingSeverity,
    page: &'static str,
    look: fn(&Facts) -> Option<String>,
}

/// Free space below this share of the disk is nearly full, percent.
const NEARLY_FULL: u64 = 5;
/// A certificate that ends within this time should be renewed.
const RENEW: Duration = Duration::from_secs(30 * 24 * 3600);
/// Plates span at most about this share of the picture's width; a larger least width reads nothing.
const WIDEST_SHARE: u32 = 2;

const RULES: &[Rule] = {
    use FindingSeverity::{Error, Notice, Warning};
    &[
        Rule {
            id: "source-failing",
            severity: Error,
            page: "",
            look: |f| match &f.media.state {
                SourceState::Failed { reason, .. } => {
                    Some(format!("There is no picture: {reason}."))
                }
                SourceState::Connecting | SourceState::Running { .. } => None,
            },
        },
        Rule {
            id: "recognition-off",
            severity: Warning,
            page: "/setting/lpr/scene",
            look: |f| {
                let lpr = f.settings.get::<LprRecognition>();
                if !lpr.enabled {
                    return Some("Plate recognition is switched off.".into());
                }
                let silent = "Plates are followed but nobody is told and nothing is recorded: Report Plates is off.";
                (!lpr.report).then(|| silent.into())
            },
        },
        Rule {
            id: "recognition-failing",
            severity: Error,
            page: "",
            look: |f| {
                let why = f.media.recognition_error.as_ref()?;
                f.settings
                    .get::<LprRecognition>()
                    .enabled
                    .then(|| format!("Plate recognition does not run: {why}."))
            },
        },
        Rule {
            id: "plate-width",
            severity: Warning,
            page: "/setting/lpr/scene",
            look: |f| {
                let SourceState::Running { width, .. } = f.media.state else {
                    return None;
                };
                let least = f.settings.get::<LprRecognition>().min_plate_width.get();
                (least * WIDEST_SHARE > width).then(|| {
                    format!("Minimum Plate Width is {least} pixels, the picture is {width} pixels wide: hardly any plate will be read.")
                })
            },
        },
        Rule {
            id: "analysis-slow",
            severity: Notice,
            page: "/setting/lpr/scene",
            look: |f| {
                let wanted = f.settings.get::<LprRecognition>().analysis_rate.get() as f32;
                let got = f.media.analysed_fps;
                (got > 0.0 && got * 2.0 < wanted).then(|| {
                    format!("{got:.1} frames a second are analysed, {wanted} are wanted: the processor is short.")
                })
            },
        },
        Rule {
            id: "stream-larger-than-source",
            severity: Notice,
            page: "/setting/video/stream",
            look: |f| {
                let SourceState::Running { width, height, .. } = f.media.state else {
                    return None;
                };
                let wanted = f.settings.get::<VideoMain>().resolution;
                (!wanted.fits_in(width, height)).then(|| {
                    format!(
                        "The main stream wants {}×{}, the source has {width}×{height}.",
                        wanted.width(),
                        wanted.height()
                    )
                })
            },
        },
        Rule {
            id: "clock-implausible",
            severity: Error,
            page: "/setting/system/time",
            look: |f| {
                (!in_bounds(f.now))
                    .then(|| format!("The clock reads {}: set it or use NTP.", f.now))
            },
        },
        Rule {
            id: "ntp-off",
            severity: Notice,
            page: "/setting/system/time",
            look: |f| {
                let off = !f.settings.get::<TimeSettings>().ntp_enabled && !f.ntp.synchronised;
                off.then(|| "Nothing keeps the clock right: NTP is off.".into())
            },
        },
        Rule {
            id: "ntp-failing",
            severity: Warning,
            page: "/setting/system/time",
            look: |f| {
                let on = f.settings.get::<TimeSettings>().ntp_enabled;
                (on && !f.ntp.synchronised).then(|| match &f.ntp.error {
                    Some(why) => format!("NTP does not set the clock: {why}."),
                    None => "NTP has not set the clock yet.".into(),
                })
            },
        },
        Rule {
            id: "certificate-ends",
            severity: Warning,
            page: "/setting/network/https",
            look: |f| {
                let ends = f.certificate_ends?;
                (ends < f.now + RENEW).then(|| format!("The certificate of HTTPS ends at {ends}."))
            },
        },
        Rule {
            id: "storage-failing",
            severity: Error,
            page: "/setting/storage/local",
            look: |f| {
                let why = f.storage_failure.as_ref()?;
                Some(format!("Records cannot be stored: {why}."))
            },
        },
        Rule {
            id: "disk-nearly-full",
            severity: Error,
            page: "/setting/storage/local",
            look: |f| {
                let StorageFigures { free, total, .. } = f.storage;
                let full =
                    total > 0 && free.saturating_mul(100) < total.saturating_mul(NEARLY_FULL);
                full.then(|| {
                    format!(
                        "{} MiB of {} MiB are free: records will be lost.",
                        free >> 20,
                        total >> 20
                    )
                })
            },
        },
        Rule {
            id: "default-name",
            severity: Notice,
            page: "/setting/system/general",
            look: |f| {
                let default =
                    f.settings.get::<DeviceGeneral>().name == DeviceGeneral::default().name;
                default.then(|| "The unit has its first name: units cannot be told apart.".into())
            },
        },
        Rule {
            id: "not-discoverable",
            severity: Notice,
            page: "/setting/system/services",
            look: |f| {
                let hidden =
                    f.settings.get::<OnvifService>().discovery == DiscoveryMode::NonDiscoverable;
                hidden.then(|| {
                    "Recorders do not find this unit by themselves: discovery is off.".into()
                })
            },
        },
        Rule {
            id: "no-upgrade-key",
            severity: Notice,
            page: "/setting/system/maintenance",
            look: |f| {
                let nobody = f.upgrade_trust == Some(false);
                nobody.then(|| "No key is trusted for upgrades: none can be installed.".into())
            },
        },
    ]
};

/// Everything that is wrong with `facts`, worst first.
pub fn findings(facts: &Facts) -> Vec<Finding> {
    let mut all: Vec<_> = RULES
        .iter()
        .filter_map(|rule| {
            let text = (rule.look)(facts)?;
            Some(Finding {
                id: rule.id,
                severity: rule.severity,
                text,
                page: rule.page,
            })
        })
        .collect();
    all.sort_by_key(|f| f.severity);
    all
}

impl Device {
    /// Checks the configuration as it is now (COMM-6).
    ///
    /// # Errors
    /// [`crate::Error::Forbidden`].
    pub fn abnormal_configuration(&self, by: &Actor) -> Result<Vec<Finding>> {
        by.require(Permission::LprConfig)?;
        Ok(findings(&Facts {
            settings: self.settings.snapshot(),
            media: self.media.status(),
            ntp: self.time.ntp_status(),
            storage: self.upkeep.machine.storage(),
            storage_failure: self.upkeep.storage.failure(),
            now: self.clock.now(),
            certificate_ends: self
                .certificates
                .list(self.clock.now(), &[])?
                .into_iter()
                .find(|c| c.in_use)
                .and_then(|c| c.not_after),
            upgrade_trust: self
                .upkeep
                .upgrades
                .as_ref()
                .map(|u| !u.status().trusted_keys.is_empty()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{TestDevice, initialised};

    fn facts(t: &TestDevice) -> Facts {
        Facts {
            settings: t.device.settings.snapshot(),
            media: t.device.media.status(),
            ntp: NtpStatus {
                synchronised: true,
                ..NtpStatus::default()
            },
            storage: StorageFigures {
                free: 50 << 30,
                total: 100 << 30,
                ..StorageFigures::default()
            },
            storage_failure: None,
            now: t.device.clock.now(),
            certificate_ends: None,
            upgrade_trust: None,
        }
    }

    fn ids(facts: &Facts) -> Vec<&'static str> {
        findings(facts).iter().map(|f| f.id).collect()
    }

    fn set(t: &TestDevice, key: &str, value: serde_json::Value) {
        t.device
            .settings
            .patch(key, &value, None, &Actor::system())
            .unwrap();
    }

    /// COMM-6: each rule fires on its own fault and on nothing else.
    #[test]
    fn each_fault_has_its_finding() {
        let t = initialised();
        set(&t, "device.general", json!({"name": "Gate 1"}));
        let sound = facts(&t);
        assert_eq!(ids(&sound), [""; 0], "a sound unit has no findings");
        let with = |change: &dyn Fn(&mut Facts)| {
            let mut facts = sound.clone();
            change(&mut facts);
            ids(&facts)
        };
        let failed = SourceState::Failed {
            reason: "no route".into(),
            retry_in_ms: 1000,
        };
        assert_eq!(
            with(&|f| f.media.state = failed.clone()),
            ["source-failing"]
        );
        assert_eq!(
            with(&|f| f.media.recognition_error = Some("x".into())),
            ["recognition-failing"]
        );
        assert_eq!(with(&|f| f.media.analysed_fps = 3.0), ["analysis-slow"]);
        assert_eq!(with(&|f| f.now = UtcTime::EPOCH), ["clock-implausible"]);
        assert_eq!(with(&|f| f.ntp.synchronised = false), ["ntp-off"]);
        assert_eq!(with(&|f| f.storage.free = 1 << 30), ["disk-nearly-full"]);
        assert_eq!(
            with(&|f| f.storage_failure = Some("I/O error".into())),
            ["storage-failing"]
        );
        assert_eq!(
            with(&|f| f.certificate_ends = Some(f.now)),
            ["certificate-ends"]
        );
        assert_eq!(with(&|f| f.upgrade_trust = Some(false)), ["no-upgrade-key"]);
        let small = SourceState::Running {
            width: 640,
            height: 360,
            millifps: 25_000,
        };
        assert_eq!(
            with(&|f| f.media.state = small.clone()),
            ["stream-larger-than-source"]
        );
        for (key, value, id) in [
            (
                "lpr.recognition",
                json!({"enabled": false}),
                "recognition-off",
            ),
            (
                "lpr.recognition",
                json!({"min_plate_width": 600, "enabled": true}),
                "",
            ),
            (
                "onvif",
                json!({"discovery": "NonDiscoverable"}),
                "not-discoverable",
            ),
            (
                "device.general",
                json!({"name": "Platecam"}),
                "default-name",
            ),
        ] {
            let t = initialised();
            set(&t, "device.general", json!({"name": "Gate 1"}));
            let Ok(view) = t.device.settings.read(key, &Actor::system()) else {
                panic!("{key}")
            };
            assert_eq!(view.key, key);
            set(&t, key, value);
            let want: Vec<&str> = Some(id).filter(|i| !i.is_empty()).into_iter().collect();
            assert_eq!(ids(&facts(&t)), want, "{key}");
        }
    }

    #[test]
    fn findings_come_worst_first() {
        let t = initialised();
        let mut facts = facts(&t);
        facts.now = UtcTime::EPOCH;
        facts.ntp.synchronised = false;
        let all = findings(&facts);
        assert!(all.is_sorted_by_key(|f| f.severity), "{all:?}");
        assert_eq!(all[0].id, "clock-implausible");
    }

    #[test]
    fn rules_have_words_of_their_own() {
        let mut ids: Vec<_> = RULES.iter().map(|r| r.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), RULES.len());
    }
}
