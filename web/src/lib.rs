//! HTTP and HTTPS server: the JSON API, WebSockets and the user interface.
//!
//! *Architecture invariant:* this crate translates between HTTP and [`platecam_model::Device`]; it
//! owns no state of the device, and knows neither ONVIF nor RTSP. ONVIF's services are routers that
//! the binary hands over; RTSP over WebSocket or HTTP is passed on as a byte stream ([`RtspTunnel`]).
//!
//! The API is described in `docs/reference/web-api.md`.
#![forbid(unsafe_code)]

mod api;
mod app;
mod archive;
mod assets;
mod auth;
pub mod cgi;
mod config;
mod conn;
mod gate;
mod headers;
pub mod legal;
mod live;
mod metrics;
mod monitor;
mod openapi;
mod problem;
mod redirect;
mod routes;
mod server;
mod tunnel;

pub use api::upgrade::receive_upgrade;
pub use app::router;
pub use cgi::cgi_table;
pub use config::{Config, Limits, Tls};
pub use conn::ConnInfo;
pub use live::{ByteStream, RtspTunnel, Viewer};
pub use routes::{Access, Route, permission_table};
pub use server::{Error, Server, serve};
