//! Groups and rights: never more than was given.

use super::*;

/// GEN-2, USER-6, USER-7: never more than the group; what the group loses its members lose.
#[test]
fn a_user_never_exceeds_the_group() {
    let t = initialised();
    let accounts = &t.device.accounts;
    let by = login(&t, "admin", PASSWORD).unwrap();
    use Permission as P;
    let gate = Permissions::of(&[P::LiveView, P::BarrierControl]);
    accounts
        .create_group("gate", "at the gate", gate, &by)
        .unwrap();
    let new = |permissions| NewUser {
        group: "gate".into(),
        permissions,
        ..NewUser::new("guard", Secret::new(PASSWORD), UserLevel::User)
    };
    let beyond = Permissions::of(&[P::LiveView, P::Maintenance]);
    let e = accounts.create_one(new(Some(beyond)), &by).unwrap_err();
    assert_eq!(pointers(&e), ["/permissions"]);
    assert!(e.to_string().contains("maintenance"), "{e}");
    let made = accounts.create_one(new(Some(gate)), &by).unwrap();
    assert_eq!((made.effective, made.level), (gate, UserLevel::Extended));
    let smaller = GroupUpdate {
        name: "Gate".into(),
        remark: None,
        permissions: Some(Permissions::of(&[P::LiveView])),
    };
    assert_eq!(
        accounts.update_group(smaller.clone(), &by).unwrap().members,
        1
    );
    let bigger = GroupUpdate {
        permissions: Some(gate),
        ..smaller
    };
    accounts.update_group(bigger, &by).unwrap();
    let guard = accounts.get("guard", &by).unwrap();
    assert_eq!(
        guard.permissions,
        Some(Permissions::of(&[P::LiveView])),
        "taken is taken, also when the group gets it back (SEC-4)"
    );
    let all = UserUpdate {
        name: "guard".into(),
        permissions: Some(None),
        ..UserUpdate::default()
    };
    assert_eq!(accounts.update_one(all, &by).unwrap().effective, gate);
}

/// USER-16..19.
#[test]
fn groups_are_kept_while_they_are_needed() {
    let t = initialised();
    let accounts = &t.device.accounts;
    let by = Actor::system();
    let names = |t: &TestDevice| -> Vec<String> {
        let groups = t.device.accounts.groups(&Actor::system()).unwrap();
        groups.into_iter().map(|g| g.name).collect()
    };
    assert_eq!(names(&t), ["admin", "operator", "user"]);
    let live = Permissions::of(&[Permission::LiveView]);
    accounts.create_group("gate", "", live, &by).unwrap();
    for (name, taken) in [
        ("GATE", true),
        ("admin", true),
        ("bad name", false),
        ("", false),
    ] {
        let e = accounts.create_group(name, "", live, &by).unwrap_err();
        assert_eq!(matches!(e, Error::Conflict(_)), taken, "{name}: {e}");
    }
    let long = "x".repeat(128);
    let e = accounts.create_group("g", &long, live, &by).unwrap_err();
    assert_eq!(pointers(&e), ["/remark"]);
    let member = NewUser {
        group: "gate".into(),
        ..NewUser::new("guard", Secret::new(PASSWORD), UserLevel::User)
    };
    accounts.create_one(member, &by).unwrap();
    for (name, kind) in [("gate", "members"), ("user", "built in")] {
        let e = accounts.delete_group(name, &by).unwrap_err();
        assert!(e.to_string().contains(kind), "{e}");
    }
    let less = GroupUpdate {
        name: "admin".into(),
        remark: None,
        permissions: Some(live),
    };
    assert!(matches!(
        accounts.update_group(less, &by),
        Err(Error::Conflict(_))
    ));
    accounts.delete(&["guard".into()], &by).unwrap();
    accounts.delete_group("gate", &by).unwrap();
    assert!(matches!(
        accounts.delete_group("gate", &by),
        Err(Error::NotFound { .. })
    ));
    assert_eq!(t.restarted_accounts().groups(&by).unwrap().len(), 3);
}

/// Who manages users cannot make or become somebody greater.
#[test]
fn nobody_gives_what_they_do_not_have() {
    let t = initialised();
    let accounts = &t.device.accounts;
    use Permission as P;
    let desk = Permissions::of(&[P::UserManagement, P::LiveView, P::ReadConfig]);
    accounts
        .create_group("desk", "", desk, &Actor::system())
        .unwrap();
    let clerk = NewUser {
        group: "desk".into(),
        ..NewUser::new("clerk", Secret::new(PASSWORD), UserLevel::User)
    };
    accounts.create_one(clerk, &Actor::system()).unwrap();
    let by = login(&t, "clerk", PASSWORD).unwrap();
    let admin = NewUser::new("boss", Secret::new(PASSWORD), UserLevel::Administrator);
    assert!(matches!(
        accounts.create_one(admin, &by),
        Err(Error::Forbidden(_))
    ));
    let update = |name: &str| UserUpdate {
        name: name.into(),
        ..UserUpdate::default()
    };
    let take_over = UserUpdate {
        password: Some(Secret::new(OTHER)),
        ..update("admin")
    };
    assert!(matches!(
        accounts.update_one(take_over, &by),
        Err(Error::Forbidden(_))
    ));
    let own = UserUpdate {
        group: Some("admin".into()),
        ..update("clerk")
    };
    assert!(matches!(
        accounts.update_one(own, &by),
        Err(Error::Conflict(_))
    ));
    let e = accounts
        .create_group("g", "", Permissions::all(), &by)
        .unwrap_err();
    assert!(matches!(e, Error::Forbidden(_)), "{e}");
    assert!(matches!(
        accounts.delete(&["admin".into()], &by),
        Err(Error::Conflict(_))
    ));
    assert!(login(&t, "admin", PASSWORD).is_ok());
}
