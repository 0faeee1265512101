//! Main and sub stream (VIDEO-1..16).

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{CheckContext, DeviceGeneral, H264Profile, Section, Settings};
use crate::{
    Permission, Violation, Violations, bounded,
    product::{Limit, Need},
    signed_video::MAX_TEXT,
};

bounded! {
    /// Frames a second (VIDEO-7).
    pub struct FrameRate(u32) in 1..=30, unit "fps"
}
bounded! {
    /// Bit rate; the target under CBR, the ceiling under VBR (VIDEO-10, C-4).
    pub struct Kbps(u32) in 32..=16384, unit "kbit/s"
}
bounded! {
    /// Six quality levels, higher is better; 4 is the manual's "Medium" (VIDEO-9, C-4).
    pub struct Quality(u8) in 1..=6, unit ""
}
bounded! {
    /// Frames from one key frame to the next (VIDEO-11, C-3).
    pub struct GopLength(u32) in 25..=150, unit "frames"
}

/// Encode mode (VIDEO-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Codec {
    /// ITU-T H.264.
    #[serde(rename = "H.264")]
    H264,
    /// ITU-T H.265.
    #[serde(rename = "H.265")]
    H265,
    /// Motion JPEG.
    #[serde(rename = "MJPEG")]
    Mjpeg,
}

impl Codec {
    /// All of them, in the order of the manual.
    pub const ALL: [Codec; 3] = [Codec::H264, Codec::Mjpeg, Codec::H265];

    /// The manual's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::H264 => "H.264",
            Self::H265 => "H.265",
            Self::Mjpeg => "MJPEG",
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Constant or variable bit rate (VIDEO-8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum BitRateType {
    /// Constant: `bit_rate` is the target.
    #[serde(rename = "CBR")]
    Cbr,
    /// Variable: `quality` decides, `bit_rate` is the ceiling.
    #[serde(rename = "VBR")]
    Vbr,
}

/// Width and height of an encoded picture, even numbers; written `1920x1080`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Resolution {
    width: u32,
    height: u32,
}

impl Resolution {
    /// Those the product offers, largest first (VIDEO-5, C-5); what a unit really offers depends on
    /// its picture source too.
    pub const ALL: [Resolution; 10] = [
        Self::of(2688, 1520),
        Self::of(2560, 1440),
        Self::of(1920, 1080),
        Self::of(1280, 720),
        Self::of(704, 576),
        Self::of(704, 480),
        Self::of(640, 480),
        Self::of(640, 360),
        Self::of(352, 288),
        Self::of(352, 240),
    ];

    const fn of(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// One of [`Resolution::ALL`], by its numbers.
    pub fn find(width: u32, height: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|r| r.width == width && r.height == height)
    }

    /// Pixels a row.
    pub const fn width(self) -> u32 {
        self.width
    }

    /// Rows.
    pub const fn height(self) -> u32 {
        self.height
    }

    /// Whether a picture of this size can be cut from or scaled down from one of `other`.
    pub const fn fits_in(self, width: u32, height: u32) -> bool {
        self.width <= width && self.height <= height
    }

    /// The recommended CBR bit rate for H.264 at `fps` (VIDEO-10): 0.08 bit a pixel, in steps of 64.
    pub fn recommended_bit_rate(self, fps: FrameRate) -> Kbps {
        let bits = u64::from(self.width) * u64::from(self.height) * u64::from(fps.get()) * 8 / 100;
        Kbps::clamped(((bits / 1000 / 64).max(1) * 64) as i64)
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FromStr for Resolution {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(|r| r.to_string()).join(", ");
        let numbers = s
            .split_once(['x', '*', 'X'])
            .and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
        numbers
            .and_then(|(w, h)| Self::find(w, h))
            .ok_or_else(|| format!("'{s}' is not a resolution of this product: {}", known()))
    }
}

impl TryFrom<String> for Resolution {
    type Error = String;

    fn try_from(s: String) -> Result<Self, String> {
        s.parse()
    }
}

impl From<Resolution> for String {
    fn from(r: Resolution) -> String {
        r.to_string()
    }
}

impl JsonSchema for Resolution {
    fn schema_name() -> Cow<'static, str> {
        "Resolution".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": Self::ALL.map(|r| r.to_string())})
    }

    fn inline_schema() -> bool {
        true
    }
}

/// The encoder's values, the same for both streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamConfig {
    /// Encode mode.
    pub codec: Codec,
    /// Profile while it is H.264.
    pub h264_profile: H264Profile,
    /// Picture size.
    pub resolution: Resolution,
    /// Frames a second.
    pub frame_rate: FrameRate,
    /// CBR or VBR.
    pub bit_rate_type: BitRateType,
    /// Quality under VBR and for MJPEG.
    pub quality: Quality,
    /// Target or ceiling.
    pub bit_rate: Kbps,
    /// Key frame distance.
    pub gop_length: GopLength,
    /// Signed, unless it is MJPEG.
    pub signed: bool,
}

macro_rules! stream_section {
    ($(#[$doc:meta])* $name:ident, key $key:literal, title $title:literal, { $($extra:tt)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($extra)*
            /// Encode mode. H.265 saves bandwidth but not every player and browser shows it.
            #[schemars(title = "Encode Mode")]
            pub codec: Codec,
            /// Baseline is for simple players and needs the most bits; High needs the fewest.
            #[serde(default)]
            #[schemars(title = "H.264 Profile", extend("x-visible-when" = {"codec": "H.264"}))]
            pub h264_profile: H264Profile,
            /// Picture size; never larger than the camera's own picture.
            #[schemars(title = "Resolution")]
            pub resolution: Resolution,
            /// Frames a second.
            #[schemars(title = "Frame Rate")]
            pub frame_rate: FrameRate,
            /// CBR keeps the bit rate, VBR keeps the quality up to the bit rate as ceiling.
            #[schemars(title = "Bit Rate Type", extend("x-hidden-when" = {"codec": "MJPEG"}))]
            pub bit_rate_type: BitRateType,
            /// 1 lowest to 6 highest.
            #[schemars(title = "Quality", extend("x-widget" = "range", "x-visible-when" = [{"bit_rate_type": "VBR"}, {"codec": "MJPEG"}]))]
            pub quality: Quality,
            /// Target under CBR, ceiling under VBR.
            #[schemars(title = "Bit Rate")]
            pub bit_rate: Kbps,
            /// Frames from one key frame to the next; twice the frame rate is a good choice.
            #[schemars(title = "I Frame Interval", extend("x-hidden-when" = {"codec": "MJPEG"}))]
            pub gop_length: GopLength,
            /// Signs the stream, so that changes of a recording are found.
            #[serde(default)]
            #[schemars(title = "Watermark", extend("x-hidden-when" = {"codec": "MJPEG"}))]
            pub watermark: bool,
            /// Goes with the signature; up to 85 signs of ASCII.
            #[serde(default)]
            #[schemars(title = "Watermark Text", length(max = 85), extend("x-hidden-when" = {"codec": "MJPEG"}))]
            pub watermark_text: String,
        }

        impl $name {
            /// The encoder's part.
            pub fn stream(&self) -> StreamConfig {
                StreamConfig {
                    codec: self.codec,
                    h264_profile: self.h264_profile,
                    resolution: self.resolution,
                    frame_rate: self.frame_rate,
                    bit_rate_type: self.bit_rate_type,
                    quality: self.quality,
                    bit_rate: self.bit_rate,
                    gop_length: self.gop_length,
                    signed: self.watermark,
                }
            }

            /// Takes over the encoder's part.
            pub fn set_stream(&mut self, s: StreamConfig) {
                let StreamConfig { codec, h264_profile, resolution, frame_rate, bit_rate_type, quality, bit_rate, gop_length, signed } = s;
                self.codec = codec;
                self.h264_profile = h264_profile;
                self.resolution = resolution;
                self.frame_rate = frame_rate;
                self.bit_rate_type = bit_rate_type;
                self.quality = quality;
                self.bit_rate = bit_rate;
                self.gop_length = gop_length;
                self.watermark = signed;
            }
        }
    };
}

stream_section! {
    /// The main stream (M, `Streamtype=0`).
    ///
    /// ONVIF: `tt:VideoEncoder2Configuration` of the main profile.
    VideoMain, key "video.main", title "Main Stream", {}
}

stream_section! {
    /// The sub stream (S1, `Streamtype=1`).
    ///
    /// ONVIF: `tt:VideoEncoder2Configuration` of the sub profile.
    VideoSub, key "video.sub", title "Sub Stream", {
        /// Off closes the stream (VIDEO-2).
        #[schemars(title = "Enable")]
        pub enabled: bool,
    }
}

impl Default for VideoMain {
    fn default() -> Self {
        Self {
            codec: Codec::H264,
            h264_profile: H264Profile::default(),
            resolution: Resolution::of(1920, 1080),
            frame_rate: FrameRate::clamped(25),
            bit_rate_type: BitRateType::Cbr,
            quality: Quality::clamped(4),
            bit_rate: Kbps::clamped(4096),
            gop_length: GopLength::clamped(50),
            watermark: false,
            watermark_text: String::new(),
        }
    }
}

impl Default for VideoSub {
    fn default() -> Self {
        Self {
            enabled: true,
            codec: Codec::H264,
            h264_profile: H264Profile::default(),
            resolution: Resolution::of(640, 360),
            frame_rate: FrameRate::clamped(15),
            bit_rate_type: BitRateType::Vbr,
            quality: Quality::clamped(4),
            bit_rate: Kbps::clamped(512),
            gop_length: GopLength::clamped(30),
            watermark: false,
            watermark_text: String::new(),
        }
    }
}

impl Section for VideoMain {
    const KEY: &'static str = "video.main";
    const TITLE: &'static str = "Main Stream";
    const PAGE: &'static str = "Setting/Video/Audio/Video Stream";
    const WRITE: Permission = Permission::VideoConfig;

    fn follow(&mut self, all: &Settings) {
        self.frame_rate = self.frame_rate.min(max_frame_rate(all));
    }

    fn check(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
        if cx.touches::<Self>() {
            let before = cx.before.get::<Self>().stream();
            check_limits(&self.stream(), &before, cx, violations);
            check_text(&self.watermark_text, violations);
        }
        // VIDEO-6: lowering main below sub is refused with the reason, on the page being saved.
        let sub = cx.settings.get::<VideoSub>();
        let owner = if cx.touches::<VideoSub>() {
            &sub.resolution
        } else {
            &self.resolution
        };
        let ordered = !sub.enabled
            || sub
                .resolution
                .fits_in(self.resolution.width, self.resolution.height);
        violations.require(ordered, || {
            Violation::new(
                "/resolution",
                owner,
                format!(
                    "the sub stream ({}) must not be larger than the main stream ({})",
                    sub.resolution, self.resolution
                ),
            )
        });
    }
}

impl Section for VideoSub {
    const KEY: &'static str = "video.sub";
    const TITLE: &'static str = "Sub Stream";
    const PAGE: &'static str = "Setting/Video/Audio/Video Stream";
    const WRITE: Permission = Permission::VideoConfig;
    const NEEDS: Option<Need> = Some(Need::AtLeast(Limit::Streams, 2));

    fn off() -> Self {
        Self {
            enabled: false,
            ..Self::default()
        }
    }

    fn follow(&mut self, all: &Settings) {
        self.frame_rate = self.frame_rate.min(max_frame_rate(all));
    }

    fn check(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
        if cx.touches::<Self>() {
            let before = cx.before.get::<Self>().stream();
            check_limits(&self.stream(), &before, cx, violations);
            check_text(&self.watermark_text, violations);
        }
    }
}

fn max_frame_rate(all: &Settings) -> FrameRate {
    all.get::<DeviceGeneral>().video_standard.max_frame_rate()
}

/// VIDEO-17.
fn check_text(text: &str, violations: &mut Violations) {
    let fits = text.len() <= MAX_TEXT && text.bytes().all(|b| (b' '..=b'~').contains(&b));
    violations.require(fits, || {
        let reason = format!("must be at most {MAX_TEXT} characters, all of them printable ASCII");
        Violation::new("/watermark_text", text, reason)
    });
}

/// What video standard, source and encoders can do decides too; unknown (empty) capabilities allow everything.
fn check_limits(
    s: &StreamConfig,
    before: &StreamConfig,
    cx: &CheckContext<'_>,
    violations: &mut Violations,
) {
    let video = cx.video;
    let max = max_frame_rate(cx.settings);
    violations.require(s.frame_rate <= max, || {
        let standard = cx.settings.get::<DeviceGeneral>().video_standard;
        let reason = format!(
            "outside {} to {} fps, the limits of {standard}",
            FrameRate::MIN,
            max.get()
        );
        Violation::new("/frame_rate", s.frame_rate.get(), reason)
    });
    if let Some((w, h)) = video.source_size {
        // What is set already blocks no other change: it is encoded in the source's size.
        let fits = s.resolution == before.resolution || s.resolution.fits_in(w, h);
        violations.require(fits, || {
            Violation::new(
                "/resolution",
                s.resolution,
                format!("larger than the source's picture, {w}x{h}"),
            )
        });
    }
    violations.require(
        video.codecs.is_empty() || video.codecs.contains(&s.codec),
        || {
            let have: Vec<_> = video.codecs.iter().map(|c| c.name()).collect();
            Violation::new(
                "/codec",
                s.codec,
                format!(
                    "no encoder for it on this machine; there are {}",
                    have.join(", ")
                ),
            )
        },
    );
    // The default is what an encoder may lack: what is set already blocks no other change.
    let offered = video.h264_profiles();
    let known = s.h264_profile == before.h264_profile || offered.contains(&s.h264_profile);
    violations.require(known, || {
        let have: Vec<_> = offered.iter().map(|p| p.name()).collect();
        let reason = format!(
            "the encoder of this machine does not make it, but {}",
            have.join(", ")
        );
        Violation::new("/h264_profile", s.h264_profile, reason)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_read_and_write() {
        for r in Resolution::ALL {
            assert_eq!(r.to_string().parse(), Ok(r));
        }
        assert_eq!(
            "352*240".parse::<Resolution>(),
            Ok(Resolution::of(352, 240)),
            "the manual's spelling"
        );
        for bad in [
            "",
            "x",
            "1920",
            "1921x1080",
            "1920x1080x2",
            "-1x5",
            "99999999999x1",
        ] {
            let e = bad.parse::<Resolution>().unwrap_err();
            assert!(e.contains(bad) && e.contains("1920x1080"), "{e}");
        }
    }

    /// VIDEO-17: what an earlier version stored has no watermark, and a text is up to 85 signs of ASCII.
    #[test]
    fn the_watermark_is_off_at_first_and_its_text_is_bounded() {
        let mut stored = serde_json::to_value(VideoMain::default()).unwrap();
        let fields = stored.as_object_mut().unwrap();
        fields.remove("watermark");
        fields.remove("watermark_text");
        let read: VideoMain = serde_json::from_value(stored).unwrap();
        assert!(!read.watermark && read.watermark_text.is_empty());
        let t = crate::testing::initialised();
        let by = crate::Actor::system();
        let set = |text: &str| {
            let change = |s: &mut VideoMain| s.watermark_text = text.into();
            t.device.settings.update::<VideoMain>(&by, change)
        };
        let fits = "a".repeat(85);
        assert!(set(&fits).is_ok() && set("North gate, lane 2").is_ok());
        for wrong in [format!("{fits}b"), "Süd".into(), "two\nlines".into()] {
            let error = set(&wrong).unwrap_err().to_string();
            assert!(
                error.contains("watermark_text") && error.contains("85"),
                "{error}"
            );
        }
    }

    /// VIDEO-10: a recommended value per resolution.
    #[test]
    fn recommended_bit_rates_grow_with_the_picture() {
        let fps = FrameRate::clamped(25);
        let rates: Vec<_> = Resolution::ALL
            .iter()
            .map(|r| r.recommended_bit_rate(fps).get())
            .collect();
        assert!(rates.windows(2).all(|w| w[0] >= w[1]), "{rates:?}");
        assert_eq!(
            Resolution::of(1920, 1080).recommended_bit_rate(fps).get(),
            4096
        );
    }
}
