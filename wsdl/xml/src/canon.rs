//! A form of XML that is equal for equal content, for comparisons and golden tests.

use crate::reader::Token;
use crate::{Any, Error, Limits, Reader};

/// The document with namespaces written out, attributes sorted, and white space between elements,
/// comments and prefixes gone. Two documents with the same content have the same text.
///
/// # Errors
/// The document is malformed.
pub fn canonical(xml: &str, limits: Limits) -> Result<String, Error> {
    write(Reader::new(xml, limits)?)
}

pub(crate) fn of_any(any: &Any) -> Result<String, Error> {
    write(any.reader()?)
}

fn write(mut r: Reader<'_>) -> Result<String, Error> {
    let mut out = String::new();
    let mut text = String::new();
    loop {
        let token = r.next()?;
        if let Token::Text(t) = &token {
            text.push_str(t);
            continue;
        }
        if !text.trim().is_empty() {
            out.push_str(&format!("{text:?}"));
        }
        text.clear();
        match token {
            Token::Start { name, .. } => {
                out.push_str(&format!("<{{{}}}{name}", r.element_uri()));
                for (uri, name, value) in r.sorted_attributes() {
                    out.push_str(&format!(" {{{uri}}}{name}={value:?}"));
                }
                out.push('>');
            }
            Token::End => out.push_str("</>"),
            Token::Eof => return Ok(out),
            Token::Text(_) => {}
        }
    }
}
