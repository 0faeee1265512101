use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, Section};
use crate::{
    Permission, Violation, Violations,
    product::{Function, Need},
};

/// Where on the earth the unit is, WGS 84. ONVIF: `tds:SetGeoLocation`, entity Device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GeoLocation {
    /// The place is known; otherwise nobody is told one.
    #[schemars(title = "Location Known")]
    pub known: bool,
    /// Degrees north of the equator, negative to the south.
    #[schemars(title = "Latitude", range(min = -90.0, max = 90.0), extend("x-unit" = "°", "x-visible-when" = {"known": true}))]
    pub latitude: f64,
    /// Degrees east of Greenwich, negative to the west.
    #[schemars(title = "Longitude", range(min = -180.0, max = 180.0), extend("x-unit" = "°", "x-visible-when" = {"known": true}))]
    pub longitude: f64,
    /// Metres above the ellipsoid.
    #[schemars(title = "Elevation", range(min = -1000.0, max = 10000.0), extend("x-unit" = "m", "x-visible-when" = {"known": true}))]
    pub elevation: f64,
}

impl Section for GeoLocation {
    const KEY: &'static str = "device.geo";
    const TITLE: &'static str = "Geographic Location";
    const PAGE: &'static str = "Setting/System/General Settings";
    const WRITE: Permission = Permission::SystemConfig;
    const NEEDS: Option<Need> = Some(Need::Function(Function::GeoLocation));

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        for (pointer, value, least, most) in [
            ("/latitude", self.latitude, -90.0, 90.0),
            ("/longitude", self.longitude, -180.0, 180.0),
            ("/elevation", self.elevation, -1000.0, 10_000.0),
        ] {
            // Also what is no number is outside.
            violations.require((least..=most).contains(&value), || {
                Violation::new(pointer, value, format!("is outside {least} to {most}"))
            });
        }
    }
}
