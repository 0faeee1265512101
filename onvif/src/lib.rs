//! ONVIF services as an adapter over the device model.
//!
//! [`OnvifService`] answers HTTP requests below `/onvif/` (SOAP, snapshots, record pictures),
//! translates the device's events into ONVIF notifications, and feeds the metadata stream.
//! [`discovery`] makes the device found. Nothing here owns a socket of HTTP or RTSP, a setting or a
//! picture: it translates and calls [`platecam_model::Device`].
#![forbid(unsafe_code)]

mod access;
mod address;
mod analytics;
mod answer;
mod auth;
mod call;
mod device;
mod deviceio;
pub mod discovery;
pub mod events;
mod fault;
mod functions;
mod imaging;
mod media;
pub mod metadata;
mod model;
mod pictures;
mod provisioning;
mod request;
mod route;
mod security;
mod service;
mod ticket;

pub use access::needed;
pub use address::{Base, Ports, ReplacedPorts, ServicePorts};
pub use device::capabilities::onvif_version;
pub use functions::all as served;
pub use media::{StreamTarget, stream_path, stream_target};
pub use request::{HttpRequest, MAX_BODY};
pub use route::operations;
pub use service::{DEVICE_PATH, OnvifService};
