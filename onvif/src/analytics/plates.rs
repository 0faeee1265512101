//! The rule `tt:LicensePlateRecognition` (Analytics §13.1, §13.3): who is told of, and where plates are read.

use lpr_core::{DirectionFilter, Region};
use onvif_contracts::{tan, tt};
use onvif_xml::{QName, ns};
use platecam_model::settings::{LprAreas, LprRecognition, Percent, PlateWidth, RepeatSeconds};

use super::{
    draft::Draft,
    items::{self, Parameter, Sent, Wrong, element, names, simple, word},
};

/// Its type.
pub(super) fn kind() -> QName {
    QName::new(ns::TT, "LicensePlateRecognition")
}

/// The images that its events tell of are kept on the unit.
pub(super) const IMAGES: &str = "LocalStorage";

const COUNTRIES: [(&str, Region); 4] = [
    ("US", Region::Us),
    ("EU", Region::Eu),
    ("BR", Region::Br),
    ("Any", Region::Any),
];

const DIRECTIONS: [(&str, DirectionFilter); 3] = [
    ("Approaching", DirectionFilter::Approaching),
    ("Departing", DirectionFilter::Departing),
    ("Any", DirectionFilter::Both),
];

/// Its parameters.
pub(super) const PARAMETERS: [Parameter; 8] = [
    simple("IncludeImage", (ns::XS, "string")),
    simple("Threshold", (ns::XS, "float")),
    simple("Country", (ns::XS, "string")),
    simple("Sensitivity", (ns::XS, "float")),
    simple("PlateMinWidth", (ns::XS, "float")),
    simple("EventInterval", (ns::XS, "int")),
    simple("Direction", (ns::TT, "Direction")),
    element("Region", (ns::TT, "Polygon")),
];

/// Percent of the picture's width.
fn share(pixels: u32, picture: u32) -> f32 {
    pixels as f32 * 100.0 / picture.max(1) as f32
}

/// What its parameters may be in a picture of this width.
pub(super) fn options(picture: u32) -> Vec<tan::ConfigOptions> {
    vec![
        items::words("IncludeImage", &[IMAGES]),
        items::floats("Threshold", 0.0, 1.0),
        items::words("Country", &names(&COUNTRIES)),
        items::floats("Sensitivity", 0.0, 1.0),
        items::floats(
            "PlateMinWidth",
            share(PlateWidth::MIN, picture),
            share(PlateWidth::MAX, picture),
        ),
        items::ints("EventInterval", RepeatSeconds::MIN, RepeatSeconds::MAX),
        items::words("Direction", &names(&DIRECTIONS)),
        items::polygons("Region", LprAreas::CORNERS, LprAreas::CORNERS),
    ]
}

/// The rule as it is; `None` when there is none.
pub(super) fn current(draft: &Draft, picture: u32) -> Option<tt::Config> {
    let s = &draft.lpr;
    let percent = |p: Percent| (p.get() as f32 / 100.0).to_string();
    s.report.then(|| tt::Config {
        name: s.rule_name.clone(),
        r#type: kind(),
        parameters: items::values(
            vec![
                ("IncludeImage", IMAGES.into()),
                ("Threshold", percent(s.min_confidence)),
                ("Country", word(&COUNTRIES, &s.region)),
                ("Sensitivity", percent(s.sensitivity)),
                (
                    "PlateMinWidth",
                    share(s.min_plate_width.get(), picture).to_string(),
                ),
                ("EventInterval", s.repeat_seconds.get().to_string()),
                ("Direction", word(&DIRECTIONS, &s.direction)),
            ],
            vec![("Region", items::polygon_item(&draft.areas.capture_area))],
        ),
    })
}

/// Makes the rule; what is not said is as delivered.
pub(super) fn create(draft: &mut Draft, rule: &tt::Config, picture: u32) -> Result<(), Wrong> {
    let fresh = LprRecognition::default();
    let s = &mut draft.lpr;
    (s.report, s.rule_name) = (true, rule.name.clone());
    (s.region, s.direction) = (fresh.region, fresh.direction);
    (s.sensitivity, s.min_confidence) = (fresh.sensitivity, fresh.min_confidence);
    (s.min_plate_width, s.repeat_seconds) = (fresh.min_plate_width, fresh.repeat_seconds);
    draft.areas.capture_area = LprAreas::default().capture_area;
    modify(draft, rule, picture)
}

/// Changes what is said.
pub(super) fn modify(draft: &mut Draft, rule: &tt::Config, picture: u32) -> Result<(), Wrong> {
    let mut sent = Sent::new(&rule.parameters);
    let percent = |n: f32| Percent::clamped((n * 100.0).round() as i64);
    sent.word("IncludeImage", &[(IMAGES, ())])?;
    let s = &mut draft.lpr;
    if let Some(n) = sent.number("Threshold", 0.0, 1.0)? {
        s.min_confidence = percent(n);
    }
    if let Some(region) = sent.word("Country", &COUNTRIES)? {
        s.region = region;
    }
    if let Some(n) = sent.number("Sensitivity", 0.0, 1.0)? {
        s.sensitivity = percent(n);
    }
    let (least, most) = (
        share(PlateWidth::MIN, picture),
        share(PlateWidth::MAX, picture),
    );
    if let Some(n) = sent.number("PlateMinWidth", least, most)? {
        let pixels = n * picture as f32 / 100.0;
        s.min_plate_width = PlateWidth::clamped(pixels.round() as i64);
    }
    if let Some(n) = sent.whole("EventInterval", RepeatSeconds::MIN, RepeatSeconds::MAX)? {
        s.repeat_seconds = RepeatSeconds::clamped(n);
    }
    if let Some(direction) = sent.word("Direction", &DIRECTIONS)? {
        s.direction = direction;
    }
    if let Some(polygon) = sent.element::<tt::Polygon>("Region", "Polygon")? {
        draft.areas.capture_area = items::points(&polygon);
    }
    sent.finish()
}
