//! Keys and certificates of HTTPS: sealed keys in SQLite, one root per unit, exchange without a restart.

mod parse;
mod store;
#[cfg(test)]
mod tests;

pub use store::CertificateStore;

/// Step of the schema.
pub(crate) const STEP: &str = "
    CREATE TABLE certificates (
        id INTEGER PRIMARY KEY AUTOINCREMENT, alias TEXT NOT NULL, chain TEXT, request TEXT,
        sealed_key BLOB NOT NULL, in_use INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE UNIQUE INDEX one_certificate_in_use ON certificates (in_use) WHERE in_use = 1;";
