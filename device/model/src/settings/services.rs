use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, Section};
use crate::{
    Permission, Violation, Violations,
    product::{Function, Need},
};

/// What the unit does with the SSH server of its machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
pub enum SshSwitch {
    /// The machine's own affair: nobody has decided here, so nothing is started or stopped.
    #[default]
    Unmanaged,
    /// Stopped, and not started by a boot.
    Off,
    /// Started, also by every boot.
    On,
}

/// Switches of services (SYS-30, SYS-33, SYS-35). Those of ONVIF and discovery are in the section `onvif`, whose
/// page shows them as well (C-61); password expiry is in `security.password`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SystemServices {
    /// Remote log-in to the machine below the camera. Opens a way around the users of the camera: use with caution.
    #[schemars(title = "SSH", extend("x-widget" = "radio"))]
    pub ssh: SshSwitch,
    /// Other devices reach the unit by CGI commands.
    #[schemars(title = "CGI")]
    pub cgi: bool,
}

impl Default for SystemServices {
    fn default() -> Self {
        Self {
            ssh: SshSwitch::Unmanaged,
            cgi: true,
        }
    }
}

impl Section for SystemServices {
    const KEY: &'static str = "services";
    const TITLE: &'static str = "System Service";
    const PAGE: &'static str = "Setting/System/System Service";
    const WRITE: Permission = Permission::SystemConfig;
    const NEEDS: Option<Need> = Some(Need::AnyOf(&[
        Need::Function(Function::Ssh),
        Need::Function(Function::Cgi),
    ]));
    const FIELDS: &'static [(&'static str, Need)] = &[
        ("ssh", Need::Function(Function::Ssh)),
        ("cgi", Need::Function(Function::Cgi)),
    ];

    fn off() -> Self {
        Self {
            ssh: SshSwitch::Unmanaged,
            cgi: false,
        }
    }

    fn check(&self, cx: &CheckContext<'_>, violations: &mut Violations) {
        let before = cx.before.get::<Self>().ssh;
        if self.ssh == before || self.ssh == SshSwitch::Unmanaged {
            return;
        }
        if let Some(Err(e)) = cx.host.map(|host| host.ssh.changeable()) {
            let word = if self.ssh == SshSwitch::On {
                "on"
            } else {
                "off"
            };
            violations
                .0
                .push(Violation::new("/ssh", word, e.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Actor, Error, testing::uninitialised};

    /// SYS-30, SYS-33: nothing is decided about SSH before somebody decides, and CGI is on.
    #[test]
    fn a_new_unit_leaves_ssh_alone() {
        let settings = uninitialised().device.settings.clone();
        let now = settings.get::<SystemServices>();
        assert_eq!((now.ssh, now.cgi), (SshSwitch::Unmanaged, true));
    }

    #[test]
    fn a_machine_that_is_only_observed_refuses_the_switch_and_nothing_else() {
        let t = uninitialised();
        let set = |value| {
            t.device
                .settings
                .patch("services", &value, None, &Actor::system())
        };
        set(json!({"ssh": "on"})).unwrap();
        t.ssh.fix("belongs to the machine");
        let Err(Error::Invalid(v)) = set(json!({"ssh": "off"})) else {
            panic!("not refused")
        };
        assert_eq!(
            (v.0[0].pointer.as_str(), v.0[0].value.as_str()),
            ("/ssh", "off")
        );
        assert!(v.0[0].reason.contains("belongs to the machine"));
        set(json!({"cgi": false})).unwrap();
        set(json!({"ssh": "unmanaged"})).unwrap();
    }
}
