//! Legal information (SYS-36, SEC-19): licence, privacy, open-source notice. Made by the build script from the lock files.

use axum::Json;
use serde::{Deserialize, Serialize};

use crate::routes::{Access, Routes};

const LICENCE: &str = concat!(
    "Platecam is licensed under the MIT licence or the Apache License 2.0, as you choose.\n\n",
    include_str!("../../LICENSE-MIT"),
    "\n",
    include_str!("../../LICENSE-APACHE")
);
const PRIVACY: &str = include_str!("../../docs/legal/privacy.md");
const OPEN_SOURCE: &str = include_str!(concat!(env!("OUT_DIR"), "/open-source.txt"));
const PACKAGES: &str = include_str!(concat!(env!("OUT_DIR"), "/packages.json"));

/// A third party's package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Name in its registry.
    pub name: String,
    /// Version; empty for what is not pinned here.
    pub version: String,
    /// SPDX expression.
    pub license: String,
    /// `rust`, `web` or `library`.
    pub kind: String,
}

/// Everything third parties wrote that is in this program or its pages.
///
/// # Panics
/// Never: a test reads the list that the build script wrote.
#[must_use]
pub fn packages() -> Vec<Package> {
    serde_json::from_str(PACKAGES).unwrap_or_default()
}

/// The notice for a distribution: own licence, list, all licence texts.
#[must_use]
pub fn notice() -> String {
    let list: String = packages()
        .iter()
        .map(|p| format!("{} {}: {}\n", p.name, p.version, p.license))
        .collect();
    format!("{LICENCE}\n{}\n\n{list}\n{OPEN_SOURCE}", "=".repeat(80))
}

#[derive(Debug, Serialize)]
struct Text {
    id: &'static str,
    title: &'static str,
    text: &'static str,
}

/// `GET /legal`.
#[derive(Debug, Serialize)]
pub(crate) struct Legal {
    texts: [Text; 3],
    packages: Vec<Package>,
}

/// Paths of this resource. Open to everybody, also before the initialisation: who watches must be told.
pub(crate) fn routes() -> Routes {
    Routes::new().get("/legal", Access::Always, show)
}

pub(crate) async fn show() -> Json<Legal> {
    let text = |id, title, text| Text { id, title, text };
    Json(Legal {
        texts: [
            text("licence", "Software Licence Agreement", LICENCE),
            text("privacy", "Privacy Policy", PRIVACY),
            text("open-source", "Open-Source Software Notice", OPEN_SOURCE),
        ],
        packages: packages(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SYS-36: the list is that of the lock files, and every entry has a licence.
    #[test]
    fn the_list_is_whole() {
        let all = packages();
        let lock = include_str!("../../Cargo.lock");
        for p in &all {
            assert!(!p.license.is_empty(), "{p:?} has no licence");
            let entry = format!("name = \"{}\"\nversion = \"{}\"\n", p.name, p.version);
            assert!(
                p.kind != "rust" || lock.contains(&entry),
                "{p:?} is not in the lock file"
            );
        }
        for (name, kind) in [
            ("rustls", "rust"),
            ("gstreamer", "rust"),
            ("svelte", "web"),
            ("onnxruntime", "library"),
        ] {
            assert!(
                all.iter().any(|p| p.name == name && p.kind == kind),
                "{name}"
            );
        }
        assert!(
            !all.iter().any(|p| p.name == "proptest"),
            "test tools are not in the product"
        );
        assert!(notice().contains("Permission is hereby granted"));
    }
}
