use lpr_core::{
    CaptureMode, DetectionScene, DirectionFilter, RecognitionSettings, Region, Trajectory,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, LprAreas, LprIntelligence, LprLoops, Section, area::check_token};
use crate::{
    Permission, Violations, bounded,
    product::{Limit, Need},
};

bounded! {
    /// A share in percent.
    pub struct Percent(u32) in 0..=100, unit "%"
}
bounded! {
    /// Analysed frames a second.
    pub struct AnalysisRate(u32) in 1..=30, unit "fps"
}
bounded! {
    /// Width in pixels of the source picture.
    pub struct PlateWidth(u32) in 30..=600, unit "px"
}
bounded! {
    /// Seconds in which a plate seen again is the same pass; 0 reports it every time (SNAPRULE-6).
    pub struct RepeatSeconds(u32) in 0..=600, unit "s"
}
bounded! {
    /// Analysed frames in which a plate was found, with the same text (SNAPRULE-10) or without any (SNAPRULE-11).
    pub struct FramesToOutput(u32) in 1..=100, unit "frames"
}

bounded! {
    /// Pictures of a vehicle: one, or one and a later one (SNAPRULE-4).
    pub struct SnapshotQuantity(u32) in 1..=2, unit ""
}

/// Plate recognition: the reader, the rule that tells of passes, and what captures a vehicle (SNAPRULE-1..7, SNAPRULE-10, INTEL-1, LPRCFG-16).
///
/// ONVIF: rule `tt:LicensePlateRecognition` and the module `PlateReader`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LprRecognition {
    /// Off stops the analysis; video goes on.
    #[schemars(title = "Enable")]
    pub enabled: bool,
    /// Tells, records and shows who passes. Off: plates are followed in the picture, and nothing else; ONVIF has no rule then.
    #[schemars(title = "Report Plates", extend("x-visible-when" = {"enabled": true}))]
    pub report: bool,
    /// Name of the ONVIF rule, as events carry it, 1 to 64 characters.
    #[schemars(title = "Rule Name", length(min = 1, max = 64), extend("x-visible-when" = {"report": true}))]
    pub rule_name: String,
    /// Plate formats that are preferred when a sign is doubtful.
    #[schemars(title = "Region")]
    pub region: Region,
    /// Whose passes are reported. Who stands, or was seen too shortly to tell, counts with both ways only.
    #[schemars(title = "Driving Direction")]
    pub direction: DirectionFilter,
    /// Higher finds plates more easily, and more that is none.
    #[schemars(title = "Vehicle Detection Sensitivity", extend("x-widget" = "range"))]
    pub sensitivity: Percent,
    /// Reads below it are not reported.
    #[schemars(title = "Minimum Confidence", extend("x-widget" = "range"))]
    pub min_confidence: Percent,
    /// Narrower plates are not read.
    #[schemars(title = "Minimum Plate Width")]
    pub min_plate_width: PlateWidth,
    /// At most so many frames a second are analysed; fewer when the processor is short.
    #[schemars(title = "Analysis Rate")]
    pub analysis_rate: AnalysisRate,
    /// What captures a vehicle: the analysis of the picture, detection loops at the alarm inputs, or both; a vehicle that both
    /// see is one record.
    #[schemars(title = "Capture Mode")]
    pub capture_mode: CaptureMode,
    /// With 2 a second picture follows after one second, or when the vehicle leaves the capture area, if that is earlier. It is added to
    /// the vehicle's record, which is there at once.
    #[schemars(title = "Snapshot Quantity")]
    pub snapshot_quantity: SnapshotQuantity,
    /// So many frames must give the same text before a vehicle in sight is reported; who leaves earlier is reported then.
    #[schemars(title = "Frames to Output Licensed Vehicle Snapshot", extend("x-hidden-when" = {"capture_mode": "loop"}))]
    pub frames_to_output: FramesToOutput,
    /// Keeps a picture of vehicles that drove by with a plate that was found and never read. Without any plate a vehicle is not found.
    /// Where loops capture, they tell of such vehicles.
    #[schemars(title = "Unlicensed Vehicle Snapshot", extend("x-visible-when" = {"capture_mode": "video"}))]
    pub unlicensed: bool,
    /// The plate must have been found in so many frames; the picture is kept when the vehicle has left.
    #[schemars(title = "Frames to Output Unlicensed Vehicle Snapshot", extend("x-visible-when" = {"capture_mode": "video", "unlicensed": true}))]
    pub frames_to_output_unlicensed: FramesToOutput,
    /// How a vehicle is followed while its plate is hidden: by its body (large vehicles), by its plate alone (small ones, close together), or
    /// by its body while it is alone and was reported.
    #[schemars(title = "Scene", extend("x-hidden-when" = {"capture_mode": "loop"}))]
    pub trajectory: Trajectory,
    /// Head First follows plates that come nearer also where they are hard to find, Tail First those that go away. Mounting Height finds
    /// and reads smaller plates, for about twice the processor time.
    #[schemars(title = "Detection Scene")]
    pub detection_scene: DetectionScene,
    /// The same plate again within this time is the same pass; 0 reports it every time.
    #[schemars(title = "Delay for Prevention of Same Plate Capture")]
    pub repeat_seconds: RepeatSeconds,
    /// Detection loops, where they capture.
    #[schemars(title = "Loop Mode Parameters", extend("x-visible-when" = {"capture_mode": ["loop", "mixed"]}))]
    pub loops: LprLoops,
}

impl Default for LprRecognition {
    fn default() -> Self {
        Self {
            enabled: true,
            report: true,
            rule_name: "Plates".into(),
            region: Region::Us,
            // The manual shows approaching; a unit that nobody set up yet loses nobody.
            direction: DirectionFilter::Both,
            sensitivity: Percent::clamped(50),
            min_confidence: Percent::clamped(50),
            min_plate_width: PlateWidth::clamped(50),
            analysis_rate: AnalysisRate::clamped(12),
            // The manual shows mixed; a unit whose inputs are doors and buttons must not capture with them.
            capture_mode: CaptureMode::Video,
            snapshot_quantity: SnapshotQuantity::clamped(1),
            // One more would cost a frame and change nothing: three clips gave the same texts with 1, 2 and 5.
            frames_to_output: FramesToOutput::clamped(1),
            unlicensed: false,
            frames_to_output_unlicensed: FramesToOutput::clamped(10),
            trajectory: Trajectory::SelfAdaptive,
            detection_scene: DetectionScene::HeadFirst,
            repeat_seconds: RepeatSeconds::clamped(5),
            loops: LprLoops::default(),
        }
    }
}

impl LprRecognition {
    /// The alarm inputs that are loops now, 0 is the first.
    pub fn loop_inputs(&self) -> impl Iterator<Item = usize> + use<> {
        let capture = self.capture_mode.has_loops();
        self.loops.inputs().filter(move |_| capture)
    }

    /// What the recogniser is to do, in its own terms.
    #[must_use]
    pub fn settings(
        &self,
        areas: &LprAreas,
        intelligence: &LprIntelligence,
    ) -> RecognitionSettings {
        let percent = |p: Percent| p.get() as f32 / 100.0;
        RecognitionSettings {
            region: self.region,
            direction: self.direction,
            capture: self.capture_mode,
            min_plate_width_px: self.min_plate_width.get(),
            min_likelihood: percent(self.min_confidence).clamp(0.05, 0.99),
            // 0.35 at the middle is what the nets are measured with; at the ends they see almost nothing, or much too much.
            min_detection_score: (60.0 - 0.5 * self.sensitivity.get() as f32) / 100.0,
            detection_interval_ms: 1000 / self.analysis_rate.get(),
            duplicate_delay_ms: self.repeat_seconds.get() * 1000,
            stable_reads: self.frames_to_output.get(),
            capture_area: areas.capture().to_vec(),
            shield_areas: areas.shields(),
            trajectory: self.trajectory,
            scene: self.detection_scene,
            unread_frames: if self.unlicensed {
                self.frames_to_output_unlicensed.get()
            } else {
                0
            },
            tell_returns: intelligence.backing,
            second_picture: self.snapshot_quantity.get() > 1,
            ..RecognitionSettings::default()
        }
    }
}

impl Section for LprRecognition {
    const KEY: &'static str = "lpr.recognition";
    const TITLE: &'static str = "Plate Recognition";
    const PAGE: &'static str = "Setting/LPR/Scene Config";
    const WRITE: Permission = Permission::LprConfig;
    const FIELDS: &'static [(&'static str, Need)] = &[
        ("capture_mode", Need::AtLeast(Limit::AlarmInputs, 1)),
        ("loops", Need::AtLeast(Limit::AlarmInputs, 1)),
        ("loops/plan", Need::AtLeast(Limit::AlarmInputs, 2)),
        ("loops/loop1_input", Need::AtLeast(Limit::AlarmInputs, 2)),
        ("loops/loop2_input", Need::AtLeast(Limit::AlarmInputs, 2)),
        ("loops/loop2", Need::AtLeast(Limit::AlarmInputs, 2)),
        ("loops/distance", Need::AtLeast(Limit::AlarmInputs, 2)),
    ];

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        check_token(
            "/rule_name",
            &self.rule_name,
            std::iter::empty(),
            violations,
        );
        self.loops.check(self.capture_mode, violations);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, testing::uninitialised};

    /// INTEL-1, SNAPRULE-4..6, SNAPRULE-10: whatever can be stored is what the recogniser takes.
    #[test]
    fn every_setting_is_one_of_the_recogniser() {
        let (areas, quiet) = (LprAreas::default(), LprIntelligence::default());
        let plain = LprRecognition::default().settings(&areas, &quiet);
        plain.check().unwrap();
        assert_eq!(plain.stable_reads, 1, "the manual's");
        assert_eq!(plain.min_detection_score, 0.35);
        assert!(
            plain.capture_area.is_empty(),
            "the whole picture is no area"
        );
        for (percent, score) in [(0, 0.6), (50, 0.35), (100, 0.1)] {
            let s = LprRecognition {
                sensitivity: Percent::clamped(percent),
                min_confidence: Percent::clamped(percent),
                frames_to_output: FramesToOutput::clamped(percent),
                repeat_seconds: RepeatSeconds::clamped(percent * 6),
                direction: DirectionFilter::Departing,
                snapshot_quantity: SnapshotQuantity::clamped(percent),
                unlicensed: percent > 0,
                frames_to_output_unlicensed: FramesToOutput::clamped(percent),
                detection_scene: DetectionScene::MountingHeight,
                ..LprRecognition::default()
            };
            let told = s.settings(&areas, &quiet);
            told.check().unwrap();
            assert!((told.min_detection_score - score).abs() < 1e-6);
            assert_eq!(told.duplicate_delay_ms, percent as u32 * 6000);
            assert_eq!(told.stable_reads, (percent as u32).max(1));
            assert_eq!(told.direction, DirectionFilter::Departing);
            assert_eq!(told.second_picture, percent > 1);
            assert_eq!(told.unread_frames, percent as u32);
            assert_eq!(told.scene, DetectionScene::MountingHeight);
        }
    }

    /// SNAPRULE-7, SNAPRULE-12: parameters of a mode are offered in their modes alone. Unlicensed vehicles are found by video alone: where
    /// loops capture, they tell of them.
    #[test]
    fn parameters_are_there_in_their_modes() {
        let schema = serde_json::to_value(schemars::schema_for!(LprRecognition)).unwrap();
        let offered = |field: &str, mode: &str| {
            let field = &schema["properties"][field];
            assert!(field.is_object(), "{schema}");
            let is = |condition: &serde_json::Value| {
                let wanted = &condition["capture_mode"];
                wanted == mode || wanted.as_array().is_some_and(|w| w.contains(&mode.into()))
            };
            let (only, never) = (&field["x-visible-when"], &field["x-hidden-when"]);
            (only.is_null() || is(only)) && (never.is_null() || !is(never))
        };
        let modes = |field: &str| ["loop", "video", "mixed"].map(|mode| offered(field, mode));
        for field in ["frames_to_output", "trajectory"] {
            assert_eq!(modes(field), [false, true, true], "{field}");
        }
        for field in ["unlicensed", "frames_to_output_unlicensed"] {
            assert_eq!(modes(field), [false, true, false], "{field}");
        }
        assert_eq!(modes("loops"), [true, false, true]);
        for field in [
            "capture_mode",
            "snapshot_quantity",
            "direction",
            "repeat_seconds",
        ] {
            assert_eq!(modes(field), [true; 3], "{field}");
        }
    }

    #[test]
    fn the_rule_has_a_name() {
        let t = uninitialised();
        let set = |name: &str| {
            let change = |s: &mut LprRecognition| s.rule_name = name.into();
            t.device.settings.update(&Actor::system(), change)
        };
        set("Gate 1").unwrap();
        for bad in ["", " x", "a\nb", &"x".repeat(65)] {
            let Err(crate::Error::Invalid(v)) = set(bad) else {
                panic!("{bad:?} was accepted");
            };
            assert_eq!(v.0[0].pointer, "/rule_name");
        }
    }
}
