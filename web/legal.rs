//! Part of the build script: who wrote what this program is made of, and under which licence. Read from the lock files and the
//! packages themselves, so that it cannot be forgotten when a dependency comes or goes.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs, io,
    path::Path,
    process::Command,
};

use serde_json::{Value, json};

/// Longest licence file that is taken.
const MAX_TEXT: u64 = 128 * 1024;

/// Writes `packages.json` and `open-source.txt` to `out`.
pub(crate) fn write(root: &Path, out: &Path) -> io::Result<()> {
    let (lock, npm) = (
        root.join("Cargo.lock"),
        root.join("web/ui/package-lock.json"),
    );
    println!("cargo:rerun-if-changed={}", lock.display());
    println!("cargo:rerun-if-changed={}", npm.display());
    let mut packages = vec![json!({
        "name": "onnxruntime", "version": "", "license": "MIT", "kind": "library",
    })];
    // Text of a licence file, and the packages that have it.
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    rust(root, &mut packages, &mut texts)?;
    web(&npm, &mut packages, &mut texts)?;
    fs::write(out.join("packages.json"), serde_json::to_vec(&packages)?)?;
    let mut notice = String::from(
        "Open-source software in this product\n\nThe ONNX Runtime library is Copyright (c) Microsoft Corporation, MIT licence. GStreamer, FFmpeg and other \
         libraries come from the operating system with their own notices.\n",
    );
    for (text, of) in texts {
        let names: Vec<_> = of.into_iter().collect();
        notice += &format!(
            "\n{}\n{}\n\n{}\n",
            "-".repeat(80),
            names.join(", "),
            text.trim()
        );
    }
    fs::write(out.join("open-source.txt"), notice)
}

fn rust(
    root: &Path,
    packages: &mut Vec<Value>,
    texts: &mut BTreeMap<String, BTreeSet<String>>,
) -> io::Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = env::var("TARGET").unwrap_or_default();
    let done = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--offline",
            "--filter-platform",
            &target,
        ])
        .current_dir(root)
        .output()?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        return Err(io::Error::other(format!(
            "the licences of the Rust packages (`cargo fetch --locked` fetches what is missing): {said}"
        )));
    }
    let metadata: Value = serde_json::from_slice(&done.stdout)?;
    let list = |v: &Value| v.as_array().cloned().unwrap_or_default();
    let nodes: BTreeMap<String, Value> = list(&metadata["resolve"]["nodes"])
        .into_iter()
        .filter_map(|n| Some((n["id"].as_str()?.to_owned(), n)))
        .collect();
    let all = list(&metadata["packages"]);
    let start = all
        .iter()
        .find(|p| p["name"] == "platecam")
        .and_then(|p| p["id"].as_str());
    let (mut seen, mut next) = (BTreeSet::new(), Vec::from_iter(start.map(String::from)));
    while let Some(id) = next.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        let deps = nodes.get(&id).map(|n| list(&n["deps"])).unwrap_or_default();
        let normal = deps
            .iter()
            .filter(|d| list(&d["dep_kinds"]).iter().any(|k| k["kind"].is_null()));
        next.extend(normal.filter_map(|d| d["pkg"].as_str().map(String::from)));
    }
    for package in &all {
        // Without a source it is ours.
        if package["source"].is_null()
            || !package["id"].as_str().is_some_and(|id| seen.contains(id))
        {
            continue;
        }
        let (name, version) = (text(&package["name"]), text(&package["version"]));
        packages.push(json!({
            "name": name, "version": version, "license": package["license"], "kind": "rust",
        }));
        if let Some(dir) = Path::new(&text(&package["manifest_path"])).parent() {
            collect(dir, &format!("{name} {version}"), texts)?;
        }
    }
    Ok(())
}

/// Svelte and what it needs are in the pages; the other packages only build and test them.
fn web(
    lock: &Path,
    packages: &mut Vec<Value>,
    texts: &mut BTreeMap<String, BTreeSet<String>>,
) -> io::Result<()> {
    let lock_text = fs::read(lock)?;
    let lock_json: Value = serde_json::from_slice(&lock_text)?;
    let all = &lock_json["packages"];
    let mut next = vec!["svelte".to_owned()];
    if let Some(own) = all[""]["dependencies"].as_object() {
        next.extend(own.keys().cloned());
    }
    let mut seen = BTreeSet::new();
    while let Some(name) = next.pop() {
        let key = format!("node_modules/{name}");
        let package = &all[&key];
        if package.is_null() || !seen.insert(name.clone()) {
            continue;
        }
        if let Some(deps) = package["dependencies"].as_object() {
            next.extend(deps.keys().cloned());
        }
        packages.push(json!({
            "name": name, "version": package["version"], "license": package["license"], "kind": "web",
        }));
        let dir = lock.parent().unwrap_or(lock).join(&key);
        collect(
            &dir,
            &format!("{name} {}", text(&package["version"])),
            texts,
        )?;
    }
    Ok(())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn collect(dir: &Path, of: &str, texts: &mut BTreeMap<String, BTreeSet<String>>) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        let legal = [
            "LICENSE",
            "LICENCE",
            "COPYING",
            "NOTICE",
            "COPYRIGHT",
            "UNLICENSE",
        ];
        let meta = entry.metadata()?;
        if !meta.is_file() || meta.len() > MAX_TEXT || !legal.iter().any(|l| name.starts_with(l)) {
            continue;
        }
        if let Ok(content) = fs::read_to_string(entry.path()) {
            texts.entry(content).or_default().insert(of.to_owned());
        }
    }
    Ok(())
}
