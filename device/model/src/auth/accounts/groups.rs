//! Groups: what their members may at most (USER-16..19, GEN-2).

use serde::Serialize;

use super::{
    ADMIN, Accounts,
    people::{People, is_built_in, shortened},
    users::{check_remark, may_give},
};
use crate::{
    Actor, Error, Permission, Permissions, Result, UserLevel, Violations, auth::PasswordPolicy,
    ports::StoredGroup,
};

/// Most groups, built-in ones included.
pub(super) const MAX_GROUPS: usize = 32;

/// A group as others may see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupInfo {
    /// Name.
    pub name: String,
    /// Free text.
    pub remark: String,
    /// What its members may at most.
    pub permissions: Permissions,
    /// Cannot be deleted.
    pub builtin: bool,
    /// ONVIF's level of its permissions.
    pub level: UserLevel,
    /// How many users are in it.
    pub members: usize,
    /// The only ONVIF operations that its members may call; `None` for all that the permissions open.
    pub functions: Option<Vec<String>>,
}

/// A change of a group; `None` keeps the value. The name is fixed (USER-18).
#[derive(Clone, Debug, Default)]
pub struct GroupUpdate {
    /// Which.
    pub name: String,
    /// New remark.
    pub remark: Option<String>,
    /// New permissions.
    pub permissions: Option<Permissions>,
}

fn info(people: &People, g: &StoredGroup) -> GroupInfo {
    GroupInfo {
        name: g.name.clone(),
        remark: g.remark.clone(),
        permissions: g.permissions,
        builtin: is_built_in(&g.name),
        level: match g.functions {
            Some(_) => UserLevel::Extended,
            None => g.permissions.level(),
        },
        members: people.members(&g.name),
        functions: g.functions.clone(),
    }
}

impl Accounts {
    /// All groups, built-in ones first.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn groups(&self, by: &Actor) -> Result<Vec<GroupInfo>> {
        by.require(Permission::UserManagement)?;
        let people = self.people.read();
        Ok(people.groups.iter().map(|g| info(&people, g)).collect())
    }

    /// The group of a user; empty for nobody.
    pub fn group_of(&self, user: &str) -> String {
        let people = self.people.read();
        people
            .user(user)
            .map_or_else(String::new, |u| u.stored.group.clone())
    }

    /// Makes a group (USER-16).
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`], [`Error::Conflict`] for a taken name,
    /// [`Error::Exhausted`].
    pub fn create_group(
        &self,
        name: &str,
        remark: &str,
        permissions: Permissions,
        by: &Actor,
    ) -> Result<GroupInfo> {
        by.require(Permission::UserManagement)?;
        let _one_writer = self.writer.lock();
        let mut people = self.people.read().clone();
        let mut violations = Violations::default();
        PasswordPolicy::check_name("/name", name, &mut violations);
        check_remark("/remark", remark, &mut violations);
        violations.into_result()?;
        may_give(by, permissions)?;
        people.may_assign(by, None)?;
        if people.group(name).is_some() {
            return Err(Error::Conflict(format!(
                "the group '{name}' exists already"
            )));
        }
        if people.groups.len() >= MAX_GROUPS {
            return Err(Error::Exhausted {
                what: "groups",
                limit: MAX_GROUPS as u64,
            });
        }
        let group = StoredGroup {
            name: name.to_owned(),
            remark: remark.to_owned(),
            permissions,
            functions: None,
        };
        people.groups.push(group.clone());
        let made = info(&people, &group);
        self.replace(people)?;
        self.audit(by, format!("Group '{name}' was added."));
        Ok(made)
    }

    /// Changes a group; what is taken from it is taken from its members (GEN-2). Other permissions end a bound to
    /// single functions.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`], [`Error::NotFound`], [`Error::Conflict`] for the
    /// permissions of the administrators.
    pub fn update_group(&self, update: GroupUpdate, by: &Actor) -> Result<GroupInfo> {
        by.require(Permission::UserManagement)?;
        let _one_writer = self.writer.lock();
        let mut people = self.people.read().clone();
        let mut violations = Violations::default();
        if let Some(remark) = &update.remark {
            check_remark("/remark", remark, &mut violations);
        }
        violations.into_result()?;
        let bounded = people.may_assign(by, None);
        let group = people
            .groups
            .iter_mut()
            .find(|g| g.name.eq_ignore_ascii_case(&update.name))
            .ok_or_else(|| Error::not_found("group", shortened(&update.name)))?;
        may_give(by, group.permissions)?;
        bounded?;
        if let Some(permissions) = update.permissions {
            if group.name == ADMIN && permissions != group.permissions {
                let reason = "the group 'admin' keeps all permissions";
                return Err(Error::Conflict(reason.into()));
            }
            may_give(by, permissions)?;
            if permissions != group.permissions {
                group.functions = None;
            }
            group.permissions = permissions;
        }
        if let Some(remark) = update.remark {
            group.remark = remark;
        }
        let group = group.clone();
        people.bound_members(&group);
        let changed = info(&people, &group);
        self.replace(people)?;
        self.audit(by, format!("Group '{}' was changed.", group.name));
        Ok(changed)
    }

    /// Deletes a group (USER-17).
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Conflict`] with members or for a built-in one.
    pub fn delete_group(&self, name: &str, by: &Actor) -> Result<()> {
        by.require(Permission::UserManagement)?;
        let _one_writer = self.writer.lock();
        let mut people = self.people.read().clone();
        let group = people.group(name).cloned();
        let group = group.ok_or_else(|| Error::not_found("group", shortened(name)))?;
        may_give(by, group.permissions)?;
        if is_built_in(&group.name) {
            return Err(Error::Conflict(format!(
                "the group '{}' is built in",
                group.name
            )));
        }
        let members = people.members(&group.name);
        if members > 0 {
            return Err(Error::Conflict(format!(
                "the group '{}' has {members} members",
                group.name
            )));
        }
        people.groups.retain(|g| g.name != group.name);
        self.replace(people)?;
        self.audit(by, format!("Group '{}' was deleted.", group.name));
        Ok(())
    }
}
