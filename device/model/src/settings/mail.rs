use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckContext, SecretText, Section, time::host_name, trust::check_ca};
use crate::{
    Permission, Violation, Violations,
    auth::is_email,
    bounded,
    product::{Function, Need},
};

bounded! {
    /// Port of a mail server (MAIL-4).
    pub struct MailPort(u16) in 1..=65535, unit ""
}

/// How the connection to the mail server is protected (MAIL-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum MailEncryption {
    /// Not at all: everybody on the way reads mails and password.
    None,
    /// TLS from the first byte, usually on port 465.
    #[serde(rename = "SSL")]
    Ssl,
    /// STARTTLS, never without it; usually on port 587.
    #[serde(rename = "TLS")]
    Tls,
}

/// The mail server that the unit sends through (MAIL-1..8). What is sent leaves the unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetMail {
    /// The unit sends mail.
    #[schemars(title = "Enable")]
    pub enabled: bool,
    /// Address that mails come from.
    #[schemars(title = "Sender", length(max = 254))]
    pub sender: String,
    /// Name or address of the mail server.
    #[schemars(title = "SMTP Server", length(max = 253))]
    pub host: String,
    /// Its port; SSL is usually on 465, TLS on 587.
    #[schemars(title = "Port")]
    pub port: MailPort,
    /// Protection of the connection; TLS is recommended.
    #[schemars(title = "Encryption Type", extend("x-widget" = "radio"))]
    pub encryption: MailEncryption,
    /// Name of the mailbox; empty sends without a login.
    #[schemars(title = "Username", length(max = 254))]
    pub username: String,
    /// Its password.
    #[schemars(title = "Password")]
    pub password: SecretText,
    /// Who gets the messages about events and the test message; at most three addresses.
    #[schemars(title = "Mail Receiver", length(max = 3))]
    pub receivers: Vec<String>,
    /// Messages about events carry their picture.
    #[schemars(title = "Attachment")]
    pub attachments: bool,
    /// PEM certificate that signed the server's; empty takes the machine's trusted roots.
    #[schemars(title = "CA Certificate", length(max = 16384), extend("x-widget" = "pem", "x-visible-when" = [{"encryption": "SSL"}, {"encryption": "TLS"}]))]
    pub ca_certificate: String,
}

impl Default for NetMail {
    fn default() -> Self {
        Self {
            enabled: false,
            sender: String::new(),
            host: String::new(),
            port: MailPort::clamped(25),
            encryption: MailEncryption::Tls,
            username: String::new(),
            password: SecretText::default(),
            receivers: Vec::new(),
            attachments: false,
            ca_certificate: String::new(),
        }
    }
}

impl NetMail {
    /// Whether a secret may travel through this server.
    pub fn is_private(&self) -> bool {
        self.enabled && self.encryption != MailEncryption::None
    }
}

impl Section for NetMail {
    const KEY: &'static str = "net.mail";
    const TITLE: &'static str = "Email";
    const PAGE: &'static str = "Setting/Network Settings/Email";
    const WRITE: Permission = Permission::NetworkConfig;
    const NEEDS: Option<Need> = Some(Need::Function(Function::Email));
    const SECRETS: &'static [&'static str] = &["password"];

    fn check(&self, _cx: &CheckContext<'_>, violations: &mut Violations) {
        let address = "is not an e-mail address";
        for (pointer, text) in [("/sender", &self.sender), ("/host", &self.host)] {
            violations.require(!text.is_empty() || !self.enabled, || {
                Violation::new(pointer, "", "must be set when e-mail is enabled")
            });
        }
        violations.require(self.sender.is_empty() || is_email(&self.sender), || {
            Violation::new("/sender", &self.sender, address)
        });
        violations.require(self.host.is_empty() || host_name(&self.host), || {
            let reason = "must be a host's name of at most 253 characters, or an address";
            Violation::new("/host", &self.host, reason)
        });
        let n = self.username.chars().count();
        violations.require(
            n <= 254 && !self.username.chars().any(char::is_control),
            || {
                let reason = "must be at most 254 characters without control characters";
                Violation::new("/username", &self.username, reason)
            },
        );
        let n = self.receivers.len();
        violations.require(n <= 3, || {
            Violation::new(
                "/receivers",
                n,
                "are too many addresses; allowed are 0 to 3",
            )
        });
        for (i, receiver) in self.receivers.iter().enumerate().take(3) {
            violations.require(is_email(receiver), || {
                Violation::new(&format!("/receivers/{i}"), receiver, address)
            });
        }
        check_ca(&self.ca_certificate, violations);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{Actor, Error, settings::Patch, testing::uninitialised};

    /// MAIL-1..8: values with their bounds; the password is never read back.
    #[test]
    fn mail_settings_are_checked_and_keep_their_secret() {
        let t = uninitialised();
        let by = Actor::system();
        let set = |value: serde_json::Value| {
            let patch = Patch {
                key: "net.mail".into(),
                value,
                if_revision: None,
            };
            t.device.settings.apply(&[patch], &by)
        };
        for (value, pointer) in [
            (json!({"enabled": true}), "/sender"),
            (json!({"sender": "nobody"}), "/sender"),
            (json!({"host": "no host"}), "/host"),
            (json!({"port": 0}), "/port"),
            (json!({"encryption": "ROT13"}), "/encryption"),
            (json!({"receivers": ["a@b.c", "x"]}), "/receivers/1"),
            (
                json!({"receivers": ["a@b.c", "b@b.c", "c@b.c", "d@b.c"]}),
                "/receivers",
            ),
            (json!({"ca_certificate": "x"}), "/ca_certificate"),
        ] {
            let Err(Error::Invalid(found)) = set(value.clone()) else {
                panic!("{value} was taken");
            };
            assert!(
                found.0.iter().any(|v| v.pointer == pointer),
                "{value}: {found:?}"
            );
        }
        let good = json!({"enabled": true, "sender": "cam@example.org", "host": "mail.example.org", "password": "Mail-2026"});
        set(good).unwrap();
        let shown = t.device.settings.read("net.mail", &by).unwrap();
        let shown = serde_json::to_string(&shown).unwrap();
        assert!(
            !shown.contains("Mail-2026") && shown.contains("mail.example.org"),
            "{shown}"
        );
    }
}
