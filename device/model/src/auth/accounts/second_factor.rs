//! The second factor of web logins (RFC 6238; ADR 0010).

use std::{collections::HashMap, time::Duration};

use serde::Serialize;

use super::{Accounts, people::User, users::may_give};
use crate::{
    Actor, Error, Permission, Result, Secret,
    auth::totp::{self, TotpSecret},
    ports::StoredTotp,
    settings::DeviceGeneral,
};

/// A new secret must be confirmed within this time.
const CONFIRM_WITHIN: Duration = Duration::from_secs(600);

/// Secrets that were shown and not confirmed yet, by user; at most one each.
#[derive(Default)]
pub(super) struct Enrolments(HashMap<String, (Duration, TotpSecret)>);

/// Whether there is a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TotpState {
    /// It is asked for.
    pub enabled: bool,
    /// Recovery codes that are left.
    pub recovery_left: usize,
}

/// A new secret, shown once.
#[derive(Clone, Debug)]
pub struct TotpEnrolment {
    /// For typing in, base32.
    pub secret: Secret,
    /// For the QR code.
    pub uri: Secret,
}

fn context(user: &str) -> Vec<u8> {
    format!("totp/{user}").into_bytes()
}

impl Accounts {
    /// Checks the code of a user who has a second factor; a code is used up by it.
    pub(super) fn second_factor(&self, user: &User, code: Option<&str>) -> Result<()> {
        let Some(factor) = &user.stored.totp else {
            return Ok(());
        };
        let code = code.filter(|c| !c.is_empty()).ok_or(Error::SecondFactor)?;
        let _one_writer = self.writer.lock();
        // As it is now: two logins at a time must not use one code.
        let mut people = self.people.read().clone();
        let stored = &mut people.user_mut(&user.stored.name)?.stored;
        let Some(fresh) = &mut stored.totp else {
            return Ok(());
        };
        let secret = self
            .sealer
            .open(&factor.sealed_secret, &context(&user.stored.name))?;
        let secret = TotpSecret::from_bytes(secret);
        if let Some(step) = secret.check(code, self.clock.now(), fresh.last_step) {
            fresh.last_step = step;
        } else {
            let hash = totp::recovery_hash(code);
            let at = fresh.recovery.iter().position(|h| *h == hash);
            fresh.recovery.remove(at.ok_or(Error::Unauthenticated)?);
        }
        self.replace(people)
    }

    /// Whether a user has a second factor.
    pub fn totp_state(&self, by: &Actor) -> TotpState {
        let user = by.user.as_deref().and_then(|name| self.find(name));
        let factor = user.and_then(|u| u.stored.totp);
        TotpState {
            enabled: factor.is_some(),
            recovery_left: factor.map_or(0, |f| f.recovery.len()),
        }
    }

    /// Makes a secret for the caller that is not active before [`Accounts::totp_confirm`].
    ///
    /// # Errors
    /// [`Error::Conflict`] when one is active, [`Error::Invalid`] naming `/password`, [`Error::Locked`].
    pub fn totp_enrol(&self, password: &Secret, by: &Actor) -> Result<TotpEnrolment> {
        let name = by.user.as_deref().ok_or(Error::Unauthenticated)?;
        let user = self.confirm_password("/password", name, password, by)?;
        if user.stored.totp.is_some() {
            return Err(Error::Conflict("a second factor is active already".into()));
        }
        let secret = TotpSecret::random()?;
        let device = self.settings.get::<DeviceGeneral>();
        let enrolment = TotpEnrolment {
            secret: Secret::new(secret.base32()),
            uri: Secret::new(secret.uri(&device.name, &user.stored.name)),
        };
        let until = self.clock.monotonic() + CONFIRM_WITHIN;
        self.enrolments
            .lock()
            .0
            .insert(user.stored.name, (until, secret));
        Ok(enrolment)
    }

    /// Activates the secret that was shown; returns the recovery codes, shown this once.
    ///
    /// # Errors
    /// [`Error::Conflict`] when none was shown within ten minutes, [`Error::Invalid`] naming `/code`.
    pub fn totp_confirm(&self, code: &str, by: &Actor) -> Result<Vec<String>> {
        let name = by.user.as_deref().ok_or(Error::Unauthenticated)?;
        let _one_writer = self.writer.lock();
        let (now, wall) = self.now();
        let mut enrolments = self.enrolments.lock();
        enrolments.0.retain(|_, (until, _)| now < *until);
        let (_, secret) = enrolments
            .0
            .get(name)
            .ok_or_else(|| Error::Conflict("no secret waits for its confirmation".into()))?;
        let last_step = secret
            .check(code, wall, 0)
            .ok_or_else(|| Error::invalid("/code", "", "is wrong"))?;
        let (codes, recovery) = totp::recovery_codes()?;
        let mut people = self.people.read().clone();
        let user = people.user_mut(name)?;
        user.stored.totp = Some(StoredTotp {
            sealed_secret: self
                .sealer
                .seal(secret.bytes(), &context(&user.stored.name))?,
            last_step,
            recovery,
        });
        user.stored.changed_at = Some(wall);
        self.replace(people)?;
        enrolments.0.remove(name);
        self.audit(by, "The second factor was switched on.");
        Ok(codes)
    }

    /// Switches the caller's second factor off.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `/password`, [`Error::Locked`].
    pub fn totp_disable(&self, password: &Secret, by: &Actor) -> Result<()> {
        let name = by.user.as_deref().ok_or(Error::Unauthenticated)?;
        self.confirm_password("/password", name, password, by)?;
        self.remove_factor(name, by)
    }

    /// Removes the second factor of another user.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`].
    pub fn totp_remove(&self, name: &str, by: &Actor) -> Result<()> {
        by.require(Permission::UserManagement)?;
        let user = self.find(name);
        let user = user.ok_or_else(|| Error::not_found("user", super::people::shortened(name)))?;
        may_give(by, self.people.read().effective(&user.stored))?;
        self.remove_factor(&user.stored.name, by)
    }

    fn remove_factor(&self, name: &str, by: &Actor) -> Result<()> {
        let _one_writer = self.writer.lock();
        let mut people = self.people.read().clone();
        let user = people.user_mut(name)?;
        if user.stored.totp.take().is_none() {
            return Ok(());
        }
        user.stored.changed_at = Some(self.clock.now());
        self.replace(people)?;
        self.audit(
            by,
            format!("The second factor of '{name}' was switched off."),
        );
        Ok(())
    }
}
