//! Roles: groups that are bounded to single ONVIF operations.

use platecam_model::auth::{MAX_ROLES, Role};

use super::*;

fn role(name: &str, permissions: Permissions, functions: &[&str]) -> Role {
    Role {
        name: name.into(),
        permissions,
        functions: Some(functions.iter().map(|f| (*f).to_owned()).collect()),
    }
}

fn member(t: &TestDevice, name: &str, group: &str) {
    let new = NewUser {
        group: group.into(),
        ..NewUser::new(name, Secret::new(PASSWORD), UserLevel::User)
    };
    let made = t.device.accounts.create_one(new, &Actor::system()).unwrap();
    assert_eq!(made.level, UserLevel::Extended);
}

/// USER-16, USER-18, GEN-2: a role is a group whose members call its functions over ONVIF and watch elsewhere.
#[test]
fn a_role_bounds_its_members() {
    let t = initialised();
    let accounts = &t.device.accounts;
    let by = login(&t, "admin", PASSWORD).unwrap();
    use Permission as P;
    let needed = Permissions::of(&[P::LiveView, P::UserManagement]);
    accounts
        .set_role(
            role("guards", needed, &["trt:GetProfiles", "tds:GetUsers"]),
            &by,
        )
        .unwrap();
    member(&t, "guard", "guards");
    accounts.may_call("guard", "tds:GetUsers").unwrap();
    let e = accounts.may_call("guard", "tds:CreateUsers").unwrap_err();
    assert!(matches!(e, Error::NotInRole { .. }), "{e}");
    accounts.may_call("admin", "tds:CreateUsers").unwrap();
    // The web knows no functions: what the role was given for ONVIF is not open there.
    let web = login(&t, "guard", PASSWORD).unwrap();
    assert_eq!(web.permissions, Permissions::of(&[P::LiveView]));
    let token = Permissions::of(&[P::LiveView, P::UserManagement]);
    assert_eq!(token.and(web.permissions), web.permissions);
    // Overwritten: the same name whatever its case.
    accounts
        .set_role(
            role(
                "Guards",
                Permissions::of(&[P::LiveView]),
                &["trt:GetProfiles"],
            ),
            &by,
        )
        .unwrap();
    assert!(accounts.may_call("guard", "tds:GetUsers").is_err());
    let roles = accounts.roles(&by).unwrap();
    let [one] = roles.as_slice() else {
        panic!("{roles:?}")
    };
    assert_eq!(one.name, "guards");
    // Other permissions, given in the web, make a plain group of it.
    let update = GroupUpdate {
        name: "guards".into(),
        remark: None,
        permissions: Some(needed),
    };
    assert_eq!(accounts.update_group(update, &by).unwrap().functions, None);
    accounts.may_call("guard", "tds:CreateUsers").unwrap();
}

/// USER-17, USER-19: built-in groups are no roles; there is an end to them.
#[test]
fn roles_are_bounded() {
    let t = initialised();
    let accounts = &t.device.accounts;
    let by = Actor::system();
    for name in ["admin", "Operator", "user"] {
        let e = accounts.set_role(role(name, Permissions::NONE, &[]), &by);
        assert!(matches!(e, Err(Error::Conflict(_))), "{name}");
    }
    for name in ["", "a b", "onvif:Gate"] {
        let e = accounts
            .set_role(role(name, Permissions::NONE, &[]), &by)
            .unwrap_err();
        assert_eq!(pointers(&e), ["/name"], "{name}");
    }
    for i in 0..MAX_ROLES {
        accounts
            .set_role(role(&format!("r{i}"), Permissions::NONE, &[]), &by)
            .unwrap();
    }
    let e = accounts.set_role(role("more", Permissions::NONE, &[]), &by);
    assert!(matches!(e, Err(Error::Exhausted { .. })));
    let nobody = Actor::anonymous(Origin::Onvif, None);
    assert!(matches!(accounts.roles(&nobody), Err(Error::Forbidden(_))));
    let e = accounts.set_role(role("r1", Permissions::NONE, &[]), &nobody);
    assert!(matches!(e, Err(Error::Forbidden(_))));
}

/// Nobody gives functions that they do not have, by a role, a user or a group.
#[test]
fn a_bounded_manager_gives_no_more_than_it_has() {
    let t = initialised();
    let accounts = &t.device.accounts;
    let system = Actor::system();
    let all = Permissions::all();
    let own = ["tds:CreateUsers", "tds:SetUser", "tds:SetUserRole"];
    accounts.set_role(role("desk", all, &own), &system).unwrap();
    accounts
        .set_role(role("open", all, &["tds:GetUsers"]), &system)
        .unwrap();
    member(&t, "clerk", "desk");
    let by = Actor {
        user: Some("clerk".into()),
        permissions: all,
        ..Actor::anonymous(Origin::Onvif, None)
    };
    let more = role("desk", all, &["tds:CreateUsers", "tds:SystemReboot"]);
    let e = accounts.set_role(more, &by).unwrap_err();
    assert!(matches!(e, Error::NotInRole { .. }), "{e}");
    let new = |group: &str| NewUser {
        group: group.into(),
        ..NewUser::new("x", Secret::new(PASSWORD), UserLevel::User)
    };
    for group in ["admin", "user", "open"] {
        let e = accounts.create_one(new(group), &by).unwrap_err();
        assert!(matches!(e, Error::NotInRole { .. }), "{group}: {e}");
    }
    let password = UserUpdate {
        name: "admin".into(),
        password: Some(Secret::new(OTHER)),
        ..UserUpdate::default()
    };
    let e = accounts.update_one(password, &by).unwrap_err();
    assert!(matches!(e, Error::NotInRole { .. }), "{e}");
    let e = accounts.create_group("free", "", Permissions::NONE, &by);
    assert!(matches!(e, Err(Error::NotInRole { .. })));
    accounts.create_one(new("desk"), &by).unwrap();
    // Who is bounded is no administrator, whatever the permissions: admin stays the last one.
    let gone = accounts.delete(&["admin".into()], &system);
    assert!(matches!(gone, Err(Error::Conflict(_))));
}
