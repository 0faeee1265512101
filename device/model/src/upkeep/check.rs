//! Check for abnormal configuration (COMM-6): a table of rules over facts; each rule says what is wrong and where it is mended.

use lpr_core::{UtcTime, WatchKind};
use serde::Serialize;

use super::rules::RULES;
use crate::{
    Actor, Device, Permission, Result,
    ports::{CardStatus, MediaStatus, NtpStatus, StorageFigures},
    settings::Settings,
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
    /// The memory card.
    pub card: CardStatus,
    /// The clock.
    pub now: UtcTime,
    /// End of the certificate.
    pub certificate_ends: Option<UtcTime>,
    /// Whether any key may sign upgrades; `None` where there are no slots.
    pub upgrade_trust: Option<bool>,
    /// How the picture is disturbed; `None` while it is not.
    pub view: Option<WatchKind>,
    /// Which alarm inputs are active.
    pub inputs: Vec<bool>,
}

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
        Ok(findings(&self.facts()?))
    }

    /// What the rules look at, as it is now.
    pub(super) fn facts(&self) -> Result<Facts> {
        Ok(Facts {
            settings: self.settings.snapshot(),
            media: self.media.status(),
            ntp: self.time.ntp_status(),
            storage: self.upkeep.machine.storage(),
            storage_failure: self.upkeep.storage.failure(),
            card: self.card.status(),
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
            view: self.upkeep.conditions.view(),
            inputs: self.inputs().iter().map(|i| i.active).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        SourceState,
        ports::CardState,
        testing::{TestDevice, initialised},
    };

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
            card: CardStatus::default(),
            now: t.device.clock.now(),
            certificate_ends: None,
            upgrade_trust: None,
            view: None,
            inputs: vec![false, false],
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

    /// SNAPRULE-12: a vehicle on its loop is nothing to look after; a loop that raises alarms is.
    #[test]
    fn loops_are_no_alarms() {
        let t = initialised();
        set(&t, "device.general", json!({"name": "Gate 1"}));
        let loops = json!({"loop1_input": 2, "loop2_input": 1});
        set(
            &t,
            "lpr.recognition",
            json!({"capture_mode": "loop", "loops": loops}),
        );
        let with = |inputs: [bool; 2]| {
            let mut facts = facts(&t);
            facts.inputs = inputs.to_vec();
            ids(&facts)
        };
        assert_eq!(with([false, true]), [""; 0]);
        assert_eq!(with([true, false]), ["alarm-input"]);
        let alarm = json!({"input2": {"enabled": true}});
        set(&t, "event.alarm_inputs", alarm);
        assert_eq!(with([false, true]), ["loop-raises-alarms"]);
        set(&t, "lpr.recognition", json!({"capture_mode": "video"}));
        assert_eq!(with([false, true]), ["alarm-input"]);
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
        for stream in 0..2 {
            let slow = |fps: f32| with(&|f| f.media.streams[stream].fps = fps);
            assert_eq!(slow(8.0), ["encoder-slow"]);
            assert_eq!(slow(0.0), [""; 0], "nobody watches it");
        }
        // A source with fewer pictures than are set.
        let few = |f: &mut Facts| {
            f.media.capture_fps = 8.0;
            f.media.streams.iter_mut().for_each(|s| s.fps = 8.0);
        };
        assert_eq!(with(&few), [""; 0]);
        assert_eq!(with(&|f| f.now = UtcTime::EPOCH), ["clock-implausible"]);
        assert_eq!(with(&|f| f.ntp.synchronised = false), ["ntp-off"]);
        assert_eq!(with(&|f| f.storage.free = 1 << 30), ["disk-nearly-full"]);
        assert_eq!(
            with(&|f| f.storage_failure = Some("I/O error".into())),
            ["storage-failing"]
        );
        for (state, id) in [
            (CardState::Unformatted, "card-unformatted"),
            (CardState::ReadOnly, "card-failing"),
            (CardState::Damaged, "card-failing"),
            (CardState::Failed, "card-failing"),
        ] {
            assert_eq!(with(&|f| f.card.state = state), [id], "{state:?}");
        }
        assert_eq!(with(&|f| f.card.pulled = true), ["card-failing"]);
        assert_eq!(
            with(&|f| f.certificate_ends = Some(f.now)),
            ["certificate-ends"]
        );
        assert_eq!(with(&|f| f.upgrade_trust = Some(false)), ["no-upgrade-key"]);
        assert_eq!(
            with(&|f| f.view = Some(WatchKind::SceneChange)),
            ["view-disturbed"]
        );
        assert_eq!(with(&|f| f.inputs[1] = true), ["alarm-input"]);
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
            (
                "net.dot1x",
                json!({"enabled": true, "verify_server": false, "identity": "unit", "password": "x"}),
                "dot1x-unverified",
            ),
            (
                "net.ddns",
                json!({
                    "enabled": true, "service": "Custom", "source": "interface", "domain": "cam.example.org",
                    "address": "http://dyn.example.org/", "username": "u", "password": "x",
                }),
                "ddns-readable",
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
