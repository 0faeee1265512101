//! Time zones, local time and the watch on the wall clock. Pure: time comes in as an argument.

mod calendar;
mod format;
mod jump;
mod ntp_watch;
mod operations;
mod posix;
mod zone;

pub use calendar::{Month, Week, Weekday, YearMoment};
pub use format::{DateFormat, TimeFormat, date_text, local_text, time_text};
pub use jump::{JUMP, JumpDetector};
pub use ntp_watch::{NtpNews, NtpWatch};
pub use operations::{ClockSource, TimeReport, WallTime};
pub use posix::{PosixTz, PosixTzError, Rule, RuleDay, Transitions};
pub use zone::{LocalTime, Resolved, in_bounds};
