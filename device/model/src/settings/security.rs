use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Section;
use crate::{Permission, bounded, product::Limit};

bounded! {
    /// Failed logins until the lock (AUTH-5).
    pub struct LoginAttempts(u32) in 3..=10, unit "attempts"
}
bounded! {
    /// How long a lock lasts (AUTH-5, C-20).
    pub struct LockMinutes(u32) in 1..=30, unit "minutes"
}
bounded! {
    /// How long an idle web session lives.
    pub struct SessionMinutes(u32) in 5..=1440, unit "minutes"
}
bounded! {
    /// How long a remembered web session lives at most.
    pub struct RememberDays(u32) in 1..=90, unit "days"
}
bounded! {
    /// Most users (USER-15).
    pub struct MaxUsers(u32) in 10..=256, unit "users"
}
bounded! {
    /// Most viewers at a time (GEN-5).
    pub struct MaxViewers(u32) in 10..=4096, unit "viewers"
}

/// Logins and their protection (AUTH-5, AUTH-6, GEN-5). ONVIF: `tds:SetAuthFailureWarningConfiguration`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityLogin {
    /// Failed logins of an account or address until it is locked.
    #[schemars(title = "Login Attempts")]
    pub attempts: LoginAttempts,
    /// How long the lock lasts.
    #[schemars(title = "Lock Time")]
    pub lock_minutes: LockMinutes,
    /// An idle web session ends after this time.
    #[schemars(title = "Session Timeout")]
    pub session_minutes: SessionMinutes,
    /// A session that is to be remembered ends after this time, used or not.
    #[schemars(title = "Remember Login")]
    pub remember_days: RememberDays,
    /// Most user accounts.
    #[schemars(title = "Maximum Users")]
    pub max_users: MaxUsers,
    /// Most viewers at a time, web sessions and RTSP sessions together; the next one is refused.
    #[schemars(title = "Maximum Viewers")]
    pub max_viewers: MaxViewers,
}

impl Default for SecurityLogin {
    fn default() -> Self {
        Self {
            attempts: LoginAttempts::clamped(5),
            lock_minutes: LockMinutes::clamped(5),
            session_minutes: SessionMinutes::clamped(60),
            remember_days: RememberDays::clamped(30),
            max_users: MaxUsers::clamped(20),
            max_viewers: MaxViewers::clamped(64),
        }
    }
}

impl SecurityLogin {
    /// How long the lock lasts.
    pub fn lock_for(&self) -> Duration {
        Duration::from_secs(u64::from(self.lock_minutes.get()) * 60)
    }

    /// How long an idle session lives.
    pub fn session_for(&self) -> Duration {
        Duration::from_secs(u64::from(self.session_minutes.get()) * 60)
    }

    /// How long a remembered session lives.
    pub fn remember_for(&self) -> Duration {
        Duration::from_secs(u64::from(self.remember_days.get()) * 86_400)
    }
}

impl Section for SecurityLogin {
    const KEY: &'static str = "security.login";
    const TITLE: &'static str = "Login Protection";
    const PAGE: &'static str = "Setting/System/System Service";
    const WRITE: Permission = Permission::SecurityConfig;
    const LIMITED: &'static [(&'static str, Limit)] =
        &[("max_users", Limit::Users), ("max_viewers", Limit::Viewers)];
}
