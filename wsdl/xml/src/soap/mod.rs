//! SOAP envelopes: requests in, answers and faults out.

mod fault;
mod header;
mod message;
mod respond;

pub use fault::{Code, Fault};
pub use header::{Header, OtherHeader, Password, UsernameToken};
pub use message::{Body, Message};
pub use respond::{Reply, Version, envelope, fault_envelope};
