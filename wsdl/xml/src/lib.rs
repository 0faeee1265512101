//! Reading and writing XML for the generated ONVIF types.
//!
//! A [`Reader`] pulls one bounded document and resolves namespaces, so that types match on
//! `(namespace, local name)` and never on a prefix. A [`Writer`] writes straight into one buffer with
//! fixed prefixes. [`soap`] holds the envelope, its headers and faults; [`discovery`] holds
//! WS-Discovery, whose schema is not part of ONVIF's contract set.
//!
//! Nothing here does I/O. Every function is bounded by [`Limits`] and none panics on hostile input.

#![forbid(unsafe_code)]

mod any;
mod canon;
pub mod discovery;
mod error;
mod json;
mod macros;
pub mod ns;
mod qname;
mod reader;
mod scalar;
pub mod soap;
mod time;
mod value;
mod writer;

pub use any::{Any, Mixed};
pub use canon::canonical;
pub use error::{Error, ErrorKind};
pub use json::to_json;
pub use ns::{Ns, NsSet};
pub use qname::{QName, Scope};
pub use reader::{Limits, Reader};
pub use scalar::{Base64, Hex, List};
pub use time::{AbsoluteOrRelative, DateTime, Duration, TimeOfDay};
pub use value::{Complex, Content, Element, Text, Value, ValueError, from_document, to_document};
pub use writer::Writer;
