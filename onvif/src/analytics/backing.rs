//! The rule `BackingAndLeaving` of our own (INTEL-6): one message for each vehicle that came, turned back and leaves. What follows
//! from its alarm is set on the page.

use onvif_contracts::tt;
use onvif_xml::QName;
use platecam_model::settings::LprIntelligence;

use super::{
    draft::Draft,
    items::{self, Sent, Wrong},
};
use crate::media::OWN_NS;

/// Its type.
pub(super) fn kind() -> QName {
    QName::with_uri(OWN_NS, "BackingAndLeaving")
}

/// The rule as it is; `None` when there is none.
pub(super) fn current(draft: &Draft) -> Option<tt::Config> {
    let s = &draft.intelligence;
    s.backing.then(|| tt::Config {
        name: s.rule_name.clone(),
        r#type: kind(),
        parameters: items::values(vec![], vec![]),
    })
}

/// Makes the rule; what follows from the alarm is as delivered.
pub(super) fn create(draft: &mut Draft, rule: &tt::Config) -> Result<(), Wrong> {
    draft.intelligence = LprIntelligence {
        backing: true,
        rule_name: rule.name.clone(),
        ..LprIntelligence::default()
    };
    modify(rule)
}

/// There is nothing to change: it has no parameters.
pub(super) fn modify(rule: &tt::Config) -> Result<(), Wrong> {
    Sent::new(&rule.parameters).finish()
}
