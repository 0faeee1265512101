//! The rows of the store, and how they are written. Every function takes the connection of a transaction.

use platecam_model::{
    Error, Result,
    ports::{KeyStatus, MAX_CERTIFICATES, MAX_CRLS, MAX_KEYS, MAX_PATHS, MAX_POLICIES},
};
use rusqlite::{Connection, params};

use crate::database::internal;

pub(super) struct KeyRow {
    pub(super) id: i64,
    pub(super) alias: String,
    pub(super) status: KeyStatus,
    /// Subject's public key info, DER; `None` until it is made.
    pub(super) public: Option<Vec<u8>>,
    /// PEM of the private half, sealed.
    pub(super) sealed: Option<Vec<u8>>,
    pub(super) external: bool,
}

pub(super) struct CertificateRow {
    pub(super) id: i64,
    pub(super) alias: String,
    /// `None` while its request waits.
    pub(super) der: Option<Vec<u8>>,
    /// The request made on the web, PEM.
    pub(super) request: Option<String>,
    pub(super) key: i64,
    /// Came as part of a chain: goes with the last path that has it.
    pub(super) implied: bool,
}

pub(super) struct PathRow {
    pub(super) id: i64,
    pub(super) alias: String,
    pub(super) certificates: Vec<i64>,
    pub(super) in_use: bool,
}

pub(super) struct PolicyRow {
    pub(super) id: i64,
    pub(super) alias: String,
    pub(super) anchors: Vec<i64>,
    pub(super) client_usage: bool,
}

/// Everything but passphrases and revocation lists, at one moment.
pub(super) struct Contents {
    pub(super) keys: Vec<KeyRow>,
    pub(super) certificates: Vec<CertificateRow>,
    pub(super) paths: Vec<PathRow>,
    pub(super) policies: Vec<PolicyRow>,
}

/// A number out of an identifier such as `key-7`.
pub(super) fn number(id: &str, prefix: &str) -> Option<i64> {
    let digits = id.strip_prefix(prefix)?;
    // Only the form that is given out: no sign, no leading zero.
    digits
        .parse()
        .ok()
        .filter(|n: &i64| n.to_string() == digits)
}

pub(super) const KEY: &str = "key-";
pub(super) const CERTIFICATE: &str = "cert-";
pub(super) const PATH: &str = "path-";
pub(super) const PASSPHRASE: &str = "pass-";
pub(super) const POLICY: &str = "policy-";
pub(super) const CRL: &str = "crl-";

fn all<T>(
    db: &Connection,
    sql: &str,
    row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut query = db.prepare(sql).map_err(internal)?;
    let rows = query.query_map([], row);
    rows.and_then(Iterator::collect).map_err(internal)
}

impl Contents {
    pub(super) fn load(db: &Connection) -> Result<Self> {
        let keys = all(
            db,
            "SELECT id, alias, status, public, sealed, external FROM keystore_keys ORDER BY id",
            |r| {
                Ok(KeyRow {
                    id: r.get(0)?,
                    alias: r.get(1)?,
                    status: match r.get_ref(2)?.as_str()? {
                        "ok" => KeyStatus::Ok,
                        "generating" => KeyStatus::Generating,
                        _ => KeyStatus::Corrupt,
                    },
                    public: r.get(3)?,
                    sealed: r.get(4)?,
                    external: r.get::<_, i64>(5)? == 1,
                })
            },
        )?;
        let certificates = all(
            db,
            "SELECT id, alias, der, request, key_id, implied FROM keystore_certificates ORDER BY id",
            |r| {
                Ok(CertificateRow {
                    id: r.get(0)?,
                    alias: r.get(1)?,
                    der: r.get(2)?,
                    request: r.get(3)?,
                    key: r.get(4)?,
                    implied: r.get::<_, i64>(5)? == 1,
                })
            },
        )?;
        let mut paths = all(
            db,
            "SELECT id, alias, in_use FROM keystore_paths ORDER BY id",
            |r| {
                Ok(PathRow {
                    id: r.get(0)?,
                    alias: r.get(1)?,
                    certificates: Vec::new(),
                    in_use: r.get::<_, i64>(2)? == 1,
                })
            },
        )?;
        let members: Vec<(i64, i64)> = all(
            db,
            "SELECT path_id, certificate_id FROM keystore_path_certificates ORDER BY path_id, position",
            |r| Ok((r.get(0)?, r.get(1)?)),
        )?;
        for (path, certificate) in members {
            if let Some(path) = paths.iter_mut().find(|p| p.id == path) {
                path.certificates.push(certificate);
            }
        }
        let mut policies = all(
            db,
            "SELECT id, alias, client_usage FROM keystore_policies ORDER BY id",
            |r| {
                Ok(PolicyRow {
                    id: r.get(0)?,
                    alias: r.get(1)?,
                    anchors: Vec::new(),
                    client_usage: r.get::<_, i64>(2)? == 1,
                })
            },
        )?;
        let anchors: Vec<(i64, i64)> = all(
            db,
            "SELECT policy_id, certificate_id FROM keystore_policy_anchors ORDER BY policy_id, position",
            |r| Ok((r.get(0)?, r.get(1)?)),
        )?;
        for (policy, certificate) in anchors {
            if let Some(policy) = policies.iter_mut().find(|p| p.id == policy) {
                policy.anchors.push(certificate);
            }
        }
        Ok(Self {
            keys,
            certificates,
            paths,
            policies,
        })
    }

    pub(super) fn key(&self, id: i64) -> Option<&KeyRow> {
        self.keys.iter().find(|k| k.id == id)
    }

    pub(super) fn key_of(&self, public: &[u8]) -> Option<&KeyRow> {
        self.keys
            .iter()
            .find(|k| k.public.as_deref() == Some(public))
    }

    pub(super) fn certificate(&self, id: i64) -> Option<&CertificateRow> {
        self.certificates.iter().find(|c| c.id == id)
    }

    pub(super) fn certificate_of(&self, der: &[u8]) -> Option<&CertificateRow> {
        self.certificates
            .iter()
            .find(|c| c.der.as_deref() == Some(der))
    }

    pub(super) fn path(&self, id: i64) -> Option<&PathRow> {
        self.paths.iter().find(|p| p.id == id)
    }

    pub(super) fn in_use(&self) -> Option<&PathRow> {
        self.paths.iter().find(|p| p.in_use)
    }

    pub(super) fn named_key(&self, id: &str) -> Result<&KeyRow> {
        let found = number(id, KEY).and_then(|n| self.key(n));
        found.ok_or_else(|| Error::not_found("key", id))
    }

    /// A certificate that has come, by its identifier.
    pub(super) fn named_certificate(&self, id: &str) -> Result<&CertificateRow> {
        let found = number(id, CERTIFICATE).and_then(|n| self.certificate(n));
        let found = found.filter(|c| c.der.is_some());
        found.ok_or_else(|| Error::not_found("certificate", id))
    }

    pub(super) fn named_path(&self, id: &str) -> Result<&PathRow> {
        let found = number(id, PATH).and_then(|n| self.path(n));
        found.ok_or_else(|| Error::not_found("certification path", id))
    }

    pub(super) fn named_policy(&self, id: &str) -> Result<&PolicyRow> {
        let found = number(id, POLICY);
        let found = found.and_then(|n| self.policies.iter().find(|p| p.id == n));
        found.ok_or_else(|| Error::not_found("validation policy", id))
    }

    /// The policy that trusts a certificate.
    pub(super) fn trusting(&self, certificate: i64) -> Option<&PolicyRow> {
        let with = |p: &&PolicyRow| p.anchors.contains(&certificate);
        self.policies.iter().find(with)
    }

    /// The certificates of a path, DER, the end entity's first.
    pub(super) fn chain(&self, path: &PathRow) -> Vec<Vec<u8>> {
        let of = |id: &i64| self.certificate(*id).and_then(|c| c.der.clone());
        path.certificates.iter().filter_map(of).collect()
    }
}

fn room(db: &Connection, table: &str, what: &'static str, limit: usize) -> Result<()> {
    // The table's name is ours.
    let n: i64 = db
        .query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0))
        .map_err(internal)?;
    if usize::try_from(n).is_ok_and(|n| n < limit) {
        return Ok(());
    }
    let limit = limit as u64;
    Err(Error::Exhausted { what, limit })
}

/// A key that is new.
pub(super) struct NewKeyRow<'a> {
    pub(super) alias: &'a str,
    pub(super) status: KeyStatus,
    pub(super) public: Option<&'a [u8]>,
    pub(super) sealed: Option<&'a [u8]>,
    pub(super) external: bool,
}

pub(super) fn insert_key(db: &Connection, key: &NewKeyRow<'_>) -> Result<i64> {
    room(db, "keystore_keys", "keys", MAX_KEYS)?;
    let status = key.status.word();
    db.execute(
        "INSERT INTO keystore_keys (alias, status, public, sealed, external) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![key.alias, status, key.public, key.sealed, i64::from(key.external)],
    )
    .map_err(internal)?;
    Ok(db.last_insert_rowid())
}

/// A certificate or request that is new; without `id` the next one is taken.
#[derive(Default)]
pub(super) struct NewCertificateRow<'a> {
    pub(super) id: Option<i64>,
    pub(super) alias: &'a str,
    pub(super) der: Option<&'a [u8]>,
    pub(super) request: Option<&'a str>,
    pub(super) key: i64,
    pub(super) implied: bool,
}

pub(super) fn insert_certificate(db: &Connection, c: &NewCertificateRow<'_>) -> Result<i64> {
    room(
        db,
        "keystore_certificates",
        "certificates",
        MAX_CERTIFICATES,
    )?;
    db.execute(
        "INSERT INTO keystore_certificates (id, alias, der, request, key_id, implied)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![c.id, c.alias, c.der, c.request, c.key, i64::from(c.implied)],
    )
    .map_err(internal)?;
    Ok(db.last_insert_rowid())
}

pub(super) fn insert_path(db: &Connection, alias: &str, certificates: &[i64]) -> Result<i64> {
    room(db, "keystore_paths", "certification paths", MAX_PATHS)?;
    db.execute("INSERT INTO keystore_paths (alias) VALUES (?1)", [alias])
        .map_err(internal)?;
    let id = db.last_insert_rowid();
    write_members(db, id, certificates)?;
    Ok(id)
}

/// Writes which certificates a path has.
pub(super) fn write_members(db: &Connection, path: i64, certificates: &[i64]) -> Result<()> {
    db.execute(
        "DELETE FROM keystore_path_certificates WHERE path_id = ?1",
        [path],
    )
    .map_err(internal)?;
    for (position, certificate) in certificates.iter().enumerate() {
        let position = i64::try_from(position).map_err(Error::internal)?;
        db.execute(
            "INSERT INTO keystore_path_certificates VALUES (?1, ?2, ?3)",
            [path, position, *certificate],
        )
        .map_err(internal)?;
    }
    Ok(())
}

pub(super) fn insert_policy(
    db: &Connection,
    alias: &str,
    anchors: &[i64],
    client_usage: bool,
) -> Result<i64> {
    room(db, "keystore_policies", "validation policies", MAX_POLICIES)?;
    let sql = "INSERT INTO keystore_policies (alias, client_usage) VALUES (?1, ?2)";
    db.execute(sql, params![alias, i64::from(client_usage)])
        .map_err(internal)?;
    let id = db.last_insert_rowid();
    write_anchors(db, id, anchors)?;
    Ok(id)
}

/// Writes which certificates a policy trusts.
pub(super) fn write_anchors(db: &Connection, policy: i64, anchors: &[i64]) -> Result<()> {
    let sql = "DELETE FROM keystore_policy_anchors WHERE policy_id = ?1";
    db.execute(sql, [policy]).map_err(internal)?;
    for (position, certificate) in anchors.iter().enumerate() {
        let position = i64::try_from(position).map_err(Error::internal)?;
        let sql = "INSERT INTO keystore_policy_anchors VALUES (?1, ?2, ?3)";
        db.execute(sql, [policy, position, *certificate])
            .map_err(internal)?;
    }
    Ok(())
}

pub(super) fn insert_crl(db: &Connection, alias: &str, der: &[u8]) -> Result<i64> {
    room(db, "keystore_crls", "revocation lists", MAX_CRLS)?;
    let sql = "INSERT INTO keystore_crls (alias, der) VALUES (?1, ?2)";
    db.execute(sql, params![alias, der]).map_err(internal)?;
    Ok(db.last_insert_rowid())
}

/// Revocation lists: number, alias, DER.
pub(super) fn crls(db: &Connection) -> Result<Vec<(i64, String, Vec<u8>)>> {
    let sql = "SELECT id, alias, der FROM keystore_crls ORDER BY id";
    all(db, sql, |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
}

/// HTTPS serves this path from now on, or none.
pub(super) fn assign(db: &Connection, path: Option<i64>) -> Result<()> {
    db.execute("UPDATE keystore_paths SET in_use = 0 WHERE in_use = 1", [])
        .and_then(|_| db.execute("UPDATE keystore_paths SET in_use = 1 WHERE id = ?1", [path]))
        .map_err(internal)?;
    Ok(())
}

pub(super) fn delete(db: &Connection, table: &str, id: i64) -> Result<()> {
    // The table's name is ours.
    db.execute(&format!("DELETE FROM {table} WHERE id = ?1"), [id])
        .map_err(internal)?;
    Ok(())
}

/// Deletes what came with chains and is in none any more.
pub(super) fn prune(db: &Connection) -> Result<()> {
    db.execute_batch(
        "DELETE FROM keystore_certificates WHERE implied = 1
            AND id NOT IN (SELECT certificate_id FROM keystore_path_certificates)
            AND id NOT IN (SELECT certificate_id FROM keystore_policy_anchors);
         DELETE FROM keystore_keys WHERE status = 'ok' AND sealed IS NULL
            AND id NOT IN (SELECT key_id FROM keystore_certificates);",
    )
    .map_err(internal)
}
