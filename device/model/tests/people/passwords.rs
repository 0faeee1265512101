//! Passwords: expiry, history, the current one.

use super::*;

/// SYS-32, AUTH-8, SEC-3: comes in with nothing, changes the password, goes on.
#[test]
fn an_expired_password_can_only_be_changed() {
    let t = initialised();
    let accounts = &t.device.accounts;
    rules(&t, serde_json::json!({"expires_days": 30}));
    let info = accounts.get("admin", &Actor::system()).unwrap();
    assert_eq!(
        info.password_expires_at,
        Some(info.password_changed_at.unwrap() + DAY * 30)
    );
    t.clock.advance(DAY * 30 - Duration::from_secs(1));
    assert!(!login(&t, "admin", PASSWORD).unwrap().permissions.is_empty());
    t.clock.advance(Duration::from_secs(1));
    let by = login(&t, "admin", PASSWORD).unwrap();
    assert!(by.permissions.is_empty() && accounts.password_expired("admin"));
    assert!(matches!(accounts.list(&by), Err(Error::Forbidden(_))));
    let change =
        |new: &str| accounts.change_own_password(&Secret::new(PASSWORD), Secret::new(new), &by);
    assert_eq!(
        pointers(&change(PASSWORD).unwrap_err()),
        ["/password"],
        "another one is needed"
    );
    change(OTHER).unwrap();
    assert!(!login(&t, "admin", OTHER).unwrap().permissions.is_empty());
    assert_eq!(
        accounts
            .actor("admin", Origin::Web, None)
            .unwrap()
            .permissions,
        Permissions::all()
    );
}

/// Recorders go on with an expired password unless the settings refuse it.
#[test]
fn devices_are_refused_an_expired_password_only_when_asked_for() {
    let t = initialised();
    rules(&t, serde_json::json!({"expires_days": 1}));
    t.clock.advance(DAY * 2);
    let onvif = || {
        let accounts = &t.device.accounts;
        accounts.login("admin", &Secret::new(PASSWORD), Origin::Onvif, PEER)
    };
    assert_eq!(onvif().unwrap().permissions, Permissions::all());
    rules(&t, serde_json::json!({"expire_devices": true}));
    assert!(matches!(onvif(), Err(Error::PasswordExpired)));
}

/// The last N passwords do not come again.
#[test]
fn old_passwords_do_not_come_again() {
    let t = initialised();
    rules(&t, serde_json::json!({"history": 2}));
    let by = login(&t, "admin", PASSWORD).unwrap();
    let change = |from: &str, to: &str| {
        let accounts = &t.device.accounts;
        accounts.change_own_password(&Secret::new(from), Secret::new(to), &by)
    };
    assert!(change(PASSWORD, PASSWORD).is_err());
    change(PASSWORD, OTHER).unwrap();
    assert_eq!(
        pointers(&change(OTHER, PASSWORD).unwrap_err()),
        ["/password"]
    );
    change(OTHER, "Third-7wRb").unwrap();
    change("Third-7wRb", PASSWORD).unwrap();
}

/// INIT-6: the old password is asked for, and guessing it counts.
#[test]
fn a_wrong_current_password_counts_for_the_lock() {
    let t = initialised();
    let by = login(&t, "admin", PASSWORD).unwrap();
    let accounts = &t.device.accounts;
    for _ in 0..4 {
        let e = accounts
            .change_own_password(&Secret::new("wrong-1A"), Secret::new(OTHER), &by)
            .unwrap_err();
        assert_eq!(pointers(&e), ["/current"]);
    }
    let last = || accounts.change_own_password(&Secret::new("wrong-1A"), Secret::new(OTHER), &by);
    assert!(matches!(last(), Err(Error::Locked { .. })));
    let list = accounts.lockouts(&Actor::system()).unwrap();
    assert_eq!(list.iter().filter(|e| e.locked).count(), 2, "{list:?}");
    accounts.unlock(None, &Actor::system()).unwrap();
    assert!(login(&t, "admin", PASSWORD).is_ok());
}
