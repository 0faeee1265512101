use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, LprIntelligence, LprRecognition, Percent, Section, area::check_token};
use crate::{Permission, Violations};

/// One message for each followed plate when it has left, besides that of the read: from when to when it was in the picture, where
/// first and last, and what was known of it and its vehicle at the end.
///
/// ONVIF: rule `tt:ObjectTrackAggregation`, event `tns1:RuleEngine/ObjectTrack/Aggregation`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LprTracks {
    /// Tells of each followed plate once, when it has left; unread ones too.
    #[schemars(title = "Report Tracks")]
    pub enabled: bool,
    /// Name of the ONVIF rule, as events carry it, 1 to 64 characters.
    #[schemars(title = "Rule Name", length(min = 1, max = 64), extend("x-visible-when" = {"enabled": true}))]
    pub rule_name: String,
    /// Tracks whose plate was never found so surely are not told of.
    #[schemars(title = "Minimum Confidence", extend("x-widget" = "range", "x-visible-when" = {"enabled": true}))]
    pub min_confidence: Percent,
}

impl Default for LprTracks {
    fn default() -> Self {
        Self {
            enabled: false,
            rule_name: "Tracks".into(),
            min_confidence: Percent::clamped(50),
        }
    }
}

impl Section for LprTracks {
    const KEY: &'static str = "lpr.tracks";
    const TITLE: &'static str = "Object Tracks";
    const PAGE: &'static str = "Setting/LPR/Scene Config";
    const WRITE: Permission = Permission::LprConfig;

    fn check(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
        // Two rules of one name could not be told apart.
        let plates = cx.settings.get::<LprRecognition>();
        let backing = cx.settings.get::<LprIntelligence>();
        let others = [
            (plates.report, &plates.rule_name),
            // Where that changes too, it is its name that is wrong.
            (
                backing.backing && !cx.touches::<LprIntelligence>(),
                &backing.rule_name,
            ),
        ];
        let there = others.into_iter().filter(|(on, _)| self.enabled && *on);
        let names = there.map(|(_, name)| name.as_str());
        check_token("/rule_name", &self.rule_name, names, violations);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{Actor, Error, testing::uninitialised};

    #[test]
    fn the_rule_has_a_name_of_its_own() {
        let t = uninitialised();
        let set = |v| {
            t.device
                .settings
                .patch("lpr.tracks", &v, None, &Actor::system())
        };
        for bad in ["", " x", "Plates"] {
            let Err(Error::Invalid(v)) = set(json!({"enabled": true, "rule_name": bad})) else {
                panic!("{bad:?} was accepted");
            };
            assert_eq!(v.0[0].pointer, "/rule_name");
        }
        set(json!({"enabled": true, "rule_name": "Passes"})).unwrap();
    }
}
