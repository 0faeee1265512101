//! `platecam package`: keys, packages and version lists for whoever releases.

use std::{
    fs::{self, File},
    io::BufWriter,
    path::Path,
};

use lpr_core::UtcTime;
use platecam_host::upgrade::{
    Manifest, Offer, PRODUCT, SigningKey, TrustedKeys, VersionList, collect, read_package,
    write_package,
};
use platecam_model::{Clock, SystemClock};

use crate::{
    Failure,
    cli::{AnnounceArgs, BuildArgs, PackageCommand, VerifyArgs, exit},
};

pub(crate) fn package(command: &PackageCommand) -> Result<(), Failure> {
    match command {
        PackageCommand::Keygen { file } => {
            println!("{}", SigningKey::generate(file)?.public());
            Ok(())
        }
        PackageCommand::Build(args) => build(args),
        PackageCommand::Verify(args) => verify(args),
        PackageCommand::Announce(args) => announce(args),
    }
}

fn failed(what: &Path, e: impl std::fmt::Display) -> Failure {
    Failure::new(exit::FAILED, format!("{}: {e}", what.display()))
}

fn build(args: &BuildArgs) -> Result<(), Failure> {
    let key = SigningKey::load(&args.key)?;
    let manifest = Manifest {
        product: PRODUCT.into(),
        model: args.model.clone(),
        arch: args.arch.clone(),
        version: args.version,
        min_version: args.min_version,
        built_at: built_at(),
        notes: args.notes.clone(),
        files: collect(&args.root).map_err(|e| failed(&args.root, e))?,
    };
    let bad = |e: &dyn std::fmt::Display| failed(&args.out, e);
    // Written beside and renamed: nobody finds half a package.
    let partial = args.out.with_extension("partial");
    let mut out = BufWriter::new(File::create(&partial).map_err(|e| bad(&e))?);
    write_package(&manifest, &key, &mut out, |f| {
        File::open(args.root.join(&f.path))
    })
    .map_err(|e| bad(&e))?;
    let file = out.into_inner().map_err(|e| bad(&e))?;
    file.sync_all().map_err(|e| bad(&e))?;
    fs::rename(&partial, &args.out).map_err(|e| bad(&e))?;
    let Manifest {
        version,
        model,
        arch,
        ..
    } = manifest;
    println!(
        "{}: version {version} for {model}, {arch}",
        args.out.display()
    );
    Ok(())
}

/// `SOURCE_DATE_EPOCH` makes packages reproducible.
fn built_at() -> UtcTime {
    let fixed = std::env::var("SOURCE_DATE_EPOCH")
        .ok()
        .and_then(|s| s.parse::<i64>().ok());
    match fixed {
        Some(seconds) => UtcTime::from_millis(seconds.saturating_mul(1000)),
        None => SystemClock::default().now(),
    }
}

fn verify(args: &VerifyArgs) -> Result<(), Failure> {
    let text = fs::read_to_string(&args.keys).map_err(|e| failed(&args.keys, e))?;
    let keys = TrustedKeys::parse(&text).map_err(|e| failed(&args.keys, e))?;
    let manifest = read_package(&args.package, &keys).map_err(|e| failed(&args.package, e))?;
    let text = serde_json::to_string_pretty(&manifest).map_err(|e| failed(&args.package, e))?;
    println!("{text}");
    Ok(())
}

fn announce(args: &AnnounceArgs) -> Result<(), Failure> {
    let key = SigningKey::load(&args.key)?;
    let own = TrustedKeys::parse(&key.public()).map_err(|e| failed(&args.key, e))?;
    let packages = args.packages.iter().map(|path| offer(path, &own));
    let list = VersionList {
        product: PRODUCT.into(),
        packages: packages.collect::<Result<_, _>>()?,
    };
    println!("{}", list.seal(&key)?);
    Ok(())
}

fn offer(path: &Path, keys: &TrustedKeys) -> Result<Offer, Failure> {
    let manifest = read_package(path, keys).map_err(|e| failed(path, e))?;
    let size = fs::metadata(path).map_err(|e| failed(path, e))?.len();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(Offer {
        model: manifest.model,
        arch: manifest.arch,
        version: manifest.version,
        min_version: manifest.min_version,
        built_at: manifest.built_at,
        size,
        url: name.into_owned(),
        notes: manifest.notes,
    })
}
