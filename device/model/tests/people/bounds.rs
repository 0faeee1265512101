//! Bounds of the sections behind it.

use super::*;

/// A section that the sessions' tests rely on has the bounds of the rows.
#[test]
fn the_bounds_are_those_of_the_rows() {
    let t = initialised();
    let by = Actor::system();
    let patch = |key: &str, v: serde_json::Value| t.device.settings.patch(key, &v, None, &by);
    use serde_json::json;
    for (key, value, ok) in [
        ("security.login", json!({"max_viewers": 10}), true),
        ("security.login", json!({"max_viewers": 9}), false),
        ("security.login", json!({"max_viewers": 4097}), false),
        ("security.password", json!({"expires_days": 0}), true),
        ("security.password", json!({"expires_days": 365}), true),
        ("security.password", json!({"expires_days": 366}), false),
        (
            "security.password_reset",
            json!({"public_key": "00"}),
            false,
        ),
        (
            "security.password_reset",
            json!({"mailbox": "nobody"}),
            false,
        ),
        ("device.reset_button", json!({"enabled": true}), false),
        (
            "device.reset_button",
            json!({"enabled": true, "chip": "/dev/gpiochip0"}),
            true,
        ),
        ("device.reset_button", json!({"chip": "/etc/passwd"}), false),
        (
            "device.reset_button",
            json!({"chip": "/dev/gpiochip../x"}),
            false,
        ),
    ] {
        assert_eq!(patch(key, value.clone()).is_ok(), ok, "{key} {value}");
    }
    assert_eq!(
        t.device.settings.get::<SecurityLogin>().max_viewers.get(),
        10
    );
    assert_eq!(SecurityPassword::default().expires_after(), None);
}
