//! Capture, encoding and snapshots with GStreamer; the only crate that links it.
