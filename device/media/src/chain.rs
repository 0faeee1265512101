//! Pipelines of elements that follow each other.

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::{Error, Result};

/// A pipeline in which each element gives to the next, playing. `what` it is is told in errors.
///
/// # Errors
/// [`Error::Pipeline`] when two elements do not fit or one does not start.
pub(crate) fn playing(what: &'static str, chain: &[&gst::Element]) -> Result<gst::Pipeline> {
    let failed = |e: gst::glib::BoolError| Error::pipeline(what, e);
    let pipeline = gst::Pipeline::new();
    pipeline.add_many(chain).map_err(failed)?;
    gst::Element::link_many(chain).map_err(failed)?;
    let started = pipeline.set_state(gst::State::Playing);
    started.map_err(|e| Error::pipeline(what, e))?;
    Ok(pipeline)
}
