//! OpenAPI 3.1 description of the web API (`GET /openapi.json`), made of what exists already: the table of routes says what is
//! there and who may, the reference pages say what it does, the settings sections bring their schemas. Nothing is described twice.

use std::{collections::BTreeMap, sync::OnceLock};

use axum::{Json, extract::State};
use platecam_model::{Actor, Device};
use serde_json::{Map, Value, json};

use crate::{
    app::App,
    routes::{Access, Route, Routes, permission_table},
};

/// Version of the API; raised with every incompatible change, together with the path.
const VERSION: &str = "1.0.0";

/// The reference pages, whose tables describe each request: name and text, collected by the build script.
fn pages() -> &'static [(String, String)] {
    static PAGES: OnceLock<Vec<(String, String)>> = OnceLock::new();
    PAGES.get_or_init(|| {
        // A test reads what the build script wrote.
        serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/pages.json")))
            .unwrap_or_default()
    })
}

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    Routes::new().get("/openapi.json", Access::Always, show)
}

/// `GET /openapi.json`.
pub(crate) async fn show(State(app): State<App>) -> Json<Value> {
    Json(document(&app.device))
}

/// A row of a reference page.
#[derive(Debug, PartialEq, Eq)]
struct Described<'a> {
    page: &'a str,
    /// What the request carries, as the page says it.
    request: &'a str,
    /// What the answer is.
    answer: &'a str,
}

/// What the pages say of each method and path: rows of tables first, then sentences such as `GET /a` → the answer.
fn described() -> BTreeMap<String, Described<'static>> {
    let mut all = BTreeMap::new();
    for (page, text) in pages() {
        for row in text.lines().filter_map(|l| l.strip_prefix("| ")) {
            let (request, answer) = split(row);
            for (method, path) in requests(request) {
                let row = Described {
                    page,
                    request,
                    answer,
                };
                all.entry(key(method, path)).or_insert(row);
            }
        }
    }
    for (page, text) in pages() {
        for line in text
            .lines()
            .filter(|l| !l.starts_with('|') && l.contains(" → "))
        {
            for (method, path) in requests(line) {
                let (request, answer) = line.split_once(" → ").unwrap_or((line, ""));
                let sentence = Described {
                    page,
                    request,
                    answer,
                };
                all.entry(key(method, path)).or_insert(sentence);
            }
        }
    }
    all
}

/// The requests that a text names in backticks.
fn requests(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|quoted| quoted.split_once(' '))
        .filter(|(method, path)| {
            method.bytes().all(|b| b.is_ascii_uppercase()) && path.starts_with('/')
        })
}

/// Request and answer of a table row; `\|` is no border.
fn split(row: &str) -> (&str, &str) {
    let border = row
        .match_indices(" | ")
        .map(|(i, _)| i)
        .find(|i| !row[..*i].ends_with('\\'));
    match border {
        Some(i) => (&row[..i], row[i + 3..].trim_end_matches(" |")),
        None => (row, ""),
    }
}

/// Method and path without query, names of parameters and prefix.
fn key(method: &str, path: &str) -> String {
    let path = path.split(['?', ' ', '`']).next().unwrap_or_default();
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    let parts = path
        .split('/')
        .map(|p| if p.starts_with('{') { "{}" } else { p });
    format!("{method} {}", parts.collect::<Vec<_>>().join("/"))
}

/// The whole description.
fn document(device: &Device) -> Value {
    let described = described();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let product = device.product();
    for route in permission_table() {
        if !product.meets(route.needs) {
            continue;
        }
        let row = described.get(&key(route.method.as_str(), route.path));
        let operation = operation(&route, row);
        let method = route.method.as_str().to_ascii_lowercase();
        paths
            .entry(route.path)
            .or_default()
            .insert(method, operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Platecam web API",
            "version": VERSION,
            "description": "Rules for sessions, CSRF, limits and errors: docs/reference/web-api.md.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/api/v1"}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "platecam_session"},
                "csrf": {"type": "apiKey", "in": "header", "name": "X-Platecam-CSRF"},
                "token": {"type": "http", "scheme": "bearer"},
            },
            "schemas": schemas(device),
            "responses": {"Problem": {
                "description": "Refused; `type` and `errors` say why",
                "content": {"application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                }},
            }},
        },
    })
}

fn operation(route: &Route, row: Option<&Described<'_>>) -> Value {
    let id = format!(
        "{} {}",
        route.method.as_str().to_ascii_lowercase(),
        route.path
    );
    let id: String = id
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|w| !w.is_empty())
        .collect::<Vec<_>>()
        .join("_");
    let parameters: Vec<_> = route
        .path
        .split('/')
        .filter_map(|p| p.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            json!({
                "name": name, "in": "path", "required": true, "schema": {"type": "string"},
            })
        })
        .collect();
    let changes = route.method != http::Method::GET;
    let session = if changes {
        json!({"session": [], "csrf": []})
    } else {
        json!({"session": []})
    };
    let security = match route.access {
        Access::Always | Access::Anybody => json!([]),
        Access::OwnSession | Access::EvenExpired => json!([session]),
        Access::LoggedIn(_) | Access::Needs(_) => json!([session, {"token": []}]),
        Access::OrProvesItself(_) => json!([session, {"token": []}, {}]),
    };
    json!({
        "operationId": id,
        "tags": [row.map_or("api", |r| r.page)],
        "summary": row.map_or_else(String::new, |r| r.request.replace('`', "")),
        "description": format!("Who may: {}.", route.access),
        "parameters": parameters,
        "security": security,
        "responses": {
            "2XX": {"description": row.map_or("Done", |r| r.answer)},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    })
}

/// Schemas of the settings sections, by their keys, and of problems.
fn schemas(device: &Device) -> Map<String, Value> {
    let by = Actor::system();
    let keys: Vec<_> = device.settings.sections().map(|d| d.key).collect();
    let mut all: Map<String, Value> = keys
        .into_iter()
        .filter_map(|key| {
            let schema = device.settings.schema(key, &by).ok()?;
            Some((format!("settings.{key}"), schema))
        })
        .collect();
    let violation = json!({
        "type": "object",
        "properties": {
            "pointer": {"type": "string"}, "value": {"type": "string"}, "reason": {"type": "string"},
        },
    });
    all.insert(
        "Problem".into(),
        json!({
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
                "detail": {"type": "string"}, "retry_after_s": {"type": "integer"},
                "errors": {"type": "array", "items": violation},
            },
        }),
    );
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every route that the server has is on a reference page, so that it is described here and read there.
    #[test]
    fn every_route_is_described() {
        assert!(pages().len() > 5);
        let described = described();
        let missing: Vec<_> = permission_table()
            .iter()
            .map(|r| format!("{} {}", r.method, r.path))
            .filter(|r| {
                let (method, path) = r.split_once(' ').unwrap();
                !described.contains_key(&key(method, path))
            })
            .collect();
        assert!(
            missing.is_empty(),
            "not in docs/reference/web-api*: {missing:?}"
        );
    }

    #[test]
    fn the_document_has_every_route_once_and_its_references_resolve() {
        let t = platecam_model::testing::initialised();
        let doc = document(&t.device);
        let paths = doc["paths"].as_object().unwrap();
        let operations: usize = paths.values().map(|p| p.as_object().unwrap().len()).sum();
        assert_eq!(operations, permission_table().len());
        let mut ids: Vec<_> = paths
            .values()
            .flat_map(|p| p.as_object().unwrap().values())
            .map(|o| o["operationId"].as_str().unwrap())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), operations, "operation ids are unique");
        for reference in [
            "/components/responses/Problem",
            "/components/schemas/Problem",
            "/components/schemas/settings.maintenance",
        ] {
            assert!(doc.pointer(reference).is_some(), "{reference}");
        }
        assert_eq!(
            doc["paths"]["/records/{id}"]["get"]["parameters"][0]["name"],
            "id"
        );
        let reboot = &doc["paths"]["/maintenance/reboot"]["post"];
        assert_eq!(reboot["security"][0], json!({"session": [], "csrf": []}));
        assert!(
            reboot["responses"]["2XX"]["description"]
                .as_str()
                .unwrap()
                .contains("202")
        );
    }

    #[test]
    fn rows_are_split_at_their_border() {
        assert_eq!(
            split("`GET /a?x=1\\|2` | the answer |"),
            ("`GET /a?x=1\\|2`", "the answer")
        );
        assert_eq!(key("GET", "/api/v1/records/{id}?x"), "GET /records/{}");
    }
}
