//! The one account base of web, ONVIF, RTSP and CGI (USER-14).

mod admission;
mod connections;
mod groups;
mod people;
mod proof;
mod reset;
mod roles;
mod second_factor;
mod tokens;
mod users;

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use lpr_core::UtcTime;
use parking_lot::{Mutex, RwLock};

pub use groups::{GroupInfo, GroupUpdate};
use people::{People, User};
pub use proof::LoginRequest;
pub use reset::{ResetChallenge, ResetMail, ResetState, ResetTicket};
pub use roles::{MAX_ROLES, Role};
pub use second_factor::{TotpEnrolment, TotpState};
pub use tokens::{NewToken, TokenInfo};
pub use users::{NewUser, UserInfo, UserUpdate};

use super::{
    digest::DigestChallenge,
    lockout::Lockout,
    online::Online,
    password::{self, Cost, PasswordPolicy},
    session::Sessions,
    wsse::Replays,
};
use crate::{
    Actor, AuditEvent, Clock, Error, EventBus, EventKind, LogKind, LoginEvent, Permissions, Result,
    Secret, Violation, Violations,
    event::LoginOutcome,
    ports::{Sealer, StoredToken, StoredUser, UserBackend},
    settings::{SecurityLogin, SecurityPassword, SettingsStore},
};

/// Name of the built-in administrator, which cannot be deleted (USER-11).
pub const ADMIN: &str = "admin";

/// The one account base of web, ONVIF, RTSP and CGI (USER-14).
pub struct Accounts {
    people: RwLock<People>,
    tokens: RwLock<Vec<StoredToken>>,
    /// Writers queue here.
    writer: Mutex<()>,
    backend: Arc<dyn UserBackend>,
    sealer: Arc<dyn Sealer>,
    settings: Arc<SettingsStore>,
    bus: EventBus,
    clock: Arc<dyn Clock>,
    sessions: Arc<Sessions>,
    online: Arc<Online>,
    lockout: Lockout,
    refusals: Mutex<admission::Refusals>,
    digest: DigestChallenge,
    replays: Replays,
    enrolments: Mutex<second_factor::Enrolments>,
    resets: Mutex<reset::Resets>,
    cost: Cost,
    /// One argon2id computation at a time: each takes 19 MiB.
    hashing: Mutex<()>,
    /// Verified for unknown names, so that they take as long as known ones (AUTH-3).
    decoy: String,
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts")
            .field("users", &self.people.read().users.len())
            .finish_non_exhaustive()
    }
}

impl Accounts {
    /// Loads everybody.
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
        let people = People::load(&*backend, &*sealer, clock.now())?;
        let sessions = Arc::new(Sessions::default());
        let known = backend.load_sessions()?;
        let (alive, over): (Vec<_>, Vec<_>) = known
            .into_iter()
            .partition(|s| people.user(&s.user).is_some());
        sessions.restore(alive, clock.monotonic());
        if !over.is_empty() {
            let hashes: Vec<_> = over.into_iter().map(|s| s.hash).collect();
            backend.delete_sessions(&hashes)?;
        }
        Ok(Self {
            people: RwLock::new(people),
            tokens: RwLock::new(backend.load_tokens()?),
            writer: Mutex::new(()),
            backend,
            sealer,
            settings,
            bus,
            clock,
            sessions,
            online: Arc::default(),
            lockout: Lockout::default(),
            refusals: Mutex::default(),
            digest: DigestChallenge::new()?,
            replays: Replays::default(),
            enrolments: Mutex::default(),
            resets: Mutex::default(),
            cost,
            hashing: Mutex::new(()),
            decoy: password::hash(&Secret::new("decoy-0"), cost)?,
        })
    }

    /// Web sessions.
    pub fn sessions(&self) -> &Arc<Sessions> {
        &self.sessions
    }

    /// Whether there is an administrator (INIT-1).
    pub fn is_initialised(&self) -> bool {
        !self.people.read().users.is_empty()
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
        self.check_password("/password", ADMIN, &password, None, &mut violations);
        let email = checked_email("/email", email, &mut violations);
        violations.into_result()?;
        let mut people = self.people.read().clone();
        let mut user = self.make(NewUser::new(
            ADMIN,
            password,
            crate::UserLevel::Administrator,
        ))?;
        user.stored.email = email;
        people.users = vec![user];
        self.replace(people)?;
        self.bus
            .publish(self.clock.now(), EventKind::Initialised(true));
        self.note(ADMIN, by, LoginOutcome::Granted);
        Ok(())
    }

    fn find(&self, name: &str) -> Option<User> {
        self.people.read().user(name).cloned()
    }

    fn login_rules(&self) -> Arc<SecurityLogin> {
        self.settings.get::<SecurityLogin>()
    }

    fn password_rules(&self) -> Arc<SecurityPassword> {
        self.settings.get::<SecurityPassword>()
    }

    fn now(&self) -> (Duration, UtcTime) {
        (self.clock.monotonic(), self.clock.now())
    }

    /// Rules of the settings and, for a change, the history.
    fn check_password(
        &self,
        pointer: &str,
        name: &str,
        password: &Secret,
        user: Option<&User>,
        violations: &mut Violations,
    ) {
        let rules = self.password_rules();
        PasswordPolicy::check_with(pointer, name, password, &rules, violations);
        let Some(user) = user else { return };
        let history = rules.history.get() as usize;
        let expired = user.expired(&rules, self.clock.now());
        let same = (history > 0 || expired) && user.password == *password;
        let _one_at_a_time = self.hashing.lock();
        let mut old = user
            .stored
            .old_passwords
            .iter()
            .take(history.saturating_sub(1));
        if same || old.any(|hash| password::verify(password, hash)) {
            violations.0.push(Violation::new(
                pointer,
                "",
                "was used before; choose another one",
            ));
        }
    }

    /// A user as stored, with hash and sealed password.
    fn make(&self, new: NewUser) -> Result<User> {
        let now = self.clock.now();
        let mut user = User {
            stored: StoredUser {
                name: new.name,
                group: new.group,
                permissions: new.permissions,
                remark: new.remark,
                created_at: Some(now),
                ..StoredUser::default()
            },
            password: Secret::new(""),
        };
        self.set_password(&mut user, new.password)?;
        Ok(user)
    }

    fn set_password(&self, user: &mut User, password: Secret) -> Result<()> {
        let _one_at_a_time = self.hashing.lock();
        let now = self.clock.now();
        let stored = &mut user.stored;
        let hash = password::hash(&password, self.cost)?;
        let before = std::mem::replace(&mut stored.password_hash, hash);
        if !before.is_empty() {
            stored.old_passwords.insert(0, before);
            stored.old_passwords.truncate(10);
        }
        stored.sealed_password = self
            .sealer
            .seal(password.expose().as_bytes(), stored.name.as_bytes())?;
        stored.password_at = Some(now);
        stored.changed_at = Some(now);
        user.password = password;
        Ok(())
    }

    /// Stores `people`, then ends what must not go on: sessions of users that are gone, or whose
    /// password or permissions are not what they were (USER-13). Call it with the writer's lock.
    fn replace(&self, people: People) -> Result<()> {
        let users: Vec<_> = people.users.iter().map(|u| u.stored.clone()).collect();
        self.backend.replace_people(&users, &people.groups)?;
        let before = std::mem::replace(&mut *self.people.write(), people.clone());
        self.tokens
            .write()
            .retain(|t| people.user(&t.user).is_some());
        for old in &before.users {
            let goes_on = people.user(&old.stored.name).is_some_and(|new| {
                new.stored.password_hash == old.stored.password_hash
                    && people.effective(&new.stored) == before.effective(&old.stored)
                    && new.stored.group == old.stored.group
            });
            if !goes_on {
                self.end_all_of(&old.stored.name)?;
            }
        }
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

    fn audit(&self, by: &Actor, what: impl Into<String>) {
        let audit = AuditEvent {
            kind: LogKind::Account,
            actor: by.clone(),
            what: what.into(),
        };
        self.bus.publish(self.clock.now(), EventKind::Audit(audit));
    }

    fn actor_of(&self, u: &StoredUser, origin: crate::Origin, peer: Option<IpAddr>) -> Actor {
        let permissions = self.people.read().allowed(u, origin);
        actor_with(u, permissions, origin, peer)
    }
}

fn actor_with(
    u: &StoredUser,
    permissions: Permissions,
    origin: crate::Origin,
    peer: Option<IpAddr>,
) -> Actor {
    Actor {
        user: Some(u.name.clone()),
        permissions,
        level: Some(permissions.level()),
        origin,
        peer,
    }
}

/// An optional address; empty is none.
fn checked_email(
    pointer: &str,
    email: Option<String>,
    violations: &mut Violations,
) -> Option<String> {
    let email = email
        .map(|e| e.trim().to_owned())
        .filter(|e| !e.is_empty())?;
    violations.require(is_email(&email), || {
        Violation::new(pointer, &email, "is not an e-mail address")
    });
    Some(email)
}

/// One `@` with something on both sides and a dot in the domain; the rest only a mail can tell.
pub(crate) fn is_email(text: &str) -> bool {
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
