//! Day and night, exposure, white balance, noise and light (IMG-5..11, IMG-14, IMG-15).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, Level, Section};
use crate::{
    Permission, Violations, bounded,
    product::{Function, Need},
};

bounded! {
    /// Light of the picture below which it is night.
    pub struct NightBelow(u8) in 1..=90, unit "%"
}
bounded! {
    /// Time that the sensor gathers light for.
    pub struct ShutterTime(u32) in 1..=1_000_000, unit "µs"
}
bounded! {
    /// Amplification in the sensor's own steps.
    pub struct SensorGain(u32) in 0..=65_535, unit ""
}

/// In colour or in black and white (IMG-5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum DayNight {
    /// By the light of the picture.
    Auto,
    /// Always in colour.
    #[default]
    Color,
    /// Always in black and white.
    BlackWhite,
}

/// Whether the camera decides or the owner (IMG-8, IMG-9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum AutoManual {
    /// The camera.
    #[default]
    Auto,
    /// The owner.
    Manual,
}

/// White balance (IMG-15).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum WhiteBalanceMode {
    /// As the source gives it.
    #[default]
    Source,
    /// Measured from the picture, or by the camera where it can.
    Auto,
    /// Sunlight.
    Sunny,
    /// Night with white lamps.
    Night,
    /// Yellow street lamps.
    StreetLamp,
    /// By the two levels below.
    Manual,
}

/// When the light shines (IMG-6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum IrLight {
    /// Never.
    #[default]
    Off,
    /// Always.
    On,
    /// In black and white only.
    DayNight,
}

/// What the sensor does and what stands in for it. Fields of controls that the picture source lacks cannot be set and
/// are not shown. ONVIF: `timg:SetImagingSettings`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoSensor {
    /// Color, black and white, or by the light of the picture. Black and white is made in the picture; no filter moves.
    #[schemars(title = "Day/Night")]
    pub day_night: DayNight,
    /// It is night when the picture is darker than this for 5 seconds, and day when it is plainly lighter.
    #[schemars(title = "Brightness Threshold", extend("x-visible-when" = {"day_night": "auto"}))]
    pub night_below: NightBelow,
    /// Auto: the camera decides.
    #[schemars(title = "Exposure")]
    pub exposure: AutoManual,
    /// Longer is brighter and blurs what moves; 1/25 s is 40000, 1/10000 s is 100.
    #[schemars(title = "Shutter", extend("x-visible-when" = {"exposure": "manual"}))]
    pub shutter: ShutterTime,
    /// Higher is brighter and noisier, in steps of the camera's own.
    #[schemars(title = "Gain", extend("x-visible-when" = {"exposure": "manual"}))]
    pub gain: SensorGain,
    /// Auto: the camera decides.
    #[schemars(title = "Iris")]
    pub iris: AutoManual,
    /// Higher lets more light in.
    #[schemars(title = "Iris Opening", extend("x-widget" = "range", "x-visible-when" = {"iris": "manual"}))]
    pub iris_level: Level,
    /// Wide dynamic range: the camera shows dark and bright parts together.
    #[schemars(title = "WDR")]
    pub wdr: bool,
    /// Source leaves the colors alone. The others are set in the camera where it can, and corrected in the picture
    /// where not.
    #[schemars(title = "White Balance")]
    pub white_balance: WhiteBalanceMode,
    /// 50 leaves red as it is.
    #[schemars(title = "Red", extend("x-widget" = "range", "x-visible-when" = {"white_balance": "manual"}))]
    pub red: Level,
    /// 50 leaves blue as it is.
    #[schemars(title = "Blue", extend("x-widget" = "range", "x-visible-when" = {"white_balance": "manual"}))]
    pub blue: Level,
    /// Computed in the picture; costs the processor some milliseconds a picture.
    #[schemars(title = "Noise Reduction (3D NR)")]
    pub noise_reduction: bool,
    /// Higher is less noise and less fine detail.
    #[schemars(title = "Spatial", extend("x-widget" = "range", "x-visible-when" = {"noise_reduction": true}))]
    pub spatial: Level,
    /// Higher is less flicker; what moves is left sharp.
    #[schemars(title = "Temporal", extend("x-widget" = "range", "x-visible-when" = {"noise_reduction": true}))]
    pub temporal: Level,
    /// Day/Night: on in black and white.
    #[schemars(title = "IR Light")]
    pub ir_light: IrLight,
    /// Higher is brighter.
    #[schemars(title = "Light Brightness", extend("x-widget" = "range", "x-visible-when" = [{"ir_light": "on"}, {"ir_light": "day_night"}]))]
    pub light_level: Level,
}

impl Default for VideoSensor {
    fn default() -> Self {
        let middle = Level::clamped(50);
        Self {
            day_night: DayNight::Color,
            night_below: NightBelow::clamped(15),
            exposure: AutoManual::Auto,
            shutter: ShutterTime::clamped(2_000),
            gain: SensorGain::clamped(0),
            iris: AutoManual::Auto,
            iris_level: middle,
            wdr: false,
            white_balance: WhiteBalanceMode::Source,
            red: middle,
            blue: middle,
            noise_reduction: false,
            spatial: middle,
            temporal: middle,
            ir_light: IrLight::Off,
            light_level: middle,
        }
    }
}

impl VideoSensor {
    /// Levels of red and blue that a mode stands for, 50 for none; `None` where they are measured.
    pub fn color_levels(&self) -> Option<(u8, u8)> {
        match self.white_balance {
            WhiteBalanceMode::Source => Some((50, 50)),
            WhiteBalanceMode::Auto => None,
            WhiteBalanceMode::Sunny => Some((54, 46)),
            WhiteBalanceMode::Night => Some((44, 58)),
            WhiteBalanceMode::StreetLamp => Some((35, 75)),
            WhiteBalanceMode::Manual => Some((self.red.get(), self.blue.get())),
        }
    }
}

impl Section for VideoSensor {
    const KEY: &'static str = "video.sensor";
    const TITLE: &'static str = "Exposure and Light";
    const PAGE: &'static str = "Setting/Image/Display Settings";
    const WRITE: Permission = Permission::ImageConfig;
    const NEEDS: Option<Need> = Some(Need::Function(Function::PictureSettings));

    fn check(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
        // A camera that was exchanged must not block other changes.
        if cx.touches::<Self>() {
            cx.image.check(self, violations);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{
        Actor, Error,
        ports::{ControlRange, ImageCapabilities},
        testing::{TestDevice, uninitialised},
    };

    fn set(t: &TestDevice, value: &Value) -> crate::Result<()> {
        let by = Actor::system();
        let settings = &t.device.settings;
        settings.patch("video.sensor", value, None, &by).map(drop)
    }

    fn refused(t: &TestDevice, value: &Value) -> (String, String) {
        let Err(Error::Invalid(v)) = set(t, value) else {
            panic!("{value} was taken");
        };
        (v.0[0].pointer.clone(), v.0[0].reason.clone())
    }

    /// IMG-17: bounds of every field.
    #[test]
    fn values_outside_their_bounds_are_refused_by_name() {
        let t = uninitialised();
        for (value, pointer) in [
            (json!({"day_night": "dusk"}), "/day_night"),
            (json!({"night_below": 0}), "/night_below"),
            (json!({"shutter": 0}), "/shutter"),
            (json!({"gain": -1}), "/gain"),
            (json!({"iris_level": 101}), "/iris_level"),
            (json!({"white_balance": "moon"}), "/white_balance"),
            (json!({"spatial": 101}), "/spatial"),
            (json!({"light_level": -1}), "/light_level"),
        ] {
            assert_eq!(refused(&t, &value).0, pointer, "{value}");
        }
    }

    /// IMG-6..9, IMG-14: what the source lacks cannot be set and is in no form; what is made in the picture can.
    #[test]
    fn controls_that_the_source_lacks_are_told() {
        let t = uninitialised();
        let settings = &t.device.settings;
        settings.set_image_capabilities(ImageCapabilities {
            known: true,
            ..Default::default()
        });
        for (value, pointer) in [
            (json!({"exposure": "manual"}), "/exposure"),
            (json!({"iris": "manual"}), "/iris"),
            (json!({"wdr": true}), "/wdr"),
            (json!({"ir_light": "on"}), "/ir_light"),
        ] {
            let (at, reason) = refused(&t, &value);
            assert_eq!(at, pointer);
            assert!(reason.contains("picture source has no"), "{reason}");
        }
        set(
            &t,
            &json!({"day_night": "auto", "noise_reduction": true, "white_balance": "auto"}),
        )
        .unwrap();
        let schema = settings.schema("video.sensor", &Actor::system()).unwrap();
        let fields = schema["properties"].as_object().unwrap();
        for absent in ["exposure", "shutter", "gain", "iris", "wdr", "ir_light"] {
            assert!(!fields.contains_key(absent), "{absent}");
        }
        assert!(fields.contains_key("day_night") && fields.contains_key("spatial"));
    }

    /// The camera's own ranges and steps are those of the schema, and are kept.
    #[test]
    fn ranges_are_those_of_the_camera() {
        let t = uninitialised();
        let settings = &t.device.settings;
        settings.set_image_capabilities(ImageCapabilities {
            known: true,
            shutter: Some(ControlRange {
                min: 300,
                max: 30_000,
                step: 100,
            }),
            gain: Some(ControlRange {
                min: 16,
                max: 248,
                step: 8,
            }),
            ..Default::default()
        });
        let schema = settings.schema("video.sensor", &Actor::system()).unwrap();
        let shutter = &schema["properties"]["shutter"];
        assert_eq!(
            (
                &shutter["minimum"],
                &shutter["maximum"],
                &shutter["multipleOf"]
            ),
            (&json!(300), &json!(30_000), &json!(100))
        );
        assert_eq!(schema["properties"]["gain"]["maximum"], json!(248));
        let (at, reason) = refused(
            &t,
            &json!({"exposure": "manual", "shutter": 250, "gain": 16}),
        );
        assert_eq!(at, "/shutter");
        assert!(reason.contains("300 to 30000"), "{reason}");
        let (at, reason) = refused(
            &t,
            &json!({"exposure": "manual", "shutter": 300, "gain": 17}),
        );
        assert_eq!(at, "/gain");
        assert!(reason.contains("steps of 8"), "{reason}");
        set(
            &t,
            &json!({"exposure": "manual", "shutter": 10_000, "gain": 24}),
        )
        .unwrap();
        // Another camera: what is stored blocks nothing else.
        settings.set_image_capabilities(ImageCapabilities {
            known: true,
            ..Default::default()
        });
        let other = json!({"contrast": 51});
        settings
            .patch("video.image", &other, None, &Actor::system())
            .unwrap();
    }
}
