//! Groups, rights, expiry, sessions, tokens, second factor and reset as the adapters use them.

mod bounds;
mod passwords;
mod reset;
mod rights;
mod roles;
mod second_factor;
mod sessions;

use std::{net::IpAddr, sync::Arc, time::Duration};

use platecam_model::{
    Actor, Error, Origin, Permission, Permissions, Secret, UserLevel,
    auth::{
        Arrival, GroupUpdate, LoginRequest, NewToken, NewUser, OnlineKind, ResetKey, ResetRequest,
        UserUpdate,
    },
    settings::{SecurityLogin, SecurityPassword, SecurityPasswordReset},
    testing::{PASSWORD, TestDevice, initialised},
};

const PEER: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7)));
const OTHER: &str = "Other-9xKq";
const DAY: Duration = Duration::from_secs(86_400);

pub(crate) fn add(t: &TestDevice, name: &str, level: UserLevel) {
    let new = NewUser::new(name, Secret::new(PASSWORD), level);
    t.device
        .accounts
        .create(vec![new], &Actor::system())
        .unwrap();
}

pub(crate) fn login(t: &TestDevice, name: &str, password: &str) -> Result<Actor, Error> {
    t.device
        .accounts
        .login(name, &Secret::new(password), Origin::Web, PEER)
}

pub(crate) fn pointers(e: &Error) -> Vec<&str> {
    let Error::Invalid(v) = e else { panic!("{e}") };
    v.0.iter().map(|v| v.pointer.as_str()).collect()
}

pub(crate) fn set<S: platecam_model::settings::Section>(
    t: &TestDevice,
    change: impl FnOnce(&mut S),
) {
    t.device.settings.update(&Actor::system(), change).unwrap();
}

pub(crate) fn rules(t: &TestDevice, json: serde_json::Value) {
    let by = Actor::system();
    let key = "security.password";
    t.device.settings.patch(key, &json, None, &by).unwrap();
}
