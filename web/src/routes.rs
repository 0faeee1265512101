//! The one table of routes: what is not in it cannot be reached, and what is in it says who may.

use std::{collections::HashMap, fmt};

use axum::{
    Router,
    handler::Handler,
    routing::{MethodFilter, MethodRouter, on},
};
use http::Method;
use platecam_model::{
    Permission,
    product::{Function, Need},
};

use crate::app::App;

/// Who may call a route. Checked before the handler runs (`gate`), and a column of
/// `docs/reference/permissions.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, also before the initialisation.
    Always,
    /// Anybody, once the device is initialised.
    Anybody,
    /// Who has a session of the web. Not for API tokens.
    OwnSession,
    /// The same, even when the password has expired.
    EvenExpired,
    /// Who is logged in or has a token; the model checks what the text says.
    LoggedIn(&'static str),
    /// Who has this permission.
    Needs(Permission),
    /// A session with the permission, or a client that proves itself later in its own protocol.
    OrProvesItself(Permission),
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("anybody, also before the initialisation"),
            Self::Anybody => f.write_str("anybody"),
            Self::OwnSession => f.write_str("own session"),
            Self::EvenExpired => f.write_str("own session, also with an expired password"),
            Self::LoggedIn(what) => write!(f, "logged in; {what}"),
            Self::Needs(permission) => write!(f, "`{permission}`"),
            Self::OrProvesItself(permission) => write!(f, "`{permission}`, or RTSP's own Digest"),
        }
    }
}

/// One method of one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// HTTP method.
    pub method: Method,
    /// Path, parameters in braces; of the JSON API below `/api/v1`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// What the model must have (GEN-24).
    pub needs: Option<Need>,
}

/// Routes with their table; every resource gives one of these.
#[derive(Default)]
pub(crate) struct Routes {
    router: Router<App>,
    table: Vec<Route>,
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A route whose handler needs layers of its own, such as a larger body.
    pub(crate) fn route(
        mut self,
        method: Method,
        path: &'static str,
        access: Access,
        handler: MethodRouter<App>,
    ) -> Self {
        self.router = self.router.route(path, handler);
        self.table.push(Route {
            method,
            path,
            access,
            needs: None,
        });
        self
    }

    /// All routes so far are there only on models with this function.
    pub(crate) fn of(self, function: Function) -> Self {
        self.needing(Some(Need::Function(function)))
    }

    /// All routes so far are there only on models that meet this need.
    pub(crate) fn needing(mut self, need: Option<Need>) -> Self {
        for route in &mut self.table {
            route.needs = need;
        }
        self
    }

    fn on<H, T>(
        self,
        (method, filter): (Method, MethodFilter),
        path: &'static str,
        access: Access,
        handler: H,
    ) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.route(method, path, access, on(filter, handler))
    }

    pub(crate) fn get<H, T>(self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.on((Method::GET, MethodFilter::GET), path, access, handler)
    }

    pub(crate) fn post<H, T>(self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.on((Method::POST, MethodFilter::POST), path, access, handler)
    }

    pub(crate) fn put<H, T>(self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.on((Method::PUT, MethodFilter::PUT), path, access, handler)
    }

    pub(crate) fn patch<H, T>(self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.on((Method::PATCH, MethodFilter::PATCH), path, access, handler)
    }

    pub(crate) fn delete<H, T>(self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.on(
            (Method::DELETE, MethodFilter::DELETE),
            path,
            access,
            handler,
        )
    }

    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.table.extend(other.table);
        self
    }

    /// The router and its rows.
    pub(crate) fn parts(self) -> (Router<App>, Vec<Route>) {
        (self.router, self.table)
    }

    /// The router and the table that its gate looks into.
    pub(crate) fn split(self) -> (Router<App>, Table) {
        let by_route = self
            .table
            .iter()
            .map(|r| ((r.method.clone(), r.path), (r.access, r.needs)))
            .collect();
        (self.router, Table(by_route))
    }
}

/// Access and need by method and path.
#[derive(Debug)]
pub(crate) struct Table(HashMap<(Method, &'static str), (Access, Option<Need>)>);

impl Table {
    /// Who may call, and what the model must have; `None` for what no resource brought: it ends in 404 or 405.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Option<(Access, Option<Need>)> {
        let method = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        let path = path.strip_prefix("/api/v1").unwrap_or(path);
        self.0
            .iter()
            .find(|((m, p), _)| m == method && *p == path)
            .map(|(_, row)| *row)
    }
}

/// Every route of the JSON API, by path and method; for documents and tests.
#[must_use]
pub fn permission_table() -> Vec<Route> {
    let mut table = crate::api::routes().table;
    table.sort_by(|a, b| (a.path, a.method.as_str()).cmp(&(b.path, b.method.as_str())));
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_route_is_there_twice_and_head_is_get() {
        let all = permission_table();
        for pair in all.windows(2) {
            assert_ne!(
                (&pair[0].method, pair[0].path),
                (&pair[1].method, pair[1].path)
            );
        }
        let (_, table) = crate::api::routes().split();
        assert_eq!(
            table.find(&Method::HEAD, "/api/v1/status"),
            table.find(&Method::GET, "/status")
        );
        assert_eq!(table.find(&Method::TRACE, "/status"), None);
    }
}
