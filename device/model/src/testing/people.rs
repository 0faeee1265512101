use std::collections::BTreeMap;

use parking_lot::Mutex;

use super::MemoryStore;
use crate::{
    Result,
    ports::{StoredGroup, StoredSession, StoredToken, StoredUser, UserBackend},
};

/// Users, groups, tokens and sessions in memory.
#[derive(Debug, Default)]
pub(super) struct MemoryPeople(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    users: Vec<StoredUser>,
    groups: Vec<StoredGroup>,
    tokens: Vec<StoredToken>,
    sessions: Vec<StoredSession>,
    secrets: BTreeMap<String, Vec<u8>>,
}

impl UserBackend for MemoryStore {
    fn load_users(&self) -> Result<Vec<StoredUser>> {
        Ok(self.people.0.lock().users.clone())
    }

    fn load_groups(&self) -> Result<Vec<StoredGroup>> {
        Ok(self.people.0.lock().groups.clone())
    }

    fn replace_people(&self, users: &[StoredUser], groups: &[StoredGroup]) -> Result<()> {
        self.writable()?;
        let mut inner = self.people.0.lock();
        inner.users = users.to_vec();
        inner.groups = groups.to_vec();
        let is_user = |name: &str| users.iter().any(|u| u.name.eq_ignore_ascii_case(name));
        inner.tokens.retain(|t| is_user(&t.user));
        inner.sessions.retain(|s| is_user(&s.user));
        Ok(())
    }

    fn load_tokens(&self) -> Result<Vec<StoredToken>> {
        Ok(self.people.0.lock().tokens.clone())
    }

    fn put_token(&self, token: &StoredToken) -> Result<()> {
        self.writable()?;
        let tokens = &mut self.people.0.lock().tokens;
        tokens.retain(|t| t.id != token.id);
        tokens.push(token.clone());
        Ok(())
    }

    fn delete_token(&self, id: &str) -> Result<()> {
        self.writable()?;
        self.people.0.lock().tokens.retain(|t| t.id != id);
        Ok(())
    }

    fn load_sessions(&self) -> Result<Vec<StoredSession>> {
        Ok(self.people.0.lock().sessions.clone())
    }

    fn put_session(&self, session: &StoredSession) -> Result<()> {
        self.writable()?;
        self.people.0.lock().sessions.push(session.clone());
        Ok(())
    }

    fn delete_sessions(&self, hashes: &[Vec<u8>]) -> Result<()> {
        self.writable()?;
        let sessions = &mut self.people.0.lock().sessions;
        sessions.retain(|s| !hashes.contains(&s.hash));
        Ok(())
    }

    fn device_secret(
        &self,
        name: &str,
        make: &mut dyn FnMut() -> Result<Vec<u8>>,
    ) -> Result<Vec<u8>> {
        if let Some(known) = self.people.0.lock().secrets.get(name) {
            return Ok(known.clone());
        }
        let made = make()?;
        let secrets = &mut self.people.0.lock().secrets;
        Ok(secrets.entry(name.to_owned()).or_insert(made).clone())
    }
}

/// A reset button that is pressed as a test says.
#[derive(Debug, Default)]
pub struct SimulatedButton {
    /// Whether it is pressed, one answer a look; the last one stays.
    pub script: std::collections::VecDeque<bool>,
}

impl crate::ports::Contact for SimulatedButton {
    fn wait(&mut self, _timeout: std::time::Duration) -> Result<bool> {
        let now = self.script.front().copied().unwrap_or(false);
        if self.script.len() > 1 {
            self.script.pop_front();
        }
        Ok(now)
    }
}
