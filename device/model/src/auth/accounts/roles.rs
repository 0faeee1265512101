//! ONVIF's user roles: groups that are bounded to single operations (USER-16..18, Core §10.4.10).

use super::{
    Accounts,
    groups::MAX_GROUPS,
    people::{BUILT_IN, is_built_in, shortened},
    users::may_give,
};
use crate::{
    Actor, Error, Permission, Permissions, Result, Violations, auth::PasswordPolicy,
    ports::StoredGroup,
};

/// Most roles beside the built-in groups.
pub const MAX_ROLES: usize = MAX_GROUPS - BUILT_IN.len();
/// Most functions of a role; there are fewer operations in all.
const MAX_FUNCTIONS: usize = 512;

/// A group as ONVIF's clients see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Name of the group.
    pub name: String,
    /// What its members may at most.
    pub permissions: Permissions,
    /// The only operations that they may call; `None` for all that the permissions open.
    pub functions: Option<Vec<String>>,
}

impl Accounts {
    /// All groups but the built-in ones. Everybody who reads the configuration may know them (Core §10.4.10.1).
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn roles(&self, by: &Actor) -> Result<Vec<Role>> {
        by.require(Permission::ReadConfig)?;
        let people = self.people.read();
        let own = people.groups.iter().filter(|g| !is_built_in(&g.name));
        let role = |g: &StoredGroup| Role {
            name: g.name.clone(),
            permissions: g.permissions,
            functions: g.functions.clone(),
        };
        Ok(own.map(role).collect())
    }

    /// Makes or overwrites a role: its members may call `functions` alone, for which they get `permissions`.
    /// The remark of a known group stays.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`] naming `/name` or `/functions`, [`Error::Conflict`] for a
    /// built-in group, [`Error::Exhausted`].
    pub fn set_role(&self, role: Role, by: &Actor) -> Result<()> {
        by.require(Permission::UserManagement)?;
        let _one_writer = self.writer.lock();
        let mut people = self.people.read().clone();
        let mut violations = Violations::default();
        PasswordPolicy::check_name("/name", &role.name, &mut violations);
        violations.into_result()?;
        let functions = role.functions.as_ref().map_or(0, Vec::len);
        if functions > MAX_FUNCTIONS {
            let reason = format!("at most {MAX_FUNCTIONS}");
            return Err(Error::invalid("/functions", functions, reason));
        }
        if is_built_in(&role.name) {
            let reason = format!("the group '{}' is built in", role.name);
            return Err(Error::Conflict(reason));
        }
        may_give(by, role.permissions)?;
        people.may_assign(by, role.functions.as_deref())?;
        let known = people
            .groups
            .iter()
            .position(|g| g.name.eq_ignore_ascii_case(&role.name));
        let (group, done) = match known {
            Some(at) => {
                let group = &mut people.groups[at];
                may_give(by, group.permissions)?;
                group.permissions = role.permissions;
                group.functions = role.functions;
                (group.clone(), "changed")
            }
            None if people.groups.len() >= MAX_GROUPS => {
                return Err(Error::Exhausted {
                    what: "roles",
                    limit: MAX_ROLES as u64,
                });
            }
            None => {
                let group = StoredGroup {
                    name: role.name,
                    remark: String::new(),
                    permissions: role.permissions,
                    functions: role.functions,
                };
                people.groups.push(group.clone());
                (group, "added")
            }
        };
        people.bound_members(&group);
        self.replace(people)?;
        self.audit(by, format!("Group '{}' was {done}.", group.name));
        Ok(())
    }

    /// Whether the group of `user` leaves `function` to its members; the permissions are not looked at.
    ///
    /// # Errors
    /// [`Error::NotInRole`].
    pub fn may_call(&self, user: &str, function: &str) -> Result<()> {
        let people = self.people.read();
        let group = people
            .user(user)
            .and_then(|u| people.group(&u.stored.group));
        let bound = group.and_then(|g| g.functions.as_ref());
        if bound.is_none_or(|all| all.iter().any(|f| f == function)) {
            return Ok(());
        }
        let name = group.map_or("", |g| &g.name);
        Err(Error::NotInRole {
            role: name.to_owned(),
            function: shortened(function),
        })
    }
}
