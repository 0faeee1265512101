//! A received envelope.

use super::{Header, Version};
use crate::{Element, Error, ErrorKind, Limits, Ns, Reader, Value, ns};

/// A received envelope, read up to the start tag of the body's element.
#[derive(Debug)]
pub struct Message<'a> {
    /// The envelope's version.
    pub version: Version,
    /// Headers.
    pub header: Header,
    /// The body's element, still unread.
    pub body: Body<'a>,
}

/// The element of the body, still unread.
#[derive(Debug)]
pub struct Body<'a> {
    /// Its namespace; [`Ns::NONE`] with an empty `name` for an empty body.
    pub ns: Ns,
    /// Its namespace URI.
    pub uri: String,
    /// Its local name.
    pub name: &'a str,
    reader: Reader<'a>,
}

impl<'a> Message<'a> {
    /// Reads an envelope up to the body's element. SOAP 1.2 and 1.1.
    ///
    /// # Errors
    /// The text is not UTF-8, not an envelope, or beyond the limits.
    pub fn parse(bytes: &'a [u8], limits: Limits) -> Result<Self, Error> {
        if bytes.len() > limits.bytes {
            return Err(Error::new(ErrorKind::Limit {
                what: "document bytes",
                bound: limits.bytes,
            }));
        }
        let text = std::str::from_utf8(bytes).map_err(|e| {
            Error::new(ErrorKind::Syntax(format!(
                "not UTF-8 at byte {}",
                e.valid_up_to()
            )))
        })?;
        let mut r = Reader::new(text, limits)?;
        let root = r.root()?;
        let (version, soap) = match root {
            (ns::SOAP12, "Envelope") => (Version::Soap12, ns::SOAP12),
            (ns::SOAP11, "Envelope") => (Version::Soap11, ns::SOAP11),
            (_, name) => {
                return Err(r.error(ErrorKind::Unexpected {
                    found: format!("{{{}}}{name}", r.element_uri()),
                    expected: format!("{{{}}}Envelope", ns::SOAP12.uri()),
                }));
            }
        };
        let mut header = Header::default();
        loop {
            match r.next_child()? {
                Some((n, "Header")) if n == soap => header = Header::read(&mut r, soap)?,
                Some((n, "Body")) if n == soap => break,
                Some(_) => r.skip()?,
                None => return Err(r.error(ErrorKind::Missing("Body"))),
            }
        }
        let (ns, name) = r.next_child()?.unwrap_or((Ns::NONE, ""));
        let uri = if name.is_empty() {
            String::new()
        } else {
            r.element_uri().to_owned()
        };
        Ok(Self {
            version,
            header,
            body: Body {
                ns,
                uri,
                name,
                reader: r,
            },
        })
    }
}

impl Body<'_> {
    /// Reads the body's element as `T`, whatever it is called, and the rest of the envelope.
    ///
    /// # Errors
    /// The content is not of that type, or what follows is malformed.
    pub fn read_as<T: Value>(mut self) -> Result<T, Error> {
        if self.name.is_empty() {
            return Err(self.reader.error(ErrorKind::Unexpected {
                found: "an empty body".to_owned(),
                expected: "a request".to_owned(),
            }));
        }
        let mut value = T::default();
        value.read(&mut self.reader)?;
        self.reader.finish()?;
        Ok(value)
    }

    /// Reads the body's element, which must be `T`'s.
    ///
    /// # Errors
    /// As [`Body::read_as`], and [`ErrorKind::Unexpected`] for another element.
    pub fn read<T: Element>(self) -> Result<T, Error> {
        if (self.ns, self.name) == (T::NS, T::NAME) {
            return self.read_as();
        }
        Err(self.reader.error(ErrorKind::Unexpected {
            found: format!("{{{}}}{}", self.uri, self.name),
            expected: format!("{{{}}}{}", T::NS.uri(), T::NAME),
        }))
    }
}
