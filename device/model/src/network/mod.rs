//! The unit's own network: changes on trial, the way back, conflicts of addresses (NET-1..12).
//!
//! The way back does not have to be switched on: beside the wanted settings the unit always keeps those that
//! were confirmed last. Whatever differs from them is on trial, also after a power cut.

mod adopt;
mod apply;
mod confirm;
mod guard;
mod name;
mod news;
mod note;
mod operations;

pub use guard::{LastTrial, Networking, TrialEnd, TrialView};
pub use news::NetworkNews;
pub use operations::{InterfaceView, NetworkReport};
