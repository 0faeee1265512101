//! The second factor of web logins.

use super::*;

pub(crate) fn code_of(secret: &Secret, t: &TestDevice) -> String {
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
