//! The user interface, embedded with its compressed forms.

use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::problem::Problem;

/// Release builds hold the files, debug builds read them from the source tree.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/ui/dist/"]
struct Dist;

/// Answers everything that no other route knows: a file of the UI, or its entry page for a page's
/// address.
pub(crate) async fn serve(request: Request) -> Response {
    let path = request.uri().path();
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Problem::method_not_allowed().into_response();
    }
    let name = path.trim_start_matches('/');
    if name.starts_with("api/") || name.starts_with("onvif/") {
        return Problem::no_such_resource(path).into_response();
    }
    let listed = !name.is_empty() && !name.ends_with(".br") && !name.ends_with(".gz");
    let (name, file) = match Dist::get(name).filter(|_| listed) {
        Some(file) => (name, file),
        // A page's address has no dot; a missing file must not be answered with a page.
        None if !name.contains('.') => match Dist::get("index.html") {
            Some(file) => ("index.html", file),
            None => return Problem::no_such_resource(path).into_response(),
        },
        None => return Problem::no_such_resource(path).into_response(),
    };
    answer(name, file, request.headers())
}

fn answer(name: &str, plain: EmbeddedFile, asked: &HeaderMap) -> Response {
    let (encoding, file) = negotiate(name, plain, asked);
    let etag = etag(&file);
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static(cache_rule(name)),
    );
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Ok(value) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, value);
    }
    if matches(asked, &etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(content_type(name)),
    );
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    *response.body_mut() = Body::from(file.data.into_owned());
    response
}

fn negotiate(
    name: &str,
    plain: EmbeddedFile,
    asked: &HeaderMap,
) -> (Option<&'static str>, EmbeddedFile) {
    for (encoding, ending) in [("br", "br"), ("gzip", "gz")] {
        if accepts(asked, encoding)
            && let Some(file) = Dist::get(&format!("{name}.{ending}"))
        {
            return (Some(encoding), file);
        }
    }
    (None, plain)
}

/// Whether `Accept-Encoding` lists `encoding` with a weight other than 0.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| {
            let (name, params) = item.split_once(';').unwrap_or((item, ""));
            let zero = params
                .trim()
                .strip_prefix("q=")
                .is_some_and(|q| q.parse() == Ok(0.0));
            name.trim().eq_ignore_ascii_case(encoding) && !zero
        })
}

fn etag(file: &EmbeddedFile) -> String {
    let mut text = String::with_capacity(26);
    text.push('"');
    for byte in &file.metadata.sha256_hash()[..12] {
        text.push_str(&format!("{byte:02x}"));
    }
    text.push('"');
    text
}

/// Whether `If-None-Match` names the entity tag (weak comparison, RFC 9110 §13.1.2).
pub(crate) fn matches(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .any(|value| {
            value.trim() == "*"
                || value
                    .split(',')
                    .any(|tag| tag.trim().trim_start_matches("W/") == etag)
        })
}

/// Files below `assets/` carry a hash in their names and never change.
fn cache_rule(name: &str) -> &'static str {
    if name.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        for (value, encoding, want) in [
            ("gzip, deflate, br", "br", true),
            ("gzip;q=0.5", "gzip", true),
            ("br;q=0", "br", false),
            ("br;q=0.0, gzip", "br", false),
            ("identity", "br", false),
            ("brx", "br", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(accepts(&headers, encoding), want, "{value}");
        }
    }

    #[test]
    fn only_hashed_names_are_kept() {
        assert!(cache_rule("assets/index-abc.js").contains("immutable"));
        assert_eq!(cache_rule("index.html"), "no-cache");
    }
}
