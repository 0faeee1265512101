//! The traits that the generated types implement.

use crate::{Error, Mixed, Ns, Reader, Writer};

/// What a text was expected to be, for the error message: "a boolean", "an integer of 32 bits".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueError(pub &'static str);

/// A simple type: attribute value or element text.
pub trait Text: Default {
    /// Reads the value from its text; `r` resolves prefixes of QName content.
    ///
    /// # Errors
    /// What was expected.
    fn parse_text(text: &str, r: &Reader<'_>) -> Result<Self, ValueError>;

    /// Writes the text, escaped.
    fn write_text(&self, w: &mut Writer);

    /// Writes the namespace declarations the text needs, inside the open start tag.
    fn declare(&self, _w: &mut Writer) {}
}

/// Anything that is the content of one element.
pub trait Value: Default {
    /// Reads the element whose start tag was just read, to its end tag.
    ///
    /// # Errors
    /// The first fault of the content.
    fn read(&mut self, r: &mut Reader<'_>) -> Result<(), Error>;

    /// Writes one element.
    fn write(&self, w: &mut Writer, ns: Ns, name: &'static str);
}

/// A type that has an element of its own: a message or another global element.
pub trait Element: Value {
    /// The element's namespace.
    const NS: Ns;
    /// The element's local name.
    const NAME: &'static str;
}

/// What a complex type has between its tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Child elements.
    Elements,
    /// Text with attributes (`xs:simpleContent`).
    Text,
    /// Text and elements mixed; kept raw.
    Mixed,
}

/// A complex type: what it does with each part. The loops are in [`Reader::complex`] and
/// [`Writer::complex`], once for all types.
pub trait Complex {
    /// What is between the tags.
    fn content(&self) -> Content {
        Content::Elements
    }

    /// Names of the required parts, in the order of their bits in `seen`; attributes start with `@`.
    fn required(&self) -> &'static [&'static str] {
        &[]
    }

    /// Takes one attribute; unknown ones are ignored.
    ///
    /// # Errors
    /// The value is not of the attribute's type.
    fn attribute(
        &mut self,
        _r: &Reader<'_>,
        _ns: Ns,
        _name: &str,
        _value: &str,
        _seen: &mut u64,
    ) -> Result<(), Error> {
        Ok(())
    }

    /// Reads the child element whose start tag was just read, to its end tag; `false` leaves it unread.
    ///
    /// # Errors
    /// The child is malformed.
    fn child(
        &mut self,
        _r: &mut Reader<'_>,
        _ns: Ns,
        _name: &str,
        _seen: &mut u64,
    ) -> Result<bool, Error> {
        Ok(false)
    }

    /// Takes the text of simple content.
    ///
    /// # Errors
    /// The text is not of the content's type.
    fn text(&mut self, _r: &Reader<'_>, _text: &str) -> Result<(), Error> {
        Ok(())
    }

    /// Takes mixed content.
    fn mixed(&mut self, _content: Mixed) {}

    /// Writes the attributes, and declarations that the content needs.
    fn write_attributes(&self, _w: &mut Writer) {}

    /// Writes everything between the tags.
    fn write_content(&self, _w: &mut Writer) {}
}

impl<T: Value> Value for Box<T> {
    fn read(&mut self, r: &mut Reader<'_>) -> Result<(), Error> {
        (**self).read(r)
    }

    fn write(&self, w: &mut Writer, ns: Ns, name: &'static str) {
        (**self).write(w, ns, name);
    }
}

/// Reads a document whose root is `T`'s element.
///
/// # Errors
/// The document is refused; see [`Error`].
pub fn from_document<T: Element>(xml: &str, limits: crate::Limits) -> Result<T, Error> {
    let mut r = Reader::new(xml, limits)?;
    r.expect_root(T::NS, T::NAME)?;
    let mut value = T::default();
    value.read(&mut r)?;
    r.finish()?;
    Ok(value)
}

/// Writes `value` as a document of its own, namespaces declared on the root.
#[must_use]
pub fn to_document<T: Element>(value: &T) -> String {
    let mut w = Writer::new();
    value.write(&mut w, T::NS, T::NAME);
    w.into_document()
}
