//! The headers we understand: WS-Security's UsernameToken and WS-Addressing.

use crate::{Base64, DateTime, Error, Ns, Reader, ns};

/// Headers of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// `wsse:Security/wsse:UsernameToken`.
    pub username_token: Option<UsernameToken>,
    /// `wsa:Action`.
    pub action: Option<String>,
    /// `wsa:MessageID`.
    pub message_id: Option<String>,
    /// `wsa:RelatesTo`.
    pub relates_to: Option<String>,
    /// `wsa:To`.
    pub to: Option<String>,
    /// Address in `wsa:ReplyTo`.
    pub reply_to: Option<String>,
    /// Which WS-Addressing the request used: [`ns::WSA`] or [`ns::WSA04`].
    pub addressing: Option<Ns>,
    /// Reference parameters and other headers we do not know, as `{namespace}local` and text.
    pub other: Vec<OtherHeader>,
}

/// A header block that is not ours.
#[derive(Clone, Debug, PartialEq)]
pub struct OtherHeader {
    /// Namespace URI.
    pub uri: String,
    /// Local name.
    pub local: String,
    /// Its text, without elements.
    pub text: String,
    /// Whether the sender wants a fault when it is not understood.
    pub must_understand: bool,
}

/// WS-Security UsernameToken (profile 1.0). Not checked here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsernameToken {
    /// User name.
    pub username: String,
    /// Password or digest of it.
    pub password: Password,
    /// Nonce, decoded.
    pub nonce: Option<Vec<u8>>,
    /// `wsu:Created` exactly as sent: the digest covers this text.
    pub created: Option<String>,
}

impl UsernameToken {
    /// `wsu:Created` as a time, when it is one.
    #[must_use]
    pub fn created_at(&self) -> Option<DateTime> {
        DateTime::parse(self.created.as_deref()?)
    }
}

/// What the token says about the password.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Password {
    /// No password element.
    #[default]
    None,
    /// `#PasswordText`, also when no type is given.
    Text(String),
    /// `#PasswordDigest`: SHA-1 over nonce, created and password.
    Digest(Vec<u8>),
}

/// Bound on header blocks we keep.
const MAX_OTHER: usize = 32;

impl Header {
    /// Reads the children of `Header`, whose start tag was just read.
    pub(crate) fn read(r: &mut Reader<'_>, envelope: Ns) -> Result<Self, Error> {
        let mut header = Self::default();
        while let Some((ns, name)) = r.next_child()? {
            match (ns, name) {
                (ns::WSSE, "Security") => header.read_security(r)?,
                (ns::WSA | ns::WSA04, "Action") => header.address(r, ns, |h| &mut h.action)?,
                (ns::WSA | ns::WSA04, "MessageID") => {
                    header.address(r, ns, |h| &mut h.message_id)?
                }
                (ns::WSA | ns::WSA04, "RelatesTo") => {
                    header.address(r, ns, |h| &mut h.relates_to)?
                }
                (ns::WSA | ns::WSA04, "To") => header.address(r, ns, |h| &mut h.to)?,
                (ns::WSA | ns::WSA04, "ReplyTo") => {
                    while let Some((child, name)) = r.next_child()? {
                        if (child, name) == (ns, "Address") {
                            header.address(r, ns, |h| &mut h.reply_to)?;
                        } else {
                            r.skip()?;
                        }
                    }
                }
                _ => header.read_other(r, envelope, name)?,
            }
        }
        Ok(header)
    }

    fn address(
        &mut self,
        r: &mut Reader<'_>,
        ns: Ns,
        field: impl FnOnce(&mut Self) -> &mut Option<String>,
    ) -> Result<(), Error> {
        let text = r.text()?.trim().to_owned();
        self.addressing = Some(ns);
        *field(self) = Some(text);
        Ok(())
    }

    fn read_other(&mut self, r: &mut Reader<'_>, envelope: Ns, name: &str) -> Result<(), Error> {
        let must = r.attribute_of(envelope, "mustUnderstand");
        let must_understand = matches!(must.map(str::trim), Some("1" | "true"));
        let (uri, local) = (r.element_uri().to_owned(), name.to_owned());
        let text = r.mixed()?.text().to_owned();
        if self.other.len() < MAX_OTHER {
            self.other.push(OtherHeader {
                uri,
                local,
                text,
                must_understand,
            });
        }
        Ok(())
    }

    fn read_security(&mut self, r: &mut Reader<'_>) -> Result<(), Error> {
        while let Some(child) = r.next_child()? {
            if child == (ns::WSSE, "UsernameToken") {
                self.username_token = Some(read_token(r)?);
            } else {
                r.skip()?;
            }
        }
        Ok(())
    }
}

fn read_token(r: &mut Reader<'_>) -> Result<UsernameToken, Error> {
    let mut token = UsernameToken::default();
    while let Some((ns, name)) = r.next_child()? {
        match (ns, name) {
            (ns::WSSE, "Username") => token.username = r.text()?.trim().to_owned(),
            (ns::WSSE, "Password") => {
                // The type is a URI; some clients send only its fragment, or a wrong one before it.
                let kind = r.attribute_of(Ns::NONE, "Type").unwrap_or("").to_owned();
                if kind.trim().ends_with("PasswordDigest") {
                    token.password = Password::Digest(r.text_value::<Base64>()?.0);
                } else {
                    token.password = Password::Text(r.text()?.into_owned());
                }
            }
            (ns::WSSE, "Nonce") => token.nonce = Some(r.text_value::<Base64>()?.0),
            (ns::WSU, "Created") => token.created = Some(r.text()?.trim().to_owned()),
            _ => r.skip()?,
        }
    }
    Ok(token)
}
