//! Keys and certificates: sealed keys in SQLite, one root per unit, what HTTPS serves exchanged without a
//! restart. One store under two views: entries as the web shows them ([`entries`]), and keys, certificates and
//! paths one by one as ONVIF does ([`keystore`]).

mod build;
mod client;
mod clients;
#[cfg(test)]
mod clients_tests;
mod convert;
mod der;
mod entries;
mod generate;
mod import;
mod keys;
mod keystore;
#[cfg(test)]
mod keystore_tests;
mod parse;
mod revocation;
mod rows;
mod signing;
mod store;
#[cfg(test)]
mod tests;

pub use store::{CertificateStore, StoreParts};

/// Step of the schema: a row had a key, its certificate and what signed it. Only converted, no longer used.
pub(crate) const STEP: &str = "
    CREATE TABLE certificates (
        id INTEGER PRIMARY KEY AUTOINCREMENT, alias TEXT NOT NULL, chain TEXT, request TEXT,
        sealed_key BLOB NOT NULL, in_use INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE UNIQUE INDEX one_certificate_in_use ON certificates (in_use) WHERE in_use = 1;";

/// Step of the schema: keys, certificates and paths apart. References are checked when a step is committed, so
/// that a return to factory may empty the tables in any order.
pub(crate) const KEYSTORE_STEP: &str = "
    CREATE TABLE keystore_keys (
        id INTEGER PRIMARY KEY AUTOINCREMENT, alias TEXT NOT NULL, status TEXT NOT NULL, public BLOB,
        sealed BLOB, external INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE keystore_certificates (
        id INTEGER PRIMARY KEY AUTOINCREMENT, alias TEXT NOT NULL, der BLOB, request TEXT,
        key_id INTEGER NOT NULL REFERENCES keystore_keys (id) DEFERRABLE INITIALLY DEFERRED,
        implied INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE keystore_paths (
        id INTEGER PRIMARY KEY AUTOINCREMENT, alias TEXT NOT NULL, in_use INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE UNIQUE INDEX one_path_in_use ON keystore_paths (in_use) WHERE in_use = 1;
    CREATE TABLE keystore_path_certificates (
        path_id INTEGER NOT NULL REFERENCES keystore_paths (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
        position INTEGER NOT NULL,
        certificate_id INTEGER NOT NULL
            REFERENCES keystore_certificates (id) DEFERRABLE INITIALLY DEFERRED,
        PRIMARY KEY (path_id, position)
    ) STRICT;
    CREATE TABLE keystore_passphrases (
        id INTEGER PRIMARY KEY AUTOINCREMENT, alias TEXT NOT NULL, sealed BLOB NOT NULL
    ) STRICT;";

/// Step of the schema: validation policies.
pub(crate) const POLICIES_STEP: &str = "
    CREATE TABLE keystore_policies (
        id INTEGER PRIMARY KEY AUTOINCREMENT, alias TEXT NOT NULL
    ) STRICT;
    CREATE TABLE keystore_policy_anchors (
        policy_id INTEGER NOT NULL REFERENCES keystore_policies (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
        position INTEGER NOT NULL,
        certificate_id INTEGER NOT NULL
            REFERENCES keystore_certificates (id) DEFERRABLE INITIALLY DEFERRED,
        PRIMARY KEY (policy_id, position)
    ) STRICT;";

/// Step of the schema: revocation lists, and what a policy asks of clients.
pub(crate) const CRLS_STEP: &str = "
    CREATE TABLE keystore_crls (
        id INTEGER PRIMARY KEY AUTOINCREMENT, alias TEXT NOT NULL, der BLOB NOT NULL
    ) STRICT;
    ALTER TABLE keystore_policies ADD COLUMN client_usage INTEGER NOT NULL DEFAULT 0;";
