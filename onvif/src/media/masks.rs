//! Privacy masks of Media 2.

use lpr_core::NormPoint;
use onvif_contracts::{tr2, tt};
use onvif_xml::soap::Fault;
use platecam_model::{
    Error,
    settings::{MAX_CORNERS, PrivacyMask, VideoMasks},
};

use super::{
    SOURCE_CONFIG,
    osd::{check_source, color, colors, free_token, paint},
};
use crate::{
    call::{Answer, Call},
    fault::{self, Subcodes},
};

/// The one kind of mask: an area of one colour.
const KIND: &str = "Color";

fn written(mask: &PrivacyMask) -> tr2::Mask {
    let corner = |c: &NormPoint| tt::Vector { x: c.x, y: c.y };
    tr2::Mask {
        token: Some(mask.token.clone()),
        configuration_token: SOURCE_CONFIG.into(),
        polygon: tt::Polygon {
            point: mask.polygon.iter().map(corner).collect(),
        },
        r#type: KIND.into(),
        color: Some(Box::new(color(mask.color))),
        enabled: mask.enabled,
    }
}

fn read(wanted: &tr2::Mask, token: String) -> Answer<PrivacyMask> {
    check_source(&wanted.configuration_token)?;
    if wanted.r#type.trim() != KIND {
        return Err(Fault::sender(
            &["InvalidArgVal", "ConfigModify"],
            format!("Type {}: must be {KIND}", fault::shortened(&wanted.r#type)),
        ));
    }
    let color = match &wanted.color {
        Some(color) => paint(color)?,
        None => platecam_model::settings::Paint::Black,
    };
    let corner = |c: &tt::Vector| NormPoint { x: c.x, y: c.y };
    Ok(PrivacyMask {
        token,
        enabled: wanted.enabled,
        color,
        polygon: wanted.polygon.point.iter().map(corner).collect(),
    })
}

/// `GetMasks`.
pub(super) fn list(call: &Call<'_>, request: &tr2::GetMasks) -> Answer<Vec<tr2::Mask>> {
    let source = request.configuration_token.as_deref();
    source.map_or(Ok(()), check_source)?;
    let all = call.device().settings.get::<VideoMasks>();
    let token = request.token.as_deref();
    let wanted = |m: &&PrivacyMask| token.is_none_or(|t| t == m.token);
    let found: Vec<_> = all.masks.iter().filter(wanted).map(written).collect();
    match token {
        Some(token) if found.is_empty() => Err(fault::no_config(token)),
        _ => Ok(found),
    }
}

/// `GetMaskOptions`.
pub(super) fn options(source: &str) -> Answer<tr2::MaskOptions> {
    check_source(source)?;
    let int = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    Ok(tr2::MaskOptions {
        max_masks: int(VideoMasks::MAX),
        max_points: int(MAX_CORNERS),
        types: vec![KIND.into()],
        color: colors(),
        rectangle_only: Some(false),
        single_color_only: Some(false),
    })
}

/// `CreateMask`: its token.
pub(super) fn create(call: &Call<'_>, wanted: &tr2::Mask) -> Answer<String> {
    let _one_at_a_time = call.inner.profiles.lock();
    let all = call.device().settings.get::<VideoMasks>();
    if all.masks.len() >= VideoMasks::MAX {
        return Err(Fault::receiver(
            &["Action", "MaxMasks"],
            format!("at most {} masks", VideoMasks::MAX),
        ));
    }
    let taken = |t: &str| all.masks.iter().any(|m| m.token == t);
    let token = free_token("mask", VideoMasks::MAX, taken);
    let mask = read(wanted, token.clone())?;
    update(call, |s| s.masks.push(mask))?;
    Ok(token)
}

/// `SetMask`.
pub(super) fn set(call: &Call<'_>, wanted: &tr2::Mask) -> Answer<()> {
    let _one_at_a_time = call.inner.profiles.lock();
    let token = wanted.token.clone().unwrap_or_default();
    let at = place_of(call, &token)?;
    let mask = read(wanted, token)?;
    update(call, |s| s.masks[at] = mask)
}

/// `DeleteMask`.
pub(super) fn delete(call: &Call<'_>, token: &str) -> Answer<()> {
    let _one_at_a_time = call.inner.profiles.lock();
    let at = place_of(call, token)?;
    update(call, |s| drop(s.masks.remove(at)))
}

fn place_of(call: &Call<'_>, token: &str) -> Answer<usize> {
    let all = call.device().settings.get::<VideoMasks>();
    let found = all.masks.iter().position(|m| m.token == token);
    found.ok_or_else(|| fault::no_config(token))
}

fn update(call: &Call<'_>, change: impl FnOnce(&mut VideoMasks)) -> Answer<()> {
    let done = call.device().settings.update(call.actor, change);
    done.map(|_| ()).map_err(|e| {
        // All that the section can refuse here is the polygon.
        let invalid = match &e {
            Error::Invalid(_) => "InvalidPolygon",
            _ => "",
        };
        let own = Subcodes {
            invalid,
            ..Subcodes::default()
        };
        fault::of_operation(e, own)
    })
}
