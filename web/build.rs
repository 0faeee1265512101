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
    legal::write(&Path::new(&root).join(".."), Path::new(&out))
}
