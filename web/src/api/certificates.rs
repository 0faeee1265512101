//! Keys and certificates of HTTPS (HTTPS-1..5, HTTPS-9).

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use platecam_model::{
    Error, Permission, Secret,
    ports::{
        CertificateInfo, MAX_CERTIFICATES, NewCertificate, RootInfo, SignedBy, Subject,
        UploadedCertificate,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    app::{App, blocking},
    auth::Login,
    problem::Answer,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    let access = Access::Needs(Permission::SecurityConfig);
    Routes::new()
        .get("/certificates", access, list)
        .post("/certificates", access, create)
        .post("/certificates/requests", access, request)
        .post("/certificates/upload", access, upload)
        // For computers that do not trust the unit yet.
        .get("/certificates/root", Access::Anybody, root)
        .get("/certificates/{id}/request", access, request_pem)
        .get("/certificates/{id}/certificate", access, certificate_pem)
        .put("/certificates/{id}/certificate", access, complete)
        .post("/certificates/{id}/install", access, install)
        .delete("/certificates/{id}", access, delete)
}

#[derive(Debug, Serialize)]
pub(crate) struct List {
    certificates: Vec<CertificateInfo>,
    root: RootInfo,
    limit: usize,
}

/// `GET /certificates`.
pub(crate) async fn list(State(app): State<App>, login: Login) -> Answer<Json<List>> {
    let device = app.device.clone();
    let (certificates, root) = blocking(move || device.certificates(&login.actor)).await?;
    Ok(Json(List {
        certificates,
        root,
        limit: MAX_CERTIFICATES,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    alias: String,
    #[serde(default)]
    subject: Subject,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default = "valid_days")]
    valid_days: u32,
    #[serde(default)]
    signed_by: SignedBy,
}

/// The longest that browsers accept.
fn valid_days() -> u32 {
    825
}

impl From<New> for NewCertificate {
    fn from(new: New) -> Self {
        Self {
            alias: new.alias,
            subject: new.subject,
            names: new.names,
            valid_days: new.valid_days,
            signed_by: new.signed_by,
        }
    }
}

type Made = Answer<(StatusCode, Json<CertificateInfo>)>;

/// `POST /certificates`.
pub(crate) async fn create(
    State(app): State<App>,
    login: Login,
    body: Result<Json<New>, JsonRejection>,
) -> Made {
    let Json(new) = body?;
    let device = app.device.clone();
    let made = blocking(move || device.create_certificate(&login.actor, new.into())).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// `POST /certificates/requests`.
pub(crate) async fn request(
    State(app): State<App>,
    login: Login,
    body: Result<Json<New>, JsonRejection>,
) -> Made {
    let Json(new) = body?;
    let device = app.device.clone();
    let made = blocking(move || device.request_certificate(&login.actor, new.into())).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Uploaded {
    alias: String,
    certificate: Option<String>,
    key: Option<String>,
    pkcs12: Option<String>,
    #[serde(default)]
    password: String,
}

/// `POST /certificates/upload`.
pub(crate) async fn upload(
    State(app): State<App>,
    login: Login,
    body: Result<Json<Uploaded>, JsonRejection>,
) -> Made {
    let Json(body) = body?;
    let upload = match (body.certificate, body.key, body.pkcs12) {
        (Some(certificate), Some(key), None) => UploadedCertificate::Pem {
            certificate,
            key: Secret::new(key),
        },
        (None, None, Some(file)) => UploadedCertificate::Pkcs12 {
            file,
            password: Secret::new(body.password),
        },
        _ => {
            let reason = "must come with key, or pkcs12 alone";
            return Err(Error::invalid("/certificate", "", reason).into());
        }
    };
    let device = app.device.clone();
    let made =
        blocking(move || device.upload_certificate(&login.actor, &body.alias, &upload)).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signed {
    certificate: String,
}

/// `PUT /certificates/{id}/certificate`.
pub(crate) async fn complete(
    State(app): State<App>,
    login: Login,
    Path(id): Path<String>,
    body: Result<Json<Signed>, JsonRejection>,
) -> Answer<Json<CertificateInfo>> {
    let Json(Signed { certificate }) = body?;
    let device = app.device.clone();
    blocking(move || device.complete_certificate(&login.actor, &id, &certificate))
        .await
        .map(Json)
}

/// `POST /certificates/{id}/install` (HTTPS-2).
pub(crate) async fn install(
    State(app): State<App>,
    login: Login,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let device = app.device.clone();
    blocking(move || device.install_certificate(&login.actor, &id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /certificates/{id}` (HTTPS-9).
pub(crate) async fn delete(
    State(app): State<App>,
    login: Login,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let device = app.device.clone();
    blocking(move || device.delete_certificate(&login.actor, &id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn file(kind: &'static str, name: &str, content: impl Into<axum::body::Body>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    (headers, content.into()).into_response()
}

/// `GET /certificates/root` (HTTPS-3).
pub(crate) async fn root(State(app): State<App>) -> Answer<Response> {
    let device = app.device.clone();
    let der = blocking(move || device.certificates.root_der()).await?;
    Ok(file("application/pkix-cert", "RootCert.cer", der))
}

/// `GET /certificates/{id}/request`.
pub(crate) async fn request_pem(
    State(app): State<App>,
    _login: Login,
    Path(id): Path<String>,
) -> Answer<Response> {
    let device = app.device.clone();
    let pem = blocking(move || device.certificates.request_pem(&id)).await?;
    Ok(file("application/pkcs10", "request.csr", pem))
}

/// `GET /certificates/{id}/certificate`.
pub(crate) async fn certificate_pem(
    State(app): State<App>,
    _login: Login,
    Path(id): Path<String>,
) -> Answer<Response> {
    let device = app.device.clone();
    let pem = blocking(move || device.certificates.certificate_pem(&id)).await?;
    Ok(file("application/x-pem-file", "certificate.pem", pem))
}
