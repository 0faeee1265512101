//! Answers: lines of `key=value` in UTF-8.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use platecam_model::Error;
use serde_json::Value;

use crate::problem::Problem;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Lines of an answer.
#[derive(Debug, Default)]
pub(super) struct Lines(String);

impl Lines {
    /// Adds a line. Backslash, line ends and tabs of the value become `\\`, `\n`, `\r`, `\t`; other control characters
    /// are left out.
    pub(super) fn add(&mut self, key: &str, value: &str) {
        self.0.push_str(key);
        self.0.push('=');
        self.0.push_str(&escaped(value));
        self.0.push('\n');
    }

    /// Adds a setting: texts as they are, everything else as JSON.
    pub(super) fn add_value(&mut self, key: &str, value: &Value) {
        match value {
            Value::String(text) => self.add(key, text),
            other => self.add(key, &other.to_string()),
        }
    }
}

/// A value on one line.
pub(super) fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

impl IntoResponse for Lines {
    fn into_response(self) -> Response {
        text(self.0)
    }
}

/// A text as it is.
pub(super) fn text(text: String) -> Response {
    ([(header::CONTENT_TYPE, TEXT)], text).into_response()
}

/// What was refused, and why.
#[derive(Debug)]
pub(crate) struct Refusal {
    problem: Box<Problem>,
    /// Values of `WWW-Authenticate`.
    pub(super) challenges: Vec<String>,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self {
            problem: Box::new(problem),
            challenges: Vec::new(),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Problem::from(error).into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self {
            problem,
            challenges,
        } = self;
        let status = match problem.status() {
            // A value out of bounds is a wrong request, as for every other wrong parameter.
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            status => status,
        };
        let mut lines = Lines::default();
        lines.add("error", problem.word());
        lines.add("message", problem.detail());
        for v in problem.errors() {
            lines.add(
                "field",
                &v.pointer.trim_start_matches('/').replace('/', "."),
            );
            lines.add("value", &v.value);
            lines.add("reason", &v.reason);
        }
        let mut response = (status, lines).into_response();
        let headers = response.headers_mut();
        for challenge in challenges {
            if let Ok(value) = HeaderValue::from_str(&challenge) {
                headers.append(header::WWW_AUTHENTICATE, value);
            }
        }
        if let Some(seconds) = problem.retry_after_s() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_on_its_line() {
        let mut lines = Lines::default();
        lines.add("a", "x\ny\\\u{0}\r\tz=1");
        lines.add_value("b", &serde_json::json!(["p", 1]));
        lines.add_value("c", &serde_json::json!("text"));
        assert_eq!(lines.0, "a=x\\ny\\\\\\r\\tz=1\nb=[\"p\",1]\nc=text\n");
    }
}
