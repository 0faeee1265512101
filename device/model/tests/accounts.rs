//! Accounts as the adapters use them.

use std::{net::IpAddr, time::Duration};

use platecam_model::{
    Actor, Error, EventKind, LoginOutcome, Origin, Secret, UserLevel,
    auth::{NewUser, UserUpdate},
    testing::{PASSWORD, TestDevice, initialised, uninitialised},
};

const PEER: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7)));

fn login(t: &TestDevice, name: &str, password: &str) -> Result<Actor, Error> {
    t.device
        .accounts
        .login(name, &Secret::new(password), Origin::Web, PEER)
}

fn new_user(name: &str) -> NewUser {
    NewUser::new(name, Secret::new("abcdefg1"), UserLevel::User)
}

/// INIT-1, INIT-3, INIT-4, USER-8.
#[test]
fn initialisation_happens_once_and_checks_its_fields() {
    let t = uninitialised();
    let nobody = Actor::anonymous(Origin::Web, PEER);
    let accounts = &t.device.accounts;
    assert!(matches!(
        login(&t, "admin", PASSWORD),
        Err(Error::NotInitialised)
    ));
    for (password, email, pointer) in [
        ("short", None, "/password"),
        (PASSWORD, Some("nobody"), "/email"),
        (PASSWORD, Some("a@b@c.d"), "/email"),
    ] {
        let e = accounts
            .initialise(Secret::new(password), email.map(String::from), &nobody)
            .unwrap_err();
        let Error::Invalid(v) = &e else { panic!("{e}") };
        assert_eq!(v.0[0].pointer, pointer);
        assert!(
            !e.to_string().contains("short"),
            "the password is not echoed"
        );
    }
    assert!(!accounts.is_initialised());
    accounts
        .initialise(Secret::new(PASSWORD), Some("a@example.org".into()), &nobody)
        .unwrap();
    assert!(matches!(
        accounts.initialise(Secret::new(PASSWORD), None, &nobody),
        Err(Error::Conflict(_))
    ));
    assert_eq!(
        login(&t, "ADMIN", PASSWORD).unwrap().user.as_deref(),
        Some("admin")
    );
}

/// AUTH-3, AUTH-5, AUTH-6: no hint whether the user exists; one counter for all protocols.
#[test]
fn refusals_look_alike_and_lock_every_protocol() {
    let t = initialised();
    let mut events = t.device.bus.subscribe();
    let (known, unknown) = (
        login(&t, "admin", "wrong-1234").unwrap_err(),
        login(&t, "ghost", "wrong-1234").unwrap_err(),
    );
    assert_eq!(known.to_string(), unknown.to_string());
    let digest = r#"Digest username="admin", realm="Platecam", nonce="x", uri="/", response="00""#;
    for _ in 0..2 {
        let e = t
            .device
            .accounts
            .digest(digest, "GET", "/", Origin::Rtsp, PEER)
            .unwrap_err();
        assert!(matches!(e, Error::Unauthenticated), "{e}");
    }
    assert!(
        matches!(login(&t, "admin", "wrong-1234"), Err(Error::Locked { .. })),
        "the fifth failure of the address"
    );
    let e = login(&t, "admin", PASSWORD).unwrap_err();
    assert!(
        matches!(&e, Error::Locked { retry_after } if *retry_after == Duration::from_secs(300)),
        "{e}"
    );
    t.clock.advance(Duration::from_secs(301));
    login(&t, "admin", PASSWORD).unwrap();
    let mut outcomes = Vec::new();
    while let Ok(e) = events.try_recv() {
        if let EventKind::Login(l) = &e.kind {
            assert_eq!(l.actor.peer, PEER);
            outcomes.push(l.outcome);
        }
    }
    use LoginOutcome::{Granted, Locked, Refused};
    assert_eq!(
        outcomes,
        [Refused, Refused, Refused, Refused, Refused, Locked, Granted]
    );
}

/// USER-3..5, USER-11, USER-14, USER-15.
#[test]
fn users_are_created_changed_and_deleted_all_or_nothing() {
    let t = initialised();
    let accounts = &t.device.accounts;
    let admin = login(&t, "admin", PASSWORD).unwrap();
    accounts
        .create(vec![new_user("guard"), new_user("gate")], &admin)
        .unwrap();
    let e = accounts
        .create(vec![new_user("new"), new_user("GUARD")], &admin)
        .unwrap_err();
    assert!(
        matches!(&e, Error::Conflict(t) if t.contains("GUARD")),
        "{e}"
    );
    assert_eq!(accounts.list(&admin).unwrap().len(), 3);
    let guard = login(&t, "guard", "abcdefg1").unwrap();
    assert!(matches!(
        accounts.create(vec![new_user("x")], &guard),
        Err(Error::Forbidden(_))
    ));
    let own = UserUpdate {
        name: "guard".into(),
        password: Some(Secret::new("newpass-2")),
        ..UserUpdate::default()
    };
    accounts.update(vec![own], &guard).unwrap();
    assert!(login(&t, "guard", "newpass-2").is_ok());
    let promote = UserUpdate {
        name: "guard".into(),
        level: Some(UserLevel::Administrator),
        ..UserUpdate::default()
    };
    assert!(
        matches!(
            accounts.update(vec![promote], &guard),
            Err(Error::Forbidden(_))
        ),
        "nobody promotes himself"
    );
    let e = accounts
        .delete(&["gate".into(), "admin".into()], &admin)
        .unwrap_err();
    assert!(matches!(e, Error::Conflict(_)) && accounts.list(&admin).unwrap().len() == 3);
    accounts.delete(&["gate".into()], &admin).unwrap();
    let many = (0..30).map(|i| new_user(&format!("u{i}"))).collect();
    assert!(matches!(
        accounts.create(many, &admin),
        Err(Error::Exhausted { limit: 20, .. })
    ));
}
