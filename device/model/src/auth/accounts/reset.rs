//! Password reset of `admin` by a security code (AUTH-9..17, C-21; ADR 0010).

use std::{collections::HashMap, net::IpAddr, time::Duration};

use lpr_core::UtcTime;
use serde::Serialize;
use subtle::ConstantTimeEq;

use super::{ADMIN, Accounts};
use crate::{
    Actor, Error, Result, Secret, Violation, Violations,
    auth::{
        reset_code::{self, ResetRequest},
        session::random_hex,
    },
    ports::{Mail, Mailer},
    settings::{NetMail, SecurityPasswordReset},
};

/// How long a code counts.
const VALID: Duration = Duration::from_secs(24 * 3600);
/// Tries for one challenge.
const TRIES: u32 = 5;
/// Wrong codes a day, all challenges together.
const TRIES_A_DAY: u32 = 20;
/// Challenges of one address within an hour.
const PER_HOUR: u32 = 3;
/// Challenges a day, all addresses together.
const PER_DAY: u32 = 30;
/// Mails a day, all addresses together: the mailbox is somebody's.
const MAILS_A_DAY: u32 = 10;
/// Time for the new password after the right code.
const TICKET: Duration = Duration::from_secs(600);
const HOUR: Duration = Duration::from_secs(3600);

/// What is counted, in memory: bounded by the numbers a day.
#[derive(Default)]
pub(super) struct Resets {
    /// Begin of the day that is counted, monotonic.
    day: Duration,
    challenges: u32,
    mails: u32,
    wrong: u32,
    by_peer: HashMap<Option<IpAddr>, (Duration, u32)>,
    by_id: HashMap<String, u32>,
    ticket: Option<(String, Duration)>,
}

impl Resets {
    fn turn(&mut self, now: Duration) {
        if now.saturating_sub(self.day) >= VALID {
            let ticket = self.ticket.take();
            *self = Self {
                day: now,
                ticket,
                ..Self::default()
            };
        }
        self.by_peer
            .retain(|_, (since, _)| now.saturating_sub(*since) < HOUR);
    }
}

/// What the page may know before a login (AUTH-10).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ResetState {
    /// Whether it is offered.
    pub available: bool,
    /// Why not: `disabled` or `no-key`.
    pub reason: Option<&'static str>,
    /// Serial number, masked (AUTH-11).
    pub serial: String,
    /// Where the text is to be sent.
    pub mailbox: String,
    /// Whether the text of a QR code is answered by the holder of a key.
    pub by_text: bool,
    /// Whether the unit mails the code itself.
    pub by_mail: bool,
}

/// A code under way by mail.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ResetMail {
    /// Number of the challenge.
    pub id: String,
    /// Serial number, masked.
    pub serial: String,
    /// The stored address, masked.
    pub address: String,
    /// Until when the code counts.
    pub expires_at: UtcTime,
}

/// A challenge for the page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ResetChallenge {
    /// Its number.
    pub id: String,
    /// What the QR code carries.
    pub text: String,
    /// Serial number, masked.
    pub serial: String,
    /// Where the text is to be sent.
    pub mailbox: String,
    /// Until when its code counts.
    pub expires_at: UtcTime,
}

/// The right to set a new password once.
#[derive(Clone, Debug, Serialize)]
pub struct ResetTicket {
    /// A secret.
    pub ticket: String,
    /// Its end.
    pub expires_at: UtcTime,
}

impl Accounts {
    /// Whether a reset is offered (AUTH-10, AUTH-16).
    pub fn reset_state(&self, serial: &str) -> ResetState {
        let settings = self.settings.get::<SecurityPasswordReset>();
        let admin = self.find(ADMIN).filter(|_| settings.enabled);
        let by_text = admin.is_some() && !settings.public_key.is_empty();
        // A code does not travel where others can read it.
        let mailed = settings.by_mail && self.settings.get::<NetMail>().is_private();
        let addressed = admin.as_ref().is_some_and(|a| a.stored.email.is_some());
        let by_mail = mailed && addressed;
        let reason = match (&admin, by_text || by_mail) {
            (None, _) => Some("disabled"),
            (Some(_), false) => Some("no-key"),
            (Some(_), true) => None,
        };
        ResetState {
            available: reason.is_none(),
            reason,
            serial: reset_code::masked(serial),
            mailbox: settings.mailbox.clone(),
            by_text,
            by_mail,
        }
    }

    fn reset_offered(&self, way: impl Fn(&ResetState) -> bool) -> Result<super::people::User> {
        if !way(&self.reset_state("")) {
            return Err(Error::Conflict(
                "the password reset is not available; only a full reset of the unit helps".into(),
            ));
        }
        self.find(ADMIN).ok_or(Error::NotInitialised)
    }

    /// Counts a challenge, or refuses one too many.
    fn reset_counted(&self, by: &Actor, mail: bool) -> Result<()> {
        let now = self.clock.monotonic();
        let mut resets = self.resets.lock();
        resets.turn(now);
        let peer = resets.by_peer.entry(by.peer).or_insert((now, 0));
        if peer.1 >= PER_HOUR {
            return Err(Error::Exhausted {
                what: "password resets of one address in an hour",
                limit: u64::from(PER_HOUR),
            });
        }
        peer.1 += 1;
        if resets.challenges >= PER_DAY {
            return Err(Error::Exhausted {
                what: "password resets in a day",
                limit: u64::from(PER_DAY),
            });
        }
        resets.challenges += 1;
        if mail && resets.mails >= MAILS_A_DAY {
            return Err(Error::Exhausted {
                what: "mailed security codes in a day",
                limit: u64::from(MAILS_A_DAY),
            });
        }
        resets.mails += u32::from(mail);
        Ok(())
    }

    /// Mails a code to the address that is stored for `admin`, for somebody who accepted the notice (AUTH-12).
    /// Blocks while it is sent.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `/accepted`, [`Error::Conflict`] when it is not offered or the server does not
    /// take the mail, [`Error::Exhausted`] for too many.
    pub fn reset_mail(
        &self,
        serial: &str,
        accepted: bool,
        by: &Actor,
        mailer: &dyn Mailer,
    ) -> Result<ResetMail> {
        let admin = self.reset_offered(|s| s.by_mail)?;
        check_accepted(accepted)?;
        self.reset_counted(by, true)?;
        let expires_at = self.clock.now() + VALID;
        let id = reset_code::new_id(expires_at)?;
        let code = reset_code::code(&self.reset_secret()?, &admin.stored.password_hash, &id);
        let address = admin.stored.email.unwrap_or_default();
        let from = by
            .peer
            .map_or_else(String::new, |peer| format!(" from {peer}"));
        let mail = Mail {
            to: vec![address.clone()],
            subject: format!("Security code for {serial}"),
            text: format!(
                "Somebody asked{from} for a new password of admin on the camera {serial}.\n\n\
                 Security code: {code}\n\n\
                 It counts once, until {expires_at}. If it was not you, do nothing: the password stays as it is.\n"
            ),
            pictures: Vec::new(),
        };
        if let Err(e) = mailer.send(&mail) {
            self.audit(by, format!("A security code could not be mailed: {e}"));
            let text = "the mail server did not take the message; see the log of the unit";
            return Err(Error::Conflict(text.into()));
        }
        self.audit(by, "A security code for a password reset was mailed.");
        Ok(ResetMail {
            id,
            serial: reset_code::masked(serial),
            address: masked_address(&address),
            expires_at,
        })
    }

    /// Made once for the device, never exported.
    fn reset_secret(&self) -> Result<Vec<u8>> {
        let context = b"password reset";
        let sealed = self.backend.device_secret("password-reset", &mut || {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes).map_err(Error::internal)?;
            self.sealer.seal(&bytes, context)
        })?;
        self.sealer.open(&sealed, context)
    }

    /// A challenge for somebody who accepted the notice (AUTH-9, AUTH-11).
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `/accepted`, [`Error::Conflict`] when it is not offered,
    /// [`Error::Exhausted`] for too many.
    pub fn reset_challenge(
        &self,
        serial: &str,
        accepted: bool,
        by: &Actor,
    ) -> Result<ResetChallenge> {
        let admin = self.reset_offered(|s| s.by_text)?;
        check_accepted(accepted)?;
        self.reset_counted(by, false)?;
        let settings = self.settings.get::<SecurityPasswordReset>();
        let expires_at = self.clock.now() + VALID;
        let id = reset_code::new_id(expires_at)?;
        let code = reset_code::code(&self.reset_secret()?, &admin.stored.password_hash, &id);
        let request = ResetRequest {
            serial: serial.to_owned(),
            email: admin.stored.email.unwrap_or_default(),
            code,
            expires_at,
        };
        let text = request.seal(&settings.public_key)?;
        self.audit(by, "A password reset was asked for.");
        Ok(ResetChallenge {
            id,
            text,
            serial: reset_code::masked(serial),
            mailbox: settings.mailbox.clone(),
            expires_at,
        })
    }

    /// Takes a security code (AUTH-13).
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `/code` for a wrong, used or expired one, [`Error::Locked`] after too
    /// many tries, [`Error::Conflict`] when it is not offered.
    pub fn reset_verify(&self, id: &str, code: &str, by: &Actor) -> Result<ResetTicket> {
        let admin = self.reset_offered(|s| s.available)?;
        let (now, wall) = self.now();
        if let Some(retry_after) = self.lockout.locked_from(by.peer, now) {
            return Err(Error::Locked { retry_after });
        }
        let want = reset_code::code(&self.reset_secret()?, &admin.stored.password_hash, id);
        let end = reset_code::expiry(id);
        // Ends further away than we ever give are made up.
        let valid = end.is_some_and(|end| wall < end && end <= wall + VALID);
        let mut resets = self.resets.lock();
        resets.turn(now);
        let tries = resets.by_id.get(id).copied().unwrap_or(0);
        if tries >= TRIES || resets.wrong >= TRIES_A_DAY {
            let retry_after = VALID.saturating_sub(now.saturating_sub(resets.day));
            return Err(Error::Locked { retry_after });
        }
        if !(reset_code::same(code, &want) && valid) {
            resets.wrong += 1;
            *resets
                .by_id
                .entry(id.chars().take(64).collect())
                .or_insert(0) += 1;
            drop(resets);
            let rules = self.login_rules();
            let (attempts, lock_for) = (rules.attempts.get(), rules.lock_for());
            let locked = self.lockout.failed_from(by.peer, now, attempts, lock_for);
            self.audit(by, "A wrong code for a password reset was refused.");
            return Err(match locked {
                Some(retry_after) => Error::Locked { retry_after },
                None => Error::invalid("/code", "", "is wrong, used or expired"),
            });
        }
        let ticket = random_hex()?;
        resets.ticket = Some((ticket.clone(), now + TICKET));
        Ok(ResetTicket {
            ticket,
            expires_at: wall + TICKET,
        })
    }

    /// Sets the password of `admin` with a ticket; all its sessions end (AUTH-14). The second factor
    /// stays: a code replaces the password, nothing else.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `/ticket` or `/password`, [`Error::Conflict`] when it is not offered.
    pub fn reset_complete(&self, ticket: &str, password: Secret, by: &Actor) -> Result<()> {
        self.reset_offered(|s| s.available)?;
        let now = self.clock.monotonic();
        let mut resets = self.resets.lock();
        let right = resets.ticket.as_ref().is_some_and(|(known, until)| {
            now < *until && bool::from(known.as_bytes().ct_eq(ticket.as_bytes()))
        });
        if !right {
            return Err(Error::invalid("/ticket", "", "is wrong, used or expired"));
        }
        self.set_admin_password(password)?;
        // The new password makes every code of before worthless; the ticket goes with them.
        resets.ticket = None;
        drop(resets);
        self.lockout.unlock_user(Some(ADMIN));
        self.audit(by, "The password of 'admin' was reset by a security code.");
        Ok(())
    }

    /// Sets the password of `admin` for the owner of the device, at its command line.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for anybody else, [`Error::NotFound`] without `admin`, [`Error::Invalid`].
    pub fn reset_local(&self, password: Secret, without_factor: bool, by: &Actor) -> Result<()> {
        for p in crate::Permission::ALL {
            by.require(*p)?;
        }
        if self.find(ADMIN).is_none() {
            return Err(Error::not_found("user", ADMIN));
        }
        self.set_admin_password(password)?;
        if without_factor {
            self.totp_remove(ADMIN, by)?;
        }
        self.lockout.unlock_user(Some(ADMIN));
        self.audit(
            by,
            "The password of 'admin' was reset on the device itself.",
        );
        Ok(())
    }

    fn set_admin_password(&self, password: Secret) -> Result<()> {
        let _one_writer = self.writer.lock();
        let mut people = self.people.read().clone();
        let user = people.user_mut(ADMIN)?;
        let mut violations = Violations::default();
        self.check_password("/password", ADMIN, &password, Some(user), &mut violations);
        if violations.0.is_empty() && user.password == password {
            // The codes hang on the stored hash; the same password again would look like no change.
            let v = Violation::new("/password", "", "is the old one");
            violations.0.push(v);
        }
        violations.into_result()?;
        self.set_password(user, password)?;
        self.replace(people)
    }
}

fn check_accepted(accepted: bool) -> Result<()> {
    if accepted {
        return Ok(());
    }
    let reason = "the notice must be accepted first";
    Err(Error::invalid("/accepted", accepted, reason))
}

/// The first letter of name and domain, and the domain's ending: enough to know one's own address again.
fn masked_address(address: &str) -> String {
    let (name, domain) = address.split_once('@').unwrap_or((address, ""));
    let first = |text: &str| text.chars().next().map(String::from).unwrap_or_default();
    let ending = domain.rsplit('.').next().unwrap_or_default();
    format!("{}***@{}***.{ending}", first(name), first(domain))
}
