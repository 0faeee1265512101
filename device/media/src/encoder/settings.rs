//! Turns an encoder configuration into one element's properties.

use gstreamer as gst;
use gstreamer::prelude::*;

use super::choose::{EncoderChoice, Family};
use super::pipeline::Plan;
use crate::config::{Rate, StreamId};
use platecam_model::settings::H264Profile;

/// Constant rate factor of H.264 and H.265 for quality 1 to 6; 4 (medium) is a little finer than
/// x264's own default scaled to `superfast`.
const CRF: [u32; 6] = [38, 34, 30, 26, 23, 20];
/// JPEG quality for quality 1 to 6.
const JPEG_QUALITY: [u32; 6] = [35, 50, 65, 78, 87, 94];
const MEDIUM: u8 = 4;

fn level<T: Copy>(table: &[T; 6], quality: u8) -> T {
    table[usize::from(quality.clamp(1, 6)) - 1]
}

/// The raw picture format that the element is fed.
pub(crate) fn raw_format(choice: &EncoderChoice) -> &'static str {
    if choice.hardware { "NV12" } else { "I420" }
}

/// Property names and values, as GStreamer reads them from text.
///
/// All settings mean: no B frames, no look-ahead, closed groups of exactly `gop` frames, parameter
/// sets in the stream.
pub(crate) fn properties(choice: &EncoderChoice, plan: &Plan) -> Vec<(&'static str, String)> {
    let gop = plan.config.gop;
    let (kbps, quality) = match plan.config.rate {
        Rate::Cbr { kbps } => (kbps, None),
        Rate::Vbr { quality, max_kbps } => (max_kbps, Some(quality)),
    };
    match choice.family {
        Family::X264 => x264(plan, kbps, quality),
        Family::X265 => x265(plan, kbps, quality),
        Family::OpenH264 => vec![
            ("bitrate", (u64::from(kbps) * 1000).to_string()),
            ("max-bitrate", (u64::from(kbps) * 1100).to_string()),
            ("rate-control", "bitrate".into()),
            ("gop-size", gop.to_string()),
            ("complexity", "low".into()),
            ("scene-change-detection", "false".into()),
            ("enable-frame-skip", "false".into()),
            ("multi-thread", threads(plan).to_string()),
        ],
        Family::Jpeg => vec![(
            "quality",
            level(&JPEG_QUALITY, quality.unwrap_or(MEDIUM)).to_string(),
        )],
        Family::Va => vec![
            (
                "rate-control",
                if quality.is_some() { "vbr" } else { "cbr" }.into(),
            ),
            ("bitrate", kbps.to_string()),
            ("key-int-max", gop.to_string()),
            ("b-frames", "0".into()),
            ("aud", "false".into()),
        ],
        Family::Nv => vec![
            (
                "rc-mode",
                if quality.is_some() { "vbr" } else { "cbr" }.into(),
            ),
            ("bitrate", kbps.to_string()),
            ("max-bitrate", kbps.to_string()),
            ("gop-size", gop.to_string()),
            ("bframes", "0".into()),
            ("zerolatency", "true".into()),
            ("preset", "low-latency-hq".into()),
        ],
        Family::V4l2 => vec![(
            "extra-controls",
            format!(
                "controls,video_bitrate={},video_bitrate_mode={},video_gop_size={gop},repeat_sequence_header=1",
                u64::from(kbps) * 1000,
                u8::from(quality.is_none()),
            ),
        )],
    }
}

/// Threads of a software encoder: two for the main stream, one for the small one.
fn threads(plan: &Plan) -> u32 {
    match plan.stream {
        StreamId::Main => 2,
        StreamId::Sub => 1,
    }
}

fn x264(plan: &Plan, kbps: u32, quality: Option<u8>) -> Vec<(&'static str, String)> {
    // Above 1080p30 `superfast` costs more than a core (measured, docs/adr/0003).
    let fast = plan.size.pixels() * u64::from(plan.frame_rate) <= 1920 * 1080 * 30;
    // Caps only forbid what is above a profile; `ultrafast` uses nothing of Main or High by itself, and what
    // comes out is called by what it uses (NET-24).
    let tool = match plan.config.h264_profile {
        H264Profile::Baseline => "",
        H264Profile::Main => ":cabac=1",
        H264Profile::High => ":8x8dct=1",
    };
    let mut set = vec![
        ("tune", "zerolatency".into()),
        (
            "speed-preset",
            if fast { "superfast" } else { "ultrafast" }.into(),
        ),
        ("bitrate", kbps.to_string()),
        ("key-int-max", plan.config.gop.to_string()),
        ("bframes", "0".into()),
        ("threads", threads(plan).to_string()),
        ("sliced-threads", (threads(plan) > 1).to_string()),
        ("aud", "false".into()),
        ("byte-stream", "true".into()),
        // A scene cut would shorten the group; the group length is a promise (VIDEO-11).
        ("option-string", format!("scenecut=0{tool}")),
    ];
    match quality {
        None => set.extend([("pass", "cbr".into()), ("vbv-buf-capacity", "1000".into())]),
        Some(quality) => set.extend([
            ("pass", "qual".into()),
            ("quantizer", level(&CRF, quality).to_string()),
            ("vbv-buf-capacity", "1000".into()),
        ]),
    }
    set
}

fn x265(plan: &Plan, kbps: u32, quality: Option<u8>) -> Vec<(&'static str, String)> {
    let mut options = format!(
        "pools={}:frame-threads=1:bframes=0:scenecut=0:open-gop=0:min-keyint=1:\
         vbv-maxrate={kbps}:vbv-bufsize={kbps}",
        threads(plan)
    );
    if let Some(quality) = quality {
        options.push_str(&format!(":crf={}", level(&CRF, quality)));
    }
    vec![
        ("tune", "zerolatency".into()),
        ("speed-preset", "ultrafast".into()),
        ("bitrate", kbps.to_string()),
        ("key-int-max", plan.config.gop.to_string()),
        ("log-level", "none".into()),
        ("option-string", options),
    ]
}

/// Sets a property from text; a property or value that this version of the element does not know is
/// left out and logged, because the element's own default still encodes.
pub(crate) fn set(element: &gst::Element, name: &str, value: &str) {
    let known = element
        .find_property(name)
        .and_then(|spec| gst::glib::Value::deserialize_with_pspec(value, &spec).ok());
    match known {
        Some(parsed) => element.set_property_from_value(name, &parsed),
        None => {
            let element = element
                .factory()
                .map(|f| f.name().to_string())
                .unwrap_or_default();
            tracing::debug!(element, name, value, "encoder has no such setting");
        }
    }
}
