//! The log: entries, how events become entries, and the forms in which they leave the device.

mod entry;
mod events;
mod line;
mod operations;
pub mod syslog;

pub use entry::{
    AuditCheck, LogEntry, LogPage, LogQuery, MAX_TEXT, NewLogEntry, Severity, TrailEntry,
};
pub use events::Scribe;
pub use line::{export_header, export_line};
