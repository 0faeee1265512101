//! Groups, rights, expiry, sessions, tokens, second factor and reset as the adapters use them.

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

fn add(t: &TestDevice, name: &str, level: UserLevel) {
    let new = NewUser::new(name, Secret::new(PASSWORD), level);
    t.device
        .accounts
        .create(vec![new], &Actor::system())
        .unwrap();
}

fn login(t: &TestDevice, name: &str, password: &str) -> Result<Actor, Error> {
    t.device
        .accounts
        .login(name, &Secret::new(password), Origin::Web, PEER)
}

fn pointers(e: &Error) -> Vec<&str> {
    let Error::Invalid(v) = e else { panic!("{e}") };
    v.0.iter().map(|v| v.pointer.as_str()).collect()
}

fn set<S: platecam_model::settings::Section>(t: &TestDevice, change: impl FnOnce(&mut S)) {
    t.device.settings.update(&Actor::system(), change).unwrap();
}

fn rules(t: &TestDevice, json: serde_json::Value) {
    let by = Actor::system();
    let key = "security.password";
    t.device.settings.patch(key, &json, None, &by).unwrap();
}

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

/// USER-13, USER-20, GEN-5, C-19: one list, one limit, and all of a user's connections end together.
#[test]
fn connections_are_listed_limited_and_ended_with_their_user() {
    let t = initialised();
    add(&t, "guard", UserLevel::User);
    set::<SecurityLogin>(&t, |s| s.max_viewers = 10.try_into().unwrap());
    let accounts = &t.device.accounts;
    let guard = login(&t, "guard", PASSWORD).unwrap();
    let (token, _) = accounts.start_session(&guard, false).unwrap();
    let ended = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let arrive = |counts| {
        let ended = ended.clone();
        accounts.arrive(Arrival {
            kind: OnlineKind::Rtsp,
            user: "guard".into(),
            peer: PEER,
            detail: "main".into(),
            counts,
            listed: counts,
            hangup: Box::new(move || {
                ended.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }),
        })
    };
    let places: Vec<_> = (0..9).map(|_| arrive(true).unwrap()).collect();
    assert!(matches!(
        arrive(true),
        Err(Error::Exhausted { limit: 10, .. })
    ));
    let e = accounts.start_session(&guard, false).unwrap_err();
    assert!(matches!(e, Error::Exhausted { limit: 10, .. }), "{e}");
    let inside = arrive(false);
    assert!(inside.is_ok(), "inside a page that is counted already");
    assert!(accounts.session(&token.0).is_some(), "nobody is disturbed");
    accounts
        .login("guard", &Secret::new(PASSWORD), Origin::Onvif, PEER)
        .unwrap();
    let list = accounts.online(&Actor::system()).unwrap();
    let of = |kind| list.iter().filter(|o| o.kind == kind).count();
    assert_eq!(
        (
            of(OnlineKind::Web),
            of(OnlineKind::Rtsp),
            of(OnlineKind::Onvif)
        ),
        (1, 9, 1)
    );
    assert!(list.iter().all(|o| o.group == "user" && o.address == PEER));
    assert!(
        matches!(accounts.online(&guard), Err(Error::Forbidden(_))),
        "USER-21"
    );
    let rights = UserUpdate {
        name: "guard".into(),
        remark: Some("north".into()),
        ..UserUpdate::default()
    };
    accounts.update_one(rights, &Actor::system()).unwrap();
    assert!(
        accounts.session(&token.0).is_some(),
        "a remark disturbs nobody"
    );
    let password = UserUpdate {
        name: "guard".into(),
        password: Some(Secret::new(OTHER)),
        ..UserUpdate::default()
    };
    accounts.update_one(password, &Actor::system()).unwrap();
    assert!(accounts.session(&token.0).is_none());
    assert_eq!(ended.load(std::sync::atomic::Ordering::Relaxed), 10);
    drop((places, inside));
    assert!(accounts.online(&Actor::system()).unwrap().is_empty());
}

/// Sessions survive a restart only if asked, until their day, and only while their user lives.
#[test]
fn remembered_sessions_survive_a_restart() {
    let t = initialised();
    add(&t, "guard", UserLevel::User);
    let by = login(&t, "admin", PASSWORD).unwrap();
    let guard = login(&t, "guard", PASSWORD).unwrap();
    let accounts = &t.device.accounts;
    let (plain, _) = accounts.start_session(&by, false).unwrap();
    let (kept, session) = accounts.start_session(&by, true).unwrap();
    let (gone, _) = accounts.start_session(&by, true).unwrap();
    let (theirs, _) = accounts.start_session(&guard, true).unwrap();
    accounts.end_session(&gone.0, &by).unwrap();
    let after = t.restarted_accounts();
    assert!(after.session(&plain.0).is_none() && after.session(&gone.0).is_none());
    assert_eq!(after.session(&kept.0).map(|s| s.csrf), Some(session.csrf));
    assert!(after.session(&theirs.0).is_some());
    after.delete(&["guard".into()], &Actor::system()).unwrap();
    let again = t.restarted_accounts();
    assert!(again.session(&theirs.0).is_none());
    t.clock.advance(DAY * 30);
    assert!(again.session(&kept.0).is_none(), "30 days are over");
}

fn token(
    accounts: &platecam_model::auth::Accounts,
    by: &Actor,
    list: &[Permission],
) -> Result<(String, Secret), Error> {
    let new = NewToken {
        name: "gate".into(),
        permissions: Permissions::of(list),
        expires_days: Some(10),
    };
    accounts
        .create_token(new, by)
        .map(|(info, secret)| (info.id, secret))
}

/// API tokens: at most the owner's rights of this moment, until revoked, expired or the owner is gone.
#[test]
fn tokens_work_within_their_bounds() {
    let t = initialised();
    add(&t, "guard", UserLevel::Operator);
    let accounts = &t.device.accounts;
    let by = login(&t, "guard", PASSWORD).unwrap();
    use Permission as P;
    let e = token(accounts, &by, &[P::LiveView, P::Maintenance]).unwrap_err();
    assert_eq!(pointers(&e), ["/permissions"]);
    let (id, secret) = token(accounts, &by, &[P::LiveView, P::VideoConfig]).unwrap();
    assert!(secret.expose().starts_with("pct_"));
    let actor = accounts.bearer(secret.expose(), PEER).unwrap();
    assert_eq!(actor.user.as_deref(), Some("guard"));
    assert_eq!(
        actor.permissions,
        Permissions::of(&[P::LiveView, P::VideoConfig])
    );
    let used = accounts.tokens(&by).remove(0);
    assert_eq!(
        (used.last_address, used.last_used_at.is_some()),
        (PEER, true)
    );
    let after = t.restarted_accounts();
    assert!(
        after.bearer(secret.expose(), PEER).is_ok(),
        "kept over a restart"
    );
    let less = UserUpdate {
        name: "guard".into(),
        level: Some(UserLevel::User),
        ..UserUpdate::default()
    };
    accounts.update_one(less, &Actor::system()).unwrap();
    let actor = accounts.bearer(secret.expose(), PEER).unwrap();
    assert_eq!(
        actor.permissions,
        Permissions::of(&[P::LiveView]),
        "never more than the owner"
    );
    t.clock.advance(DAY * 10);
    assert!(matches!(
        accounts.bearer(secret.expose(), PEER),
        Err(Error::Unauthenticated)
    ));
    accounts.revoke_token(&id, &by).unwrap();
    let (_, secret) = token(
        accounts,
        &login(&t, "guard", PASSWORD).unwrap(),
        &[P::LiveView],
    )
    .unwrap();
    accounts
        .delete(&["guard".into()], &Actor::system())
        .unwrap();
    assert!(accounts.bearer(secret.expose(), PEER).is_err());
}

/// Guessing tokens locks the address, and the right one does not help then.
#[test]
fn wrong_tokens_lock_the_address() {
    let t = initialised();
    let accounts = &t.device.accounts;
    let by = login(&t, "admin", PASSWORD).unwrap();
    let (_, secret) = token(accounts, &by, &[Permission::LiveView]).unwrap();
    let mut cut = secret.expose().to_owned();
    cut.pop();
    for wrong in ["", "pct_", "pct_x_y", cut.as_str()] {
        let e = accounts.bearer(wrong, PEER).unwrap_err();
        assert!(matches!(e, Error::Unauthenticated), "{wrong}: {e}");
    }
    assert!(matches!(
        accounts.bearer("x", PEER),
        Err(Error::Locked { .. })
    ));
    assert!(matches!(
        accounts.bearer(secret.expose(), PEER),
        Err(Error::Locked { .. })
    ));
    assert!(
        accounts.bearer(secret.expose(), None).is_ok(),
        "from elsewhere"
    );
}

fn code_of(secret: &Secret, t: &TestDevice) -> String {
    // An independent computation: RFC 4226 with the base32 text that an authenticator gets.
    use hmac::{Hmac, KeyInit, Mac};
    const SIGNS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bits, mut held, mut key) = (0_u64, 0, Vec::new());
    for c in secret.expose().chars() {
        bits = (bits << 5) | SIGNS.find(c).unwrap() as u64;
        held += 5;
        if held >= 8 {
            held -= 8;
            key.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    let step = t.device.clock.now().as_millis() as u64 / 30_000;
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&key).unwrap();
    mac.update(&step.to_be_bytes());
    let h = mac.finalize().into_bytes();
    let at = usize::from(h[19] & 15);
    let n = u32::from_be_bytes([h[at] & 0x7f, h[at + 1], h[at + 2], h[at + 3]]);
    format!("{:06}", n % 1_000_000)
}

/// The second factor is asked for after the right password only, and each code counts once.
#[test]
fn the_second_factor_guards_web_logins() {
    let t = initialised();
    let accounts = &t.device.accounts;
    let by = login(&t, "admin", PASSWORD).unwrap();
    let password = Secret::new(PASSWORD);
    assert_eq!(
        pointers(
            &accounts
                .totp_enrol(&Secret::new("wrong-1A"), &by)
                .unwrap_err()
        ),
        ["/password"]
    );
    let enrolment = accounts.totp_enrol(&password, &by).unwrap();
    assert!(
        login(&t, "admin", PASSWORD).is_ok(),
        "not active before it is confirmed"
    );
    assert_eq!(
        pointers(&accounts.totp_confirm("000000", &by).unwrap_err()),
        ["/code"]
    );
    let recovery = accounts
        .totp_confirm(&code_of(&enrolment.secret, &t), &by)
        .unwrap();
    let with = |code: &str| {
        accounts.login_with(&LoginRequest {
            name: "admin",
            password: &password,
            code: Some(code),
            origin: Origin::Web,
            peer: PEER,
        })
    };
    for _ in 0..9 {
        let e = login(&t, "admin", PASSWORD).unwrap_err();
        assert!(
            matches!(e, Error::SecondFactor),
            "the missing code is no failure: {e}"
        );
    }
    assert!(matches!(
        login(&t, "admin", "wrong-1A"),
        Err(Error::Unauthenticated)
    ));
    assert!(
        matches!(
            with(&code_of(&enrolment.secret, &t)),
            Err(Error::Unauthenticated)
        ),
        "used to confirm"
    );
    t.clock.advance(Duration::from_secs(30));
    with(&code_of(&enrolment.secret, &t)).unwrap();
    assert!(with(&code_of(&enrolment.secret, &t)).is_err(), "replayed");
    with(&recovery[3]).unwrap();
    assert!(with(&recovery[3]).is_err(), "once");
    assert_eq!(accounts.totp_state(&by).recovery_left, 9);
    let after = t.restarted_accounts();
    let again = after.login("admin", &password, Origin::Web, None);
    assert!(
        matches!(again, Err(Error::SecondFactor)),
        "kept over a restart"
    );
    accounts.totp_disable(&password, &by).unwrap();
    assert!(login(&t, "admin", PASSWORD).is_ok());
}

/// Guessing codes locks, like guessing passwords.
#[test]
fn wrong_codes_lock() {
    let t = initialised();
    let accounts = &t.device.accounts;
    let by = login(&t, "admin", PASSWORD).unwrap();
    let password = Secret::new(PASSWORD);
    let enrolment = accounts.totp_enrol(&password, &by).unwrap();
    accounts
        .totp_confirm(&code_of(&enrolment.secret, &t), &by)
        .unwrap();
    let with = |code: &str| {
        accounts.login_with(&LoginRequest {
            name: "admin",
            password: &password,
            code: Some(code),
            origin: Origin::Web,
            peer: PEER,
        })
    };
    for _ in 0..4 {
        assert!(matches!(with("12345"), Err(Error::Unauthenticated)));
        assert!(
            matches!(login(&t, "admin", PASSWORD), Err(Error::SecondFactor)),
            "clears nothing"
        );
    }
    assert!(matches!(with("12345"), Err(Error::Locked { .. })));
    // An administrator helps out.
    accounts.unlock(None, &Actor::system()).unwrap();
    accounts.totp_remove("admin", &Actor::system()).unwrap();
    assert!(login(&t, "admin", PASSWORD).is_ok());
}

fn offer(t: &TestDevice) -> Secret {
    let (private, public) = ResetKey::generate();
    set::<SecurityPasswordReset>(t, |s| {
        s.enabled = true;
        s.public_key = public;
        s.mailbox = "reset@example.org".into();
    });
    private
}

/// AUTH-9..14: notice, text, code, new password; every session of `admin` ends.
#[test]
fn a_password_is_reset_by_the_holder_of_the_key() {
    let t = initialised();
    let accounts = &t.device.accounts;
    let by = Actor::anonymous(Origin::Web, PEER);
    let serial = "20210412XSP001";
    assert_eq!(accounts.reset_state(serial).reason, Some("disabled"));
    set::<SecurityPasswordReset>(&t, |s| s.enabled = true);
    assert_eq!(accounts.reset_state(serial).reason, Some("no-key"));
    assert!(matches!(
        accounts.reset_challenge(serial, true, &by),
        Err(Error::Conflict(_))
    ));
    let private = offer(&t);
    assert_eq!(
        pointers(&accounts.reset_challenge(serial, false, &by).unwrap_err()),
        ["/accepted"]
    );
    let admin = login(&t, "admin", PASSWORD).unwrap();
    let (session, _) = accounts.start_session(&admin, true).unwrap();
    let challenge = accounts.reset_challenge(serial, true, &by).unwrap();
    assert_eq!(
        (challenge.serial.as_str(), challenge.mailbox.as_str()),
        ("20*****XSP001", "reset@example.org")
    );
    let read = ResetRequest::open(&challenge.text, &private).unwrap();
    assert_eq!(read.serial, serial);
    // A restart in between changes nothing: the device keeps no code.
    let after = t.restarted_accounts();
    let ticket = after.reset_verify(&challenge.id, &read.code, &by).unwrap();
    assert_eq!(
        pointers(
            &after
                .reset_complete(&ticket.ticket, Secret::new("short-1"), &by)
                .unwrap_err()
        ),
        ["/password"]
    );
    assert_eq!(
        pointers(
            &after
                .reset_complete("guess", Secret::new(OTHER), &by)
                .unwrap_err()
        ),
        ["/ticket"]
    );
    after
        .reset_complete(&ticket.ticket, Secret::new(OTHER), &by)
        .unwrap();
    assert!(after.session(&session.0).is_none());
    assert!(
        after
            .login("admin", &Secret::new(OTHER), Origin::Web, PEER)
            .is_ok()
    );
    assert!(
        after
            .reset_complete(&ticket.ticket, Secret::new(PASSWORD), &by)
            .is_err(),
        "once"
    );
    let e = after
        .reset_verify(&challenge.id, &read.code, &by)
        .unwrap_err();
    assert_eq!(pointers(&e), ["/code"], "used");
}

/// AUTH-13: old, foreign and guessed codes are refused, and guessing ends.
#[test]
fn reset_codes_cannot_be_guessed_or_kept() {
    let t = initialised();
    let private = offer(&t);
    let accounts = &t.device.accounts;
    let by = |n: u8| Actor::anonymous(Origin::Web, Some([192, 0, 2, n].into()));
    let ask = |n| accounts.reset_challenge("PC00000001", true, &by(n));
    let read = |text: &str| ResetRequest::open(text, &private).unwrap().code;
    let (first, second) = (ask(1).unwrap(), ask(1).unwrap());
    let e = accounts
        .reset_verify(&second.id, &read(&first.text), &by(1))
        .unwrap_err();
    assert_eq!(pointers(&e), ["/code"], "another challenge's");
    ask(1).unwrap();
    assert!(
        matches!(ask(1), Err(Error::Exhausted { limit: 3, .. })),
        "three an hour"
    );
    // Five tries a challenge, from wherever.
    for n in 2..6 {
        assert!(matches!(
            accounts.reset_verify(&second.id, "AAAAA-AAAAA", &by(n)),
            Err(Error::Invalid(_))
        ));
    }
    let right = read(&second.text);
    assert!(matches!(
        accounts.reset_verify(&second.id, &right, &by(9)),
        Err(Error::Locked { .. })
    ));
    assert!(
        accounts
            .reset_verify(&first.id, &read(&first.text), &by(9))
            .is_ok()
    );
    // A day later, and made-up ends.
    t.clock.advance(DAY);
    let e = accounts
        .reset_verify(&first.id, &read(&first.text), &by(9))
        .unwrap_err();
    assert_eq!(pointers(&e), ["/code"], "expired");
    for id in ["", "x", &"A".repeat(32), &"_".repeat(32), &"A".repeat(4000)] {
        assert!(accounts.reset_verify(id, "AAAAA-AAAAA", &by(20)).is_err());
    }
    // Twenty wrong ones a day in all.
    for n in 30..80 {
        let id = format!("{n:032}");
        let _ = accounts.reset_verify(&id, "AAAAA-AAAAA", &by(n));
    }
    let fresh = ask(99).unwrap();
    let right = read(&fresh.text);
    assert!(matches!(
        accounts.reset_verify(&fresh.id, &right, &by(99)),
        Err(Error::Locked { .. })
    ));
    // A changed password makes all codes of before worthless.
    t.clock.advance(DAY);
    let fresh = ask(100).unwrap();
    accounts
        .reset_local(Secret::new(OTHER), false, &Actor::system())
        .unwrap();
    let e = accounts
        .reset_verify(&fresh.id, &read(&fresh.text), &by(100))
        .unwrap_err();
    assert_eq!(pointers(&e), ["/code"]);
}

/// The way for the owner of the machine; nobody else's.
#[test]
fn the_owner_resets_on_the_device_itself() {
    let t = initialised();
    let accounts = &t.device.accounts;
    let by = login(&t, "admin", PASSWORD).unwrap();
    let enrolment = accounts.totp_enrol(&Secret::new(PASSWORD), &by).unwrap();
    accounts
        .totp_confirm(&code_of(&enrolment.secret, &t), &by)
        .unwrap();
    let nobody = Actor::anonymous(Origin::Local, None);
    assert!(matches!(
        accounts.reset_local(Secret::new(OTHER), true, &nobody),
        Err(Error::Forbidden(_))
    ));
    accounts
        .reset_local(Secret::new(OTHER), true, &Actor::system())
        .unwrap();
    assert!(login(&t, "admin", OTHER).is_ok());
}

/// INIT-7: everybody is forgotten, and the device waits for its first password.
#[test]
fn the_default_forgets_everybody() {
    let t = initialised();
    add(&t, "guard", UserLevel::Operator);
    let accounts = &t.device.accounts;
    let by = login(&t, "admin", PASSWORD).unwrap();
    let (session, _) = accounts.start_session(&by, true).unwrap();
    let (_, secret) = token(accounts, &by, &[Permission::LiveView]).unwrap();
    assert!(matches!(
        accounts.forget_everybody(&login(&t, "guard", PASSWORD).unwrap()),
        Err(Error::Forbidden(_))
    ));
    accounts.forget_everybody(&by).unwrap();
    for accounts in [accounts.clone(), t.restarted_accounts()] {
        assert!(!accounts.is_initialised());
        assert!(accounts.session(&session.0).is_none());
        assert!(accounts.bearer(secret.expose(), PEER).is_err());
    }
}

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
