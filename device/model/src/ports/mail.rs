use std::time::Duration;

use bytes::Bytes;

use crate::Result;

/// A picture that goes with a message.
#[derive(Clone, Debug, PartialEq)]
pub struct MailPicture {
    /// Its file's name, plain letters.
    pub name: String,
    /// JPEG.
    pub jpeg: Bytes,
}

/// A message to people.
#[derive(Clone, Debug, PartialEq)]
pub struct Mail {
    /// Who gets it: e-mail addresses, at least one.
    pub to: Vec<String>,
    /// Subject, one line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// Pictures that go with it.
    pub pictures: Vec<MailPicture>,
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
