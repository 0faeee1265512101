//! Proofs of identity: password, Digest, WS-UsernameToken (AUTH-1..8).

use std::net::IpAddr;

use super::{
    Accounts, actor_with,
    people::{User, shortened},
};
use crate::{
    Actor, Error, Origin, Permission, Permissions, Result, Secret,
    auth::{
        LockEntry, PasswordPolicy, PasswordReport,
        digest::{Refused, Response},
        online::OnlineKind,
        password,
        wsse::UsernameToken,
    },
    event::LoginOutcome,
};

/// A login with a password.
#[derive(Clone, Debug)]
pub struct LoginRequest<'a> {
    /// User name.
    pub name: &'a str,
    /// Password.
    pub password: &'a Secret,
    /// Code of the second factor, when one was asked for.
    pub code: Option<&'a str>,
    /// Way in.
    pub origin: Origin,
    /// Source address.
    pub peer: Option<IpAddr>,
}

impl Accounts {
    /// Checks name and password of a user without second factor; see [`Accounts::login_with`].
    ///
    /// # Errors
    /// As [`Accounts::login_with`].
    pub fn login(
        &self,
        name: &str,
        password: &Secret,
        origin: Origin,
        peer: Option<IpAddr>,
    ) -> Result<Actor> {
        self.login_with(&LoginRequest {
            name,
            password,
            code: None,
            origin,
            peer,
        })
    }

    /// Checks name, password and second factor (AUTH-1). Takes tens of milliseconds: call it off the
    /// event loop. Who has an expired password comes in without any permission (AUTH-8).
    ///
    /// # Errors
    /// [`Error::NotInitialised`], [`Error::Locked`] with the time left, [`Error::Unauthenticated`],
    /// [`Error::SecondFactor`] when only the code is missing: that counts neither way.
    pub fn login_with(&self, request: &LoginRequest<'_>) -> Result<Actor> {
        self.attempt(request.name, request.origin, request.peer, |user| {
            let right = {
                let _one_at_a_time = self.hashing.lock();
                let hash = user.map_or(&self.decoy, |u| &u.stored.password_hash);
                password::verify(request.password, hash)
            };
            match user.filter(|_| right) {
                Some(user) => self.second_factor(user, request.code),
                None => Err(Error::Unauthenticated),
            }
        })
    }

    /// Checks the password of somebody who is logged in; `pointer` names the field.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Invalid`] for a wrong one, which counts for the lock-out.
    pub(super) fn confirm_password(
        &self,
        pointer: &str,
        name: &str,
        given: &Secret,
        by: &Actor,
    ) -> Result<User> {
        let now = self.clock.monotonic();
        if let Some(retry_after) = self.lockout.locked(name, by.peer, now) {
            return Err(Error::Locked { retry_after });
        }
        let user = self.find(name).ok_or(Error::Unauthenticated)?;
        let right = {
            let _one_at_a_time = self.hashing.lock();
            password::verify(given, &user.stored.password_hash)
        };
        if right {
            return Ok(user);
        }
        match self.count_failure(name, by) {
            Some(retry_after) => Err(Error::Locked { retry_after }),
            None => Err(Error::invalid(pointer, "", "is wrong")),
        }
    }

    /// Values of `WWW-Authenticate` for a request without (or with stale) credentials.
    pub fn challenges(&self, stale: bool) -> Vec<String> {
        self.digest.challenges(self.clock.monotonic(), stale)
    }

    /// Checks an `Authorization: Digest` header of HTTP or RTSP.
    ///
    /// `target` is the URI of the request line. `Ok(None)` asks for a fresh challenge with
    /// `stale=true`: the proof was right but its nonce is used up.
    ///
    /// # Errors
    /// [`Error::NotInitialised`], [`Error::Locked`], [`Error::Unauthenticated`], [`Error::Malformed`],
    /// [`Error::PasswordExpired`] where the settings refuse it.
    pub fn digest(
        &self,
        header: &str,
        method: &str,
        target: &str,
        origin: Origin,
        peer: Option<IpAddr>,
    ) -> Result<Option<Actor>> {
        let response = Response::parse(header)?;
        let now = self.clock.monotonic();
        let mut stale = false;
        let actor = self.attempt(&response.username, origin, peer, |user| {
            let user = user.ok_or(Error::Unauthenticated)?;
            match self
                .digest
                .check(&response, method, target, &user.password, now)
            {
                Ok(()) => Ok(()),
                Err(Refused::Stale) => {
                    stale = true;
                    Ok(())
                }
                Err(Refused::Wrong) => Err(Error::Unauthenticated),
            }
        })?;
        Ok((!stale).then_some(actor))
    }

    /// Checks a WS-UsernameToken.
    ///
    /// # Errors
    /// [`Error::NotInitialised`], [`Error::Locked`], [`Error::Unauthenticated`],
    /// [`Error::PasswordExpired`] where the settings refuse it.
    pub fn username_token(&self, token: &UsernameToken, peer: Option<IpAddr>) -> Result<Actor> {
        self.attempt(&token.username, Origin::Onvif, peer, |user| match user {
            Some(u) if token.proves(&u.password, self.clock.now(), &self.replays) => Ok(()),
            _ => Err(Error::Unauthenticated),
        })
    }

    /// The actor behind a session's user, with the permissions of this moment, none while the
    /// password has expired; `None` when the user is gone.
    pub fn actor(&self, name: &str, origin: Origin, peer: Option<IpAddr>) -> Option<Actor> {
        let user = self.find(name)?;
        Some(self.web_actor(&user, origin, peer))
    }

    fn web_actor(&self, user: &User, origin: Origin, peer: Option<IpAddr>) -> Actor {
        if user.expired(&self.password_rules(), self.clock.now()) {
            actor_with(&user.stored, Permissions::NONE, origin, peer)
        } else {
            self.actor_of(&user.stored, origin, peer)
        }
    }

    /// Whether the user's password has expired, so that it can only be changed.
    pub fn password_expired(&self, name: &str) -> bool {
        let rules = self.password_rules();
        self.find(name)
            .is_some_and(|u| u.expired(&rules, self.clock.now()))
    }

    /// Notes that somebody left (AUTH-4, AUTH-7).
    pub fn logged_out(&self, actor: &Actor) {
        self.note(
            actor.user.as_deref().unwrap_or_default(),
            actor,
            LoginOutcome::LoggedOut,
        );
    }

    /// What a strength prompt shows (USER-10, SEC-1, SEC-2). Nothing of it is kept.
    pub fn password_report(&self, name: &str, password: &Secret) -> PasswordReport {
        PasswordPolicy::report(name, password, &self.password_rules())
    }

    /// Accounts and addresses with failed logins.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn lockouts(&self, by: &Actor) -> Result<Vec<LockEntry>> {
        by.require(Permission::UserManagement)?;
        let lock_for = self.login_rules().lock_for();
        Ok(self.lockout.list(self.clock.monotonic(), lock_for))
    }

    /// Ends a lock, or all of them.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`].
    pub fn unlock(&self, id: Option<u64>, by: &Actor) -> Result<()> {
        by.require(Permission::UserManagement)?;
        let Some(id) = id else {
            self.lockout.unlock_user(None);
            self.audit(by, "All locks of logins were removed.");
            return Ok(());
        };
        let name = self.lockout.unlock(id);
        let name = name.ok_or_else(|| Error::not_found("lock", id.to_string()))?;
        self.audit(by, format!("The lock of '{name}' was removed."));
        Ok(())
    }

    /// Ends the lock of a user.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`].
    pub fn unlock_user(&self, name: &str, by: &Actor) -> Result<()> {
        by.require(Permission::UserManagement)?;
        let user = self.find(name);
        let user = user.ok_or_else(|| Error::not_found("user", shortened(name)))?;
        let name = user.stored.name;
        self.lockout.unlock_user(Some(&name));
        self.audit(by, format!("The lock of '{name}' was removed."));
        Ok(())
    }

    /// Counts a failure and tells it; the lock's length when this one locked.
    pub(super) fn count_failure(&self, name: &str, by: &Actor) -> Option<std::time::Duration> {
        let rules = self.login_rules();
        let now = self.clock.monotonic();
        let (attempts, lock_for) = (rules.attempts.get(), rules.lock_for());
        let locked = self.lockout.failed(name, by.peer, now, attempts, lock_for);
        self.note(name, by, LoginOutcome::Refused);
        if locked.is_some() {
            self.tell_lock(by, attempts, lock_for);
        }
        locked
    }

    pub(super) fn tell_lock(&self, by: &Actor, attempts: u32, lock_for: std::time::Duration) {
        let minutes = lock_for.as_secs() / 60;
        let anybody = Actor::anonymous(by.origin, by.peer);
        self.audit(
            &anybody,
            format!("Locked for {minutes} min after {attempts} failed logins."),
        );
        let kind = crate::EventKind::LockedOut { peer: by.peer };
        self.bus.publish(self.clock.now(), kind);
    }

    /// Lock, failure count and notice around one proof of identity.
    fn attempt(
        &self,
        name: &str,
        origin: Origin,
        peer: Option<IpAddr>,
        prove: impl FnOnce(Option<&User>) -> Result<()>,
    ) -> Result<Actor> {
        if !self.is_initialised() {
            return Err(Error::NotInitialised);
        }
        let nobody = Actor::anonymous(origin, peer);
        let now = self.clock.monotonic();
        if let Some(retry_after) = self.lockout.locked(name, peer, now) {
            self.note(name, &nobody, LoginOutcome::Locked);
            return Err(Error::Locked { retry_after });
        }
        let user = self.find(name);
        match (prove(user.as_ref()), user) {
            (Ok(()), Some(user)) => {
                self.lockout.succeeded(name, peer);
                self.let_in(&user, origin, peer)
            }
            // The password was right: no failure, and no success that would clear earlier ones.
            (Err(Error::SecondFactor), Some(_)) => Err(Error::SecondFactor),
            (proof, _) => match self.count_failure(name, &nobody) {
                Some(retry_after) => Err(Error::Locked { retry_after }),
                None => Err(proof.err().unwrap_or(Error::Unauthenticated)),
            },
        }
    }

    fn let_in(&self, user: &User, origin: Origin, peer: Option<IpAddr>) -> Result<Actor> {
        // Digest and UsernameToken prove themselves with every request: that is no login.
        if origin == Origin::Web {
            let actor = self.web_actor(user, origin, peer);
            self.note(&user.stored.name, &actor, LoginOutcome::Granted);
            return Ok(actor);
        }
        let rules = self.password_rules();
        if rules.expire_devices && user.expired(&rules, self.clock.now()) {
            return Err(Error::PasswordExpired);
        }
        let kind = match origin {
            Origin::Onvif => Some(OnlineKind::Onvif),
            Origin::Cgi => Some(OnlineKind::Cgi),
            _ => None,
        };
        if let Some(kind) = kind {
            self.online
                .seen(kind, &user.stored.name, peer, "", self.now());
        }
        Ok(self.actor_of(&user.stored, origin, peer))
    }
}
