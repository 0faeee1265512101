//! The machine's clock, zone and NTP daemon behind [`platecam_model::ports::TimeControl`].

mod chrony;
mod keeper;
mod linux;
mod tzif;

pub use keeper::{TimePace, keep_time};
pub use linux::{LinuxTime, TimePaths};
