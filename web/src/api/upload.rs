//! Upload of pictures (FTP-3, FTP-9, FTP-11, FTP-12, STOR-12): how it is doing, a test, the preview of a name; what is
//! wanted is the section `upload.server`.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use platecam_model::{
    Error, LogKind, Permission,
    naming::{NameContext, NameRule, TOKENS},
    ports::UploadStatus,
    settings::{DeviceGeneral, Section, TimeSettings, UploadServer},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::log::Tested;
use crate::{
    app::{App, blocking},
    auth::Login,
    problem::Answer,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    let (read, write) = (
        Access::Needs(Permission::ReadConfig),
        Access::Needs(Permission::StorageConfig),
    );
    Routes::new()
        .get("/upload", read, show)
        .post("/upload/test", write, test)
        .post("/upload/forget-keys", write, forget_keys)
        .post("/upload/accept-key", write, accept_key)
        .post("/upload/preview", read, preview)
}

/// `GET /upload`.
async fn show(State(app): State<App>) -> Answer<Json<UploadStatus>> {
    let device = app.device.clone();
    blocking(move || Ok(device.uploads.status()))
        .await
        .map(Json)
}

/// `POST /upload/test`: logs in and writes a small file, with the stored settings (FTP-9).
async fn test(State(app): State<App>, login: Login) -> Answer<Json<Tested>> {
    let device = app.device.clone();
    let tested = blocking(move || {
        let tested = device.uploads.test();
        let outcome = if tested.is_ok() { "worked" } else { "failed" };
        let what = format!("A test of the upload server {outcome}.");
        device.audit(LogKind::Storage, &login.actor, what);
        match tested {
            Ok(took) => Ok(Tested::sent(took)),
            Err(Error::Unsupported(error)) => Ok(Tested::failed(error)),
            Err(other) => Err(other),
        }
    });
    Ok(Json(tested.await?))
}

/// `POST /upload/forget-keys`: the next key that a server shows is remembered (FTP-11).
async fn forget_keys(State(app): State<App>, login: Login) -> Answer<Json<UploadStatus>> {
    let device = app.device.clone();
    let done = blocking(move || {
        device.uploads.forget_keys()?;
        let what = "The keys of upload servers were forgotten.";
        device.audit(LogKind::Storage, &login.actor, what);
        Ok(device.uploads.status())
    });
    done.await.map(Json)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    key: String,
}

/// `POST /upload/accept-key`: the key that the server shows now counts, in the settings where they hold one (FTP-11).
async fn accept_key(
    State(app): State<App>,
    login: Login,
    body: Result<Json<Shown>, JsonRejection>,
) -> Answer<Json<UploadStatus>> {
    let Json(Shown { key }) = body?;
    let device = app.device.clone();
    let done = blocking(move || {
        let offered = device.uploads.status().offered_key;
        if offered.as_ref() != Some(&key) {
            let why = "this is not the key that the server showed last";
            return Err(Error::Conflict(why.into()));
        }
        let revision = device.settings.read(UploadServer::KEY, &login.actor)?;
        if device.settings.get::<UploadServer>().host_key.is_empty() {
            device.uploads.accept_key(&key)?;
        } else {
            let patch = json!({"host_key": key});
            let seen = Some(revision.revision);
            device
                .settings
                .patch(UploadServer::KEY, &patch, seen, &login.actor)?;
        }
        let what = format!("The key {key} of the upload server was accepted.");
        device.audit(LogKind::Storage, &login.actor, what);
        Ok(device.uploads.status())
    });
    done.await.map(Json)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    rule: String,
}

#[derive(Debug, Serialize)]
struct Preview {
    /// What a name of the rule looks like.
    name: String,
    /// What a rule may hold.
    tokens: [&'static str; TOKENS.len()],
}

/// `POST /upload/preview`: what a name of this rule looks like (STOR-12).
async fn preview(
    State(app): State<App>,
    body: Result<Json<Wanted>, JsonRejection>,
) -> Answer<Json<Preview>> {
    let Json(wanted) = body?;
    let rule = NameRule::parse(&wanted.rule)
        .map_err(|e| Error::invalid("/rule", &wanted.rule, e.to_string()))?;
    let device = &app.device;
    let (general, time) = (
        device.settings.get::<DeviceGeneral>(),
        device.settings.get::<TimeSettings>(),
    );
    let zone = time.effective();
    let context = NameContext {
        device: &general.name,
        serial: &device.identity.serial,
        zone: &zone,
    };
    Ok(Json(Preview {
        name: rule.example(device.clock.now(), context),
        tokens: TOKENS,
    }))
}
