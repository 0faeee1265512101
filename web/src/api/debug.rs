//! Debug information collection (DEBUG-1..3, DEBUG-6).

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};
use platecam_model::{Error, Permission, Secret, upkeep::BundlePart};
use serde::{Deserialize, Serialize};

use crate::{
    app::{App, blocking},
    auth::Login,
    problem::Answer,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    let access = Access::Needs(Permission::Maintenance);
    Routes::new()
        .get("/debug/parts", access, parts)
        .post("/debug/bundle", access, bundle)
}

#[derive(Debug, Serialize)]
pub(crate) struct Part {
    id: &'static str,
    title: &'static str,
}

/// `GET /debug/parts`.
pub(crate) async fn parts(login: Login) -> Answer<Json<Vec<Part>>> {
    login.actor.require(Permission::Maintenance)?;
    let all = BundlePart::ALL.iter().map(|p| Part {
        id: p.id(),
        title: p.title(),
    });
    Ok(Json(all.collect()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    #[serde(default)]
    parts: Vec<String>,
    password: Option<String>,
}

/// `POST /debug/bundle`.
pub(crate) async fn bundle(
    State(app): State<App>,
    login: Login,
    body: Result<Json<Wanted>, JsonRejection>,
) -> Answer<Response> {
    let Json(Wanted { parts, password }) = body?;
    let parts = parts
        .iter()
        .map(|id| {
            let unknown = || Error::invalid("/parts", id, "there is no such part");
            BundlePart::of(id).ok_or_else(unknown)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let password = password.filter(|p| !p.is_empty()).map(Secret::new);
    let (device, by) = (app.device.clone(), login.actor);
    let zip = blocking(move || device.support_bundle(&by, &parts, password.as_ref())).await?;
    let name = format!(
        "attachment; filename=\"platecam-{}.zip\"",
        app.device.identity.serial
    );
    let name = HeaderValue::from_str(&name).map_err(Error::internal)?;
    let kind = HeaderValue::from_static("application/zip");
    Ok((
        [
            (header::CONTENT_TYPE, kind),
            (header::CONTENT_DISPOSITION, name),
        ],
        zip,
    )
        .into_response())
}
