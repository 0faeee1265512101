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
    settings::SecurityPasswordReset,
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
/// Time for the new password after the right code.
const TICKET: Duration = Duration::from_secs(600);
const HOUR: Duration = Duration::from_secs(3600);

/// What is counted, in memory: bounded by the numbers a day.
#[derive(Default)]
pub(super) struct Resets {
    /// Begin of the day that is counted, monotonic.
    day: Duration,
    challenges: u32,
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
        let reason = match (settings.enabled, settings.public_key.is_empty()) {
            (false, _) => Some("disabled"),
            (true, true) => Some("no-key"),
            (true, false) if self.find(ADMIN).is_none() => Some("disabled"),
            (true, false) => None,
        };
        ResetState {
            available: reason.is_none(),
            reason,
            serial: reset_code::masked(serial),
            mailbox: settings.mailbox.clone(),
        }
    }

    fn reset_offered(&self) -> Result<super::people::User> {
        if !self.reset_state("").available {
            return Err(Error::Conflict(
                "the password reset is not available; only a full reset of the unit helps".into(),
            ));
        }
        self.find(ADMIN).ok_or(Error::NotInitialised)
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
        let admin = self.reset_offered()?;
        if !accepted {
            let reason = "the notice must be accepted first";
            return Err(Error::invalid("/accepted", accepted, reason));
        }
        let (now, wall) = self.now();
        {
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
        }
        let settings = self.settings.get::<SecurityPasswordReset>();
        let expires_at = wall + VALID;
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
        let admin = self.reset_offered()?;
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
        self.reset_offered()?;
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
