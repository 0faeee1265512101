//! A unit fresh from the box, and what its owner can tighten (SEC-5, SEC-6, SEC-9, SEC-11, AUTH-17, HTTPS-10, RLOG-4).

use std::net::IpAddr;

use platecam_model::{
    Actor, Error, Origin, Permission, Secret, UserLevel,
    settings::{
        EventBroker, LogRemote, NetHttps, NetMail, NetPorts, Section, SecurityPasswordReset,
        SshSwitch, SystemServices,
    },
    testing::{PASSWORD, TestDevice, initialised},
};
use serde_json::{Value, json};

fn patch(t: &TestDevice, key: &str, value: &Value) -> Result<(), Error> {
    let settings = &t.device.settings;
    settings.patch(key, value, None, &Actor::system()).map(drop)
}

fn refused(t: &TestDevice, key: &str, value: &Value) -> String {
    match patch(t, key, value) {
        Err(Error::Invalid(wrong)) => wrong.0[0].pointer.clone(),
        other => panic!("{key} {value}: {other:?}"),
    }
}

/// SEC-5: nobody has to switch the lock on; both the account and the address are locked.
#[test]
fn lock_out_is_on_by_default() {
    let t = initialised();
    let from = |last: u8| Some(IpAddr::from([192, 0, 2, last]));
    let login = |name: &str, password: &str, peer| {
        let (accounts, password) = (&t.device.accounts, Secret::new(password));
        accounts.login(name, &password, Origin::Web, peer)
    };
    for _ in 0..5 {
        assert!(login("admin", "Wrong-0001", from(7)).is_err());
    }
    let right = login("admin", PASSWORD, from(8));
    assert!(matches!(right, Err(Error::Locked { .. })), "the account");
    let other = login("somebody", PASSWORD, from(7));
    assert!(matches!(other, Err(Error::Locked { .. })), "the address");
}

/// SEC-9: what nobody needs at first is off.
#[test]
fn unused_services_are_off_at_first() {
    let t = initialised();
    let settings = &t.device.settings;
    assert_ne!(settings.get::<SystemServices>().ssh, SshSwitch::On);
    assert!(!settings.get::<NetMail>().enabled);
    assert!(!settings.get::<LogRemote>().enabled);
    assert!(!settings.get::<EventBroker<1>>().0.enabled);
    assert!(!settings.get::<EventBroker<2>>().0.enabled);
    assert!(!settings.get::<SecurityPasswordReset>().enabled);
    assert!(!settings.get::<NetPorts>().rtsps_enabled);
}

/// SEC-11, C-7: every port from 1025 on that is not reserved, and nothing below but a service's own default.
#[test]
fn ports_can_be_moved_above_the_well_known_ones() {
    let t = initialised();
    for port in [1025, 8000, 65_535] {
        patch(&t, "net.ports", &json!({"http": port})).unwrap();
    }
    for port in [0, 1, 1023, 1024, 5000, 65_536] {
        assert_eq!(refused(&t, "net.ports", &json!({"http": port})), "/http");
    }
    patch(&t, "net.ports", &json!({"http": 80})).unwrap();
}

/// AUTH-17, SEC-6: the address for resets may be missing, is checked, is kept, and can be changed at any time.
#[test]
fn the_address_for_resets_is_optional_and_checked() {
    let t = initialised();
    let key = SecurityPasswordReset::KEY;
    let now = || {
        t.device
            .settings
            .get::<SecurityPasswordReset>()
            .mailbox
            .clone()
    };
    for wrong in ["nobody", "a b@example.org", "@example.org"] {
        assert_eq!(refused(&t, key, &json!({"mailbox": wrong})), "/mailbox");
    }
    for good in ["gate@example.org", "office@example.org", ""] {
        patch(&t, key, &json!({"mailbox": good})).unwrap();
        assert_eq!(now(), good);
    }
}

/// HTTPS-10: Restore leaves HTTPS as it is.
#[test]
fn restore_keeps_https() {
    let t = initialised();
    patch(&t, NetHttps::KEY, &json!({"redirect": true})).unwrap();
    patch(&t, "device.general", &json!({"name": "Gate"})).unwrap();
    let before = t.device.settings.get::<NetHttps>();
    let back = t.device.settings.restore(&Actor::system()).unwrap();
    assert!(back.contains(&"device.general") && !back.contains(&NetHttps::KEY));
    assert_eq!(t.device.settings.get::<NetHttps>(), before);
}

/// RLOG-4: administrators alone say where the log goes.
#[test]
fn the_log_server_is_an_administrator_s_affair() {
    let t = initialised();
    let server = json!({"enabled": true, "host": "192.0.2.5"});
    let as_level = |level: UserLevel| {
        let by = Actor {
            user: Some("somebody".into()),
            permissions: level.permissions(),
            ..Actor::anonymous(Origin::Web, None)
        };
        let settings = &t.device.settings;
        settings.patch(LogRemote::KEY, &server, None, &by)
    };
    for level in [UserLevel::User, UserLevel::Operator] {
        let Err(Error::Forbidden(needs)) = as_level(level) else {
            panic!("{level:?} is let");
        };
        assert_ne!(needs, Permission::ReadConfig);
    }
    as_level(UserLevel::Administrator).unwrap();
}
