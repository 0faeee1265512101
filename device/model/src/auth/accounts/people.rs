//! Users and groups at one moment, and what follows from them.

use lpr_core::UtcTime;

use super::ADMIN;
use crate::{
    Actor, Error, Origin, Permission, Permissions, Result, Secret, UserLevel,
    ports::{Sealer, StoredGroup, StoredUser, UserBackend},
    settings::SecurityPassword,
};

/// Groups that always exist, in the order of the list (USER-19).
pub(super) const BUILT_IN: [(&str, UserLevel, &str); 3] = [
    ("admin", UserLevel::Administrator, "Administrators"),
    ("operator", UserLevel::Operator, "Operators"),
    ("user", UserLevel::User, "Users"),
];

#[derive(Clone)]
pub(super) struct User {
    pub(super) stored: StoredUser,
    /// Opened once at start: Digest and WS-UsernameToken need it with every request.
    pub(super) password: Secret,
}

impl User {
    /// When the password expires; `None` for never.
    pub(super) fn expires_at(&self, rules: &SecurityPassword) -> Option<UtcTime> {
        Some(self.stored.password_at? + rules.expires_after()?)
    }

    pub(super) fn expired(&self, rules: &SecurityPassword, now: UtcTime) -> bool {
        self.expires_at(rules).is_some_and(|at| now >= at)
    }
}

/// Users and groups at one moment.
#[derive(Clone)]
pub(super) struct People {
    pub(super) users: Vec<User>,
    pub(super) groups: Vec<StoredGroup>,
}

/// Nobody, and the built-in groups as they come.
impl Default for People {
    fn default() -> Self {
        let group = |(name, level, remark): (&str, UserLevel, &str)| StoredGroup {
            name: name.into(),
            remark: remark.into(),
            permissions: level.permissions(),
            functions: None,
        };
        Self {
            users: Vec::new(),
            groups: BUILT_IN.into_iter().map(group).collect(),
        }
    }
}

/// The built-in group of an ONVIF level.
pub(super) fn group_of(level: UserLevel) -> &'static str {
    match level {
        UserLevel::Administrator => "admin",
        UserLevel::Operator => "operator",
        UserLevel::User | UserLevel::Extended => "user",
    }
}

pub(super) fn is_built_in(group: &str) -> bool {
    BUILT_IN
        .iter()
        .any(|(name, ..)| name.eq_ignore_ascii_case(group))
}

impl People {
    pub(super) fn load(
        backend: &dyn UserBackend,
        sealer: &dyn Sealer,
        now: UtcTime,
    ) -> Result<Self> {
        let mut people = Self::default();
        for stored in backend.load_groups()? {
            match people.groups.iter_mut().find(|g| g.name == stored.name) {
                // Administrators have everything, also what later firmware adds.
                Some(group) if group.name == ADMIN => group.remark = stored.remark,
                Some(group) => *group = stored,
                None => people.groups.push(stored),
            }
        }
        let mut undated = false;
        for mut stored in backend.load_users()? {
            let plain = sealer.open(&stored.sealed_password, stored.name.as_bytes())?;
            let password = Secret::new(String::from_utf8(plain).map_err(Error::internal)?);
            if people.group(&stored.group).is_none() {
                return Err(Error::internal(format!(
                    "user '{}' is in the group '{}', which does not exist",
                    stored.name, stored.group
                )));
            }
            // From before passwords had a date: their age counts from now.
            if stored.password_at.is_none() {
                stored.password_at = Some(now);
                undated = true;
            }
            people.users.push(User { stored, password });
        }
        if undated {
            let users: Vec<_> = people.users.iter().map(|u| u.stored.clone()).collect();
            backend.replace_people(&users, &people.groups)?;
        }
        Ok(people)
    }

    pub(super) fn user(&self, name: &str) -> Option<&User> {
        self.users
            .iter()
            .find(|u| u.stored.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn user_mut(&mut self, name: &str) -> Result<&mut User> {
        self.users
            .iter_mut()
            .find(|u| u.stored.name.eq_ignore_ascii_case(name))
            .ok_or_else(|| Error::not_found("user", shortened(name)))
    }

    pub(super) fn group(&self, name: &str) -> Option<&StoredGroup> {
        self.groups
            .iter()
            .find(|g| g.name.eq_ignore_ascii_case(name))
    }

    /// What a user may: never more than the group (GEN-2).
    pub(super) fn effective(&self, user: &StoredUser) -> Permissions {
        let Some(group) = self.group(&user.group) else {
            return Permissions::NONE;
        };
        let limit = group.permissions;
        user.permissions.map_or(limit, |own| own.and(limit))
    }

    /// Whether the group of a user is bounded to single ONVIF operations.
    pub(super) fn is_bounded(&self, user: &StoredUser) -> bool {
        self.group(&user.group)
            .is_some_and(|g| g.functions.is_some())
    }

    /// What a user may who comes in that way. Functions are ONVIF's: who is bounded to some of them watches at
    /// most by other ways.
    pub(super) fn allowed(&self, user: &StoredUser, origin: Origin) -> Permissions {
        let all = self.effective(user);
        if origin != Origin::Onvif && self.is_bounded(user) {
            return all.and(Permissions::of(&[Permission::LiveView]));
        }
        all
    }

    /// Nobody gives functions that they do not have themselves.
    pub(super) fn may_assign(&self, by: &Actor, functions: Option<&[String]>) -> Result<()> {
        let giver = by.user.as_deref().and_then(|name| self.user(name));
        let group = giver.and_then(|u| self.group(&u.stored.group));
        let Some((group, own)) = group.and_then(|g| Some((g, g.functions.as_ref()?))) else {
            return Ok(());
        };
        let lacking = match functions {
            None => Some("all functions"),
            Some(given) => given.iter().find(|f| !own.contains(f)).map(String::as_str),
        };
        match lacking {
            None => Ok(()),
            Some(function) => Err(Error::NotInRole {
                role: group.name.clone(),
                function: shortened(function),
            }),
        }
    }

    /// As [`People::may_assign`] for the functions of a group.
    pub(super) fn may_assign_group(&self, by: &Actor, group: &str) -> Result<()> {
        let group = self.group(group);
        self.may_assign(by, group.and_then(|g| g.functions.as_deref()))
    }

    pub(super) fn members(&self, group: &str) -> usize {
        let of = |u: &&User| u.stored.group.eq_ignore_ascii_case(group);
        self.users.iter().filter(of).count()
    }

    /// Takes from the members of a group what it does not have (GEN-2).
    pub(super) fn bound_members(&mut self, group: &StoredGroup) {
        for user in &mut self.users {
            if user.stored.group == group.name {
                let own = &mut user.stored.permissions;
                *own = own.map(|p| p.and(group.permissions));
            }
        }
    }

    /// Users who may everything.
    pub(super) fn administrators(&self) -> usize {
        let all = |u: &&User| {
            self.effective(&u.stored) == Permissions::all() && !self.is_bounded(&u.stored)
        };
        self.users.iter().filter(all).count()
    }
}

/// At most 64 characters of what somebody sent, for messages.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}
