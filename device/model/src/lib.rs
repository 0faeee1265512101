//! The device's own core: settings, people, permissions, events and ports.
//!
//! *Architecture invariant:* no I/O, no async runtime, no clock of its own, no HTTP, XML or SQL.
//! Time is an argument or the [`Clock`] port; everything that touches the host is a trait in
//! [`ports`], implemented by `platecam-host` and `platecam-media` and, for tests, in [`testing`].
//! Adapters (ONVIF, web, RTSP) receive one [`Device`] and only translate.
#![forbid(unsafe_code)]

pub mod alarm;
pub mod auth;
pub mod broadcast;
mod certificates;
mod clock;
pub mod config;
mod device;
mod error;
mod event;
pub mod io;
mod keystore;
pub mod lens;
pub mod log;
pub mod naming;
pub mod network;
pub mod peripheral;
mod permission;
pub mod ports;
pub mod product;
mod record;
mod secret;
pub mod settings;
pub mod signed_video;
pub mod testing;
pub mod time;
pub mod upkeep;
pub mod watermark;

pub use clock::{Clock, SettableClock, SystemClock};
pub use device::{Device, DeviceParts, Identity};
pub use error::{Error, Result, Violation, Violations};
pub use event::{
    AuditEvent, Event, EventBus, EventKind, LogKind, LogSubscription, LoginEvent, LoginOutcome,
    RestartScope, SceneSubscription, Service, SourceState, Subscription,
};
pub use log::LogEntry;
pub use lpr_core::UtcTime;
pub use permission::{Actor, Origin, Permission, Permissions, UserLevel};
pub use record::{
    NewRecord, NewSecond, Picture, Record, RecordId, RecordKind, RecordPage, RecordQuery,
};
pub use secret::Secret;
