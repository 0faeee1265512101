//! The machine's network behind [`platecam_model::ports::Network`] and
//! [`platecam_model::ports::NetworkControl`].
//!
//! Addresses are never set by this program itself: systemd-networkd or NetworkManager do it, whichever has the
//! interface, because they do it again at every boot and take orders of a service without root (polkit).

mod command;
mod control;
mod linux;
mod manager;
mod networkd;
mod probe;

pub use control::{LinuxNetworkControl, NetworkPaths};
pub use linux::LinuxNetwork;
pub(crate) use linux::main_interface;
