//! System log, audit trail and remote log behind their ports.

mod chain;
mod export;
mod forward;
mod kernel;
mod queue;
mod store;
mod tls;
mod wire;
mod writer;

pub use export::check_export;
pub use forward::{Forwarder, Pace};
pub use store::LogDatabase;
pub(crate) use tls::roots;
pub use writer::write_log;
