//! Makes sure that `ui/dist` exists, so that the crate compiles before the UI was built, and collects the licences.

mod legal;

use std::{env, fs, io, path::Path};

const PLACEHOLDER: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>Platecam</title>
<h1>The user interface is not built</h1>
<p>Run <code>npm ci</code> and <code>npm run build</code> in <code>web/ui</code>, then build the program again.</p>
</html>
";

fn main() -> io::Result<()> {
    let root = env::var_os("CARGO_MANIFEST_DIR")
        .ok_or_else(|| io::Error::other("cargo sets CARGO_MANIFEST_DIR"))?;
    let dist = Path::new(&root).join("ui/dist");
    println!("cargo:rerun-if-changed={}", dist.display());
    let index = dist.join("index.html");
    if !index.exists() {
        fs::create_dir_all(&dist)?;
        fs::write(index, PLACEHOLDER)?;
    }
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    let checkout = Path::new(&root).join("..");
    reference(&checkout.join("docs/reference"), Path::new(&out))?;
    legal::write(&checkout, Path::new(&out))
}

/// The pages of the API's reference, for its OpenAPI document.
fn reference(docs: &Path, out: &Path) -> io::Result<()> {
    let folder = docs.join("web-api");
    println!("cargo:rerun-if-changed={}", folder.display());
    println!(
        "cargo:rerun-if-changed={}",
        docs.join("web-api.md").display()
    );
    let mut pages = vec![(
        "api".to_owned(),
        fs::read_to_string(docs.join("web-api.md"))?,
    )];
    let mut files: Vec<_> = fs::read_dir(folder)?.collect::<io::Result<_>>()?;
    files.sort_by_key(fs::DirEntry::file_name);
    for file in files {
        let path = file.path();
        if path.extension().is_some_and(|e| e == "md") {
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            pages.push((name, fs::read_to_string(path)?));
        }
    }
    fs::write(out.join("pages.json"), serde_json::to_vec(&pages)?)
}
