//! The modules of our own: `PlateReader`, which is always there, and up to three `ShieldArea`.

use lpr_core::{
    CaptureMode, DetectionScene, Direction, FrameSize, LoopPlan, LoopTrigger, PlateText, PxPoint,
    PxQuad, PxRect, Scene, TrackedObject, Trajectory,
};
use onvif_contracts::{tan, tt};
use onvif_xml::{QName, ns};
use platecam_model::settings::{
    AnalysisRate, FramesToOutput, LoopDistance, LoopInput, MAX_CORNERS, PassTime, ShieldArea,
    SnapshotQuantity,
};

use super::{
    draft::Draft,
    items::{self, Parameter, Sent, Wrong, element, names, simple, word},
};
use crate::{
    fault::date_time,
    media::{MODULE, OWN_NS},
    metadata::scene_frame,
};

/// Type of the reader.
pub(super) fn reader() -> QName {
    QName::with_uri(OWN_NS, MODULE)
}

/// Type of a zone in which plates are ignored.
pub(super) fn shield() -> QName {
    QName::with_uri(OWN_NS, "ShieldArea")
}

/// The inputs of Loop1 and Loop2: together, as no two loops share one, so that every option can be chosen beside every other.
const LOOP_INPUTS: [(&str, [u32; 2]); 2] = [("1,2", [1, 2]), ("2,1", [2, 1])];

/// Parameters of the reader.
pub(super) const READER: [Parameter; 15] = [
    simple("Enabled", (ns::XS, "boolean")),
    simple("AnalysisRate", (ns::XS, "int")),
    simple("FramesToOutput", (ns::XS, "int")),
    simple("CaptureMode", (ns::XS, "string")),
    simple("SnapshotQuantity", (ns::XS, "int")),
    simple("LoopPlan", (ns::XS, "string")),
    simple("LoopInputs", (ns::XS, "string")),
    simple("Loop1", (ns::XS, "string")),
    simple("Loop2", (ns::XS, "string")),
    simple("LoopDistance", (ns::XS, "int")),
    simple("MaxVehiclePassTime", (ns::XS, "int")),
    simple("Unlicensed", (ns::XS, "boolean")),
    simple("FramesToOutputUnlicensed", (ns::XS, "int")),
    simple("Trajectory", (ns::XS, "string")),
    simple("DetectionScene", (ns::XS, "string")),
];

/// Parameters of a shield area.
pub(super) const SHIELD: [Parameter; 1] = [element("Region", (ns::TT, "Polygon"))];

/// What the reader's may be.
pub(super) fn reader_options() -> Vec<tan::ConfigOptions> {
    vec![
        items::ints("AnalysisRate", AnalysisRate::MIN, AnalysisRate::MAX),
        items::ints("FramesToOutput", FramesToOutput::MIN, FramesToOutput::MAX),
        items::words("CaptureMode", &names(&CaptureMode::ALL)),
        items::ints(
            "SnapshotQuantity",
            SnapshotQuantity::MIN,
            SnapshotQuantity::MAX,
        ),
        items::words("LoopPlan", &names(&LoopPlan::ALL)),
        items::words("LoopInputs", &names(&LOOP_INPUTS)),
        items::words("Loop1", &names(&LoopTrigger::ALL)),
        items::words("Loop2", &names(&LoopTrigger::ALL)),
        items::ints("LoopDistance", LoopDistance::MIN, LoopDistance::MAX),
        items::ints("MaxVehiclePassTime", PassTime::MIN, PassTime::MAX),
        items::ints(
            "FramesToOutputUnlicensed",
            FramesToOutput::MIN,
            FramesToOutput::MAX,
        ),
        items::words("Trajectory", &names(&Trajectory::ALL)),
        items::words("DetectionScene", &names(&DetectionScene::ALL)),
    ]
}

/// What a shield area's may be.
pub(super) fn shield_options() -> Vec<tan::ConfigOptions> {
    vec![items::polygons("Region", 3, MAX_CORNERS)]
}

/// The modules as they are.
pub(super) fn current(draft: &Draft) -> Vec<tt::Config> {
    let s = &draft.lpr;
    let loops = &s.loops;
    let first = loops.loop1_input.get();
    let inputs = [first, LoopInput::MAX + LoopInput::MIN - first];
    let mut all = vec![tt::Config {
        name: MODULE.into(),
        r#type: reader(),
        parameters: items::values(
            vec![
                ("Enabled", s.enabled.to_string()),
                ("AnalysisRate", s.analysis_rate.get().to_string()),
                ("FramesToOutput", s.frames_to_output.get().to_string()),
                ("CaptureMode", word(&CaptureMode::ALL, &s.capture_mode)),
                ("SnapshotQuantity", s.snapshot_quantity.get().to_string()),
                ("LoopPlan", word(&LoopPlan::ALL, &loops.plan)),
                ("LoopInputs", word(&LOOP_INPUTS, &inputs)),
                ("Loop1", word(&LoopTrigger::ALL, &loops.loop1)),
                ("Loop2", word(&LoopTrigger::ALL, &loops.loop2)),
                ("LoopDistance", loops.distance.get().to_string()),
                (
                    "MaxVehiclePassTime",
                    loops.max_pass_seconds.get().to_string(),
                ),
                ("Unlicensed", s.unlicensed.to_string()),
                (
                    "FramesToOutputUnlicensed",
                    s.frames_to_output_unlicensed.get().to_string(),
                ),
                ("Trajectory", word(&Trajectory::ALL, &s.trajectory)),
                (
                    "DetectionScene",
                    word(&DetectionScene::ALL, &s.detection_scene),
                ),
            ],
            vec![],
        ),
    }];
    all.extend(draft.areas.shield_areas.iter().map(|a| tt::Config {
        name: a.name.clone(),
        r#type: shield(),
        parameters: items::values(vec![], vec![("Region", items::polygon_item(&a.polygon))]),
    }));
    all
}

/// Changes the reader.
pub(super) fn modify_reader(draft: &mut Draft, module: &tt::Config) -> Result<(), Wrong> {
    let mut sent = Sent::new(&module.parameters);
    let s = &mut draft.lpr;
    s.enabled = sent.flag("Enabled")?.unwrap_or(s.enabled);
    if let Some(n) = sent.whole("AnalysisRate", AnalysisRate::MIN, AnalysisRate::MAX)? {
        s.analysis_rate = AnalysisRate::clamped(n);
    }
    if let Some(n) = sent.whole("FramesToOutput", FramesToOutput::MIN, FramesToOutput::MAX)? {
        s.frames_to_output = FramesToOutput::clamped(n);
    }
    let (least, most) = (SnapshotQuantity::MIN, SnapshotQuantity::MAX);
    if let Some(n) = sent.whole("SnapshotQuantity", least, most)? {
        s.snapshot_quantity = SnapshotQuantity::clamped(n);
    }
    s.unlicensed = sent.flag("Unlicensed")?.unwrap_or(s.unlicensed);
    let (least, most) = (FramesToOutput::MIN, FramesToOutput::MAX);
    if let Some(n) = sent.whole("FramesToOutputUnlicensed", least, most)? {
        s.frames_to_output_unlicensed = FramesToOutput::clamped(n);
    }
    s.trajectory = sent
        .word("Trajectory", &Trajectory::ALL)?
        .unwrap_or(s.trajectory);
    s.detection_scene = sent
        .word("DetectionScene", &DetectionScene::ALL)?
        .unwrap_or(s.detection_scene);
    s.capture_mode = sent
        .word("CaptureMode", &CaptureMode::ALL)?
        .unwrap_or(s.capture_mode);
    let loops = &mut s.loops;
    loops.plan = sent.word("LoopPlan", &LoopPlan::ALL)?.unwrap_or(loops.plan);
    loops.loop1 = sent
        .word("Loop1", &LoopTrigger::ALL)?
        .unwrap_or(loops.loop1);
    loops.loop2 = sent
        .word("Loop2", &LoopTrigger::ALL)?
        .unwrap_or(loops.loop2);
    if let Some(inputs) = sent.word("LoopInputs", &LOOP_INPUTS)? {
        [loops.loop1_input, loops.loop2_input] = inputs.map(|n| LoopInput::clamped(n.into()));
    }
    if let Some(n) = sent.whole("LoopDistance", LoopDistance::MIN, LoopDistance::MAX)? {
        loops.distance = LoopDistance::clamped(n);
    }
    if let Some(n) = sent.whole("MaxVehiclePassTime", PassTime::MIN, PassTime::MAX)? {
        loops.max_pass_seconds = PassTime::clamped(n);
    }
    sent.finish()
}

/// Makes a shield area.
pub(super) fn create_shield(draft: &mut Draft, module: &tt::Config) -> Result<(), Wrong> {
    let mut area = ShieldArea::of_default_shape(module.name.clone());
    read_shield(&mut area, module)?;
    draft.areas.shield_areas.push(area);
    Ok(())
}

/// Changes the shield area at this place.
pub(super) fn modify_shield(
    draft: &mut Draft,
    at: usize,
    module: &tt::Config,
) -> Result<(), Wrong> {
    read_shield(&mut draft.areas.shield_areas[at], module)
}

fn read_shield(area: &mut ShieldArea, module: &tt::Config) -> Result<(), Wrong> {
    let mut sent = Sent::new(&module.parameters);
    if let Some(polygon) = sent.element::<tt::Polygon>("Region", "Polygon")? {
        area.polygon = items::points(&polygon);
    }
    sent.finish()
}

/// A frame with everything that the reader can send, in the picture's top left quarter.
pub(super) fn reader_sample(now: lpr_core::UtcTime, picture: &str) -> tt::Frame {
    // 1920 x 1080 is a size.
    let Ok(frame_size) = FrameSize::new(1920, 1080) else {
        return empty_sample(now);
    };
    let rect = PxRect::new(400.0, 300.0, 160.0, 48.0);
    let plate = TrackedObject {
        track_id: 1,
        rect,
        quad: PxQuad::new([
            PxPoint::new(rect.x, rect.y),
            PxPoint::new(rect.right(), rect.y),
            PxPoint::new(rect.right(), rect.bottom()),
            PxPoint::new(rect.x, rect.bottom()),
        ]),
        score: 0.9,
        plate: Some(PlateText {
            text: "ABC1234".into(),
            likelihood: 0.9,
            chars: Vec::new(),
        }),
        direction: Direction::Approaching,
        unreadable: None,
        colors: lpr_core::Colors {
            plate: Some(lpr_core::ColorRead {
                color: lpr_core::Color::White,
                likelihood: 0.9,
            }),
            vehicle: Some(lpr_core::ColorRead {
                color: lpr_core::Color::Blue,
                likelihood: 0.6,
            }),
        },
        vehicle_type: Some(lpr_core::TypeRead {
            vehicle_type: lpr_core::VehicleType::Car,
            likelihood: 0.9,
        }),
    };
    let scene = Scene {
        captured_at: now,
        frame_size,
        objects: vec![plate],
    };
    scene_frame(&scene, |_| Some(picture.to_owned()))
}

/// A frame of a module that adds nothing to the scene.
pub(super) fn empty_sample(now: lpr_core::UtcTime) -> tt::Frame {
    tt::Frame {
        utc_time: date_time(now),
        ..Default::default()
    }
}
