//! Rows of the form before keys, certificates and paths were apart; their numbers and sealed keys stay.

use platecam_model::{
    Result,
    ports::{KeyStatus, Sealer},
};
use rusqlite::{Connection, Transaction};
use rustls::pki_types::CertificateDer;

use super::{
    import,
    keys::PrivateKey,
    parse,
    rows::{NewCertificateRow, NewKeyRow, assign, insert_certificate, insert_key},
    store::SEAL,
};
use crate::database::internal;

struct Old {
    id: i64,
    alias: String,
    chain: Option<String>,
    request: Option<String>,
    sealed: Vec<u8>,
    in_use: bool,
}

fn old(db: &Connection) -> rusqlite::Result<Vec<Old>> {
    let sql = "SELECT id, alias, chain, request, sealed_key, in_use FROM certificates ORDER BY id";
    let mut query = db.prepare(sql)?;
    let rows = query.query_map([], |r| {
        Ok(Old {
            id: r.get(0)?,
            alias: r.get(1)?,
            chain: r.get(2)?,
            request: r.get(3)?,
            sealed: r.get(4)?,
            in_use: r.get::<_, i64>(5)? == 1,
        })
    })?;
    rows.collect()
}

/// Moves everything that can be read; what cannot was of no use before either.
pub(super) fn convert(tx: &Transaction<'_>, sealer: &dyn Sealer) -> Result<()> {
    for row in old(tx).map_err(internal)? {
        let read = sealer
            .open(&row.sealed, SEAL)
            .and_then(|pem| PrivateKey::from_pem(&pem))
            .and_then(|key| Ok((key, row.chain.as_deref().map(parse::chain).transpose()?)));
        match read {
            Ok((key, chain)) => moved(tx, &row, &key, chain.as_deref())?,
            Err(e) => tracing::error!(certificate = row.id, error = ?e, "left out"),
        }
    }
    tx.execute("DELETE FROM certificates", [])
        .map_err(internal)?;
    Ok(())
}

fn moved(
    tx: &Connection,
    row: &Old,
    key: &PrivateKey,
    chain: Option<&[CertificateDer<'static>]>,
) -> Result<()> {
    let key = insert_key(
        tx,
        &NewKeyRow {
            alias: &row.alias,
            status: KeyStatus::Ok,
            public: Some(key.public()),
            sealed: Some(&row.sealed),
            external: false,
        },
    )?;
    insert_certificate(
        tx,
        &NewCertificateRow {
            id: Some(row.id),
            alias: &row.alias,
            der: chain.and_then(<[_]>::first).map(AsRef::as_ref),
            request: row.request.as_deref(),
            key,
            implied: false,
        },
    )?;
    if let Some([_, above @ ..]) = chain {
        let path = import::path(tx, row.id, above, &row.alias)?;
        if row.in_use {
            assign(tx, Some(path))?;
        }
    }
    Ok(())
}
