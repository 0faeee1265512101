//! Every case, in the order in which it runs.

use crate::case::Case;

mod capabilities;
mod network;
pub mod state;
mod system;
mod users;

/// All cases.
#[must_use]
pub fn all() -> Vec<Case> {
    [
        capabilities::cases(),
        network::cases(),
        system::cases(),
        users::cases(),
    ]
    .concat()
}
