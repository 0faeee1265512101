//! User roles (Core §10.4.10): the groups of this device, bounded to single operations (USER-16..18, GEN-2).

use onvif_contracts::{port::Operation, tds, tt};
use onvif_xml::{List, soap::Fault};
use platecam_model::{
    Error, Permissions, UserLevel,
    auth::{Role, UserInfo},
};

use crate::{
    call::{Answer, Call},
    fault::{self, Subcodes, shortened},
    functions,
};

/// Roles that every device has, with the groups behind them (USER-19).
const PREDEFINED: [(&str, &str); 3] = [
    ("onvif:Administrator", "admin"),
    ("onvif:Operator", "operator"),
    ("onvif:User", "user"),
];

/// The role of a group.
pub(super) fn of_group(group: &str) -> String {
    let known = PREDEFINED.iter().find(|(_, g)| *g == group);
    known.map_or(group, |(role, _)| *role).to_owned()
}

/// The group of a role. The built-in ones have no other name here than ONVIF's.
pub(super) fn group_of(role: &str) -> Answer<String> {
    if let Some((_, group)) = PREDEFINED.iter().find(|(r, _)| *r == role) {
        return Ok((*group).to_owned());
    }
    if PREDEFINED.iter().any(|(_, g)| g.eq_ignore_ascii_case(role)) {
        return Err(unknown(role));
    }
    Ok(role.to_owned())
}

/// The roles told of a user: those of a group of its own alone, so that what a level says is not said twice.
pub(super) fn of_user(user: &UserInfo) -> Option<Box<tt::UserExtension>> {
    let own =
        user.level == UserLevel::Extended || !PREDEFINED.iter().any(|(_, g)| *g == user.group);
    own.then(|| {
        Box::new(tt::UserExtension {
            roles: List(vec![of_group(&user.group)]),
        })
    })
}

fn unknown(role: &str) -> Fault {
    let text = format!("there is no role '{}'", shortened(role));
    Fault::sender(&["InvalidArgVal", "InvalidUserRole"], text)
}

fn predefined(role: &str) -> Answer<()> {
    if role.starts_with("onvif:") {
        let text = format!("the role '{}' is ONVIF's own", shortened(role));
        return Err(Fault::sender(&["OperationProhibited", "OnvifPrefix"], text));
    }
    Ok(())
}

/// All functions that these permissions open.
fn opened(permissions: Permissions) -> Vec<String> {
    let open = |op: &&'static Operation| permissions.covers(functions::permissions(op));
    let all = functions::all().into_iter();
    all.filter(open).map(functions::name).collect()
}

/// `GetUserRoles`. ONVIF's own have no functions: their access classes say what they may.
pub(super) fn get(call: &Call<'_>, only: Option<&str>) -> Answer<tds::GetUserRolesResponse> {
    let own = call
        .device()
        .accounts
        .roles(call.actor)
        .map_err(fault::of)?;
    let fixed = PREDEFINED.iter().map(|(role, _)| tt::UserRole {
        name: (*role).to_owned(),
        functions: List(Vec::new()),
    });
    let all = fixed.chain(own.into_iter().map(|role| tt::UserRole {
        functions: List(role.functions.unwrap_or_else(|| opened(role.permissions))),
        name: role.name,
    }));
    let user_role: Vec<_> = match only {
        None => all.collect(),
        Some(name) => all.filter(|r| r.name.eq_ignore_ascii_case(name)).collect(),
    };
    match (only, user_role.is_empty()) {
        (Some(name), true) => Err(unknown(name)),
        _ => Ok(tds::GetUserRolesResponse { user_role }),
    }
}

const REFUSED: Subcodes = Subcodes {
    invalid: "InvalidUserRole",
    not_found: "InvalidUserRole",
    conflict: &["OperationProhibited"],
    exhausted: "TooManyUserRoles",
};

/// `SetUserRole`: functions that this device does not have are refused.
pub(super) fn set(call: &Call<'_>, role: tt::UserRole) -> Answer<()> {
    predefined(&role.name)?;
    let mut names: Vec<String> = Vec::new();
    let mut permissions = Permissions::NONE;
    for function in role.functions.0 {
        let Some(operation) = functions::find(&function) else {
            let text = format!("there is no function '{}' here", shortened(&function));
            return Err(Fault::receiver(&["Action", "FunctionNotImplemented"], text));
        };
        permissions = permissions
            .iter()
            .chain(functions::permissions(operation).iter())
            .collect();
        if !names.contains(&function) {
            names.push(function);
        }
    }
    let role = Role {
        name: role.name,
        permissions,
        functions: Some(names),
    };
    call.device()
        .accounts
        .set_role(role, call.actor)
        .map_err(|e| fault::of_operation(e, REFUSED))
}

/// `DeleteUserRole`: refused while somebody has the role.
pub(super) fn delete(call: &Call<'_>, name: &str) -> Answer<()> {
    predefined(name)?;
    let group = group_of(name)?;
    let done = call.device().accounts.delete_group(&group, call.actor);
    done.map_err(|e| match e {
        Error::NotFound { .. } => unknown(name),
        other => fault::of_operation(other, REFUSED),
    })
}
