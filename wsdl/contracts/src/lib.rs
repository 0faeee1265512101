//! Types, port traits and dispatch generated from ONVIF's contracts.
//!
//! One module per namespace, named as ONVIF's usual prefix ([`tt`], [`tds`], [`tr2`] ...), and one per port
//! type in [`ports`]. See `wsdl/README.md` for how to use them.

#![forbid(unsafe_code)]

#[rustfmt::skip]
#[allow(clippy::all)]
mod generated;
pub mod port;

pub use generated::*;
pub use onvif_xml;
