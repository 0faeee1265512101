//! The remote user (Core §10.4.7, 10.4.8): the settings section `onvif.remote_user`. Its password never comes back.

use onvif_contracts::{tds, tt};
use onvif_xml::soap::Fault;
use platecam_model::settings::RemoteUser;
use serde_json::json;

use crate::{
    call::{Answer, Call},
    fault,
};

/// `GetRemoteUser`: empty where there is none.
pub(super) fn get(call: &Call<'_>) -> tds::GetRemoteUserResponse {
    let s = call.device().settings.get::<RemoteUser>();
    let user = || {
        Box::new(tt::RemoteUser {
            username: s.username.clone(),
            password: None,
            use_derived_password: s.use_derived_password,
        })
    };
    tds::GetRemoteUserResponse {
        remote_user: (!s.username.is_empty()).then(user),
    }
}

/// `SetRemoteUser`: without a user it is removed; without a password the one of the same user stays.
pub(super) fn set(call: &Call<'_>, wanted: Option<&tt::RemoteUser>) -> Answer<()> {
    let settings = &call.device().settings;
    let value = match wanted {
        None => json!({"username": "", "password": null, "use_derived_password": false}),
        Some(user) if user.username.is_empty() => {
            return Err(Fault::sender(
                &["InvalidArgVal"],
                "Username: must have 1 to 64 characters",
            ));
        }
        Some(user) => {
            let mut value = json!({
                "username": user.username, "use_derived_password": user.use_derived_password,
            });
            let same = settings.get::<RemoteUser>().username == user.username;
            match &user.password {
                Some(password) => value["password"] = json!(password),
                // Another user's password is not this one's.
                None if !same => value["password"] = json!(null),
                None => {}
            }
            value
        }
    };
    let done = settings.patch("onvif.remote_user", &value, None, call.actor);
    done.map(drop).map_err(fault::of)
}
