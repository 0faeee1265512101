//! The one place where the model's errors become HTTP answers (RFC 9457).

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use axum::{
    Json,
    extract::rejection::{BytesRejection, JsonRejection, QueryRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use platecam_model::{Error, Violation};
use serde::Serialize;

/// An answer of the kind `application/problem+json`.
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Violation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u64>,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        kind: &str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind: format!("urn:platecam:problem:{kind}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_s: None,
        }
    }

    fn retry_after(mut self, time: Duration) -> Self {
        // Rounded up: who waits exactly so long must not be refused again.
        self.retry_after_s = Some(time.as_millis().div_ceil(1000).max(1) as u64);
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The last word of its type.
    pub(crate) fn word(&self) -> &str {
        self.kind.rsplit(':').next().unwrap_or_default()
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    pub(crate) fn errors(&self) -> &[Violation] {
        &self.errors
    }

    pub(crate) fn retry_after_s(&self) -> Option<u64> {
        self.retry_after_s
    }

    pub(crate) fn no_such_resource(path: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "Not found",
            format!("there is no resource '{path}'"),
        )
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method",
            "Method not allowed",
            "this resource does not know the method",
        )
    }

    pub(crate) fn csrf() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "csrf",
            "Cross-site request refused",
            "the header X-Platecam-CSRF must carry the value given at login",
        )
    }

    /// A session is asked for, and an API token came.
    pub(crate) fn token_refused() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "token",
            "Not for tokens",
            "this resource concerns a session; an API token has none",
        )
    }

    pub(crate) fn foreign_origin() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "origin",
            "Cross-site request refused",
            "the request comes from a page of another origin",
        )
    }

    pub(crate) fn stale(detail: String) -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "conflict",
            "Changed in the meantime",
            detail,
        )
    }

    pub(crate) fn precondition_required() -> Self {
        Self::new(
            StatusCode::PRECONDITION_REQUIRED,
            "precondition",
            "Precondition required",
            "the header If-Match must carry the revision that was read, in quotes",
        )
    }

    pub(crate) fn timeout(limit: Duration) -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "timeout",
            "Took too long",
            format!(
                "the request was not complete and answered within {} s",
                limit.as_secs()
            ),
        )
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Invalid(violations) => Self {
                errors: violations.0,
                ..Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "invalid",
                    "Values refused",
                    detail,
                )
            },
            Error::Malformed { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "malformed", "Not readable", detail)
            }
            Error::Unauthenticated => {
                Self::new(StatusCode::UNAUTHORIZED, "login", "Login needed", detail)
            }
            Error::SecondFactor => Self::new(
                StatusCode::UNAUTHORIZED,
                "totp-required",
                "Code needed",
                detail,
            ),
            Error::PasswordExpired => Self::new(
                StatusCode::FORBIDDEN,
                "password-expired",
                "Password expired",
                detail,
            ),
            Error::Locked { retry_after } => {
                Self::new(StatusCode::LOCKED, "locked", "Locked", detail).retry_after(retry_after)
            }
            Error::Forbidden(_) | Error::NotInRole { .. } => {
                Self::new(StatusCode::FORBIDDEN, "forbidden", "Not permitted", detail)
            }
            Error::NotInitialised => Self::new(
                StatusCode::FORBIDDEN,
                "not-initialised",
                "Not initialised",
                detail,
            ),
            Error::NotFound { .. } => {
                Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
            }
            Error::Conflict(_) => Self::new(StatusCode::CONFLICT, "conflict", "Conflict", detail),
            Error::Unsupported(_) => Self::new(
                StatusCode::NOT_IMPLEMENTED,
                "unsupported",
                "Not supported",
                detail,
            ),
            Error::Exhausted { .. } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "limit",
                "Limit reached",
                detail,
            )
            .retry_after(Duration::from_secs(10)),
            Error::Internal { detail: cause } => {
                // The peer gets a number that stands in the log beside the cause.
                static NEXT: AtomicU64 = AtomicU64::new(1);
                let id = NEXT.fetch_add(1, Ordering::Relaxed);
                tracing::error!(id, cause, "internal error");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "Internal error",
                    format!("internal error {id}; the log says more"),
                )
            }
        }
    }
}

impl Problem {
    /// A body that cannot be taken.
    fn body(status: StatusCode, detail: String) -> Self {
        let (kind, title) = match status {
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ("media-type", "Content type refused"),
            StatusCode::PAYLOAD_TOO_LARGE => ("too-large", "Body too large"),
            StatusCode::UNPROCESSABLE_ENTITY => ("invalid", "Values refused"),
            _ => ("malformed", "Not readable"),
        };
        Self::new(status, kind, title, detail)
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::body(rejection.status(), rejection.body_text())
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        Self::body(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "malformed",
            "Not readable",
            rejection.body_text(),
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What handlers return.
pub(crate) type Answer<T> = Result<T, Problem>;

#[cfg(test)]
mod tests {
    use platecam_model::{Permission, Violations};

    use super::*;

    /// One row per variant; the match above is exhaustive, this says that it is right.
    #[test]
    fn every_error_has_its_status() {
        let rows = [
            (
                Error::invalid("/bit_rate", 7, "must be 32 to 16384"),
                422,
                "invalid",
            ),
            (
                Error::Malformed {
                    what: "time",
                    reason: "x".into(),
                },
                400,
                "malformed",
            ),
            (Error::Unauthenticated, 401, "login"),
            (Error::SecondFactor, 401, "totp-required"),
            (Error::PasswordExpired, 403, "password-expired"),
            (
                Error::Locked {
                    retry_after: Duration::from_millis(61_200),
                },
                423,
                "locked",
            ),
            (Error::Forbidden(Permission::VideoConfig), 403, "forbidden"),
            (Error::NotInitialised, 403, "not-initialised"),
            (Error::not_found("record", "7"), 404, "not-found"),
            (Error::Conflict("taken".into()), 409, "conflict"),
            (Error::Unsupported("sound".into()), 501, "unsupported"),
            (
                Error::Exhausted {
                    what: "sessions",
                    limit: 256,
                },
                503,
                "limit",
            ),
            (Error::internal("/var/secret/path"), 500, "internal"),
        ];
        for (error, status, kind) in rows {
            let problem = Problem::from(error);
            assert_eq!(problem.status, status);
            assert_eq!(problem.kind, format!("urn:platecam:problem:{kind}"));
        }
    }

    #[test]
    fn the_peer_learns_the_time_left_but_no_internals() {
        let locked = Problem::from(Error::Locked {
            retry_after: Duration::from_millis(61_200),
        });
        assert_eq!(locked.retry_after_s, Some(62));
        let internal =
            serde_json::to_string(&Problem::from(Error::internal("/var/secret/path"))).unwrap();
        assert!(!internal.contains("secret"), "{internal}");
        let invalid = Problem::from(Error::Invalid(Violations(vec![Violation::new(
            "/a", 1, "b",
        )])));
        assert_eq!(invalid.errors.len(), 1);
    }
}
