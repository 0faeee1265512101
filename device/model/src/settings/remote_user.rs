use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, SecretText, Section};
use crate::{Permission, Secret, Violation, Violations};

/// The user as whom the unit shows itself to others: to consumers that want a login for the events sent to them (HTTP
/// Digest), if an administrator subscribed there. ONVIF: `tds:SetRemoteUser`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoteUser {
    /// Name at the other side; empty when there is no remote user.
    #[schemars(title = "Username", length(max = 64))]
    pub username: String,
    /// Its password.
    #[schemars(title = "Password")]
    pub password: SecretText,
    /// The password is meant to be derived for each other device. Consumers of events have no identity to derive it
    /// for: they get no login then.
    #[schemars(title = "Derived Password")]
    pub use_derived_password: bool,
}

impl RemoteUser {
    /// Longest name, characters.
    pub const MAX_NAME: usize = 64;

    /// Name and password for a peer that has no ONVIF identity; `None` where there is nothing to show.
    pub fn plain_login(&self) -> Option<(&str, Secret)> {
        let usable =
            !self.username.is_empty() && self.password.is_set() && !self.use_derived_password;
        usable.then(|| (self.username.as_str(), Secret::new(self.password.expose())))
    }
}

impl Section for RemoteUser {
    const KEY: &'static str = "onvif.remote_user";
    const TITLE: &'static str = "Remote User";
    const PAGE: &'static str = "Setting/Network/ONVIF";
    const WRITE: Permission = Permission::SystemConfig;
    const SECRETS: &'static [&'static str] = &["password"];

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        let n = self.username.chars().count();
        let good = n <= Self::MAX_NAME
            && !self.username.contains(':')
            && !self.username.chars().any(char::is_control);
        violations.require(good, || {
            let reason = format!(
                "must be at most {} characters without colon and control characters",
                Self::MAX_NAME
            );
            Violation::new("/username", &self.username, reason)
        });
        let nobody = self.username.is_empty();
        violations.require(!nobody || !self.password.is_set(), || {
            Violation::new("/username", "", "must be set where there is a password")
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Actor, Error, testing::uninitialised};

    /// SEC-18: the password never comes out; a derived one is shown to nobody.
    #[test]
    fn a_remote_user_is_a_name_with_a_secret() {
        let t = uninitialised();
        let by = Actor::system();
        let set = |value: serde_json::Value| {
            t.device
                .settings
                .patch("onvif.remote_user", &value, None, &by)
        };
        for value in [
            json!({"username": "a:b"}),
            json!({"username": "a\nb"}),
            json!({"username": "x".repeat(65)}),
            json!({"password": "secret-1"}),
        ] {
            let Err(Error::Invalid(found)) = set(value.clone()) else {
                panic!("{value} was taken");
            };
            assert_eq!(found.0[0].pointer, "/username", "{value}");
        }
        let login = || {
            let s = t.device.settings.get::<RemoteUser>();
            s.plain_login()
                .map(|(name, password)| (name.to_owned(), password.expose().to_owned()))
        };
        set(json!({"username": "camera", "password": "secret-1"})).unwrap();
        assert_eq!(login(), Some(("camera".into(), "secret-1".into())));
        let shown = t.device.settings.read("onvif.remote_user", &by).unwrap();
        let shown = serde_json::to_string(&shown).unwrap();
        assert!(
            !shown.contains("secret-1") && shown.contains("camera"),
            "{shown}"
        );
        set(json!({"use_derived_password": true})).unwrap();
        assert_eq!(login(), None);
    }
}
