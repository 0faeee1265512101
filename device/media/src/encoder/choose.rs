//! Which encoder element is used: hardware first, in a stated order, each tried before it is believed.

use std::sync::OnceLock;

use gstreamer as gst;
use gstreamer::prelude::*;

use platecam_model::settings::H264Profile;

use crate::config::Codec;

/// How an element is driven: the names of its properties differ.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4l2,
    Va,
    Nv,
    X264,
    X265,
    OpenH264,
    Jpeg,
}

/// An encoder element that works on this machine.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct EncoderChoice {
    /// GStreamer's element name, for example `x264enc`.
    pub element: &'static str,
    /// What it produces.
    pub codec: Codec,
    /// True when the work is not done by the CPU.
    pub hardware: bool,
    pub(crate) family: Family,
}

const fn entry(
    element: &'static str,
    codec: Codec,
    hardware: bool,
    family: Family,
) -> EncoderChoice {
    EncoderChoice {
        element,
        codec,
        hardware,
        family,
    }
}

/// GStreamer's names of a profile. Ours of Baseline and High use nothing that the constrained ones lack.
pub(crate) const fn profile_names(profile: H264Profile) -> &'static [&'static str] {
    match profile {
        H264Profile::Baseline => &["constrained-baseline", "baseline"],
        H264Profile::Main => &["main"],
        H264Profile::High => &["high", "constrained-high"],
    }
}

impl EncoderChoice {
    /// The profiles of H.264 that the element makes when asked, lowest first, by its pad template; none where it is
    /// not installed or makes another codec.
    ///
    /// An element that has no say in it is left to itself, and taken for one that makes High.
    pub fn h264_profiles(&self) -> Vec<H264Profile> {
        let made = self.profiles_told();
        let installed = || gst::ElementFactory::find(self.element).is_some();
        if made.is_empty() && self.codec == Codec::H264 && installed() {
            return vec![H264Profile::High];
        }
        made
    }

    /// Caps behind the element that make it produce a profile; `None` where it has no say in it.
    pub(crate) fn profile_caps(&self, wanted: H264Profile) -> Option<gst::Caps> {
        let told = self.profiles_told();
        if told.is_empty() {
            return None;
        }
        let names = profile_names(wanted.among(&told));
        let caps = gst::Caps::builder("video/x-h264").field("profile", gst::List::new(names));
        Some(caps.build())
    }

    fn profiles_told(&self) -> Vec<H264Profile> {
        let Some(factory) = gst::ElementFactory::find(self.element) else {
            return Vec::new();
        };
        let templates = factory.static_pad_templates();
        let sources = templates
            .iter()
            .filter(|t| t.direction() == gst::PadDirection::Src);
        let caps: Vec<_> = sources.map(|t| t.caps()).collect();
        let names = |s: &gst::StructureRef| s.name() == "video/x-h264" && s.has_field("profile");
        let told = |profile: &H264Profile| {
            caps.iter()
                .flat_map(|caps| caps.iter().filter(|s| names(s)))
                .any(|s| profile_names(*profile).iter().any(|name| has(s, name)))
        };
        H264Profile::ALL.into_iter().filter(told).collect()
    }
}

/// Whether a structure's profile is, or may be, this one.
fn has(structure: &gst::StructureRef, name: &str) -> bool {
    let Ok(value) = structure.value("profile") else {
        return false;
    };
    match value.get::<gst::List>() {
        Ok(list) => list.iter().any(|v| v.get::<&str>() == Ok(name)),
        Err(_) => value.get::<&str>().is_ok_and(|v| v == name),
    }
}

/// The order of choice: V4L2 (SoC), VA (Intel, AMD), NVENC, then software.
pub(crate) const ORDER: &[EncoderChoice] = &[
    entry("v4l2h264enc", Codec::H264, true, Family::V4l2),
    entry("vah264enc", Codec::H264, true, Family::Va),
    entry("vah264lpenc", Codec::H264, true, Family::Va),
    entry("nvh264enc", Codec::H264, true, Family::Nv),
    entry("x264enc", Codec::H264, false, Family::X264),
    entry("openh264enc", Codec::H264, false, Family::OpenH264),
    entry("v4l2h265enc", Codec::H265, true, Family::V4l2),
    entry("vah265enc", Codec::H265, true, Family::Va),
    entry("vah265lpenc", Codec::H265, true, Family::Va),
    entry("nvh265enc", Codec::H265, true, Family::Nv),
    entry("x265enc", Codec::H265, false, Family::X265),
    // Only encoders that write the Huffman tables of RFC 2435, which RTP leaves out.
    entry("jpegenc", Codec::Jpeg, false, Family::Jpeg),
];

/// The encoders that reach READY here, best first. Probed once per process.
pub fn available_encoders() -> &'static [EncoderChoice] {
    static FOUND: OnceLock<Vec<EncoderChoice>> = OnceLock::new();
    FOUND.get_or_init(|| {
        if let Err(error) = crate::init() {
            tracing::error!(%error, "no encoder can be used");
            return Vec::new();
        }
        ORDER
            .iter()
            .filter(|choice| probe(choice).is_ok())
            .copied()
            .collect()
    })
}

/// The working encoders of one codec, best first.
pub(crate) fn candidates(codec: Codec) -> Vec<EncoderChoice> {
    available_encoders()
        .iter()
        .filter(|choice| choice.codec == codec)
        .copied()
        .collect()
}

/// Why there is no encoder for a codec: each element and what it said.
pub(crate) fn refusals(codec: Codec) -> String {
    let said: Vec<String> = ORDER
        .iter()
        .filter(|choice| choice.codec == codec)
        .filter_map(|choice| {
            probe(choice)
                .err()
                .map(|reason| format!("{} ({reason})", choice.element))
        })
        .collect();
    said.join(", ")
}

fn probe(choice: &EncoderChoice) -> std::result::Result<(), String> {
    let Some(factory) = gst::ElementFactory::find(choice.element) else {
        return Err("not installed".into());
    };
    let element = factory.create().build().map_err(|e| e.to_string())?;
    // READY opens the device: a driver without a device fails here.
    let reached = element.set_state(gst::State::Ready);
    let _ = element.set_state(gst::State::Null);
    match reached {
        Ok(_) => Ok(()),
        Err(_) => Err("its device does not open".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_comes_before_software_in_each_codec() {
        for codec in [Codec::H264, Codec::H265, Codec::Jpeg] {
            let order: Vec<bool> = ORDER
                .iter()
                .filter(|c| c.codec == codec)
                .map(|c| c.hardware)
                .collect();
            assert!(!order.is_empty());
            assert!(
                order.windows(2).all(|pair| pair[0] >= pair[1]),
                "{codec}: {order:?}"
            );
        }
    }

    #[test]
    fn what_is_found_keeps_the_order_and_works() {
        let found = available_encoders();
        let positions: Vec<_> = found
            .iter()
            .map(|c| ORDER.iter().position(|o| o.element == c.element).unwrap())
            .collect();
        assert!(positions.is_sorted());
        for codec in [Codec::H264, Codec::Jpeg] {
            assert!(
                !candidates(codec).is_empty(),
                "{codec}: {}",
                refusals(codec)
            );
        }
    }
}
