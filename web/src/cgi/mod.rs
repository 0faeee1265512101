//! The CGI: documented commands below `/cgi-bin/` for other devices (CGI-1..4, C-37). `docs/reference/cgi.md` is its
//! contract. The same model calls as everywhere; only the form of requests and answers is another.

mod answer;
mod device;
mod gate;
mod output;
mod param;
mod picture;
mod plates;
pub mod query;
mod storage;

use axum::{Router, extract::DefaultBodyLimit, middleware::from_fn_with_state, routing::any};
use http::Method;
use platecam_model::Error;

use crate::{
    app::App,
    problem::Answer,
    routes::{Access, Route, Routes, Table},
};
use answer::Refusal;

/// Where all commands are.
pub(crate) const BASE: &str = "/cgi-bin/";

/// Every command.
fn routes() -> Routes {
    Routes::new()
        .merge(device::routes())
        .merge(output::routes())
        .merge(param::routes())
        .merge(picture::routes())
        .merge(plates::routes())
        .merge(storage::routes())
}

/// Every command of the CGI with who may call it, by path and method; for documents and tests. Paths are whole.
#[must_use]
pub fn cgi_table() -> Vec<Route> {
    let (_, mut table) = routes().parts();
    table.sort_by(|a, b| (a.path, a.method.as_str()).cmp(&(b.path, b.method.as_str())));
    table
}

/// The table that the gate looks into.
#[derive(Clone)]
pub(crate) struct Cgi {
    app: App,
    table: std::sync::Arc<Table>,
}

/// The commands behind their gate.
pub(crate) fn router(app: App) -> Router {
    let (router, table) = routes().split();
    let cgi = Cgi {
        app: app.clone(),
        table: std::sync::Arc::new(table),
    };
    router
        .route("/cgi-bin", any(unknown))
        .route("/cgi-bin/", any(unknown))
        .route("/cgi-bin/{*rest}", any(unknown))
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(query::MAX_BYTES))
        .layer(from_fn_with_state(cgi, gate::guard))
        .with_state(app)
}

/// A command that takes its parameters in the query string of a GET or the form of a POST.
fn command<H, T>(path: &'static str, access: Access, handler: H) -> Routes
where
    H: axum::handler::Handler<T, App>,
    T: 'static,
{
    Routes::new()
        .route(
            Method::GET,
            path,
            access,
            axum::routing::get(handler.clone()),
        )
        .route(Method::POST, path, access, axum::routing::post(handler))
}

async fn unknown(uri: http::Uri) -> Refusal {
    let path: String = uri.path().chars().take(128).collect();
    Error::not_found("CGI command", path).into()
}

async fn wrong_method() -> Refusal {
    crate::problem::Problem::method_not_allowed().into()
}

/// Runs a call of the model off the event loop; its refusal is told in the CGI's form.
async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> platecam_model::Result<T> + Send + 'static,
) -> Result<T, Refusal> {
    let done: Answer<T> = crate::app::blocking(call).await;
    done.map_err(Refusal::from)
}
