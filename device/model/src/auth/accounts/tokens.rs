//! API tokens for integrations: named, limited, shown once, kept as SHA-256.

use std::{net::IpAddr, time::Duration};

use lpr_core::UtcTime;
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Accounts, actor_with, people::shortened, users::is_own};
use crate::{
    Actor, Error, Origin, Permission, Permissions, Result, Secret, Violation, Violations,
    auth::session::random_hex, event::LoginOutcome, ports::StoredToken,
};

/// First characters of every token, so that a scanner finds one that leaked.
const PREFIX: &str = "pct_";
/// Most tokens of a user.
const MAX_TOKENS: usize = 32;
/// The last use is written at most so often.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// A token as others may see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TokenInfo {
    /// For revoking it; not a secret.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// Owner.
    pub user: String,
    /// What it may, at most what its owner may.
    pub permissions: Permissions,
    /// When it was made.
    pub created_at: UtcTime,
    /// When it ends; `None` for never.
    pub expires_at: Option<UtcTime>,
    /// Last use, to the minute.
    pub last_used_at: Option<UtcTime>,
    /// From where.
    pub last_address: Option<IpAddr>,
}

/// A token to make.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What it is for, 1 to 63 characters.
    pub name: String,
    /// What it may.
    pub permissions: Permissions,
    /// 1 to 3650; `None` for never.
    pub expires_days: Option<u32>,
}

impl From<&StoredToken> for TokenInfo {
    fn from(t: &StoredToken) -> Self {
        Self {
            id: t.id.clone(),
            name: t.name.clone(),
            user: t.user.clone(),
            permissions: t.permissions,
            created_at: t.created_at,
            expires_at: t.expires_at,
            last_used_at: t.last_used_at,
            last_address: t.last_address,
        }
    }
}

fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

impl Accounts {
    /// The caller's tokens; with the permission to manage users everybody's.
    pub fn tokens(&self, by: &Actor) -> Vec<TokenInfo> {
        let everybody = by.permissions.has(Permission::UserManagement);
        let tokens = self.tokens.read();
        let seen = tokens.iter().filter(|t| everybody || is_own(by, &t.user));
        seen.map(TokenInfo::from).collect()
    }

    /// Makes a token for the caller; the secret is never seen again.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `/name`, `/permissions` or `/expires_days`, [`Error::Exhausted`],
    /// [`Error::Unauthenticated`] for nobody.
    pub fn create_token(&self, new: NewToken, by: &Actor) -> Result<(TokenInfo, Secret)> {
        let user = by.user.clone().ok_or(Error::Unauthenticated)?;
        let _one_writer = self.writer.lock();
        let mut violations = Violations::default();
        let n = new.name.chars().count();
        let plain = (1..=63).contains(&n) && !new.name.chars().any(char::is_control);
        violations.require(plain, || {
            let reason = "must be 1 to 63 characters without control characters";
            Violation::new("/name", &new.name, reason)
        });
        if let Some(beyond) = new.permissions.without(by.permissions).iter().next() {
            let reason = "its owner does not have it";
            violations
                .0
                .push(Violation::new("/permissions", beyond, reason));
        }
        violations.require(!new.permissions.is_empty(), || {
            Violation::new("/permissions", "", "is empty")
        });
        if let Some(days) = new.expires_days.filter(|d| !(1..=3650).contains(d)) {
            violations.0.push(Violation::new(
                "/expires_days",
                days,
                "must be 1 to 3650 days",
            ));
        }
        violations.into_result()?;
        let own = self.tokens.read().iter().filter(|t| t.user == user).count();
        if own >= MAX_TOKENS {
            return Err(Error::Exhausted {
                what: "tokens of a user",
                limit: MAX_TOKENS as u64,
            });
        }
        let (id, secret) = (random_hex()?[..16].to_owned(), random_hex()?);
        let now = self.clock.now();
        let day = |n: u32| Duration::from_secs(u64::from(n) * 86_400);
        let token = StoredToken {
            id: id.clone(),
            name: new.name,
            user,
            hash: hash(&secret),
            permissions: new.permissions,
            created_at: now,
            expires_at: new.expires_days.map(|d| now + day(d)),
            last_used_at: None,
            last_address: None,
        };
        self.backend.put_token(&token)?;
        self.tokens.write().push(token.clone());
        self.audit(by, format!("API token '{}' was made.", token.name));
        let text = Secret::new(format!("{PREFIX}{id}_{secret}"));
        Ok((TokenInfo::from(&token), text))
    }

    /// Revokes a token: the own ones, or anybody's with the permission to manage users.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn revoke_token(&self, id: &str, by: &Actor) -> Result<()> {
        let _one_writer = self.writer.lock();
        let seen = self.tokens(by).into_iter().find(|t| t.id == id);
        let token = seen.ok_or_else(|| Error::not_found("token", shortened(id)))?;
        self.backend.delete_token(id)?;
        self.tokens.write().retain(|t| t.id != id);
        self.audit(by, format!("API token '{}' was revoked.", token.name));
        Ok(())
    }

    /// The actor of a token: its permissions, as far as its owner has them now.
    ///
    /// # Errors
    /// [`Error::NotInitialised`], [`Error::Locked`] for an address with too many failures,
    /// [`Error::Unauthenticated`], [`Error::PasswordExpired`] where the settings refuse it.
    pub fn bearer(&self, text: &str, peer: Option<IpAddr>) -> Result<Actor> {
        if !self.is_initialised() {
            return Err(Error::NotInitialised);
        }
        let (now, wall) = self.now();
        if let Some(retry_after) = self.lockout.locked_from(peer, now) {
            return Err(Error::Locked { retry_after });
        }
        let parts = text.strip_prefix(PREFIX).and_then(|t| t.split_once('_'));
        let known = parts.and_then(|(id, secret)| {
            let tokens = self.tokens.read();
            let token = tokens.iter().find(|t| t.id == id)?;
            let right = bool::from(hash(secret).ct_eq(&token.hash));
            let over = token.expires_at.is_some_and(|end| wall >= end);
            (right && !over).then(|| token.clone())
        });
        let Some((token, user)) = known
            .and_then(|t| Some((self.find(&t.user)?, t)))
            .map(|(u, t)| (t, u))
        else {
            let rules = self.login_rules();
            let nobody = Actor::anonymous(Origin::Web, peer);
            let (attempts, lock_for) = (rules.attempts.get(), rules.lock_for());
            let locked = self.lockout.failed_from(peer, now, attempts, lock_for);
            self.note("API token", &nobody, LoginOutcome::Refused);
            return Err(match locked {
                Some(retry_after) => {
                    self.tell_lock(&nobody, attempts, lock_for);
                    Error::Locked { retry_after }
                }
                None => Error::Unauthenticated,
            });
        };
        let rules = self.password_rules();
        if rules.expire_devices && user.expired(&rules, wall) {
            return Err(Error::PasswordExpired);
        }
        self.note_use(token.clone(), peer, wall);
        self.seen_by_token(&user.stored.name, peer, &token.name);
        let permissions = self
            .people
            .read()
            .allowed(&user.stored, Origin::Web)
            .and(token.permissions);
        Ok(actor_with(&user.stored, permissions, Origin::Web, peer))
    }

    /// A token's last use is worth little: a store that cannot be written does not stop its work.
    fn note_use(&self, mut token: StoredToken, peer: Option<IpAddr>, wall: UtcTime) {
        let recent = token
            .last_used_at
            .is_some_and(|at| at.abs_diff(wall) < NOTE_EVERY);
        if recent && token.last_address == peer {
            return;
        }
        (token.last_used_at, token.last_address) = (Some(wall), peer);
        let mut tokens = self.tokens.write();
        // Revoked meanwhile: it must not come back.
        let Some(held) = tokens.iter_mut().find(|t| t.id == token.id) else {
            return;
        };
        if let Err(e) = self.backend.put_token(&token) {
            tracing::warn!(error = ?e, "the last use of a token was not stored");
        }
        *held = token;
    }
}
