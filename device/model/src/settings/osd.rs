//! Texts in the picture (OSD-1..5).

use chrono::Datelike;
use lpr_core::{NormPoint, UtcTime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    CheckContext, ImageSlot, Language, OsdImages, Paint, Section, Settings, TimeSettings,
    area::{check_point, check_token},
};
use crate::{
    Permission, Violation, Violations, bounded,
    product::{Function, Need},
    time::{DateFormat, TimeFormat, date_text, time_text},
};

bounded! {
    /// Height of a line in pixels of a picture of 1080 rows; others in proportion.
    pub struct FontSize(u32) in 16..=96, unit "px"
}

/// What a text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "snake_case")]
pub enum OsdKind {
    /// The text itself.
    Plain,
    /// The date.
    Date,
    /// The time.
    Time,
    /// Date and time.
    DateAndTime,
}

/// Where a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "snake_case")]
pub enum OsdPlace {
    /// Upper left corner.
    UpperLeft,
    /// Upper right corner.
    UpperRight,
    /// Lower left corner.
    LowerLeft,
    /// Lower right corner.
    LowerRight,
    /// At its own position.
    Custom,
}

/// One text in the picture. ONVIF: `tt:OSDConfiguration`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct OsdText {
    /// Name in lists, ONVIF's token, 1 to 64 characters.
    #[schemars(title = "Name", length(min = 1, max = 64))]
    pub token: String,
    /// What it says.
    #[schemars(title = "Content")]
    pub kind: OsdKind,
    /// The text, 1 to 128 characters.
    #[schemars(title = "Text", length(max = 128), extend("x-visible-when" = {"kind": "plain"}))]
    pub text: String,
    /// Adds the day of the week to the date.
    #[schemars(title = "Display Week", extend("x-visible-when" = {"kind": ["date", "date_and_time"]}))]
    pub week_day: bool,
    /// Order of year, month and day; without one that of the unit.
    #[schemars(title = "Date Format", extend("x-visible-when" = {"kind": ["date", "date_and_time"]}))]
    pub date_format: Option<DateFormat>,
    /// Hours to 12 or to 24; without one as the unit shows them.
    #[schemars(title = "Time Format", extend("x-visible-when" = {"kind": ["time", "date_and_time"]}))]
    pub time_format: Option<TimeFormat>,
    /// Corner of the picture, or a position of its own.
    #[schemars(title = "Place")]
    pub place: OsdPlace,
    /// Upper left corner of the text: x from -1 (left) to 1, y from -1 (bottom) to 1.
    #[schemars(title = "Position", extend("x-visible-when" = {"place": "custom"}))]
    pub position: NormPoint,
    /// Height of the line.
    #[schemars(title = "Font Size")]
    pub font_size: FontSize,
    /// Colour of the letters.
    #[schemars(title = "Color")]
    pub color: Paint,
    /// Colour behind the letters; without one they get an outline.
    #[schemars(title = "Background")]
    pub background: Option<Paint>,
}

impl Default for OsdText {
    fn default() -> Self {
        Self {
            token: String::new(),
            kind: OsdKind::Plain,
            text: String::new(),
            week_day: false,
            date_format: None,
            time_format: None,
            place: OsdPlace::UpperLeft,
            position: NormPoint { x: -1.0, y: 1.0 },
            font_size: FontSize::clamped(36),
            color: Paint::White,
            background: None,
        }
    }
}

impl OsdText {
    /// Longest text, characters (C-51).
    pub const MAX_TEXT: usize = 128;

    /// What stands in the picture that was captured at `at`.
    pub fn line(&self, at: UtcTime, unit: &TimeSettings, language: Language) -> String {
        let local = || unit.effective().local(at).at;
        let date = || {
            let at = local();
            let date = date_text(at, self.date_format.unwrap_or(unit.date_format));
            if self.week_day {
                format!("{date} {}", week_day(at.weekday(), language))
            } else {
                date
            }
        };
        let time = || time_text(local(), self.time_format.unwrap_or(unit.time_format));
        match self.kind {
            OsdKind::Plain => self.text.clone(),
            OsdKind::Date => date(),
            OsdKind::Time => time(),
            OsdKind::DateAndTime => format!("{} {}", date(), time()),
        }
    }
}

fn week_day(day: chrono::Weekday, language: Language) -> &'static str {
    let names = match language {
        Language::English => [
            "Monday",
            "Tuesday",
            "Wednesday",
            "Thursday",
            "Friday",
            "Saturday",
            "Sunday",
        ],
        Language::German => [
            "Montag",
            "Dienstag",
            "Mittwoch",
            "Donnerstag",
            "Freitag",
            "Samstag",
            "Sonntag",
        ],
    };
    names[day.num_days_from_monday() as usize]
}

bounded! {
    /// Height of a laid-in picture in pixels of a picture of 1080 rows.
    pub struct ImageHeight(u32) in 8..=1080, unit "px"
}

/// A picture of the owner in the video. ONVIF: `tt:OSDConfiguration` of the type Image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct OsdImage {
    /// Name in lists, ONVIF's token, 1 to 64 characters; another than those of the texts.
    #[schemars(title = "Name", length(min = 1, max = 64))]
    pub token: String,
    /// Which picture.
    #[schemars(title = "Image")]
    pub image: ImageSlot,
    /// Height that it is scaled to.
    #[schemars(title = "Height")]
    pub height: ImageHeight,
    /// Corner of the picture, or a position of its own.
    #[schemars(title = "Place")]
    pub place: OsdPlace,
    /// Its upper left corner: x from -1 (left) to 1, y from -1 (bottom) to 1.
    #[schemars(title = "Position", extend("x-visible-when" = {"place": "custom"}))]
    pub position: NormPoint,
}

impl Default for OsdImage {
    fn default() -> Self {
        Self {
            token: String::new(),
            image: ImageSlot::Image1,
            height: ImageHeight::clamped(108),
            place: OsdPlace::UpperRight,
            position: OsdText::default().position,
        }
    }
}

/// Texts and pictures in every encoded picture and snapshot: title, time, own texts (OSD-1..5), a logo.
///
/// ONVIF: `tr2:CreateOSD`, `tr2:SetOSD`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoOsd {
    /// The texts, at most 8; a later one lies over an earlier one.
    #[schemars(title = "Texts", length(max = 8))]
    pub texts: Vec<OsdText>,
    /// Pictures of the section `video.osd_images`, at most 4; they lie below the texts.
    #[schemars(title = "Images", length(max = 4))]
    pub images: Vec<OsdImage>,
}

impl VideoOsd {
    /// Most texts.
    pub const MAX: usize = 8;
    /// Most pictures.
    pub const MAX_IMAGES: usize = 4;
}

impl VideoOsd {
    fn check_images(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
        let n = self.images.len();
        violations.require(n <= Self::MAX_IMAGES, || {
            let reason = format!("at most {} pictures", Self::MAX_IMAGES);
            Violation::new("/images", n, reason)
        });
        let there = cx.settings.get::<OsdImages>();
        for (i, image) in self.images.iter().enumerate() {
            let texts = self.texts.iter().map(|t| t.token.as_str());
            let before = self.images[..i].iter().map(|t| t.token.as_str());
            let pointer = format!("/images/{i}/token");
            check_token(&pointer, &image.token, texts.chain(before), violations);
            violations.require(there.image(image.image).is_set(), || {
                let reason = "there is no such picture in video.osd_images";
                Violation::new(&format!("/images/{i}/image"), image.image.name(), reason)
            });
            check_point(&format!("/images/{i}/position"), image.position, violations);
        }
    }
}

impl Section for VideoOsd {
    const KEY: &'static str = "video.osd";
    const TITLE: &'static str = "Overlay";
    const PAGE: &'static str = "Setting/Video/Audio/Video/Overlay";
    const WRITE: Permission = Permission::VideoConfig;
    const NEEDS: Option<Need> = Some(Need::Function(Function::VideoTexts));

    fn follow(&mut self, all: &Settings) {
        let there = all.get::<OsdImages>();
        self.images.retain(|i| there.image(i.image).is_set());
    }

    fn check(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
        self.check_images(cx, violations);
        let n = self.texts.len();
        violations.require(n <= Self::MAX, || {
            Violation::new("/texts", n, format!("at most {} texts", Self::MAX))
        });
        for (i, text) in self.texts.iter().enumerate() {
            let before = self.texts[..i].iter().map(|t| t.token.as_str());
            check_token(
                &format!("/texts/{i}/token"),
                &text.token,
                before,
                violations,
            );
            let n = text.text.chars().count();
            let least = usize::from(text.kind == OsdKind::Plain);
            let good = (least..=OsdText::MAX_TEXT).contains(&n)
                && !text.text.chars().any(char::is_control);
            violations.require(good, || {
                Violation::new(
                    &format!("/texts/{i}/text"),
                    &text.text,
                    format!(
                        "must have {least} to {} characters, none of them a control",
                        OsdText::MAX_TEXT
                    ),
                )
            });
            check_point(&format!("/texts/{i}/position"), text.position, violations);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, testing::uninitialised};

    /// OSD-2, OSD-5: date and time in the unit's formats or their own, with the day of the week.
    #[test]
    fn lines_are_in_the_unit_s_zone_and_formats() {
        let unit = TimeSettings {
            time_zone: "CET-1CEST,M3.5.0,M10.5.0/3".parse().unwrap(),
            ..TimeSettings::default()
        };
        let at: UtcTime = "2026-11-25T23:30:05Z".parse().unwrap();
        for (kind, week_day, date, time, language, expect) in [
            (
                OsdKind::Plain,
                true,
                None,
                None,
                Language::English,
                "Gate 1",
            ),
            (
                OsdKind::Date,
                false,
                None,
                None,
                Language::English,
                "11-26-2026",
            ),
            (
                OsdKind::Date,
                true,
                Some(DateFormat::YearMonthDay),
                None,
                Language::German,
                "2026-11-26 Donnerstag",
            ),
            (
                OsdKind::Time,
                true,
                None,
                None,
                Language::English,
                "00:30:05",
            ),
            (
                OsdKind::DateAndTime,
                true,
                Some(DateFormat::DayMonthYear),
                Some(TimeFormat::Twelve),
                Language::English,
                "26-11-2026 Thursday 12:30:05 AM",
            ),
        ] {
            let text = OsdText {
                kind,
                text: "Gate 1".into(),
                week_day,
                date_format: date,
                time_format: time,
                ..OsdText::default()
            };
            assert_eq!(text.line(at, &unit, language), expect);
        }
    }

    /// OSD-3, C-51, and what a client could send.
    #[test]
    fn texts_are_bounded() {
        let t = uninitialised();
        let good = || OsdText {
            token: "a".into(),
            text: "x".repeat(OsdText::MAX_TEXT),
            ..OsdText::default()
        };
        let set = |texts: Vec<OsdText>| {
            let change = |s: &mut VideoOsd| s.texts = texts;
            t.device.settings.update(&Actor::system(), change)
        };
        set(vec![good()]).unwrap();
        let position = |x| NormPoint { x, y: 0.0 };
        for (texts, pointer) in [
            (
                vec![OsdText {
                    text: String::new(),
                    ..good()
                }],
                "/texts/0/text",
            ),
            (
                vec![OsdText {
                    text: "x".repeat(129),
                    ..good()
                }],
                "/texts/0/text",
            ),
            (
                vec![OsdText {
                    text: "a\nb".into(),
                    ..good()
                }],
                "/texts/0/text",
            ),
            (vec![good(), good()], "/texts/1/token"),
            (
                vec![OsdText {
                    token: String::new(),
                    ..good()
                }],
                "/texts/0/token",
            ),
            (
                vec![OsdText {
                    position: position(1.1),
                    ..good()
                }],
                "/texts/0/position/x",
            ),
            // Not a number has no JSON form.
            (
                vec![OsdText {
                    position: position(f32::NAN),
                    ..good()
                }],
                "/texts/0/position/x",
            ),
            (
                (0..9)
                    .map(|i| OsdText {
                        token: i.to_string(),
                        ..good()
                    })
                    .collect(),
                "/texts",
            ),
        ] {
            match set(texts) {
                Err(crate::Error::Invalid(v)) => assert_eq!(v.0[0].pointer, pointer),
                Err(e) => panic!("{pointer}: {e}"),
                Ok(_) => panic!("{pointer} was accepted"),
            }
        }
        assert_eq!(t.device.settings.get::<VideoOsd>().texts, [good()]);
    }
}
