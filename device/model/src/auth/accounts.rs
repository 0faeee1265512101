use std::{fmt, net::IpAddr, sync::Arc};

use parking_lot::{Mutex, RwLock};

use super::{
    digest::{DigestChallenge, Refused, Response},
    lockout::Lockout,
    password::{self, Cost, PasswordPolicy},
    wsse::{Replays, UsernameToken},
};
use crate::{
    Actor, Clock, Error, EventBus, EventKind, LoginEvent, Origin, Permission, Result, Secret,
    UserLevel, Violation, Violations,
    event::LoginOutcome,
    ports::{Sealer, StoredUser, UserBackend},
    settings::{SecurityLogin, SettingsStore},
};

/// Name of the built-in administrator, which cannot be deleted (USER-11).
pub(crate) const ADMIN: &str = "admin";

/// A user as others may see it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct UserInfo {
    /// Name.
    pub name: String,
    /// Group.
    pub level: UserLevel,
    /// Free text.
    pub remark: String,
}

/// A user to create.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Name (USER-4, USER-5).
    pub name: String,
    /// Password (USER-8).
    pub password: Secret,
    /// Group.
    pub level: UserLevel,
}

/// A change of a user; `None` keeps the value.
#[derive(Clone, Debug)]
pub struct UserUpdate {
    /// Who.
    pub name: String,
    /// New password.
    pub password: Option<Secret>,
    /// New group.
    pub level: Option<UserLevel>,
}

#[derive(Clone)]
struct User {
    stored: StoredUser,
    /// Opened once at start: Digest and WS-UsernameToken need it with every request.
    password: Secret,
}

/// The one account base of web, ONVIF, RTSP and CGI (USER-14).
pub struct Accounts {
    users: RwLock<Vec<User>>,
    /// Writers queue here.
    writer: Mutex<()>,
    backend: Arc<dyn UserBackend>,
    sealer: Arc<dyn Sealer>,
    settings: Arc<SettingsStore>,
    bus: EventBus,
    clock: Arc<dyn Clock>,
    lockout: Lockout,
    digest: DigestChallenge,
    replays: Replays,
    cost: Cost,
    /// One argon2id computation at a time: each takes 19 MiB.
    hashing: Mutex<()>,
    /// Verified for unknown names, so that they take as long as known ones (AUTH-3).
    decoy: String,
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts")
            .field("users", &self.users.read().len())
            .finish_non_exhaustive()
    }
}

impl Accounts {
    /// Loads all users.
    ///
    /// # Errors
    /// [`Error::Internal`] when they cannot be read or a password cannot be opened with the device key.
    pub fn load(
        backend: Arc<dyn UserBackend>,
        sealer: Arc<dyn Sealer>,
        settings: Arc<SettingsStore>,
        bus: EventBus,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        Self::with_cost(backend, sealer, settings, bus, clock, Cost::Product)
    }

    pub(crate) fn for_tests(
        backend: Arc<dyn UserBackend>,
        sealer: Arc<dyn Sealer>,
        settings: Arc<SettingsStore>,
        bus: EventBus,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        Self::with_cost(backend, sealer, settings, bus, clock, Cost::Test)
    }

    fn with_cost(
        backend: Arc<dyn UserBackend>,
        sealer: Arc<dyn Sealer>,
        settings: Arc<SettingsStore>,
        bus: EventBus,
        clock: Arc<dyn Clock>,
        cost: Cost,
    ) -> Result<Self> {
        let mut users = Vec::new();
        for stored in backend.load_users()? {
            let plain = sealer.open(&stored.sealed_password, stored.name.as_bytes())?;
            let password = Secret::new(String::from_utf8(plain).map_err(Error::internal)?);
            users.push(User { stored, password });
        }
        Ok(Self {
            users: RwLock::new(users),
            writer: Mutex::new(()),
            backend,
            sealer,
            settings,
            bus,
            clock,
            lockout: Lockout::default(),
            digest: DigestChallenge::new()?,
            replays: Replays::default(),
            cost,
            hashing: Mutex::new(()),
            decoy: password::hash(&Secret::new("decoy-0"), cost)?,
        })
    }

    /// Whether there is an administrator (INIT-1).
    pub fn is_initialised(&self) -> bool {
        !self.users.read().is_empty()
    }

    /// Sets the password of `admin` on a device without users (INIT-1..5).
    ///
    /// # Errors
    /// [`Error::Conflict`] when it is initialised, [`Error::Invalid`] naming `/password` or `/email`.
    pub fn initialise(&self, password: Secret, email: Option<String>, by: &Actor) -> Result<()> {
        let _one_writer = self.writer.lock();
        if self.is_initialised() {
            return Err(Error::Conflict("the device is initialised already".into()));
        }
        let mut violations = Violations::default();
        PasswordPolicy::check("/password", &password, &mut violations);
        let email = email.map(|e| e.trim().to_owned()).filter(|e| !e.is_empty());
        if let Some(e) = &email {
            violations.require(is_email(e), || {
                Violation::new("/email", e, "is not an e-mail address")
            });
        }
        violations.into_result()?;
        let mut user = self.seal(NewUser {
            name: ADMIN.into(),
            password,
            level: UserLevel::Administrator,
        })?;
        user.stored.email = email;
        self.replace(vec![user])?;
        self.bus
            .publish(self.clock.now(), EventKind::Initialised(true));
        self.note(ADMIN, by, LoginOutcome::Granted);
        Ok(())
    }

    /// Checks name and password (AUTH-1). Takes tens of milliseconds: call it off the event loop.
    ///
    /// # Errors
    /// [`Error::NotInitialised`], [`Error::Locked`] with the time left, [`Error::Unauthenticated`].
    pub fn login(
        &self,
        name: &str,
        password: &Secret,
        origin: Origin,
        peer: Option<IpAddr>,
    ) -> Result<Actor> {
        self.attempt(name, origin, peer, |user| {
            let _one_at_a_time = self.hashing.lock();
            let hash = user.map_or(&self.decoy, |u| &u.stored.password_hash);
            if password::verify(password, hash) && user.is_some() {
                Ok(())
            } else {
                Err(Error::Unauthenticated)
            }
        })
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
    /// [`Error::NotInitialised`], [`Error::Locked`], [`Error::Unauthenticated`], [`Error::Malformed`].
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
    /// [`Error::NotInitialised`], [`Error::Locked`], [`Error::Unauthenticated`].
    pub fn username_token(&self, token: &UsernameToken, peer: Option<IpAddr>) -> Result<Actor> {
        self.attempt(&token.username, Origin::Onvif, peer, |user| match user {
            Some(u) if token.proves(&u.password, self.clock.now(), &self.replays) => Ok(()),
            _ => Err(Error::Unauthenticated),
        })
    }

    /// The actor behind a session's user, with the permissions of this moment; `None` when the user
    /// is gone.
    pub fn actor(&self, name: &str, origin: Origin, peer: Option<IpAddr>) -> Option<Actor> {
        self.find(name).map(|u| actor_of(&u.stored, origin, peer))
    }

    /// Notes that somebody left (AUTH-4, AUTH-7).
    pub fn logged_out(&self, actor: &Actor) {
        self.note(
            actor.user.as_deref().unwrap_or_default(),
            actor,
            LoginOutcome::LoggedOut,
        );
    }

    /// Everybody, in order of creation.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn list(&self, by: &Actor) -> Result<Vec<UserInfo>> {
        by.require(Permission::UserManagement)?;
        let info = |u: &User| UserInfo {
            name: u.stored.name.clone(),
            level: u.stored.level,
            remark: u.stored.remark.clone(),
        };
        Ok(self.users.read().iter().map(info).collect())
    }

    /// Creates all of them or none. On an uninitialised device the first call, which must hold an
    /// administrator, initialises it (ONVIF factory state).
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`], [`Error::Conflict`] for a taken name,
    /// [`Error::Exhausted`] for too many.
    pub fn create(&self, new: Vec<NewUser>, by: &Actor) -> Result<()> {
        let _one_writer = self.writer.lock();
        let mut users = self.users.read().clone();
        let first = users.is_empty();
        if first {
            if !new.iter().any(|n| n.level == UserLevel::Administrator) {
                return Err(Error::NotInitialised);
            }
        } else {
            by.require(Permission::UserManagement)?;
        }
        let limit = self.settings.get::<SecurityLogin>().max_users.get() as usize;
        if users.len() + new.len() > limit {
            return Err(Error::Exhausted {
                what: "users",
                limit: limit as u64,
            });
        }
        let mut violations = Violations::default();
        for (i, n) in new.iter().enumerate() {
            PasswordPolicy::check_name(&format!("/{i}/username"), &n.name, &mut violations);
            PasswordPolicy::check(&format!("/{i}/password"), &n.password, &mut violations);
        }
        violations.into_result()?;
        for n in new {
            if users
                .iter()
                .any(|u| u.stored.name.eq_ignore_ascii_case(&n.name))
            {
                return Err(Error::Conflict(format!(
                    "the user '{}' exists already",
                    n.name
                )));
            }
            users.push(self.seal(n)?);
        }
        self.replace(users)?;
        if first {
            self.bus
                .publish(self.clock.now(), EventKind::Initialised(true));
        }
        Ok(())
    }

    /// Changes all of them or none. Everybody may change the own password.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`], [`Error::NotFound`], [`Error::Conflict`] when the
    /// built-in administrator would lose the level.
    pub fn update(&self, updates: Vec<UserUpdate>, by: &Actor) -> Result<()> {
        let _one_writer = self.writer.lock();
        let mut users = self.users.read().clone();
        let mut violations = Violations::default();
        for (i, update) in updates.into_iter().enumerate() {
            let own = by
                .user
                .as_deref()
                .is_some_and(|u| u.eq_ignore_ascii_case(&update.name));
            if !(own && update.level.is_none()) {
                by.require(Permission::UserManagement)?;
            }
            let user = users
                .iter_mut()
                .find(|u| u.stored.name.eq_ignore_ascii_case(&update.name))
                .ok_or_else(|| Error::not_found("user", &update.name))?;
            let level = update.level.unwrap_or(user.stored.level);
            if user.stored.name == ADMIN && level != UserLevel::Administrator {
                return Err(Error::Conflict(
                    "the built-in administrator keeps the level Administrator".into(),
                ));
            }
            user.stored.level = level;
            if let Some(password) = update.password {
                PasswordPolicy::check(&format!("/{i}/password"), &password, &mut violations);
                let sealed = self.seal(NewUser {
                    name: user.stored.name.clone(),
                    password,
                    level,
                })?;
                user.stored.password_hash = sealed.stored.password_hash;
                user.stored.sealed_password = sealed.stored.sealed_password;
                user.password = sealed.password;
            }
        }
        violations.into_result()?;
        self.replace(users)
    }

    /// Deletes all of them or none.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Conflict`] for the built-in administrator.
    pub fn delete(&self, names: &[String], by: &Actor) -> Result<()> {
        by.require(Permission::UserManagement)?;
        let _one_writer = self.writer.lock();
        let mut users = self.users.read().clone();
        for name in names {
            let at = users
                .iter()
                .position(|u| u.stored.name.eq_ignore_ascii_case(name))
                .ok_or_else(|| Error::not_found("user", name))?;
            let last_admin = users[at].stored.level == UserLevel::Administrator
                && users
                    .iter()
                    .filter(|u| u.stored.level == UserLevel::Administrator)
                    .count()
                    == 1;
            if users[at].stored.name == ADMIN || last_admin {
                return Err(Error::Conflict(format!(
                    "the user '{name}' cannot be deleted"
                )));
            }
            users.remove(at);
        }
        self.replace(users)
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
                let actor = actor_of(&user.stored, origin, peer);
                // Digest and UsernameToken prove themselves with every request: that is no login.
                if origin == Origin::Web {
                    self.note(&user.stored.name, &actor, LoginOutcome::Granted);
                }
                Ok(actor)
            }
            (proof, _) => {
                let rules = self.settings.get::<SecurityLogin>();
                let locked =
                    self.lockout
                        .failed(name, peer, now, rules.attempts.get(), rules.lock_for());
                self.note(name, &nobody, LoginOutcome::Refused);
                match locked {
                    Some(retry_after) => Err(Error::Locked { retry_after }),
                    None => Err(proof.err().unwrap_or(Error::Unauthenticated)),
                }
            }
        }
    }

    fn find(&self, name: &str) -> Option<User> {
        self.users
            .read()
            .iter()
            .find(|u| u.stored.name.eq_ignore_ascii_case(name))
            .cloned()
    }

    fn seal(&self, new: NewUser) -> Result<User> {
        let _one_at_a_time = self.hashing.lock();
        let stored = StoredUser {
            password_hash: password::hash(&new.password, self.cost)?,
            sealed_password: self
                .sealer
                .seal(new.password.expose().as_bytes(), new.name.as_bytes())?,
            name: new.name,
            level: new.level,
            remark: String::new(),
            email: None,
        };
        Ok(User {
            stored,
            password: new.password,
        })
    }

    fn replace(&self, users: Vec<User>) -> Result<()> {
        let stored: Vec<_> = users.iter().map(|u| u.stored.clone()).collect();
        self.backend.replace_users(&stored)?;
        *self.users.write() = users;
        Ok(())
    }

    fn note(&self, user: &str, actor: &Actor, outcome: LoginOutcome) {
        let user = user.chars().take(64).collect();
        self.bus.publish(
            self.clock.now(),
            EventKind::Login(LoginEvent {
                user,
                actor: actor.clone(),
                outcome,
            }),
        );
    }
}

fn actor_of(u: &StoredUser, origin: Origin, peer: Option<IpAddr>) -> Actor {
    Actor {
        user: Some(u.name.clone()),
        permissions: u.level.permissions(),
        level: Some(u.level),
        origin,
        peer,
    }
}

/// One `@` with something on both sides and a dot in the domain; the rest only a mail can tell.
fn is_email(text: &str) -> bool {
    let plain = text.len() <= 254 && text.chars().all(|c| c.is_ascii_graphic());
    let parts = text.split_once('@');
    plain
        && parts.is_some_and(|(local, domain)| {
            !local.is_empty()
                && domain.contains('.')
                && !domain.contains('@')
                && !domain.starts_with('.')
                && !domain.ends_with('.')
        })
}
