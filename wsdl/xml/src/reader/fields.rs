//! Typed content: the loops that all generated types share.

use super::{Reader, Token, trim};
use crate::any::{Any, Mixed};
use crate::ns;
use crate::qname::uses;
use crate::value::{Complex, Content, Text, Value};
use crate::{Error, ErrorKind};

impl<'a> Reader<'a> {
    /// Reads a simple value to the end tag.
    ///
    /// # Errors
    /// The document is malformed or the text is not of the type.
    pub fn text_value<T: Text>(&mut self) -> Result<T, Error> {
        let collapse = std::mem::take(&mut self.collapse);
        // Declarations and path of the element end with its end tag, and the value needs both.
        let name = self.path.last().copied();
        let own = self.own_bindings();
        let text = self.text()?;
        let outer = self.bindings.len();
        self.bindings.extend(own);
        let text = if collapse { trim(&text) } else { &text };
        let parsed = T::parse_text(text, self);
        self.bindings.truncate(outer);
        parsed.map_err(|e| {
            let mut error = self.bad_value(text, e.0);
            if let Some(name) = name {
                push_path(&mut error.path, name);
            }
            error
        })
    }

    /// White space around the next text is not part of it (`xs:token`, `xs:anyURI`).
    pub fn collapsed(&mut self) -> &mut Self {
        self.collapse = true;
        self
    }

    /// Reads a complex type to the end tag: the one loop for all of them.
    ///
    /// # Errors
    /// The document is malformed, a value is not of its type, or a required part is missing.
    pub fn complex(&mut self, value: &mut dyn Complex) -> Result<(), Error> {
        let mut seen = 0u64;
        let mut attributes = std::mem::take(&mut self.attributes);
        for a in attributes.iter().filter(|a| a.ns != ns::XSI) {
            value.attribute(self, a.ns, a.name, &a.value, &mut seen)?;
        }
        attributes.clear();
        self.attributes = attributes;
        match value.content() {
            Content::Elements => loop {
                match self.next()? {
                    Token::Start { ns, name } => {
                        if !value.child(self, ns, name, &mut seen)? {
                            self.skip()?;
                        }
                    }
                    Token::Text(_) => {}
                    Token::End | Token::Eof => break,
                }
            },
            Content::Text => {
                // As in `text_value`: the declarations end with the end tag.
                let own = self.own_bindings();
                let text = self.text()?;
                let outer = self.bindings.len();
                self.bindings.extend(own);
                let read = value.text(self, &text);
                self.bindings.truncate(outer);
                read?;
            }
            Content::Mixed => {
                let content = self.mixed()?;
                value.mixed(content);
            }
        }
        match value
            .required()
            .iter()
            .enumerate()
            .find(|(bit, _)| seen & (1 << bit) == 0)
        {
            Some((_, name)) => Err(self.error(ErrorKind::Missing(name))),
            None => Ok(()),
        }
    }

    /// Reads a required element.
    ///
    /// # Errors
    /// As [`Value::read`], and [`ErrorKind::Duplicate`].
    pub fn one<T: Value>(
        &mut self,
        field: &mut T,
        bit: u32,
        seen: &mut u64,
    ) -> Result<bool, Error> {
        self.once(bit, seen)?;
        field.read(self)?;
        Ok(true)
    }

    /// Reads an optional element; a nil one is absent.
    ///
    /// # Errors
    /// As [`Value::read`], and [`ErrorKind::Duplicate`].
    pub fn opt<T: Value>(&mut self, field: &mut Option<T>) -> Result<bool, Error> {
        if field.is_some() {
            return Err(self.error(ErrorKind::Duplicate));
        }
        if self.is_nil() {
            self.collapse = false;
            self.skip()?;
            return Ok(true);
        }
        let mut value = T::default();
        value.read(self)?;
        *field = Some(value);
        Ok(true)
    }

    /// Reads one of many elements.
    ///
    /// # Errors
    /// As [`Value::read`].
    pub fn many<T: Value>(&mut self, field: &mut Vec<T>) -> Result<bool, Error> {
        let mut value = T::default();
        value.read(self)?;
        field.push(value);
        Ok(true)
    }

    /// Reads one of many elements of which there must be one.
    ///
    /// # Errors
    /// As [`Value::read`].
    pub fn some<T: Value>(
        &mut self,
        field: &mut Vec<T>,
        bit: u32,
        seen: &mut u64,
    ) -> Result<bool, Error> {
        *seen |= 1 << bit;
        self.many(field)
    }

    /// Reads one alternative of a repeated choice.
    ///
    /// # Errors
    /// As [`Value::read`].
    pub fn variant<T: Value, E>(
        &mut self,
        field: &mut Vec<E>,
        wrap: fn(T) -> E,
    ) -> Result<bool, Error> {
        let mut value = T::default();
        value.read(self)?;
        field.push(wrap(value));
        Ok(true)
    }

    /// Reads a required element that may be nil.
    ///
    /// # Errors
    /// As [`Value::read`], and [`ErrorKind::Duplicate`].
    pub fn nillable<T: Value>(
        &mut self,
        field: &mut Option<T>,
        bit: u32,
        seen: &mut u64,
    ) -> Result<bool, Error> {
        *seen |= 1 << bit;
        self.opt(field)
    }

    /// Reads an attribute.
    ///
    /// # Errors
    /// The text is not of the type.
    pub fn attribute<T: Text>(
        &self,
        field: &mut T,
        name: &str,
        text: &str,
        bit: u32,
        seen: &mut u64,
    ) -> Result<(), Error> {
        *seen |= 1 << bit;
        *field = self.attribute_text(name, text)?;
        Ok(())
    }

    /// Reads an optional attribute.
    ///
    /// # Errors
    /// The text is not of the type.
    pub fn attribute_opt<T: Text>(
        &self,
        field: &mut Option<T>,
        name: &str,
        text: &str,
    ) -> Result<(), Error> {
        *field = Some(self.attribute_text(name, text)?);
        Ok(())
    }

    fn attribute_text<T: Text>(&self, name: &str, text: &str) -> Result<T, Error> {
        T::parse_text(text, self).map_err(|e| {
            let mut error = self.bad_value(text, e.0);
            push_path(&mut error.path, "@");
            error.path.push_str(name);
            error
        })
    }

    /// Captures the element whose start tag was just read, with the declarations it needs.
    ///
    /// # Errors
    /// It is malformed.
    pub fn any(&mut self) -> Result<Any, Error> {
        let (start, name_len) = (self.start, self.name_len);
        let own = self.own_bindings();
        self.skip()?;
        let raw = &self.input[start..self.offset()];
        let inherited = self.scope_with(&[], |prefix| {
            own.iter().all(|o| o.prefix != prefix) && (prefix.is_empty() || uses(raw, prefix))
        });
        Ok(Any::captured(raw, 1 + name_len, &inherited))
    }

    /// Appends the element whose start tag was just read to a list of raw elements.
    ///
    /// # Errors
    /// It is malformed.
    pub fn any_into(&mut self, list: &mut Vec<Any>) -> Result<bool, Error> {
        list.push(self.any()?);
        Ok(true)
    }

    /// Captures mixed content to the end tag, with the prefixes in scope.
    ///
    /// # Errors
    /// It is malformed.
    pub(crate) fn mixed(&mut self) -> Result<Mixed, Error> {
        let own = self.own_bindings();
        let from = self.offset();
        let depth = self.path.len();
        let mut to = from;
        let mut text = String::new();
        while self.path.len() >= depth {
            to = self.offset();
            match self.next()? {
                Token::Text(t) if self.path.len() == depth => text.push_str(&t),
                Token::Eof => break,
                _ => {}
            }
        }
        let raw = self.input.get(from..to).unwrap_or("");
        // The default namespace has no meaning for text.
        let elements = raw.contains('<');
        let scope = self.scope_with(&own, |p| if p.is_empty() { elements } else { uses(raw, p) });
        Ok(Mixed::captured(raw, text, scope))
    }

    fn is_nil(&self) -> bool {
        self.attributes
            .iter()
            .any(|a| a.ns == ns::XSI && a.name == "nil" && matches!(a.value.trim(), "true" | "1"))
    }

    fn once(&self, bit: u32, seen: &mut u64) -> Result<(), Error> {
        if *seen & (1 << bit) != 0 {
            return Err(self.error(ErrorKind::Duplicate));
        }
        *seen |= 1 << bit;
        Ok(())
    }
}

fn push_path(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('/');
    }
    path.push_str(name);
}
