//! The place on the earth (Core §8.13: `GetGeoLocation` and its neighbours): one entry, that of the device, which is
//! the settings section `device.geo`.

use onvif_contracts::{tds, tt};
use onvif_xml::soap::Fault;
use platecam_model::settings::GeoLocation;

use crate::{
    call::{Answer, Call},
    fault::{self, shortened},
};

/// Entries that there can be.
pub(super) const ENTRIES: i32 = 1;
/// `tt:Entity` of the entry; there is one device, so that it has no token.
const DEVICE: &str = "Device";

/// `GetGeoLocation`: empty while the place is not known.
pub(super) fn get(call: &Call<'_>) -> tds::GetGeoLocationResponse {
    let s = call.device().settings.get::<GeoLocation>();
    let entry = || tt::LocationEntity {
        geo_location: Some(Box::new(tt::GeoLocation {
            lon: Some(s.longitude),
            lat: Some(s.latitude),
            elevation: Some(s.elevation as f32),
            any: Vec::new(),
        })),
        entity: Some(DEVICE.into()),
        fixed: Some(false),
        auto_geo: Some(false),
        ..Default::default()
    };
    tds::GetGeoLocationResponse {
        location: s.known.then(entry).into_iter().collect(),
    }
}

fn invalid(why: &str) -> Fault {
    Fault::sender(&["InvalidArgVal"], format!("Location: {why}"))
}

/// Whether an entry means the device's.
fn is_ours(entry: &tt::LocationEntity) -> Answer<()> {
    let entity = entry.entity.as_deref().unwrap_or(DEVICE);
    let token = entry.token.as_deref().unwrap_or_default();
    if entity == DEVICE && token.is_empty() {
        return Ok(());
    }
    let (entity, token) = (shortened(entity), shortened(token));
    let why = format!("{entity} '{token}': only the entity Device without a token has a place");
    Err(invalid(&why))
}

fn only(entries: &[tt::LocationEntity]) -> Answer<&tt::LocationEntity> {
    match entries {
        [one] => is_ours(one).map(|()| one),
        more => {
            let why = format!("{} entries; there is {ENTRIES}", more.len());
            Err(invalid(&why))
        }
    }
}

/// `SetGeoLocation`; elevation 0 where none is given.
pub(super) fn set(call: &Call<'_>, entries: &[tt::LocationEntity]) -> Answer<()> {
    let entry = only(entries)?;
    let unsupported = [
        ("GeoOrientation", entry.geo_orientation.is_some()),
        ("LocalLocation", entry.local_location.is_some()),
        ("LocalOrientation", entry.local_orientation.is_some()),
        ("GeoSource", entry.geo_source.is_some()),
        ("AutoGeo", entry.auto_geo == Some(true)),
        ("Fixed", entry.fixed == Some(true)),
    ];
    if let Some((name, _)) = unsupported.into_iter().find(|(_, there)| *there) {
        return Err(invalid(&format!("{name} is not supported")));
    }
    let place = entry.geo_location.as_deref();
    let place = place.ok_or_else(|| invalid("GeoLocation is missing"))?;
    let (Some(longitude), Some(latitude)) = (place.lon, place.lat) else {
        return Err(invalid("GeoLocation needs lon and lat"));
    };
    let elevation = f64::from(place.elevation.unwrap_or(0.0));
    let place = GeoLocation {
        known: true,
        latitude,
        longitude,
        elevation,
    };
    let settings = &call.device().settings;
    let done = settings.update(call.actor, |s: &mut GeoLocation| *s = place);
    done.map(drop).map_err(fault::of)
}

/// `DeleteGeoLocation`.
pub(super) fn delete(call: &Call<'_>, entries: &[tt::LocationEntity]) -> Answer<()> {
    only(entries)?;
    let forget = |s: &mut GeoLocation| *s = GeoLocation::default();
    let done = call.device().settings.update(call.actor, forget);
    done.map(drop).map_err(fault::of)
}
