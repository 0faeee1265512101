//! Connections, remembered sessions, tokens.

use super::*;

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
