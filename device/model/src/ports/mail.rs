use std::time::Duration;

use crate::Result;

/// A message to people.
#[derive(Clone, Debug, PartialEq)]
pub struct Mail {
    /// Who gets it: e-mail addresses, at least one.
    pub to: Vec<String>,
    /// Subject, one line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// Hands mail to the server of the section `net.mail`.
pub trait Mailer: Send + Sync {
    /// Sends one message now; returns how long it took. Blocks, a minute at most.
    ///
    /// # Errors
    /// [`crate::Error::Conflict`] while mail is switched off or a message is under way;
    /// [`crate::Error::Unsupported`] with what went wrong when the server does not take it.
    fn send(&self, mail: &Mail) -> Result<Duration>;
}
