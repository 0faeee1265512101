//! Every case, in the order in which it runs.

use crate::case::Case;

pub(crate) mod access;
mod access_classes;
mod capabilities;
mod discovery;
mod events;
mod media2;
mod network;
mod pullpoint;
pub mod state;
mod system;
mod users;

/// All cases.
#[must_use]
pub fn all() -> Vec<Case> {
    [
        discovery::cases(),
        capabilities::cases(),
        network::cases(),
        system::cases(),
        users::cases(),
        events::cases(),
        media2::cases(),
        access::cases(),
    ]
    .concat()
}
