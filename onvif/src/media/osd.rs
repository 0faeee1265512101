//! Texts and pictures in the video as `tt:OSDConfiguration`, the same in both versions of the service (OSD-1..5).
//!
//! Pictures come to the unit through its pages or its web API (`video.osd_images`): the service has no operation for
//! that. While there is none, the type Image is not among the options.

use lpr_core::NormPoint;
use onvif_contracts::tt;
use onvif_xml::{List, soap::Fault};
use platecam_model::{
    settings::{
        FontSize, ImageSlot, OsdImage, OsdImages, OsdKind, OsdPlace, OsdText, Paint, PngImage,
        TimeSettings, VideoOsd,
    },
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

fn position(place: OsdPlace, own: NormPoint) -> tt::OSDPosConfiguration {
    let custom = place == OsdPlace::Custom;
    tt::OSDPosConfiguration {
        r#type: name_of(&PLACES, &place),
        pos: custom.then(|| Box::new(tt::Vector { x: own.x, y: own.y })),
        extension: None,
    }
}

/// Where a client wants it.
fn place(wanted: &tt::OSDPosConfiguration) -> Answer<(OsdPlace, NormPoint)> {
    let place = named("Position", &PLACES, &wanted.r#type)?;
    let position = match (place, wanted.pos.as_deref()) {
        (OsdPlace::Custom, Some(at)) => NormPoint { x: at.x, y: at.y },
        (OsdPlace::Custom, None) => return Err(refused("Pos", "", "two numbers from -1 to 1")),
        _ => OsdText::default().position,
    };
    Ok((place, position))
}

/// A picture on the wire.
fn written_image(image: &OsdImage) -> tt::OSDConfiguration {
    tt::OSDConfiguration {
        token: image.token.clone(),
        video_source_configuration_token: tt::OSDReference {
            value: SOURCE_CONFIG.into(),
        },
        r#type: tt::OSDType::Image,
        position: position(image.place, image.position),
        image: Some(Box::new(tt::OSDImgConfiguration {
            img_path: image.image.name().into(),
            extension: None,
        })),
        ..Default::default()
    }
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
    tt::OSDConfiguration {
        token: text.token.clone(),
        video_source_configuration_token: tt::OSDReference {
            value: SOURCE_CONFIG.into(),
        },
        r#type: tt::OSDType::Text,
        position: position(text.place, text.position),
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

/// The picture that a client wants, under the token `token`; of a height of its own, that of `before`.
///
/// # Errors
/// `ter:NoConfig`, `ter:ConfigModify`.
fn read_image(
    call: &Call<'_>,
    wanted: &tt::OSDConfiguration,
    before: &OsdImage,
    token: String,
) -> Answer<OsdImage> {
    check_source(&wanted.video_source_configuration_token.value)?;
    let path = wanted.image.as_deref().map_or("", |i| i.img_path.trim());
    let there = call.device().settings.get::<OsdImages>();
    let image = there.set().find(|slot| slot.name() == path);
    let image = image.ok_or_else(|| {
        let names: Vec<_> = there.set().map(ImageSlot::name).collect();
        refused("ImgPath", path, &names.join(", "))
    })?;
    let (place, position) = place(&wanted.position)?;
    Ok(OsdImage {
        token,
        image,
        height: before.height,
        place,
        position,
    })
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
    let text = own().ok_or_else(|| {
        let allowed = "Text, with TextString, and Image, with Image, where a picture is stored";
        refused("Type", wanted.r#type.as_str(), allowed)
    })?;
    let (place, position) = place(&wanted.position)?;
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

/// Texts and pictures: all, or the one with this token.
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
    let texts = all.texts.iter().map(|t| written(t, &unit));
    let found: Vec<_> = texts
        .chain(all.images.iter().map(written_image))
        .filter(|osd| token.is_none_or(|token| token == osd.token))
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
pub(super) fn options(call: &Call<'_>, source: &str) -> Answer<tt::OSDConfigurationOptions> {
    check_source(source)?;
    let int = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let most = int(VideoOsd::MAX);
    let there = call.device().settings.get::<OsdImages>();
    let paths: Vec<String> = there.set().map(|slot| slot.name().into()).collect();
    let images = if paths.is_empty() {
        0
    } else {
        int(VideoOsd::MAX_IMAGES)
    };
    let side = i32::try_from(PngImage::MAX_SIDE).ok();
    let colors = || {
        Some(Box::new(tt::OSDColorOptions {
            color: Some(Box::new(colors())),
            ..Default::default()
        }))
    };
    let bound = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    Ok(tt::OSDConfigurationOptions {
        maximum_number_of_osds: tt::MaximumNumberOfOSDs {
            total: most + images,
            image: (images > 0).then_some(images),
            plain_text: Some(most),
            date: Some(most),
            time: Some(most),
            date_and_time: Some(most),
        },
        r#type: [tt::OSDType::Text, tt::OSDType::Image][..1 + usize::from(images > 0)].to_vec(),
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
        image_option: (images > 0).then(|| {
            Box::new(tt::OSDImgOptions {
                image_path: paths,
                formats_supported: Some(List(vec!["image/png".into()])),
                max_size: i32::try_from(PngImage::MAX_BYTES).ok(),
                max_width: side,
                max_height: side,
                extension: None,
            })
        }),
        ..Default::default()
    })
}

/// Makes a text or lays in a picture, and returns its token.
///
/// # Errors
/// `ter:NoConfig`, `ter:ConfigModify`, `ter:MaxOSDs`.
pub(super) fn create(call: &Call<'_>, wanted: &tt::OSDConfiguration) -> Answer<String> {
    let _one_at_a_time = call.inner.profiles.lock();
    let all = call.device().settings.get::<VideoOsd>();
    let token = free_token("osd", VideoOsd::MAX + VideoOsd::MAX_IMAGES, |t| {
        place_in(&all, t).is_some()
    });
    let full = |most: usize, what: &str| {
        Err(Fault::receiver(
            &["Action", "MaxOSDs"],
            format!("at most {most} {what}"),
        ))
    };
    if wanted.r#type == tt::OSDType::Image {
        if all.images.len() >= VideoOsd::MAX_IMAGES {
            return full(VideoOsd::MAX_IMAGES, "pictures");
        }
        let image = read_image(call, wanted, &OsdImage::default(), token.clone())?;
        update(call, |s| s.images.push(image))?;
    } else {
        if all.texts.len() >= VideoOsd::MAX {
            return full(VideoOsd::MAX, "texts");
        }
        let text = read(wanted, token.clone())?;
        update(call, |s| s.texts.push(text))?;
    }
    Ok(token)
}

/// The first token of the form `kind_n` that is free.
pub(super) fn free_token(kind: &str, most: usize, taken: impl Fn(&str) -> bool) -> String {
    (1..=most + 1)
        .map(|n| format!("{kind}_{n}"))
        .find(|t| !taken(t))
        .unwrap_or_default()
}

/// Changes a text or a picture; neither becomes the other.
///
/// # Errors
/// `ter:NoConfig`, `ter:ConfigModify`.
pub(super) fn set(call: &Call<'_>, wanted: &tt::OSDConfiguration) -> Answer<()> {
    let _one_at_a_time = call.inner.profiles.lock();
    let all = call.device().settings.get::<VideoOsd>();
    let token = wanted.token.clone();
    match (place_in(&all, &token), &wanted.r#type) {
        (None, _) => Err(fault::no_config(&token)),
        (Some(At::Text(at)), tt::OSDType::Text) => {
            let text = read(wanted, token)?;
            update(call, |s| s.texts[at] = text)
        }
        (Some(At::Image(at)), tt::OSDType::Image) => {
            let image = read_image(call, wanted, &all.images[at], token)?;
            update(call, |s| s.images[at] = image)
        }
        (Some(At::Text(_)), other) => Err(refused("Type", other.as_str(), "Text, as it was made")),
        (Some(At::Image(_)), other) => {
            Err(refused("Type", other.as_str(), "Image, as it was made"))
        }
    }
}

/// Deletes a text or takes a picture out.
///
/// # Errors
/// `ter:NoConfig`.
pub(super) fn delete(call: &Call<'_>, token: &str) -> Answer<()> {
    let _one_at_a_time = call.inner.profiles.lock();
    let all = call.device().settings.get::<VideoOsd>();
    match place_in(&all, token).ok_or_else(|| fault::no_config(token))? {
        At::Text(at) => update(call, |s| drop(s.texts.remove(at))),
        At::Image(at) => update(call, |s| drop(s.images.remove(at))),
    }
}

/// Which of the lists, and where in it.
enum At {
    Text(usize),
    Image(usize),
}

fn place_in(all: &VideoOsd, token: &str) -> Option<At> {
    let text = all.texts.iter().position(|t| t.token == token);
    let image = || all.images.iter().position(|i| i.token == token);
    text.map(At::Text).or_else(|| image().map(At::Image))
}

fn update(call: &Call<'_>, change: impl FnOnce(&mut VideoOsd)) -> Answer<()> {
    let own = Subcodes {
        invalid: "ConfigModify",
        ..Subcodes::default()
    };
    let done = call.device().settings.update(call.actor, change);
    done.map(|_| ()).map_err(|e| fault::of_operation(e, own))
}
