//! Users, groups and permissions (USER-1..19).

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use http::StatusCode;
use platecam_model::{
    Error, Permission, Permissions, Secret, Violation, Violations,
    auth::{GroupInfo, GroupUpdate, NewUser, UserInfo, UserUpdate},
};
use serde::{Deserialize, Deserializer, Serialize};

use super::session::confirmed;
use crate::{
    app::{App, blocking},
    auth::Login,
    problem::Answer,
    routes::{Access, Routes},
};

/// Paths of this resource.
pub(crate) fn routes() -> Routes {
    let needs = Access::Needs(Permission::UserManagement);
    Routes::new()
        .get("/users", needs, list)
        .post("/users", needs, create)
        .get(
            "/users/{name}",
            Access::LoggedIn("the own, others with `user-management`"),
            show,
        )
        .patch("/users/{name}", needs, update)
        .delete("/users/{name}", needs, delete)
        .delete("/users/{name}/totp", needs, remove_totp)
        .get("/groups", needs, groups)
        .post("/groups", needs, create_group)
        .patch("/groups/{name}", needs, update_group)
        .delete("/groups/{name}", needs, delete_group)
        .get(
            "/permissions",
            Access::LoggedIn("nothing secret"),
            permissions,
        )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUserBody {
    name: String,
    password: String,
    confirm: String,
    group: String,
    permissions: Option<Vec<String>>,
    #[serde(default)]
    remark: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserPatch {
    password: Option<String>,
    confirm: Option<String>,
    group: Option<String>,
    /// Absent keeps them, `null` is all that the group has.
    #[serde(default, deserialize_with = "present")]
    permissions: Option<Option<Vec<String>>>,
    remark: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewGroupBody {
    name: String,
    #[serde(default)]
    remark: String,
    permissions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupPatch {
    remark: Option<String>,
    permissions: Option<Vec<String>>,
}

/// Tells `null` from absent.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    d: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(d).map(Some)
}

/// Words of permissions; every unknown one is named.
pub(super) fn words(list: &[String]) -> platecam_model::Result<Permissions> {
    let mut violations = Violations::default();
    let mut all = Vec::new();
    for word in list.iter().take(64) {
        match word.parse::<Permission>() {
            Ok(p) => all.push(p),
            Err(reason) => violations
                .0
                .push(Violation::new("/permissions", word, reason)),
        }
    }
    violations.into_result()?;
    Ok(all.into_iter().collect())
}

async fn list(State(app): State<App>, login: Login) -> Answer<Json<Vec<UserInfo>>> {
    Ok(Json(app.device.accounts.list(&login.actor)?))
}

async fn show(
    State(app): State<App>,
    login: Login,
    Path(name): Path<String>,
) -> Answer<Json<UserInfo>> {
    Ok(Json(app.device.accounts.get(&name, &login.actor)?))
}

/// `POST /users` (USER-2).
async fn create(
    State(app): State<App>,
    login: Login,
    body: Result<Json<NewUserBody>, JsonRejection>,
) -> Answer<(StatusCode, Json<UserInfo>)> {
    let Json(body) = body?;
    let accounts = app.device.accounts.clone();
    let made = blocking(move || {
        confirmed(&body.password, &body.confirm)?;
        let new = NewUser {
            name: body.name,
            password: Secret::new(body.password),
            group: body.group,
            permissions: body.permissions.as_deref().map(words).transpose()?,
            remark: body.remark,
        };
        accounts.create_one(new, &login.actor)
    })
    .await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// `PATCH /users/{name}` (USER-12).
async fn update(
    State(app): State<App>,
    login: Login,
    Path(name): Path<String>,
    body: Result<Json<UserPatch>, JsonRejection>,
) -> Answer<Json<UserInfo>> {
    let Json(body) = body?;
    let accounts = app.device.accounts.clone();
    let own = login
        .actor
        .user
        .as_deref()
        .is_some_and(|u| u.eq_ignore_ascii_case(&name));
    let changed = blocking(move || {
        if own && body.password.is_some() {
            return Err(Error::Conflict(
                "the own password is changed with PUT /session/password".into(),
            ));
        }
        if let Some(password) = &body.password {
            confirmed(password, body.confirm.as_deref().unwrap_or_default())?;
        }
        let permissions = match body.permissions {
            Some(Some(list)) => Some(Some(words(&list)?)),
            Some(None) => Some(None),
            None => None,
        };
        let update = UserUpdate {
            name,
            password: body.password.map(Secret::new),
            group: body.group,
            permissions,
            remark: body.remark,
            email: body.email,
            level: None,
        };
        accounts.update_one(update, &login.actor)
    })
    .await?;
    Ok(Json(changed))
}

/// `DELETE /users/{name}` (USER-11).
async fn delete(
    State(app): State<App>,
    login: Login,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    let accounts = app.device.accounts.clone();
    blocking(move || accounts.delete(&[name], &login.actor)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove_totp(
    State(app): State<App>,
    login: Login,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    let accounts = app.device.accounts.clone();
    blocking(move || accounts.totp_remove(&name, &login.actor)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn groups(State(app): State<App>, login: Login) -> Answer<Json<Vec<GroupInfo>>> {
    Ok(Json(app.device.accounts.groups(&login.actor)?))
}

/// `POST /groups` (USER-16).
async fn create_group(
    State(app): State<App>,
    login: Login,
    body: Result<Json<NewGroupBody>, JsonRejection>,
) -> Answer<(StatusCode, Json<GroupInfo>)> {
    let Json(body) = body?;
    let accounts = app.device.accounts.clone();
    let made = blocking(move || {
        let permissions = words(&body.permissions)?;
        accounts.create_group(&body.name, &body.remark, permissions, &login.actor)
    })
    .await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// `PATCH /groups/{name}` (USER-18).
async fn update_group(
    State(app): State<App>,
    login: Login,
    Path(name): Path<String>,
    body: Result<Json<GroupPatch>, JsonRejection>,
) -> Answer<Json<GroupInfo>> {
    let Json(body) = body?;
    let accounts = app.device.accounts.clone();
    let changed = blocking(move || {
        let update = GroupUpdate {
            name,
            remark: body.remark,
            permissions: body.permissions.as_deref().map(words).transpose()?,
        };
        accounts.update_group(update, &login.actor)
    })
    .await?;
    Ok(Json(changed))
}

/// `DELETE /groups/{name}` (USER-17).
async fn delete_group(
    State(app): State<App>,
    login: Login,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    let accounts = app.device.accounts.clone();
    blocking(move || accounts.delete_group(&name, &login.actor)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize)]
struct PermissionInfo {
    permission: Permission,
    title: &'static str,
}

async fn permissions(_: Login) -> Json<Vec<PermissionInfo>> {
    let info = |p: &Permission| PermissionInfo {
        permission: *p,
        title: p.title(),
    };
    Json(Permission::ALL.iter().map(info).collect())
}
