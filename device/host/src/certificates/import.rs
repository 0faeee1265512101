//! Bringing a chain with its key into the store, whatever it came by.

use platecam_model::{Error, Result, ports::KeyStatus};
use rusqlite::{Connection, params};
use rustls::pki_types::CertificateDer;

use super::{
    parse,
    rows::{Contents, NewCertificateRow, NewKeyRow, insert_certificate, insert_key, insert_path},
};
use crate::database::internal;

/// What is brought in. The chain is checked before.
pub(super) struct Import<'a> {
    /// Of the certificate.
    pub(super) alias: &'a str,
    /// Of its key, if that is new.
    pub(super) key_alias: &'a str,
    /// Of the path.
    pub(super) path_alias: &'a str,
    /// The end entity's certificate first.
    pub(super) chain: &'a [CertificateDer<'static>],
    /// The private half, sealed.
    pub(super) sealed: &'a [u8],
    /// Made elsewhere.
    pub(super) external: bool,
}

/// What became of it.
#[derive(Clone, Copy)]
pub(super) struct Imported {
    pub(super) certificate: i64,
    pub(super) key: i64,
    pub(super) path: i64,
}

pub(super) fn import(db: &Connection, what: &Import<'_>) -> Result<Imported> {
    let contents = Contents::load(db)?;
    let leaf = what
        .chain
        .first()
        .ok_or_else(|| Error::internal("an empty chain"))?;
    let public = parse::public_key(leaf)?;
    let key = private_key(db, &contents, &public, what)?;
    let certificate = match contents.certificate_of(leaf) {
        Some(known) => {
            // It is wanted for itself now, under the name given last.
            db.execute(
                "UPDATE keystore_certificates SET implied = 0, alias = ?1 WHERE id = ?2",
                params![what.alias, known.id],
            )
            .map_err(internal)?;
            known.id
        }
        None => insert_certificate(
            db,
            &NewCertificateRow {
                alias: what.alias,
                der: Some(leaf),
                key,
                ..Default::default()
            },
        )?,
    };
    let path = path(db, certificate, &what.chain[1..], what.path_alias)?;
    Ok(Imported {
        certificate,
        key,
        path,
    })
}

fn private_key(
    db: &Connection,
    contents: &Contents,
    public: &[u8],
    what: &Import<'_>,
) -> Result<i64> {
    match contents.key_of(public) {
        Some(known) => {
            add_private(db, known.id, known.sealed.is_some(), what.sealed)?;
            Ok(known.id)
        }
        None => insert_key(
            db,
            &NewKeyRow {
                alias: what.key_alias,
                status: KeyStatus::Ok,
                public: Some(public),
                sealed: Some(what.sealed),
                external: what.external,
            },
        ),
    }
}

/// Gives a key its private half, where only the public one was here.
pub(super) fn add_private(db: &Connection, key: i64, has: bool, sealed: &[u8]) -> Result<()> {
    if !has {
        db.execute(
            "UPDATE keystore_keys SET sealed = ?1, external = 1 WHERE id = ?2 AND sealed IS NULL",
            params![sealed, key],
        )
        .map_err(internal)?;
    }
    Ok(())
}

/// The path of a certificate and those above it, which are stored where they are new.
pub(super) fn path(
    db: &Connection,
    certificate: i64,
    above: &[CertificateDer<'_>],
    alias: &str,
) -> Result<i64> {
    let mut all = vec![certificate];
    for der in above {
        all.push(implied(db, der)?);
    }
    let contents = Contents::load(db)?;
    match contents.paths.iter().find(|p| p.certificates == all) {
        Some(known) => Ok(known.id),
        None => insert_path(db, alias, &all),
    }
}

/// A certificate that came as part of a chain.
pub(super) fn implied(db: &Connection, der: &[u8]) -> Result<i64> {
    let contents = Contents::load(db)?;
    if let Some(known) = contents.certificate_of(der) {
        return Ok(known.id);
    }
    let public = parse::public_key(der)?;
    let key = match contents.key_of(&public) {
        Some(known) => known.id,
        None => public_key(db, &public, "")?,
    };
    insert_certificate(
        db,
        &NewCertificateRow {
            der: Some(der),
            key,
            implied: true,
            ..Default::default()
        },
    )
}

/// A key of somebody else's: its public half alone.
pub(super) fn public_key(db: &Connection, public: &[u8], alias: &str) -> Result<i64> {
    insert_key(
        db,
        &NewKeyRow {
            alias,
            status: KeyStatus::Ok,
            public: Some(public),
            sealed: None,
            external: true,
        },
    )
}
