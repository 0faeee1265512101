//! Hostile input for every parser of network or file input (SEC-17).
//!
//! A [`Target`] takes bytes as a peer or a file may bring them and must return: no panic, bounded time
//! and memory, whatever they are. `fuzz/libfuzzer` runs each under cargo-fuzz (`make fuzz`); the test
//! `replay` runs each over its committed corpus and over mutations of it, so that stable CI holds what
//! was found.
#![forbid(unsafe_code)]

mod answers;
mod certificates;
mod config;
mod device;
mod lines;
mod names;
mod onvif;
mod rtsp;
mod signed_video;
mod sound;
mod upgrade;
mod xml;

/// One parser with what it needs around it.
pub trait Target {
    /// Takes one input.
    fn run(&mut self, input: &[u8]);
}

impl<F: FnMut(&[u8])> Target for F {
    fn run(&mut self, input: &[u8]) {
        self(input);
    }
}

/// Makes a target; each thread of a fuzzer has its own.
pub type Make = fn() -> Box<dyn Target>;

/// All targets by name. `fuzz/corpus/NAME` holds the inputs of each.
pub const TARGETS: &[(&str, Make)] = &[
    ("back_channel", rtsp::back_channel),
    ("broker", answers::broker),
    ("certificate", certificates::certificate),
    ("cgi", device::cgi),
    ("challenge", answers::challenge),
    ("config", config::config),
    ("crl", certificates::crl),
    ("ddns", answers::ddns),
    ("digest", device::digest),
    ("discovery", xml::discovery),
    ("filters", onvif::filters),
    ("http", device::http),
    ("lines", lines::lines),
    ("names", names::names),
    ("package", upgrade::package),
    ("pkcs12", certificates::pkcs12),
    ("rtsp", rtsp::connection),
    ("security", onvif::security),
    ("signed_video", signed_video::stream),
    ("soap", device::soap),
    ("tunnel", rtsp::tunnel),
    ("wav", sound::wav),
];

/// The target of this name.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn target(name: &str) -> Box<dyn Target> {
    let (_, make) = TARGETS
        .iter()
        .find(|(n, _)| *n == name)
        .unwrap_or_else(|| panic!("no fuzz target is named {name}"));
    make()
}
