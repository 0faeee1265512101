//! The rule `tt:ObjectTrackAggregation` (Analytics §7.10): one message for each followed plate, when it has left. It has no early
//! reports and no filter of what is sent: the message is small.

use onvif_contracts::{tan, tt};
use onvif_xml::{QName, ns};
use platecam_model::settings::{LprTracks, Percent};

use super::{
    draft::Draft,
    items::{self, Parameter, Sent, Wrong, simple},
};

/// Its type.
pub(super) fn kind() -> QName {
    QName::new(ns::TT, "ObjectTrackAggregation")
}

/// What is followed.
const CLASSES: [&str; 1] = ["LicensePlate"];

/// Its parameters.
pub(super) const PARAMETERS: [Parameter; 2] = [
    simple("ClassFilter", (ns::TT, "StringList")),
    simple("ConfidenceLevel", (ns::XS, "float")),
];

/// What they may be.
pub(super) fn options() -> Vec<tan::ConfigOptions> {
    vec![
        items::words("ClassFilter", &CLASSES),
        items::floats("ConfidenceLevel", 0.0, 1.0),
    ]
}

/// The rule as it is; `None` when there is none.
pub(super) fn current(draft: &Draft) -> Option<tt::Config> {
    let s = &draft.tracks;
    let level = s.min_confidence.get() as f32 / 100.0;
    s.enabled.then(|| tt::Config {
        name: s.rule_name.clone(),
        r#type: kind(),
        parameters: items::values(
            vec![
                ("ClassFilter", CLASSES.join(" ")),
                ("ConfidenceLevel", level.to_string()),
            ],
            vec![],
        ),
    })
}

/// Makes the rule; what is not said is as delivered.
pub(super) fn create(draft: &mut Draft, rule: &tt::Config) -> Result<(), Wrong> {
    draft.tracks = LprTracks {
        enabled: true,
        rule_name: rule.name.clone(),
        ..LprTracks::default()
    };
    modify(draft, rule)
}

/// Changes what is said.
pub(super) fn modify(draft: &mut Draft, rule: &tt::Config) -> Result<(), Wrong> {
    let mut sent = Sent::new(&rule.parameters);
    if let Some(list) = sent.text("ClassFilter")
        && let Some(other) = list.split_whitespace().find(|c| !CLASSES.contains(c))
    {
        let other = crate::fault::shortened(other);
        return Err(format!(
            "ClassFilter '{other}': must be {}",
            CLASSES.join(" ")
        ));
    }
    if let Some(n) = sent.number("ConfidenceLevel", 0.0, 1.0)? {
        draft.tracks.min_confidence = Percent::clamped((n * 100.0).round() as i64);
    }
    sent.finish()
}
