//! Which encoder element is used: hardware first, in a stated order, each tried before it is believed.

use std::sync::OnceLock;

use gstreamer as gst;
use gstreamer::prelude::*;

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
