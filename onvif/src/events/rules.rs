//! The rules whose names events carry, as the settings have them.

use platecam_model::settings::{
    LprIntelligence, LprRecognition, LprTracks, MotionRegions, Percent, Settings,
};

/// Names of the rules that there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rules {
    /// The plate rule; `None` while nobody is told of plates.
    pub(super) plates: Option<String>,
    /// Whether vehicles have two pictures (SNAPRULE-4).
    pub(super) twice: bool,
    /// The rule of tracks, with the confidence that it asks for.
    pub(super) tracks: Option<(String, Percent)>,
    /// The rule of vehicles that turn back.
    pub(super) backing: Option<String>,
    /// The motion rules.
    pub(super) regions: Vec<String>,
}

impl Rules {
    /// As they are now.
    pub(super) fn of(settings: &Settings) -> Self {
        let lpr = settings.get::<LprRecognition>();
        let tracks = settings.get::<LprTracks>();
        let intelligence = settings.get::<LprIntelligence>();
        let motion = settings.get::<MotionRegions>();
        Self {
            plates: lpr.report.then(|| lpr.rule_name.clone()),
            twice: lpr.snapshot_quantity.get() > 1,
            tracks: tracks
                .enabled
                .then(|| (tracks.rule_name.clone(), tracks.min_confidence)),
            backing: intelligence.backing.then(|| intelligence.rule_name.clone()),
            regions: motion.regions.iter().map(|r| r.name.clone()).collect(),
        }
    }
}
