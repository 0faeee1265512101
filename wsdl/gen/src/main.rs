//! Command line of the generator.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use wsdl_gen::manifest::Manifest;
use wsdl_gen::{Sources, generate};

/// Generates `onvif-contracts` from ONVIF's WSDL and XSD files.
#[derive(Debug, Parser)]
struct Args {
    /// Which contract files there are.
    #[arg(long, default_value = "wsdl/manifest.json", global = true)]
    manifest: PathBuf,
    /// Folder with the contract files.
    #[arg(long, default_value = ".cache/wsdl", global = true)]
    contracts: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Downloads the contract files, unless they are there.
    Fetch {
        /// Python that has pip.
        #[arg(long, default_value = "python3")]
        python: String,
    },
    /// Writes the Rust source.
    Generate {
        /// Folder to write to; what is in it is replaced.
        #[arg(long, default_value = "wsdl/contracts/src/generated")]
        out: PathBuf,
        /// Only compare, and fail on a difference.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> Result<()> {
    let args = Args::parse();
    let manifest = Manifest::load(&args.manifest)?;
    match args.command {
        Command::Fetch { python } => {
            let fetched = manifest.fetch(&args.contracts, &python)?;
            let done = if fetched {
                "fetched into"
            } else {
                "already in"
            };
            println!(
                "contracts of {} {} {done} {}",
                manifest.package,
                manifest.version,
                args.contracts.display()
            );
            Ok(())
        }
        Command::Generate { out, check } => {
            let sources = generate(&manifest, &args.contracts)?;
            if check {
                compare(&sources, &out)
            } else {
                write(&sources, &out)
            }
        }
    }
}

fn write(sources: &Sources, out: &Path) -> Result<()> {
    if out.exists() {
        std::fs::remove_dir_all(out).with_context(|| format!("emptying {}", out.display()))?;
    }
    let mut bytes = 0;
    for (path, source) in sources {
        let path = out.join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, source).with_context(|| format!("writing {}", path.display()))?;
        bytes += source.len();
    }
    println!(
        "{} files, {bytes} bytes in {}",
        sources.len(),
        out.display()
    );
    Ok(())
}

fn compare(sources: &Sources, out: &Path) -> Result<()> {
    for (path, source) in sources {
        let found = std::fs::read_to_string(out.join(path)).unwrap_or_default();
        if found != *source {
            bail!(
                "{} differs from what the contracts say: run `make wsdl`",
                out.join(path).display()
            );
        }
    }
    println!("{} files are up to date", sources.len());
    Ok(())
}
