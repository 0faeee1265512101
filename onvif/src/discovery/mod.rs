//! WS-Discovery: the device says hello and bye and answers probes (Core §9).

mod answer;
mod scope;
mod task;
mod transport;

pub use answer::{Described, Responder};
pub use scope::{matches_rfc3986, matches_strcmp0};
pub use task::{DiscoveryConfig, run};
pub(crate) use transport::facing;
pub use transport::{MULTICAST_V4, MULTICAST_V6, PORT};
