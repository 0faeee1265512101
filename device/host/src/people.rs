//! Users, groups, tokens and remembered sessions in SQLite.

use platecam_model::{
    Error, Permission, Permissions, Result, UtcTime,
    ports::{StoredGroup, StoredSession, StoredToken, StoredUser, UserBackend},
};
use rusqlite::{OptionalExtension, Row, params};

use crate::database::{Database, internal};

/// Step of the schema: groups, rights of single users, second factor, tokens, sessions.
pub(crate) const STEP: &str = "
    ALTER TABLE users ADD COLUMN group_name TEXT NOT NULL DEFAULT '';
    ALTER TABLE users ADD COLUMN permissions TEXT;
    ALTER TABLE users ADD COLUMN created_at INTEGER;
    ALTER TABLE users ADD COLUMN changed_at INTEGER;
    ALTER TABLE users ADD COLUMN password_at INTEGER;
    ALTER TABLE users ADD COLUMN old_passwords TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE users ADD COLUMN totp TEXT;
    UPDATE users SET group_name = CASE level WHEN 'administrator' THEN 'admin' ELSE level END;
    CREATE TABLE user_groups (
        position INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE, remark TEXT NOT NULL,
        permissions TEXT NOT NULL
    ) STRICT;
    CREATE TABLE api_tokens (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, user TEXT NOT NULL COLLATE NOCASE, hash BLOB NOT NULL,
        permissions TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER, last_used_at INTEGER,
        last_address TEXT
    ) STRICT;
    CREATE TABLE remembered_sessions (
        hash BLOB PRIMARY KEY, user TEXT NOT NULL COLLATE NOCASE, peer TEXT, started_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE device_secrets (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT;";

/// Step of the schema: groups that are bounded to single ONVIF operations.
pub(crate) const FUNCTIONS_STEP: &str = "ALTER TABLE user_groups ADD COLUMN functions TEXT;";

fn time(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<UtcTime>> {
    Ok(row.get::<_, Option<i64>>(at)?.map(UtcTime::from_micros))
}

fn micros(at: Option<UtcTime>) -> Option<i64> {
    at.map(UtcTime::as_micros)
}

fn json<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::internal(format!("{what}: {e}")))
}

fn text(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}

/// Words of permissions. Those that this firmware does not know are left out: rights never grow by it.
fn permissions(what: &str, words: &str) -> Result<Permissions> {
    let words: Vec<String> = json(what, words)?;
    Ok(words
        .iter()
        .filter_map(|w| w.parse::<Permission>().ok())
        .collect())
}

/// All rows of a query, read by `read`.
fn rows<T>(
    db: &Database,
    sql: &str,
    mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<Result<T>>,
) -> Result<Vec<T>> {
    let db = db.writer.lock();
    let mut statement = db.prepare(sql).map_err(internal)?;
    let mut found = statement.query([]).map_err(internal)?;
    let mut out = Vec::new();
    while let Some(row) = found.next().map_err(internal)? {
        out.push(read(row).map_err(internal)??);
    }
    Ok(out)
}

fn read_group(
    name: String,
    remark: String,
    words: &str,
    functions: Option<&str>,
) -> Result<StoredGroup> {
    Ok(StoredGroup {
        name,
        remark,
        permissions: permissions("group", words)?,
        functions: functions.map(|f| json("group", f)).transpose()?,
    })
}

fn read_user(r: &Row<'_>) -> rusqlite::Result<Result<StoredUser>> {
    let name: String = r.get(0)?;
    let own: Option<String> = r.get(6)?;
    let (old, totp): (String, Option<String>) = (r.get(10)?, r.get(11)?);
    let what = format!("user '{name}'");
    let user = StoredUser {
        name,
        group: r.get(1)?,
        password_hash: r.get(2)?,
        sealed_password: r.get(3)?,
        remark: r.get(4)?,
        email: r.get(5)?,
        created_at: time(r, 7)?,
        changed_at: time(r, 8)?,
        password_at: time(r, 9)?,
        ..StoredUser::default()
    };
    let rest = || {
        Ok(StoredUser {
            permissions: own.map(|w| permissions(&what, &w)).transpose()?,
            old_passwords: json(&what, &old)?,
            totp: totp.map(|t| json(&what, &t)).transpose()?,
            ..user
        })
    };
    Ok(rest())
}

fn read_token(r: &Row<'_>) -> rusqlite::Result<Result<StoredToken>> {
    let (words, address): (String, Option<String>) = (r.get(4)?, r.get(8)?);
    let token = StoredToken {
        id: r.get(0)?,
        name: r.get(1)?,
        user: r.get(2)?,
        hash: r.get(3)?,
        permissions: Permissions::NONE,
        created_at: UtcTime::from_micros(r.get(5)?),
        expires_at: time(r, 6)?,
        last_used_at: time(r, 7)?,
        last_address: address.and_then(|a| a.parse().ok()),
    };
    let words = permissions("API token", &words);
    Ok(words.map(|permissions| StoredToken {
        permissions,
        ..token
    }))
}

impl UserBackend for Database {
    fn load_users(&self) -> Result<Vec<StoredUser>> {
        rows(
            self,
            "SELECT name, group_name, password_hash, sealed_password, remark, email, permissions, created_at,
             changed_at, password_at, old_passwords, totp FROM users ORDER BY position",
            read_user,
        )
    }

    fn load_groups(&self) -> Result<Vec<StoredGroup>> {
        rows(
            self,
            "SELECT name, remark, permissions, functions FROM user_groups ORDER BY position",
            |r| {
                let (name, remark, words): (String, String, String) =
                    (r.get(0)?, r.get(1)?, r.get(2)?);
                let functions: Option<String> = r.get(3)?;
                Ok(read_group(name, remark, &words, functions.as_deref()))
            },
        )
    }

    fn replace_people(&self, users: &[StoredUser], groups: &[StoredGroup]) -> Result<()> {
        let mut db = self.writer.lock();
        let tx = db.transaction().map_err(internal)?;
        tx.execute_batch("DELETE FROM users; DELETE FROM user_groups;")
            .map_err(internal)?;
        for (i, u) in users.iter().enumerate() {
            let own = u.permissions.as_ref().map(text).transpose()?;
            let totp = u.totp.as_ref().map(text).transpose()?;
            let old = text(&u.old_passwords)?;
            tx.execute(
                // The level is of an earlier form; the group decides.
                "INSERT INTO users (position, name, level, group_name, password_hash, sealed_password, remark, email,
                 permissions, created_at, changed_at, password_at, old_passwords, totp)
                 VALUES (?1, ?2, 'user', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
                params![
                    i as i64,
                    u.name,
                    u.group,
                    u.password_hash,
                    u.sealed_password,
                    u.remark,
                    u.email,
                    own,
                    micros(u.created_at),
                    micros(u.changed_at),
                    micros(u.password_at),
                    old,
                    totp
                ],
            )
            .map_err(internal)?;
        }
        for (i, g) in groups.iter().enumerate() {
            tx.execute(
                "INSERT INTO user_groups (position, name, remark, permissions, functions) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    i as i64,
                    g.name,
                    g.remark,
                    text(&g.permissions)?,
                    g.functions.as_ref().map(text).transpose()?
                ],
            )
            .map_err(internal)?;
        }
        tx.execute_batch(
            "DELETE FROM api_tokens WHERE user NOT IN (SELECT name FROM users);
             DELETE FROM remembered_sessions WHERE user NOT IN (SELECT name FROM users);",
        )
        .map_err(internal)?;
        tx.commit().map_err(internal)
    }

    fn load_tokens(&self) -> Result<Vec<StoredToken>> {
        rows(
            self,
            "SELECT id, name, user, hash, permissions, created_at, expires_at, last_used_at, last_address
             FROM api_tokens ORDER BY created_at, id",
            read_token,
        )
    }

    fn put_token(&self, t: &StoredToken) -> Result<()> {
        let words = text(&t.permissions)?;
        let address = t.last_address.map(|a| a.to_string());
        self.writer
            .lock()
            .execute(
                "INSERT OR REPLACE INTO api_tokens VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                params![
                    t.id,
                    t.name,
                    t.user,
                    t.hash,
                    words,
                    t.created_at.as_micros(),
                    micros(t.expires_at),
                    micros(t.last_used_at),
                    address
                ],
            )
            .map_err(internal)?;
        Ok(())
    }

    fn delete_token(&self, id: &str) -> Result<()> {
        self.writer
            .lock()
            .execute("DELETE FROM api_tokens WHERE id = ?1", [id])
            .map_err(internal)?;
        Ok(())
    }

    fn load_sessions(&self) -> Result<Vec<StoredSession>> {
        rows(
            self,
            "SELECT hash, user, peer, started_at, expires_at FROM remembered_sessions ORDER BY started_at",
            |r| {
                let peer: Option<String> = r.get(2)?;
                Ok(Ok(StoredSession {
                    hash: r.get(0)?,
                    user: r.get(1)?,
                    peer: peer.and_then(|p| p.parse().ok()),
                    started_at: UtcTime::from_micros(r.get(3)?),
                    expires_at: UtcTime::from_micros(r.get(4)?),
                }))
            },
        )
    }

    fn put_session(&self, s: &StoredSession) -> Result<()> {
        let peer = s.peer.map(|p| p.to_string());
        let (from, to) = (s.started_at.as_micros(), s.expires_at.as_micros());
        let db = self.writer.lock();
        // Over for good: nothing else takes them out.
        db.execute(
            "DELETE FROM remembered_sessions WHERE expires_at < ?1",
            [from],
        )
        .map_err(internal)?;
        db.execute(
            "INSERT OR REPLACE INTO remembered_sessions VALUES (?1, ?2, ?3, ?4, ?5)",
            params![s.hash, s.user, peer, from, to],
        )
        .map_err(internal)?;
        Ok(())
    }

    fn delete_sessions(&self, hashes: &[Vec<u8>]) -> Result<()> {
        let mut db = self.writer.lock();
        let tx = db.transaction().map_err(internal)?;
        for hash in hashes {
            tx.execute("DELETE FROM remembered_sessions WHERE hash = ?1", [hash])
                .map_err(internal)?;
        }
        tx.commit().map_err(internal)
    }

    fn device_secret(
        &self,
        name: &str,
        make: &mut dyn FnMut() -> Result<Vec<u8>>,
    ) -> Result<Vec<u8>> {
        let db = self.writer.lock();
        let known = db
            .query_row(
                "SELECT sealed FROM device_secrets WHERE name = ?1",
                [name],
                |r| r.get(0),
            )
            .optional()
            .map_err(internal)?;
        if let Some(known) = known {
            return Ok(known);
        }
        let made = make()?;
        db.execute(
            "INSERT INTO device_secrets VALUES (?1, ?2)",
            params![name, made],
        )
        .map_err(internal)?;
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use platecam_model::ports::StoredTotp;

    use super::*;

    fn user(name: &str, group: &str) -> StoredUser {
        StoredUser {
            name: name.into(),
            group: group.into(),
            password_hash: "h".into(),
            sealed_password: vec![1, 2],
            remark: "gate".into(),
            permissions: Some(Permissions::of(&[Permission::LiveView])),
            created_at: Some(UtcTime::from_millis(1)),
            password_at: Some(UtcTime::from_millis(2)),
            old_passwords: vec!["old".into()],
            totp: Some(StoredTotp {
                sealed_secret: vec![3],
                last_step: 4,
                recovery: vec!["r".into()],
            }),
            ..StoredUser::default()
        }
    }

    fn token(id: &str, user: &str) -> StoredToken {
        StoredToken {
            id: id.into(),
            name: "n".into(),
            user: user.into(),
            hash: vec![7; 32],
            permissions: Permissions::of(&[Permission::ReadLog]),
            created_at: UtcTime::from_millis(1),
            expires_at: Some(UtcTime::from_millis(9)),
            last_used_at: None,
            last_address: Some([192, 0, 2, 1].into()),
        }
    }

    fn session(hash: u8, user: &str) -> StoredSession {
        StoredSession {
            hash: vec![hash; 32],
            user: user.into(),
            peer: Some([192, 0, 2, 1].into()),
            started_at: UtcTime::from_millis(5),
            expires_at: UtcTime::from_millis(9),
        }
    }

    #[test]
    fn people_come_back_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let users = [user("admin", "admin"), user("guard", "gate")];
        let groups = [StoredGroup {
            name: "gate".into(),
            remark: "r".into(),
            permissions: Permissions::all(),
            functions: Some(vec!["tds:GetUsers".into()]),
        }];
        let secret;
        {
            let db = Database::open(&path).unwrap();
            db.replace_people(&users, &groups).unwrap();
            db.put_token(&token("a", "guard")).unwrap();
            db.put_token(&token("b", "ADMIN")).unwrap();
            db.put_session(&session(1, "guard")).unwrap();
            db.put_session(&session(2, "admin")).unwrap();
            secret = db.device_secret("s", &mut || Ok(vec![5])).unwrap();
        }
        let db = Database::open(&path).unwrap();
        assert_eq!(db.load_users().unwrap(), users);
        assert_eq!(db.load_groups().unwrap(), groups);
        assert_eq!(
            db.load_tokens().unwrap(),
            [token("a", "guard"), token("b", "ADMIN")]
        );
        assert_eq!(db.load_sessions().unwrap().len(), 2);
        let again = db.device_secret("s", &mut || Ok(vec![6])).unwrap();
        assert_eq!(again, secret, "made once");
        // What belongs to a user goes with the user.
        db.replace_people(&users[..1], &groups).unwrap();
        assert_eq!(db.load_tokens().unwrap(), [token("b", "ADMIN")]);
        assert_eq!(db.load_sessions().unwrap(), [session(2, "admin")]);
        db.delete_token("b").unwrap();
        db.delete_sessions(&[vec![2; 32]]).unwrap();
        assert!(db.load_tokens().unwrap().is_empty() && db.load_sessions().unwrap().is_empty());
    }

    #[test]
    fn replacing_people_is_all_or_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let db = Database::open(&dir.path().join("db")).unwrap();
        db.replace_people(&[user("admin", "admin")], &[]).unwrap();
        let twice = [user("a", "user"), user("A", "user")];
        assert!(
            db.replace_people(&twice, &[]).is_err(),
            "names are unique whatever their case (USER-3)"
        );
        assert_eq!(db.load_users().unwrap().len(), 1);
    }

    /// A permission that this firmware does not know gives no right and stops no start.
    #[test]
    fn unknown_permissions_are_left_out() {
        let set = permissions("x", r#"["live-view", "of-the-future"]"#).unwrap();
        assert_eq!(set, Permissions::of(&[Permission::LiveView]));
        assert!(permissions("x", "live-view").is_err());
    }
}
