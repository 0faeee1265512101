//! Texts in the picture as `tt:OSDConfiguration`, the same in both versions of the service (OSD-1..5).

use lpr_core::NormPoint;
use onvif_contracts::tt;
use onvif_xml::soap::Fault;
use platecam_model::{
    settings::{FontSize, OsdKind, OsdPlace, OsdText, Paint, TimeSettings, VideoOsd},
    time::{DateFormat, TimeFormat},
};

use super::SOURCE_CONFIG;
use crate::{
    call::{Answer, Call},
    fault::{self, Subcodes},
};

/// Colour space of all colours here: red, green and blue, 0 to 255.
const RGB: &str = "http://www.onvif.org/ver10/colorspace/RGB";

const KINDS: [(OsdKind, &str); 4] = [
    (OsdKind::Plain, "Plain"),
    (OsdKind::Date, "Date"),
    (OsdKind::Time, "Time"),
    (OsdKind::DateAndTime, "DateAndTime"),
];
const PLACES: [(OsdPlace, &str); 5] = [
    (OsdPlace::UpperLeft, "UpperLeft"),
    (OsdPlace::UpperRight, "UpperRight"),
    (OsdPlace::LowerLeft, "LowerLeft"),
    (OsdPlace::LowerRight, "LowerRight"),
    (OsdPlace::Custom, "Custom"),
];
/// Order of the date, without and with the day of the week.
const DATES: [(DateFormat, &str, &str); 3] = [
    (DateFormat::MonthDayYear, "MM-dd-yyyy", "MM-dd-yyyy dddd"),
    (DateFormat::YearMonthDay, "yyyy-MM-dd", "yyyy-MM-dd dddd"),
    (DateFormat::DayMonthYear, "dd-MM-yyyy", "dd-MM-yyyy dddd"),
];
const TIMES: [(TimeFormat, &str); 2] = [
    (TimeFormat::TwentyFour, "HH:mm:ss"),
    (TimeFormat::Twelve, "hh:mm:ss tt"),
];

/// The entry of a table by its name.
fn named<T: Copy>(what: &str, table: &[(T, &str)], name: &str) -> Answer<T> {
    let found = table.iter().find(|(_, n)| *n == name.trim());
    found.map(|(value, _)| *value).ok_or_else(|| {
        let names: Vec<_> = table.iter().map(|(_, n)| *n).collect();
        refused(what, name, &names.join(", "))
    })
}

/// The name of an entry of a table.
fn name_of<T: PartialEq>(table: &[(T, &'static str)], value: &T) -> String {
    let found = table.iter().find(|(v, _)| v == value);
    found.map_or("", |(_, name)| *name).into()
}

fn refused(what: &str, value: &str, allowed: &str) -> Fault {
    Fault::sender(
        &["InvalidArgVal", "ConfigModify"],
        format!(
            "{what} {}: must be one of {allowed}",
            fault::shortened(value)
        ),
    )
}

/// A colour on the wire.
pub(super) fn color(paint: Paint) -> tt::Color {
    let [x, y, z] = paint.rgb().map(f32::from);
    tt::Color {
        x,
        y,
        z,
        colorspace: Some(RGB.into()),
        likelihood: None,
    }
}

/// The colour that a client means; it must be one of the list.
///
/// # Errors
/// `ter:ConfigModify`.
pub(super) fn paint(wanted: &tt::Color) -> Answer<Paint> {
    let space = wanted.colorspace.as_deref().unwrap_or(RGB);
    Paint::ALL
        .into_iter()
        .find(|p| {
            let ours = color(*p);
            space == RGB && (ours.x, ours.y, ours.z) == (wanted.x, wanted.y, wanted.z)
        })
        .ok_or_else(|| {
            let text = format!("{} {} {} of {space}", wanted.x, wanted.y, wanted.z);
            refused("Color", &text, "the colours that the options list")
        })
}

/// All colours, for options.
pub(super) fn colors() -> tt::ColorOptions {
    tt::ColorOptions {
        color_list: Paint::ALL.map(color).to_vec(),
        colorspace_range: Vec::new(),
    }
}

fn osd_color(paint: Paint) -> Box<tt::OSDColor> {
    Box::new(tt::OSDColor {
        color: color(paint),
        transparent: None,
    })
}

/// A text on the wire.
fn written(text: &OsdText, unit: &TimeSettings) -> tt::OSDConfiguration {
    let date = matches!(text.kind, OsdKind::Date | OsdKind::DateAndTime);
    let time = matches!(text.kind, OsdKind::Time | OsdKind::DateAndTime);
    let date_format = text.date_format.unwrap_or(unit.date_format);
    let time_format = text.time_format.unwrap_or(unit.time_format);
    let date_name = DATES
        .iter()
        .find(|(d, ..)| *d == date_format)
        .map(|(_, plain, week)| String::from(if text.week_day { *week } else { *plain }));
    let custom = text.place == OsdPlace::Custom;
    tt::OSDConfiguration {
        token: text.token.clone(),
        video_source_configuration_token: tt::OSDReference {
            value: SOURCE_CONFIG.into(),
        },
        r#type: tt::OSDType::Text,
        position: tt::OSDPosConfiguration {
            r#type: name_of(&PLACES, &text.place),
            pos: custom.then(|| {
                Box::new(tt::Vector {
                    x: text.position.x,
                    y: text.position.y,
                })
            }),
            extension: None,
        },
        text_string: Some(Box::new(tt::OSDTextConfiguration {
            r#type: name_of(&KINDS, &text.kind),
            date_format: date_name.filter(|_| date),
            time_format: time.then(|| name_of(&TIMES, &time_format)),
            font_size: i32::try_from(text.font_size.get()).ok(),
            font_color: Some(osd_color(text.color)),
            background_color: text.background.map(osd_color),
            plain_text: (text.kind == OsdKind::Plain).then(|| text.text.clone()),
            ..Default::default()
        })),
        ..Default::default()
    }
}

/// What a client wants, under the token `token`.
///
/// # Errors
/// `ter:NoConfig`, `ter:ConfigModify`.
fn read(wanted: &tt::OSDConfiguration, token: String) -> Answer<OsdText> {
    check_source(&wanted.video_source_configuration_token.value)?;
    let own = || {
        (wanted.r#type == tt::OSDType::Text)
            .then_some(wanted.text_string.as_deref())
            .flatten()
    };
    let text =
        own().ok_or_else(|| refused("Type", wanted.r#type.as_str(), "Text, with TextString"))?;
    let place = named("Position", &PLACES, &wanted.position.r#type)?;
    let position = match (place, wanted.position.pos.as_deref()) {
        (OsdPlace::Custom, Some(at)) => NormPoint { x: at.x, y: at.y },
        (OsdPlace::Custom, None) => return Err(refused("Pos", "", "two numbers from -1 to 1")),
        _ => OsdText::default().position,
    };
    let (date_format, week_day) = match text.date_format.as_deref() {
        None => (None, false),
        Some(name) => DATES
            .iter()
            .find_map(|(format, plain, week)| match name.trim() {
                n if n == *plain => Some((Some(*format), false)),
                n if n == *week => Some((Some(*format), true)),
                _ => None,
            })
            .ok_or_else(|| refused("DateFormat", name, &date_names().join(", ")))?,
    };
    let time_format = text.time_format.as_deref();
    let font_size = match text.font_size {
        None => FontSize::clamped(36),
        Some(n) => FontSize::try_from(i64::from(n)).map_err(|e| {
            Fault::sender(&["InvalidArgVal", "ConfigModify"], format!("FontSize: {e}"))
        })?,
    };
    let paint_of = |c: &Option<Box<tt::OSDColor>>| c.as_ref().map(|c| paint(&c.color)).transpose();
    Ok(OsdText {
        token,
        kind: named("Type", &KINDS, &text.r#type)?,
        text: text.plain_text.clone().unwrap_or_default(),
        week_day,
        date_format,
        time_format: time_format
            .map(|name| named("TimeFormat", &TIMES, name))
            .transpose()?,
        place,
        position,
        font_size,
        color: paint_of(&text.font_color)?.unwrap_or(Paint::White),
        background: paint_of(&text.background_color)?,
    })
}

fn date_names() -> Vec<String> {
    DATES
        .iter()
        .flat_map(|(_, plain, week)| [(*plain).into(), (*week).into()])
        .collect()
}

/// Refuses a video source configuration that is not the one.
///
/// # Errors
/// `ter:NoConfig`.
pub(super) fn check_source(token: &str) -> Answer<()> {
    if token.trim() == SOURCE_CONFIG {
        Ok(())
    } else {
        Err(fault::no_config(token))
    }
}

/// The texts: all, or the one with this token.
///
/// # Errors
/// `ter:NoConfig`.
pub(super) fn list(
    call: &Call<'_>,
    token: Option<&str>,
    source: Option<&str>,
) -> Answer<Vec<tt::OSDConfiguration>> {
    source.map_or(Ok(()), check_source)?;
    let settings = &call.device().settings;
    let unit = settings.get::<TimeSettings>();
    let all = settings.get::<VideoOsd>();
    let found: Vec<_> = all
        .texts
        .iter()
        .filter(|t| token.is_none_or(|token| token == t.token))
        .map(|t| written(t, &unit))
        .collect();
    match token {
        Some(token) if found.is_empty() => Err(fault::no_config(token)),
        _ => Ok(found),
    }
}

/// What may be set.
///
/// # Errors
/// `ter:NoConfig`.
pub(super) fn options(source: &str) -> Answer<tt::OSDConfigurationOptions> {
    check_source(source)?;
    let most = i32::try_from(VideoOsd::MAX).unwrap_or(i32::MAX);
    let colors = || {
        Some(Box::new(tt::OSDColorOptions {
            color: Some(Box::new(colors())),
            ..Default::default()
        }))
    };
    let bound = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    Ok(tt::OSDConfigurationOptions {
        maximum_number_of_osds: tt::MaximumNumberOfOSDs {
            total: most,
            image: None,
            plain_text: Some(most),
            date: Some(most),
            time: Some(most),
            date_and_time: Some(most),
        },
        r#type: vec![tt::OSDType::Text],
        position_option: PLACES.map(|(_, name)| name.into()).to_vec(),
        text_option: Some(Box::new(tt::OSDTextOptions {
            r#type: KINDS.map(|(_, name)| name.into()).to_vec(),
            font_size_range: Some(Box::new(tt::IntRange {
                min: bound(FontSize::MIN),
                max: bound(FontSize::MAX),
            })),
            date_format: date_names(),
            time_format: TIMES.map(|(_, name)| name.into()).to_vec(),
            font_color: colors(),
            background_color: colors(),
            extension: None,
        })),
        ..Default::default()
    })
}

/// Makes a text and returns its token.
///
/// # Errors
/// `ter:NoConfig`, `ter:ConfigModify`, `ter:MaxOSDs`.
pub(super) fn create(call: &Call<'_>, wanted: &tt::OSDConfiguration) -> Answer<String> {
    let _one_at_a_time = call.inner.profiles.lock();
    let all = call.device().settings.get::<VideoOsd>();
    if all.texts.len() >= VideoOsd::MAX {
        return Err(Fault::receiver(
            &["Action", "MaxOSDs"],
            format!("at most {} texts", VideoOsd::MAX),
        ));
    }
    let token = free_token("osd", VideoOsd::MAX, |t| {
        all.texts.iter().any(|o| o.token == t)
    });
    let text = read(wanted, token.clone())?;
    update(call, |s| s.texts.push(text))?;
    Ok(token)
}

/// The first token of the form `kind_n` that is free.
pub(super) fn free_token(kind: &str, most: usize, taken: impl Fn(&str) -> bool) -> String {
    (1..=most + 1)
        .map(|n| format!("{kind}_{n}"))
        .find(|t| !taken(t))
        .unwrap_or_default()
}

/// Changes a text.
///
/// # Errors
/// `ter:NoConfig`, `ter:ConfigModify`.
pub(super) fn set(call: &Call<'_>, wanted: &tt::OSDConfiguration) -> Answer<()> {
    let _one_at_a_time = call.inner.profiles.lock();
    let at = place_of(call, &wanted.token)?;
    let text = read(wanted, wanted.token.clone())?;
    update(call, |s| s.texts[at] = text)
}

/// Deletes a text.
///
/// # Errors
/// `ter:NoConfig`.
pub(super) fn delete(call: &Call<'_>, token: &str) -> Answer<()> {
    let _one_at_a_time = call.inner.profiles.lock();
    let at = place_of(call, token)?;
    update(call, |s| drop(s.texts.remove(at)))
}

fn place_of(call: &Call<'_>, token: &str) -> Answer<usize> {
    let all = call.device().settings.get::<VideoOsd>();
    let found = all.texts.iter().position(|t| t.token == token);
    found.ok_or_else(|| fault::no_config(token))
}

fn update(call: &Call<'_>, change: impl FnOnce(&mut VideoOsd)) -> Answer<()> {
    let own = Subcodes {
        invalid: "ConfigModify",
        ..Subcodes::default()
    };
    let done = call.device().settings.update(call.actor, change);
    done.map(|_| ()).map_err(|e| fault::of_operation(e, own))
}
