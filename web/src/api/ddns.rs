//! Dynamic DNS (DDNS-3, DDNS-6): how the name is doing; what is wanted is the section `net.ddns`.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use platecam_model::{Permission, ports::DdnsStatus, settings::DdnsService};
use serde::Serialize;

use crate::{
    app::App,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    Routes::new().get("/ddns", Access::Needs(Permission::ReadConfig), show)
}

#[derive(Debug, Serialize)]
struct Ddns {
    #[serde(flatten)]
    status: DdnsStatus,
    /// Where updates of the named services go.
    addresses: BTreeMap<&'static str, &'static str>,
}

/// `GET /ddns`.
async fn show(State(app): State<App>) -> Json<Ddns> {
    let named = |s: DdnsService| s.address().map(|address| (s.name(), address));
    Json(Ddns {
        status: app.device.ddns.status(),
        addresses: DdnsService::ALL.into_iter().filter_map(named).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names are those of the section.
    #[test]
    fn services_are_named_as_in_the_settings() {
        for service in DdnsService::ALL {
            assert_eq!(serde_json::json!(service), service.name());
        }
    }
}
