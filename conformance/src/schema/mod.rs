//! Validation against XML Schema, as far as ONVIF's contracts use it.
//!
//! The contracts are not deterministic by XSD 1.0 (elements stand beside wildcards that match them), so
//! libxml2 refuses them; XSD 1.1's rule is followed: an element declaration goes before a wildcard.
//! See docs/adr/0019.

mod compile;
mod content;
mod model;
mod sample;
mod simple;
mod validate;

pub use compile::load;
pub use model::Schemas;

#[cfg(test)]
mod tests;
