//! Users: listing, making, changing, deleting (USER-1..15).

use lpr_core::UtcTime;
use serde::Serialize;

use super::{
    ADMIN, Accounts, checked_email,
    people::{People, User, group_of, shortened},
};
use crate::{
    Actor, Error, EventKind, Permission, Permissions, Result, Secret, UserLevel, Violation,
    Violations, auth::PasswordPolicy,
};

/// A user as others may see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UserInfo {
    /// Name.
    pub name: String,
    /// Group.
    pub group: String,
    /// ONVIF's level of the permissions that count.
    pub level: UserLevel,
    /// Exactly these; `None` for all that the group has.
    pub permissions: Option<Permissions>,
    /// What counts.
    pub effective: Permissions,
    /// Free text.
    pub remark: String,
    /// Address for a password reset.
    pub email: Option<String>,
    /// Cannot be deleted nor taken rights.
    pub builtin: bool,
    /// When it was made.
    pub created_at: Option<UtcTime>,
    /// When anything of it was changed.
    pub changed_at: Option<UtcTime>,
    /// When the password was set.
    pub password_changed_at: Option<UtcTime>,
    /// When it expires; `None` for never.
    pub password_expires_at: Option<UtcTime>,
    /// Whether it has expired.
    pub password_expired: bool,
    /// Whether there is a second factor.
    pub totp: bool,
    /// Connections and sessions now.
    pub online: usize,
    /// Seconds until the lock-out ends.
    pub locked_for_s: Option<u64>,
}

/// A user to create.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Name (USER-4, USER-5).
    pub name: String,
    /// Password (USER-8).
    pub password: Secret,
    /// Group (USER-6).
    pub group: String,
    /// Exactly these; `None` for all that the group has (USER-7).
    pub permissions: Option<Permissions>,
    /// Free text, up to 127 characters.
    pub remark: String,
}

impl NewUser {
    /// A user of the built-in group of `level`.
    pub fn new(name: &str, password: Secret, level: UserLevel) -> Self {
        Self {
            name: name.to_owned(),
            password,
            group: group_of(level).to_owned(),
            permissions: None,
            remark: String::new(),
        }
    }
}

/// A change of a user; `None` keeps the value.
#[derive(Clone, Debug, Default)]
pub struct UserUpdate {
    /// Who.
    pub name: String,
    /// New password.
    pub password: Option<Secret>,
    /// New level in ONVIF's words: the built-in group of it, unless the user has that level already.
    pub level: Option<UserLevel>,
    /// New group; the user then has all that it has, unless permissions are given too.
    pub group: Option<String>,
    /// New permissions; `Some(None)` for all that the group has.
    pub permissions: Option<Option<Permissions>>,
    /// New remark.
    pub remark: Option<String>,
    /// New address for a password reset; empty removes it.
    pub email: Option<String>,
}

/// Longest remark.
pub(super) const MAX_REMARK: usize = 127;

pub(super) fn check_remark(pointer: &str, remark: &str, violations: &mut Violations) {
    let n = remark.chars().count();
    violations.require(n <= MAX_REMARK, || {
        let reason = format!("has {n} characters; allowed are 0 to {MAX_REMARK}");
        Violation::new(pointer, remark, reason)
    });
    violations.require(!remark.chars().any(char::is_control), || {
        Violation::new(pointer, "", "contains control characters")
    });
}

/// Nobody gives what they do not have.
pub(super) fn may_give(by: &Actor, permissions: Permissions) -> Result<()> {
    match permissions.without(by.permissions).iter().next() {
        Some(lacking) => Err(Error::Forbidden(lacking)),
        None => Ok(()),
    }
}

/// GEN-2: assigning a permission that the group lacks is refused.
fn check_membership(
    at: &str,
    people: &People,
    group: &str,
    permissions: Option<Permissions>,
    violations: &mut Violations,
) {
    let Some(group) = people.group(group) else {
        let pointer = format!("{at}/group");
        violations.0.push(Violation::new(
            &pointer,
            shortened(group),
            "there is no such group",
        ));
        return;
    };
    let beyond = permissions.unwrap_or_default().without(group.permissions);
    if let Some(p) = beyond.iter().next() {
        let reason = format!("the group '{}' does not have it", group.name);
        violations
            .0
            .push(Violation::new(&format!("{at}/permissions"), p, reason));
    }
}

impl Accounts {
    /// Everybody, in order of creation.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn list(&self, by: &Actor) -> Result<Vec<UserInfo>> {
        by.require(Permission::UserManagement)?;
        let people = self.people.read();
        Ok(people.users.iter().map(|u| self.info(&people, u)).collect())
    }

    /// One user; everybody may ask for the own.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`].
    pub fn get(&self, name: &str, by: &Actor) -> Result<UserInfo> {
        if !is_own(by, name) {
            by.require(Permission::UserManagement)?;
        }
        let people = self.people.read();
        let user = people.user(name);
        let user = user.ok_or_else(|| Error::not_found("user", shortened(name)))?;
        Ok(self.info(&people, user))
    }

    fn info(&self, people: &People, u: &User) -> UserInfo {
        let rules = self.password_rules();
        let (now, wall) = self.now();
        let s = &u.stored;
        let effective = people.effective(s);
        UserInfo {
            name: s.name.clone(),
            group: s.group.clone(),
            level: match people.is_bounded(s) {
                true => UserLevel::Extended,
                false => effective.level(),
            },
            permissions: s.permissions,
            effective,
            remark: s.remark.clone(),
            email: s.email.clone(),
            builtin: s.name == ADMIN,
            created_at: s.created_at,
            changed_at: s.changed_at,
            password_changed_at: s.password_at,
            password_expires_at: u.expires_at(&rules),
            password_expired: u.expired(&rules, wall),
            totp: s.totp.is_some(),
            online: self.connections_of(&s.name),
            locked_for_s: self
                .lockout
                .locked(&s.name, None, now)
                .map(|left| left.as_secs().max(1)),
        }
    }

    /// Creates all of them or none. On an uninitialised device the first call, which must hold an
    /// administrator, initialises it (ONVIF factory state). Pointers begin with the place in `new`.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`], [`Error::Conflict`] for a taken name,
    /// [`Error::Exhausted`] for too many.
    pub fn create(&self, new: Vec<NewUser>, by: &Actor) -> Result<()> {
        self.create_at(new, by, |i| format!("/{i}"))
    }

    /// As [`Accounts::create`] for one, whose pointers are the fields' names.
    ///
    /// # Errors
    /// As [`Accounts::create`].
    pub fn create_one(&self, new: NewUser, by: &Actor) -> Result<UserInfo> {
        let name = new.name.clone();
        self.create_at(vec![new], by, |_| String::new())?;
        let people = self.people.read();
        let user = people.user(&name);
        let user = user.ok_or_else(|| Error::internal("the new user is gone"))?;
        Ok(self.info(&people, user))
    }

    fn create_at(&self, new: Vec<NewUser>, by: &Actor, at: impl Fn(usize) -> String) -> Result<()> {
        let _one_writer = self.writer.lock();
        let mut people = self.people.read().clone();
        let first = people.users.is_empty();
        if first {
            if !new
                .iter()
                .any(|n| n.group == ADMIN && n.permissions.is_none())
            {
                return Err(Error::NotInitialised);
            }
        } else {
            by.require(Permission::UserManagement)?;
        }
        let limit = self.login_rules().max_users.get() as usize;
        if people.users.len() + new.len() > limit {
            return Err(Error::Exhausted {
                what: "users",
                limit: limit as u64,
            });
        }
        let mut violations = Violations::default();
        for (i, n) in new.iter().enumerate() {
            let at = at(i);
            PasswordPolicy::check_name(&format!("{at}/name"), &n.name, &mut violations);
            let pointer = format!("{at}/password");
            self.check_password(&pointer, &n.name, &n.password, None, &mut violations);
            check_remark(&format!("{at}/remark"), &n.remark, &mut violations);
            check_membership(&at, &people, &n.group, n.permissions, &mut violations);
        }
        violations.into_result()?;
        let names: Vec<_> = new.iter().map(|n| n.name.clone()).collect();
        for n in new {
            if people.user(&n.name).is_some() {
                let reason = format!("the user '{}' exists already", n.name);
                return Err(Error::Conflict(reason));
            }
            let user = self.make(n)?;
            if !first {
                may_give(by, people.effective(&user.stored))?;
                people.may_assign_group(by, &user.stored.group)?;
            }
            people.users.push(user);
        }
        self.replace(people)?;
        if first {
            self.bus
                .publish(self.clock.now(), EventKind::Initialised(true));
        }
        for name in names {
            self.audit(by, format!("User '{name}' was added."));
        }
        Ok(())
    }

    /// Changes all of them or none. Everybody may change the own password.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`], [`Error::NotFound`], [`Error::Conflict`] when the
    /// built-in administrator would lose something or somebody changes the own rights.
    pub fn update(&self, updates: Vec<UserUpdate>, by: &Actor) -> Result<()> {
        self.update_at(updates, by, |i| format!("/{i}"))
    }

    /// As [`Accounts::update`] for one, whose pointers are the fields' names.
    ///
    /// # Errors
    /// As [`Accounts::update`].
    pub fn update_one(&self, update: UserUpdate, by: &Actor) -> Result<UserInfo> {
        let name = update.name.clone();
        self.update_at(vec![update], by, |_| String::new())?;
        self.get(&name, by)
    }

    fn update_at(
        &self,
        updates: Vec<UserUpdate>,
        by: &Actor,
        at: impl Fn(usize) -> String,
    ) -> Result<()> {
        let _one_writer = self.writer.lock();
        let mut people = self.people.read().clone();
        let mut violations = Violations::default();
        let mut told = Vec::new();
        for (i, update) in updates.into_iter().enumerate() {
            let at = at(i);
            if let Some(password) = &update.password {
                let user = people.user(&update.name);
                let pointer = format!("{at}/password");
                self.check_password(&pointer, &update.name, password, user, &mut violations);
            }
            told.extend(self.change(&mut people, update, by, &at, &mut violations)?);
        }
        violations.into_result()?;
        if people.administrators() == 0 {
            return Err(Error::Conflict("one user must stay administrator".into()));
        }
        self.replace(people)?;
        for what in told {
            self.audit(by, what);
        }
        Ok(())
    }

    /// One change on `people`; what it did, for the log.
    fn change(
        &self,
        people: &mut People,
        update: UserUpdate,
        by: &Actor,
        at: &str,
        violations: &mut Violations,
    ) -> Result<Option<String>> {
        let own = is_own(by, &update.name);
        let before = people.user_mut(&update.name)?.stored.clone();
        let old = people.effective(&before);
        let mut after = before.clone();
        let level = match people.is_bounded(&before) {
            true => UserLevel::Extended,
            false => old.level(),
        };
        if let Some(level) = update.level.filter(|wanted| *wanted != level) {
            after.group = group_of(level).to_owned();
            after.permissions = None;
        }
        if let Some(group) = update.group {
            let known = people.group(&group).map(|g| g.name.clone());
            let other = known.clone().unwrap_or(group);
            if other != after.group {
                after.permissions = None;
            }
            after.group = other;
        }
        if let Some(permissions) = update.permissions {
            after.permissions = permissions;
        }
        check_membership(at, people, &after.group, after.permissions, violations);
        if let Some(remark) = update.remark {
            check_remark(&format!("{at}/remark"), &remark, violations);
            after.remark = remark;
        }
        if let Some(email) = update.email {
            if before.name != ADMIN {
                let pointer = format!("{at}/email");
                let reason = "only 'admin' has an address for a password reset";
                violations.0.push(Violation::new(&pointer, &email, reason));
            }
            after.email = checked_email(&format!("{at}/email"), Some(email), violations);
        }
        let rights = after.group != before.group || after.permissions != before.permissions;
        let only_password = after == before && update.password.is_some();
        if !(own && only_password) {
            by.require(Permission::UserManagement)?;
        }
        if rights && before.name == ADMIN {
            return Err(Error::Conflict(
                "the built-in administrator keeps the group 'admin' and all permissions".into(),
            ));
        }
        if rights && own {
            return Err(Error::Conflict("nobody changes the own rights".into()));
        }
        if !own {
            // Who sets a password could log in with it.
            may_give(by, old)?;
            may_give(by, people.effective(&after))?;
            people.may_assign_group(by, &before.group)?;
            people.may_assign_group(by, &after.group)?;
        }
        let mut what = Vec::new();
        if rights {
            what.push("group or permissions");
        }
        if after.remark != before.remark || after.email != before.email {
            what.push("details");
        }
        let user = people.user_mut(&before.name)?;
        if after != before {
            after.changed_at = Some(self.clock.now());
            user.stored = after;
        }
        if let Some(password) = update.password {
            self.set_password(user, password)?;
            what.push("password");
        }
        Ok((!what.is_empty())
            .then(|| format!("User '{}' was changed: {}.", before.name, what.join(", "))))
    }

    /// Changes the own password; a wrong `current` counts for the lock-out. All sessions of the user end.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Invalid`] naming `/current` or `/password`.
    pub fn change_own_password(&self, current: &Secret, new: Secret, by: &Actor) -> Result<()> {
        let name = by.user.clone().ok_or(Error::Unauthenticated)?;
        self.confirm_password("/current", &name, current, by)?;
        let update = UserUpdate {
            name,
            password: Some(new),
            ..UserUpdate::default()
        };
        self.update_at(vec![update], by, |_| String::new())
    }

    /// Deletes all of them or none.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Conflict`] for the built-in administrator.
    pub fn delete(&self, names: &[String], by: &Actor) -> Result<()> {
        by.require(Permission::UserManagement)?;
        let _one_writer = self.writer.lock();
        let mut people = self.people.read().clone();
        for name in names {
            let user = people.user_mut(name)?.stored.clone();
            let fixed = || Error::Conflict(format!("the user '{}' cannot be deleted", user.name));
            if user.name == ADMIN {
                return Err(fixed());
            }
            may_give(by, people.effective(&user))?;
            people.users.retain(|u| u.stored.name != user.name);
            if people.administrators() == 0 {
                return Err(fixed());
            }
        }
        self.replace(people)?;
        for name in names {
            self.audit(by, format!("User '{}' was deleted.", shortened(name)));
        }
        Ok(())
    }
}

pub(super) fn is_own(by: &Actor, name: &str) -> bool {
    by.user
        .as_deref()
        .is_some_and(|u| u.eq_ignore_ascii_case(name))
}
