//! The table of access classes.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};

/// The table, and which rows were used.
#[derive(Debug)]
pub struct Access {
    rows: BTreeMap<(String, String), (String, bool)>,
    used: BTreeSet<(String, String)>,
}

impl Access {
    /// The table of this crate.
    ///
    /// # Errors
    /// A row is malformed.
    pub fn load() -> Result<Self> {
        Self::parse(include_str!("../access.tsv"))
    }

    fn parse(text: &str) -> Result<Self> {
        let mut rows = BTreeMap::new();
        for (at, line) in text
            .lines()
            .enumerate()
            .filter(|(_, l)| !l.starts_with('#') && !l.is_empty())
        {
            let mut fields = line.split('\t');
            let (Some(contract), Some(operation), Some(class), Some("spec" | "ours")) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            else {
                bail!(
                    "access.tsv line {}: expected contract, operation, class, source",
                    at + 1
                );
            };
            let variant = match class {
                "PRE_AUTH" => "PreAuth",
                "READ_SYSTEM" => "ReadSystem",
                "READ_SYSTEM_SENSITIVE" => "ReadSystemSensitive",
                "READ_SYSTEM_SECRET" => "ReadSystemSecret",
                "WRITE_SYSTEM" => "WriteSystem",
                "UNRECOVERABLE" => "Unrecoverable",
                "READ_MEDIA" => "ReadMedia",
                "ACTUATE" => "Actuate",
                other => bail!("access.tsv line {}: no access class {other}", at + 1),
            };
            let waits = fields.next() == Some("waits");
            let row = (variant.to_owned(), waits);
            let before = rows.insert((contract.to_owned(), operation.to_owned()), row);
            ensure!(
                before.is_none(),
                "access.tsv line {}: {contract} {operation} stands twice",
                at + 1
            );
        }
        Ok(Self {
            rows,
            used: BTreeSet::new(),
        })
    }

    /// Class and `waits` of an operation.
    ///
    /// # Errors
    /// The table has no row for it.
    pub fn take(&mut self, contract: &str, operation: &str) -> Result<(String, bool)> {
        let key = (contract.to_owned(), operation.to_owned());
        let row = self
            .rows
            .get(&key)
            .with_context(|| format!("access.tsv has no row for {contract} {operation}"))?;
        self.used.insert(key);
        Ok(row.clone())
    }

    /// Checks that every row was used.
    ///
    /// # Errors
    /// Names a row for which there is no operation.
    pub fn finish(&self) -> Result<()> {
        match self.rows.keys().find(|k| !self.used.contains(*k)) {
            Some((contract, operation)) => bail!("access.tsv: no operation {contract} {operation}"),
            None => Ok(()),
        }
    }
}
