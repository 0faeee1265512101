//! Users (USER-1..15): all or nothing, with the fault subcodes of Core §10.4.

use onvif_contracts::{tds, tt};
use onvif_xml::soap::Fault;
use platecam_model::{
    Error, Secret, UserLevel,
    auth::{NewUser, PasswordPolicy, UserUpdate},
};

use super::roles;
use crate::{
    call::{Answer, Call},
    fault::{self, Subcodes, shortened},
};

/// `GetUsers`: never with passwords.
pub(super) fn get(call: &Call<'_>) -> Answer<tds::GetUsersResponse> {
    let users = call.device().accounts.list(call.actor).map_err(fault::of)?;
    Ok(tds::GetUsersResponse {
        user: users
            .into_iter()
            .map(|u| tt::User {
                user_level: match u.level {
                    UserLevel::Administrator => tt::UserLevel::Administrator,
                    UserLevel::Operator => tt::UserLevel::Operator,
                    UserLevel::User => tt::UserLevel::User,
                    UserLevel::Extended => tt::UserLevel::Extended,
                },
                extension: roles::of_user(&u),
                username: u.name,
                ..Default::default()
            })
            .collect(),
    })
}

fn prohibited(subcode: &'static str, text: String) -> Fault {
    Fault::sender(&["OperationProhibited", subcode], text)
}

/// The group that the role of a user names; a user has one.
fn group(user: &tt::User) -> Answer<Option<String>> {
    let named = user.extension.as_deref().map_or(&[][..], |e| &e.roles.0);
    let [role] = named else {
        return match named {
            [] => Ok(None),
            _ => Err(Fault::sender(
                &["InvalidArgVal", "InvalidUserRole"],
                format!(
                    "'{}' has {} roles; at most 1",
                    shortened(&user.username),
                    named.len()
                ),
            )),
        };
    };
    let group = roles::group_of(role)?;
    let own = match level(user) {
        Ok(level) => NewUser::new("", Secret::new(""), level).group,
        Err(_) if user.user_level == tt::UserLevel::Extended => group.clone(),
        Err(fault) => return Err(fault),
    };
    if own != group {
        let text = format!(
            "UserLevel {} and role '{}': the level must be that of the role, or Extended",
            shortened(user.user_level.as_str()),
            shortened(role)
        );
        return Err(Fault::sender(&["InvalidArgVal"], text));
    }
    Ok(Some(group))
}

fn level(user: &tt::User) -> Answer<UserLevel> {
    match &user.user_level {
        tt::UserLevel::Administrator => Ok(UserLevel::Administrator),
        tt::UserLevel::Operator => Ok(UserLevel::Operator),
        tt::UserLevel::User => Ok(UserLevel::User),
        tt::UserLevel::Anonymous => Err(prohibited(
            "AnonymousNotAllowed",
            format!("'{}' cannot be Anonymous", shortened(&user.username)),
        )),
        other @ (tt::UserLevel::Extended | tt::UserLevel::Other(_)) => Err(Fault::sender(
            &["InvalidArgVal"],
            format!(
                "UserLevel {}: must be Administrator, Operator or User, or Extended with a role",
                shortened(other.as_str())
            ),
        )),
    }
}

/// A password that is not too long; other rules are the model's.
fn password(text: &str) -> Answer<Secret> {
    let n = text.chars().count();
    if n > PasswordPolicy::MAX {
        return Err(prohibited(
            "PasswordTooLong",
            format!(
                "the password has {n} characters; at most {}",
                PasswordPolicy::MAX
            ),
        ));
    }
    Ok(Secret::new(text))
}

/// Refused values name the password or the user name by their pointer.
fn refused(error: Error, own: Subcodes) -> Fault {
    match &error {
        Error::Invalid(v) if v.0.iter().any(|v| v.pointer.ends_with("/password")) => {
            prohibited("Password", error.to_string())
        }
        Error::Invalid(v) if v.0.iter().any(|v| v.pointer.ends_with("/group")) => {
            Fault::sender(&["InvalidArgVal", "InvalidUserRole"], error.to_string())
        }
        _ => fault::of_operation(error, own),
    }
}

/// `CreateUsers`.
pub(super) fn create(call: &Call<'_>, users: Vec<tt::User>) -> Answer<()> {
    let mut new = Vec::with_capacity(users.len());
    for user in users {
        let n = user.username.chars().count();
        if n > PasswordPolicy::MAX_NAME {
            return Err(prohibited(
                "UsernameTooLong",
                format!(
                    "the user name has {n} characters; at most {}",
                    PasswordPolicy::MAX_NAME
                ),
            ));
        }
        if n == 0 {
            return Err(prohibited(
                "UsernameTooShort",
                "the user name is empty".into(),
            ));
        }
        let group = group(&user)?;
        let level = match group {
            Some(_) => UserLevel::Extended,
            None => level(&user)?,
        };
        let given = user.password.as_deref().ok_or_else(|| {
            prohibited("Password", format!("'{}' has no password", user.username))
        })?;
        let mut made = NewUser::new(&user.username, password(given)?, level);
        if let Some(group) = group {
            made.group = group;
        }
        new.push(made);
    }
    let own = Subcodes {
        conflict: &["OperationProhibited", "UsernameClash"],
        exhausted: "TooManyUsers",
        ..Default::default()
    };
    call.device()
        .accounts
        .create(new, call.actor)
        .map_err(|e| refused(e, own))
}

/// `SetUser`.
pub(super) fn set(call: &Call<'_>, users: Vec<tt::User>) -> Answer<()> {
    let mut updates = Vec::with_capacity(users.len());
    for user in users {
        let group = group(&user)?;
        // "Extended" is what GetUsers says of somebody with less than a level: it changes nothing.
        let wanted = match &user.user_level {
            tt::UserLevel::Extended => None,
            _ if group.is_some() => None,
            _ => Some(level(&user)?),
        };
        updates.push(UserUpdate {
            level: wanted,
            group,
            password: user.password.as_deref().map(password).transpose()?,
            name: user.username,
            ..UserUpdate::default()
        });
    }
    call.device()
        .accounts
        .update(updates, call.actor)
        .map_err(|e| refused(e, FIXED))
}

/// `DeleteUsers`.
pub(super) fn delete(call: &Call<'_>, names: &[String]) -> Answer<()> {
    call.device()
        .accounts
        .delete(names, call.actor)
        .map_err(|e| refused(e, FIXED))
}

/// Conflicts of changes and deletions are about the built-in administrator.
const FIXED: Subcodes = Subcodes {
    invalid: "",
    not_found: "UsernameMissing",
    conflict: &["InvalidArgVal", "FixedUser"],
    exhausted: "",
};
