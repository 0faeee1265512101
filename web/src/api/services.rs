//! What the services of the machine really do (SYS-30, SEC-13, DOT1X-6); their switches are settings.

use axum::{Json, extract::State};
use platecam_model::{
    Permission,
    ports::{Gateway, Neighbour, SshState, SupplicantState},
};
use serde::Serialize;

use crate::{
    app::{App, blocking},
    problem::Answer,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    Routes::new().get("/services", Access::Needs(Permission::ReadConfig), show)
}

#[derive(Debug, Serialize)]
pub(crate) struct Services {
    ssh: Ssh,
    gateway: GatewayState,
    dot1x: Dot1x,
}

#[derive(Debug, Serialize)]
struct Dot1x {
    #[serde(flatten)]
    state: SupplicantState,
    /// Why this program may not run a supplicant.
    fixed: Option<String>,
}

#[derive(Debug, Serialize)]
struct Ssh {
    #[serde(flatten)]
    state: SshState,
    /// Why this program may not switch it.
    fixed: Option<String>,
}

#[derive(Debug, Serialize)]
struct GatewayState {
    /// The default gateway; `null` without one.
    #[serde(flatten)]
    gateway: Option<Gateway>,
    /// Its hardware address as the machine knows it.
    neighbour: Option<Neighbour>,
    /// Why this program may not bind it.
    fixed: Option<String>,
}

/// `GET /services`: asks the machine.
pub(crate) async fn show(State(app): State<App>) -> Answer<Json<Services>> {
    let host = app.device.host.clone();
    let services = blocking(move || {
        let gateway = host.neighbours.gateway();
        let neighbour = match &gateway {
            Some(gateway) => host.neighbours.look(gateway)?,
            None => None,
        };
        let fixed =
            |changeable: platecam_model::Result<()>| changeable.err().map(|e| e.to_string());
        Ok(Services {
            ssh: Ssh {
                state: host.ssh.state(),
                fixed: fixed(host.ssh.changeable()),
            },
            gateway: GatewayState {
                gateway,
                neighbour,
                fixed: fixed(host.neighbours.changeable()),
            },
            dot1x: Dot1x {
                state: host.supplicant.state(),
                fixed: fixed(host.supplicant.changeable()),
            },
        })
    });
    services.await.map(Json)
}
