use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, Section};
use crate::{
    Permission, Violation, Violations,
    auth::ResetKey,
    bounded,
    product::{Function, Need},
};

bounded! {
    /// Age at which a password expires; 0 is never (SYS-32).
    pub struct ExpireDays(u32) in 0..=365, unit "days"
}
bounded! {
    /// Shortest password beyond the fixed rules (USER-8).
    pub struct MinLength(u32) in 8..=32, unit "characters"
}
bounded! {
    /// How many signs of a class a password needs.
    pub struct MinOfClass(u32) in 0..=4, unit "characters"
}
bounded! {
    /// How many earlier passwords may not come again.
    pub struct History(u32) in 0..=10, unit "passwords"
}

/// Rules for passwords on top of the fixed ones (USER-8, SYS-32, SEC-1..3).
///
/// ONVIF: `tds:SetPasswordComplexityConfiguration`, `tds:SetPasswordHistoryConfiguration`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityPassword {
    /// A password older than this must be changed at the next web login; 0 is never.
    #[schemars(title = "Password Expires in")]
    pub expires_days: ExpireDays,
    /// ONVIF, RTSP, CGI and tokens refuse an expired password too. Off: recorders go on.
    #[schemars(title = "Expiry for Devices", extend("x-visible-when" = "expires_days > 0"))]
    pub expire_devices: bool,
    /// Fewest characters.
    #[schemars(title = "Minimum Length")]
    pub min_length: MinLength,
    /// Fewest capital letters.
    #[schemars(title = "Upper-Case Letters")]
    pub min_uppercase: MinOfClass,
    /// Fewest digits.
    #[schemars(title = "Digits")]
    pub min_digits: MinOfClass,
    /// Fewest special characters.
    #[schemars(title = "Special Characters")]
    pub min_special: MinOfClass,
    /// The user name, and its reverse, may not be in the password (SEC-1).
    #[schemars(title = "Refuse User Name")]
    pub refuse_name: bool,
    /// Passwords of the strength *weak* are refused (SEC-2).
    #[schemars(title = "Refuse Weak Passwords")]
    pub refuse_weak: bool,
    /// So many earlier passwords may not come again; 0 allows all.
    #[schemars(title = "Password History")]
    pub history: History,
}

impl Default for SecurityPassword {
    fn default() -> Self {
        Self {
            expires_days: ExpireDays::clamped(0),
            expire_devices: false,
            min_length: MinLength::clamped(8),
            min_uppercase: MinOfClass::clamped(0),
            min_digits: MinOfClass::clamped(0),
            min_special: MinOfClass::clamped(0),
            refuse_name: false,
            refuse_weak: false,
            history: History::clamped(0),
        }
    }
}

impl SecurityPassword {
    /// Age at which a password expires; `None` for never.
    pub fn expires_after(&self) -> Option<Duration> {
        let days = self.expires_days.get();
        (days > 0).then(|| Duration::from_secs(u64::from(days) * 86_400))
    }
}

impl Section for SecurityPassword {
    const KEY: &'static str = "security.password";
    const TITLE: &'static str = "Password Rules";
    const PAGE: &'static str = "Setting/System/System Service";
    const WRITE: Permission = Permission::SecurityConfig;
}

/// Password reset by a security code (AUTH-9..17, C-21). Off unless switched on *and* a key is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityPasswordReset {
    /// Offer the reset before the login (AUTH-16).
    #[schemars(title = "Open")]
    pub enabled: bool,
    /// Mailbox that the user sends the scanned text to; shown on the page.
    #[schemars(title = "Mailbox", length(max = 254))]
    pub mailbox: String,
    /// Public key of whoever makes security codes, 64 hexadecimal digits (X25519); empty for nobody.
    #[schemars(title = "Public Key", length(max = 64))]
    pub public_key: String,
    /// The unit mails the code to the stored address itself. Needs e-mail with SSL or TLS.
    #[schemars(title = "Code by E-mail")]
    #[serde(default)]
    pub by_mail: bool,
}

impl Section for SecurityPasswordReset {
    const KEY: &'static str = "security.password_reset";
    const TITLE: &'static str = "Password Reset";
    const PAGE: &'static str = "Setting/System/User Management/Password Reset";
    const WRITE: Permission = Permission::SecurityConfig;
    const NEEDS: Option<Need> = Some(Need::Function(Function::PasswordReset));

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        let key = &self.public_key;
        violations.require(key.is_empty() || ResetKey::public(key).is_some(), || {
            Violation::new(
                "/public_key",
                key,
                "is not an X25519 public key of 64 hexadecimal digits",
            )
        });
        let mail = &self.mailbox;
        violations.require(mail.is_empty() || crate::auth::is_email(mail), || {
            Violation::new("/mailbox", mail, "is not an e-mail address")
        });
    }
}
