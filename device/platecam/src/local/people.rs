//! Users and groups over the local way: the same model calls that the pages make.

use platecam_model::{
    Actor, Device, Permissions, Result, Secret,
    auth::{GroupUpdate, NewUser, UserUpdate},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is asked about people. Never logged as a whole: it holds passwords.
#[derive(Deserialize, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum PeopleRequest {
    /// All users.
    List,
    /// A new user.
    Add {
        /// Name.
        name: String,
        /// Password.
        password: String,
        /// Group.
        group: String,
        /// Exactly these; without, all that the group has.
        permissions: Option<Permissions>,
        /// Free text.
        remark: String,
    },
    /// Another password.
    SetPassword {
        /// Whose.
        name: String,
        /// The new one.
        password: String,
    },
    /// Lets a user, or with no name everybody, log in again after failed logins.
    Unlock {
        /// Whom.
        name: Option<String>,
    },
    /// Deletes a user.
    Delete {
        /// Whom.
        name: String,
    },
    /// All groups.
    Groups,
    /// A new group.
    AddGroup {
        /// Name.
        name: String,
        /// What its members may at most.
        permissions: Permissions,
        /// Free text.
        remark: String,
    },
    /// Changes a group.
    SetGroup {
        /// Name.
        name: String,
        /// What its members may at most.
        permissions: Option<Permissions>,
        /// Free text.
        remark: Option<String>,
    },
    /// Deletes a group without members.
    DeleteGroup {
        /// Name.
        name: String,
    },
    /// Another password of `admin` by whoever owns the machine (ADR 0010).
    ResetLocal {
        /// The new one.
        password: String,
        /// Removes the second factor too.
        without_second_factor: bool,
    },
}

/// Serves `request` on behalf of `by`.
///
/// # Errors
/// Whatever the model refuses.
pub(super) fn answer(device: &Device, by: &Actor, request: PeopleRequest) -> Result<Value> {
    let accounts = &device.accounts;
    let done = Ok(Value::Null);
    match request {
        PeopleRequest::List => Ok(json!(accounts.list(by)?)),
        PeopleRequest::Add {
            name,
            password,
            group,
            permissions,
            remark,
        } => {
            let new = NewUser {
                name,
                password: Secret::new(password),
                group,
                permissions,
                remark,
            };
            Ok(json!(accounts.create_one(new, by)?))
        }
        PeopleRequest::SetPassword { name, password } => {
            let update = UserUpdate {
                name,
                password: Some(Secret::new(password)),
                ..UserUpdate::default()
            };
            Ok(json!(accounts.update_one(update, by)?))
        }
        PeopleRequest::Unlock { name: None } => accounts.unlock(None, by).and(done),
        PeopleRequest::Unlock { name: Some(name) } => accounts.unlock_user(&name, by).and(done),
        PeopleRequest::Delete { name } => accounts.delete(&[name], by).and(done),
        PeopleRequest::Groups => Ok(json!(accounts.groups(by)?)),
        PeopleRequest::AddGroup {
            name,
            permissions,
            remark,
        } => Ok(json!(accounts.create_group(
            &name,
            &remark,
            permissions,
            by
        )?)),
        PeopleRequest::SetGroup {
            name,
            permissions,
            remark,
        } => {
            let update = GroupUpdate {
                name,
                remark,
                permissions,
            };
            Ok(json!(accounts.update_group(update, by)?))
        }
        PeopleRequest::DeleteGroup { name } => accounts.delete_group(&name, by).and(done),
        PeopleRequest::ResetLocal {
            password,
            without_second_factor,
        } => accounts
            .reset_local(Secret::new(password), without_second_factor, by)
            .and(done),
    }
}
