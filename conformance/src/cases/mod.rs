//! Every case, in the order in which it runs.

use crate::case::Case;

pub(crate) mod access;
mod access_classes;
mod analytics;
mod capabilities;
mod clients;
mod discovery;
mod events;
mod keystore;
mod media1;
mod media2;
mod network;
mod pullpoint;
mod push;
mod roles;
mod seek;
mod services;
pub mod state;
mod storage;
mod streaming;
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
        roles::cases(),
        events::cases(),
        push::cases(),
        seek::cases(),
        media1::cases(),
        media2::cases(),
        streaming::cases(),
        services::cases(),
        storage::cases(),
        analytics::cases(),
        keystore::cases(),
        clients::cases(),
        access::cases(),
    ]
    .concat()
}
