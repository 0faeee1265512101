//! The direction of dependencies, so that it cannot rot (ARCHITECTURE.md, "Layers").

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Layer of every crate. A crate may only use crates of lower layers.
const LAYERS: &[(&str, u8)] = &[
    // L0: protocol libraries, generated types, the recognition domain; none knows the device.
    ("onvif-xml", 0),
    ("lpr-core", 0),
    ("rtsp", 0),
    // On top of their own L0 crate only.
    ("onvif-contracts", 1),
    ("wsdl-gen", 1),
    ("lpr-onnx", 1),
    ("platecam-model", 1),
    // Adapters and hosts: translate, never know each other.
    ("platecam-media", 2),
    ("platecam-host", 2),
    ("platecam-onvif", 2),
    ("platecam-web", 2),
    // The binary, and the black box that only starts it.
    ("platecam", 3),
    ("conformance", 4),
    // Throws hostile input at all of them.
    ("platecam-fuzz", 4),
];

/// Crates that only one crate of the workspace may use.
const ONE_OWNER: &[(&str, &str)] = &[
    ("gstreamer", "platecam-media"),
    ("ort", "lpr-onnx"),
    ("rusqlite", "platecam-host"),
    ("onvif-contracts", "platecam-onvif"),
];

/// What the pure crates must not reach for.
const PURE: &[&str] = &["lpr-core", "platecam-model"];
const IMPURE: &[&str] = &[
    "hyper",
    "axum",
    "quick-xml",
    "rusqlite",
    "gstreamer",
    "ort",
    "reqwest",
    "socket2",
    "nix",
];

#[test]
fn dependencies_point_downwards() {
    let metadata = MetadataCommand::new()
        .manifest_path(conformance::root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap();
    let layers: BTreeMap<&str, u8> = LAYERS.iter().copied().collect();
    let mut problems = Vec::new();
    for package in &metadata.packages {
        let name = package.name.as_str();
        let Some(layer) = layers.get(name) else {
            problems.push(format!(
                "{name} has no layer: add it to LAYERS and ARCHITECTURE.md"
            ));
            continue;
        };
        let used = package
            .dependencies
            .iter()
            .filter(|d| d.kind == DependencyKind::Normal);
        for dependency in used.map(|d| d.name.as_str()) {
            if layers.get(dependency).is_some_and(|d| d >= layer) {
                problems.push(format!(
                    "{name} (layer {layer}) uses {dependency} (layer {})",
                    layers[dependency]
                ));
            }
            if ONE_OWNER
                .iter()
                .any(|(d, owner)| *d == dependency && *owner != name)
            {
                problems.push(format!(
                    "{name} uses {dependency}, which another crate owns"
                ));
            }
            if PURE.contains(&name) && IMPURE.contains(&dependency) {
                problems.push(format!("{name} is pure and uses {dependency}"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(
        metadata.packages.len(),
        LAYERS.len(),
        "every layer entry names a crate"
    );
}
