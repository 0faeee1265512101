//! Password reset by code and on the device itself.

use super::second_factor::code_of;
use platecam_model::settings::{MailEncryption, NetMail};

use super::*;

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

/// AUTH-12, AUTH-13: the unit mails the code itself, to the stored address only and never in the clear.
#[test]
fn a_code_is_mailed_to_the_stored_address() {
    let t = initialised();
    let accounts = &t.device.accounts;
    let by = Actor::anonymous(Origin::Web, PEER);
    let serial = "20210412XSP001";
    let ask = || accounts.reset_mail(serial, true, &by, &*t.mail);
    let offered = || {
        let state = accounts.reset_state(serial);
        (state.available, state.by_text, state.by_mail)
    };
    set::<SecurityPasswordReset>(&t, |s| {
        s.enabled = true;
        s.by_mail = true;
    });
    assert_eq!(offered(), (false, false, false), "no server, no address");
    let update = UserUpdate {
        name: "admin".into(),
        email: Some("owner@example.org".into()),
        ..UserUpdate::default()
    };
    accounts.update_one(update, &Actor::system()).unwrap();
    set::<NetMail>(&t, |s| {
        s.enabled = true;
        s.sender = "camera@example.org".into();
        s.host = "mail.example.org".into();
        s.encryption = MailEncryption::None;
    });
    assert_eq!(offered(), (false, false, false), "everybody could read it");
    assert!(matches!(ask(), Err(Error::Conflict(_))));
    set::<NetMail>(&t, |s| s.encryption = MailEncryption::Tls);
    assert_eq!(offered(), (true, false, true));
    assert!(matches!(
        accounts.reset_challenge(serial, true, &by),
        Err(Error::Conflict(_))
    ));
    let not_accepted = accounts.reset_mail(serial, false, &by, &*t.mail);
    assert_eq!(pointers(&not_accepted.unwrap_err()), ["/accepted"]);

    let mailed = ask().unwrap();
    assert_eq!(
        (mailed.serial.as_str(), mailed.address.as_str()),
        ("20*****XSP001", "o***@e***.org")
    );
    let sent = t.mail.sent();
    assert_eq!(
        (sent.len(), &sent[0].to[..]),
        (1, &["owner@example.org".to_owned()][..])
    );
    let code = sent[0].text.split("Security code: ").nth(1).unwrap();
    let code = code.split('\n').next().unwrap();
    let wrong = accounts.reset_verify(&mailed.id, "AAAAA-AAAAA", &by);
    assert_eq!(pointers(&wrong.unwrap_err()), ["/code"]);
    let ticket = accounts.reset_verify(&mailed.id, code, &by).unwrap();
    accounts
        .reset_complete(&ticket.ticket, Secret::new(OTHER), &by)
        .unwrap();
    login(&t, "admin", OTHER).unwrap();
    let again = accounts.reset_verify(&mailed.id, code, &by);
    assert_eq!(pointers(&again.unwrap_err()), ["/code"], "it counts once");

    // What the server says is for the log, not for a stranger.
    t.mail.refuse(Some("550 no such mailbox owner@example.org"));
    let failed = ask().unwrap_err().to_string();
    assert!(!failed.contains("owner@"), "{failed}");
    t.mail.refuse(None);
    ask().unwrap();
    assert!(
        matches!(ask(), Err(Error::Exhausted { .. })),
        "three an hour"
    );
    // Nobody's mailbox is flooded, from however many addresses.
    let mails = (2..100u8).filter(|n| {
        let peer = Some(std::net::IpAddr::from([198, 51, 100, *n]));
        let by = Actor::anonymous(Origin::Web, peer);
        accounts.reset_mail(serial, true, &by, &*t.mail).is_ok()
    });
    assert_eq!(mails.count(), 7, "ten a day, with those of before");
}
