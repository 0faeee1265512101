//! The committed source is what the contracts say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use wsdl_gen::manifest::Manifest;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), &format!("{name}/"), found);
        } else {
            found.insert(name);
        }
    }
}

#[test]
fn the_committed_source_is_what_the_contracts_say() {
    let manifest = Manifest::load(&root().join("wsdl/manifest.json")).unwrap();
    let contracts = root().join(".cache/wsdl");
    if let Err(e) = manifest.verify(&contracts) {
        panic!("{e:#}\nthe contract files are fetched by `make setup`");
    }
    let sources = wsdl_gen::generate(&manifest, &contracts).unwrap();
    let out = root().join("wsdl/contracts/src/generated");
    for (path, source) in &sources {
        let committed = std::fs::read_to_string(out.join(path)).unwrap_or_default();
        let line = committed
            .lines()
            .zip(source.lines())
            .position(|(a, b)| a != b);
        assert!(
            committed == *source,
            "{path} differs (line {line:?}): run `make wsdl`"
        );
    }
    let mut committed = BTreeSet::new();
    files(&out, "", &mut committed);
    let generated: BTreeSet<String> = sources.keys().cloned().collect();
    assert_eq!(
        committed, generated,
        "files that are no longer generated: run `make wsdl`"
    );
}

#[test]
fn a_changed_contract_is_refused() {
    let manifest = Manifest::load(&root().join("wsdl/manifest.json")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let error = manifest.verify(folder.path()).unwrap_err();
    assert!(format!("{error:#}").contains("make setup"), "{error:#}");
    let first = manifest.file(folder.path(), &manifest.files[0]);
    std::fs::create_dir_all(first.parent().unwrap()).unwrap();
    std::fs::write(&first, "<schema/>").unwrap();
    let error = manifest.verify(folder.path()).unwrap_err();
    assert!(format!("{error:#}").contains("SHA-256"), "{error:#}");
}
