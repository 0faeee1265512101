//! Starts GStreamer once per process and works around its plug-in cache.

use std::sync::OnceLock;

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::{Error, Result};

/// Elements without which nothing works, and the plug-in file that holds each.
const NEEDED: &[(&str, &str)] = &[
    ("appsrc", "libgstapp.so"),
    ("videoconvertscale", "libgstvideoconvertscale.so"),
    ("decodebin", "libgstplayback.so"),
    ("h264parse", "libgstvideoparsersbad.so"),
    ("jpegenc", "libgstjpeg.so"),
];

/// Elements that make the device much better, loaded by file when the plug-in cache hides them.
const WANTED: &[(&str, &str)] = &[
    ("avdec_h264", "libgstlibav.so"),
    ("x264enc", "libgstx264.so"),
    ("x265enc", "libgstx265.so"),
];

/// Starts GStreamer. Further calls return the first call's result.
///
/// On a loaded machine the first plug-in scan can time out, after which GStreamer's cache lists
/// the plug-in as broken for good (seen with `libgstlibav.so` on Debian 12). A plug-in that the
/// cache hides is therefore loaded from its file.
///
/// # Errors
/// [`Error::Init`] naming the missing elements.
pub fn init() -> Result<()> {
    static DONE: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    DONE.get_or_init(start).clone().map_err(Error::Init)
}

fn start() -> std::result::Result<(), String> {
    gst::init().map_err(|e| e.to_string())?;
    let missing: Vec<&str> = NEEDED
        .iter()
        .filter(|(element, file)| !ensure(element, file))
        .map(|(element, _)| *element)
        .collect();
    for (element, file) in WANTED {
        if !ensure(element, file) {
            tracing::warn!(element, file, "GStreamer element is not installed");
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "elements {} are missing; install gstreamer1.0-plugins-base, -good, -bad, -ugly and gstreamer1.0-libav",
        missing.join(", ")
    ))
}

fn ensure(element: &str, file: &str) -> bool {
    if gst::ElementFactory::find(element).is_some() {
        return true;
    }
    // The directory of a plug-in that did load is where the others are.
    let Some(path) = gst::Registry::get()
        .find_plugin("coreelements")
        .and_then(|plugin| plugin.filename())
        .and_then(|loaded| loaded.parent().map(|dir| dir.join(file)))
        .filter(|path| path.exists())
    else {
        return false;
    };
    match gst::Plugin::load_file(&path) {
        Ok(plugin) => {
            tracing::info!(plugin = %plugin.name(), "loaded a plug-in that GStreamer's cache hides")
        }
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "GStreamer plug-in cannot be loaded")
        }
    }
    gst::ElementFactory::find(element).is_some()
}
