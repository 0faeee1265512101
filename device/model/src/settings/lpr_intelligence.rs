use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    AlarmIo, CheckContext, LprRecognition, LprTracks, OutputDelay, Section, area::check_token,
};
use crate::{
    Permission, Violations,
    product::{Function, Limit, Need},
};

/// Alarms about how vehicles drive (INTEL-6, INTEL-7).
///
/// Backing and leaving: a vehicle whose plate came nearer, turned back and goes most of its way again, or the other way round. It is told
/// once while its plate is followed without a gap of more than a second or so. Its pictures are kept as a record of the kind
/// `backing`, whatever the driving direction of the plate rule.
///
/// ONVIF: a rule of the type `BackingAndLeaving` of our own, event `tns1:RuleEngine/BackingDetector/Leaving`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LprIntelligence {
    /// A vehicle that turns back and leaves raises an alarm, and its pictures are kept.
    #[schemars(title = "Backing and Leaving")]
    pub backing: bool,
    /// Name of the ONVIF rule, as events carry it, 1 to 64 characters.
    #[schemars(title = "Rule Name", length(min = 1, max = 64), extend("x-visible-when" = {"backing": true}))]
    pub rule_name: String,
    /// The alarm activates output NO1, which opens the barrier.
    #[schemars(title = "Alarm-out NO1", extend("x-visible-when" = {"backing": true}))]
    pub output1: bool,
    /// The alarm activates output NO2, which closes the barrier.
    #[schemars(title = "Alarm-out NO2", extend("x-visible-when" = {"backing": true}))]
    pub output2: bool,
    /// How long the outputs stay active after the alarm.
    #[schemars(title = "Duration", extend("x-visible-when" = {"backing": true}))]
    pub duration_seconds: OutputDelay,
    /// The alarm is sent to the mail receivers.
    #[schemars(title = "Send Email", extend("x-visible-when" = {"backing": true}))]
    pub send_email: bool,
}

impl Default for LprIntelligence {
    fn default() -> Self {
        Self {
            backing: false,
            rule_name: "Backing".into(),
            output1: false,
            output2: false,
            duration_seconds: OutputDelay::clamped(10),
            send_email: false,
        }
    }
}

impl LprIntelligence {
    /// The outputs that the alarm activates, 0 is NO1.
    pub fn outputs(&self) -> impl Iterator<Item = usize> + use<> {
        let chosen = [self.output1, self.output2];
        (0..AlarmIo::MAX).filter(move |i| chosen[*i])
    }

    /// How long the outputs stay active after the alarm.
    pub fn hold_for(&self) -> Duration {
        Duration::from_secs(self.duration_seconds.get().into())
    }
}

impl Section for LprIntelligence {
    const KEY: &'static str = "lpr.intelligence";
    const TITLE: &'static str = "Intelligent Analysis";
    const PAGE: &'static str = "Setting/LPR/AI Setting/Intelligent Analysis";
    const WRITE: Permission = Permission::BlocklistAlarm;
    const FIELDS: &'static [(&'static str, Need)] = &[
        ("output1", Need::AtLeast(Limit::AlarmOutputs, 1)),
        ("output2", Need::AtLeast(Limit::AlarmOutputs, 2)),
        ("send_email", Need::Function(Function::Email)),
    ];

    fn check(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
        // Two rules of one name could not be told apart.
        let plates = cx.settings.get::<LprRecognition>();
        let tracks = cx.settings.get::<LprTracks>();
        let others = [
            (plates.report, &plates.rule_name),
            (tracks.enabled, &tracks.rule_name),
        ];
        let there = others.into_iter().filter(|(on, _)| self.backing && *on);
        let names = there.map(|(_, name)| name.as_str());
        check_token("/rule_name", &self.rule_name, names, violations);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Actor, Error, testing::uninitialised};

    #[test]
    fn the_rule_has_a_name_of_its_own() {
        let t = uninitialised();
        let set = |v| {
            t.device
                .settings
                .patch("lpr.intelligence", &v, None, &Actor::system())
        };
        for bad in ["", " x", "Plates"] {
            let Err(Error::Invalid(v)) = set(json!({"backing": true, "rule_name": bad})) else {
                panic!("{bad:?} was accepted");
            };
            assert_eq!(v.0[0].pointer, "/rule_name");
        }
        set(json!({"backing": true, "rule_name": "U-turn", "output2": true})).unwrap();
        let now = t.device.settings.get::<LprIntelligence>();
        assert_eq!(now.outputs().collect::<Vec<_>>(), [1]);
    }
}
