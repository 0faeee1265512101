//! Generates `onvif-contracts` from ONVIF's WSDL and XSD files.
//!
//! The files are input, not part of this repository: `wsdl/manifest.json` says where they come from, and
//! [`manifest::Manifest::fetch`] obtains them.

#![forbid(unsafe_code)]

pub mod access;
pub mod dom;
pub mod emit;
pub mod every;
pub mod manifest;
pub mod model;
pub mod names;
pub mod ports;
pub mod schema;
pub mod wsdl;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

/// Path below the output folder to source text.
pub type Sources = BTreeMap<String, String>;

/// Generates everything from the contract files below `contracts`.
///
/// # Errors
/// A file is missing or not what the manifest says, or says something that is not understood.
pub fn generate(manifest: &manifest::Manifest, contracts: &Path) -> Result<Sources> {
    manifest.verify(contracts)?;
    let mut schemas = schema::Schemas::default();
    let mut definitions = wsdl::Definitions::default();
    let mut versions = Vec::new();
    for file in manifest.files.iter().filter(|f| f.generate) {
        let root = dom::load(&manifest.file(contracts, file))?;
        let stem = Path::new(&file.path)
            .file_stem()
            .and_then(|s| s.to_str())
            .unwrap_or("types");
        let unit = names::snake(stem).replace("r#", "");
        let mut add = || -> Result<()> {
            if root.is_xs("schema") {
                return schemas.add(&root, &unit);
            }
            definitions.add(&root)?;
            for schema in root.wsdl("types").flat_map(|t| t.xs("schema")) {
                schemas.add(schema, &unit)?;
                if let (Some(uri), Some(version)) =
                    (schema.attr("targetNamespace"), schema.attr("version"))
                {
                    versions.push((onvif_xml::Ns::of(uri).prefix(), version.to_owned()));
                }
            }
            Ok(())
        };
        add().with_context(|| file.path.clone())?;
    }
    schemas.build()?;
    let mut access = access::Access::load()?;
    let ports = definitions.ports(&schemas, &mut access)?;
    access.finish()?;
    Ok(write_all(&schemas, &ports, &versions))
}

fn write_all(
    schemas: &schema::Schemas,
    ports: &[model::Port],
    versions: &[(&str, String)],
) -> Sources {
    let mut sources = Sources::new();
    let mut modules: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (prefix, unit) in schemas.units.keys() {
        modules.entry(prefix).or_default().push(unit);
    }
    let mut root = format!(
        "//! Types and ports, one module per namespace and port type.\n\n{}\n",
        emit::HEADER
    );
    for (prefix, units) in &modules {
        let split = units.len() > 1;
        for unit in units {
            let key = ((*prefix).to_owned(), (*unit).to_owned());
            let source = emit::unit(prefix, split, &schemas.units[&key]);
            let path = if split {
                format!("{prefix}/{unit}.rs")
            } else {
                format!("{prefix}.rs")
            };
            sources.insert(path, source);
        }
        if split {
            let uri = onvif_xml::Ns::of_prefix(prefix).map_or("", onvif_xml::Ns::uri);
            let mut module = format!("//! Types of `{uri}` (`{prefix}`).\n\n{}\n", emit::HEADER);
            for unit in units {
                let _ = writeln!(module, "mod {unit};");
            }
            for unit in units {
                let _ = writeln!(module, "pub use {unit}::*;");
            }
            sources.insert(format!("{prefix}/mod.rs"), module);
        }
        let _ = writeln!(root, "pub mod {prefix};");
    }
    root.push_str("pub mod ports;\n\n");
    root.push_str("/// Version of each service's contract, for `GetServices`.\n");
    let _ = writeln!(
        root,
        "pub static VERSIONS: [(onvif_xml::Ns, u32, u32); {}] = [",
        versions.len()
    );
    for (prefix, version) in versions {
        let mut numbers = version.split('.').map(|n| n.parse::<u32>().unwrap_or(0));
        let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        let _ = writeln!(
            root,
            "    (onvif_xml::{}, {major}, {minor}),",
            emit::ns_path(prefix)
        );
    }
    root.push_str("];\n");
    sources.insert("mod.rs".to_owned(), root);
    let mut list = format!("//! Port types.\n\n{}\n", emit::HEADER);
    for port in ports {
        let _ = writeln!(list, "pub mod {};", port.module);
        sources.insert(format!("ports/{}.rs", port.module), ports::port(port));
    }
    let _ = writeln!(
        list,
        "\n/// Every port type and its operations.\npub static ALL: [(&str, &[crate::port::Operation]); {}] = [",
        ports.len()
    );
    for port in ports {
        let _ = writeln!(
            list,
            "    ({:?}, &{}::OPERATIONS),",
            port.contract, port.module
        );
    }
    list.push_str("];\n");
    sources.insert("ports/mod.rs".to_owned(), list);
    let units = schemas.units.iter();
    let units = units.map(|((prefix, _), unit)| (prefix.as_str(), unit));
    sources.insert("every.rs".to_owned(), every::source(units));
    sources
}
