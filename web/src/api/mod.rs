//! The JSON API, one file per resource.

pub(crate) mod access;
pub(crate) mod alarms;
pub(crate) mod audio;
pub(crate) mod certificates;
pub(crate) mod commission;
pub(crate) mod config;
pub(crate) mod ddns;
pub(crate) mod debug;
pub(crate) mod device;
pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod init;
pub(crate) mod lens;
pub(crate) mod log;
mod log_live;
pub(crate) mod mail;
pub(crate) mod maintenance;
pub(crate) mod network;
mod pages;
pub(crate) mod password_reset;
pub(crate) mod peripherals;
mod preview;
mod qr;
pub(crate) mod records;
pub(crate) mod revocation;
pub(crate) mod services;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod snapshot;
pub(crate) mod status;
pub(crate) mod storage;
pub(crate) mod time;
pub(crate) mod upgrade;
pub(crate) mod upload;
pub(crate) mod users;
pub(crate) mod watermark;

use axum::http::Uri;

use crate::{live, problem::Problem, routes::Routes};

/// Everything below `/api/v1`; each resource brings its own paths.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .merge(alarms::routes())
        .merge(audio::routes())
        .merge(certificates::routes())
        .merge(commission::routes())
        .merge(config::routes())
        .merge(ddns::routes())
        .merge(debug::routes())
        .merge(access::routes())
        .merge(password_reset::routes())
        .merge(peripherals::routes())
        .merge(users::routes())
        .merge(device::routes())
        .merge(init::routes())
        .merge(lens::routes())
        .merge(log::routes())
        .merge(mail::routes())
        .merge(maintenance::routes())
        .merge(network::routes())
        .merge(upgrade::routes())
        .merge(storage::routes())
        .merge(upload::routes())
        .merge(watermark::routes())
        .merge(services::routes())
        .merge(session::routes())
        .merge(settings::routes())
        .merge(preview::routes())
        .merge(status::routes())
        .merge(time::routes())
        .merge(snapshot::routes())
        .merge(records::routes())
        .merge(revocation::routes())
        .merge(events::routes())
        .merge(export::routes())
        .merge(crate::legal::routes())
        .merge(crate::openapi::routes())
        .merge(live::routes())
}

pub(crate) async fn unknown(uri: Uri) -> Problem {
    // The router has taken the prefix off.
    Problem::no_such_resource(&format!("/api/v1{}", uri.path()))
}

pub(crate) async fn wrong_method() -> Problem {
    Problem::method_not_allowed()
}
