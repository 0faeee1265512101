use std::{fmt, sync::Arc};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
};
use platecam_model::{Device, Error};
use tokio::sync::{Semaphore, watch};

use crate::{
    Limits, RtspTunnel, api, assets, cgi, gate, headers, monitor,
    problem::{Answer, Problem},
    routes::Table,
};

/// What handlers share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) device: Device,
    pub(crate) rtsp: Arc<dyn RtspTunnel>,
    pub(crate) limits: Limits,
    pub(crate) event_sockets: Arc<Semaphore>,
    pub(crate) live_sockets: Arc<Semaphore>,
    pub(crate) stop: Stop,
    /// Who may call which route.
    pub(crate) table: Arc<Table>,
}

/// Tells long-lived connections that the server stops.
#[derive(Clone, Debug)]
pub(crate) struct Stop(pub(crate) watch::Receiver<bool>);

impl Stop {
    /// Returns when the server stops, or when nobody is left who could say so.
    pub(crate) async fn wait(&mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

impl App {
    pub(crate) fn new(
        device: Device,
        rtsp: Arc<dyn RtspTunnel>,
        limits: Limits,
        stop: Stop,
        table: Table,
    ) -> Self {
        Self {
            device,
            rtsp,
            limits,
            event_sockets: Arc::new(Semaphore::new(limits.event_sockets)),
            live_sockets: Arc::new(Semaphore::new(limits.live_sockets)),
            stop,
            table: Arc::new(table),
        }
    }
}

/// Runs a call of the model that may touch the disk or hash a password, off the event loop.
pub(crate) async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> platecam_model::Result<T> + Send + 'static,
) -> Answer<T> {
    match tokio::task::spawn_blocking(call).await {
        Ok(result) => result.map_err(Problem::from),
        Err(panicked) => Err(Error::internal(panicked).into()),
    }
}

/// Everything this server answers, without its listeners. `extra` routers bring their own paths
/// (`/onvif/...`) and limits, and must have no fallback.
///
/// Every request must carry a [`crate::ConnInfo`] in its extensions.
pub fn router(
    device: Device,
    rtsp: Arc<dyn RtspTunnel>,
    limits: Limits,
    extra: Vec<Router>,
    stopping: watch::Receiver<bool>,
) -> Router {
    let (routes, table) = api::routes().split();
    let app = App::new(device, rtsp, limits, Stop(stopping), table);
    let monitor = monitor::routes(app.clone());
    let cgi = cgi::router(app.clone());
    let v1 = routes
        .fallback(api::unknown)
        .method_not_allowed_fallback(api::wrong_method)
        .layer(DefaultBodyLimit::max(limits.body_bytes))
        .layer(from_fn_with_state(app.clone(), gate::guard))
        .with_state(app);
    extra
        .into_iter()
        .fold(
            Router::new().nest("/api/v1", v1).merge(monitor).merge(cgi),
            Router::merge,
        )
        .fallback(assets::serve)
        .layer(from_fn(headers::secure))
}
