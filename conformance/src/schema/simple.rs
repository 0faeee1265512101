//! Values of simple types.

use super::model::{Facets, Schemas, Simple, Type, TypeRef, XS};
use crate::xml::{Element, QName};

/// Judges a value; `scope` resolves prefixes.
///
/// # Errors
/// Why it is not of the type.
pub(super) fn check(
    schemas: &Schemas,
    of: &TypeRef,
    value: &str,
    scope: &Element,
) -> Result<(), String> {
    match of {
        TypeRef::Named(name) if name.ns == XS => builtin(&name.name, value, scope),
        TypeRef::Named(name) => match schemas.types.get(name) {
            Some(Type::Simple(simple)) => check_simple(schemas, simple, value, scope),
            Some(Type::Complex(complex)) => match &complex.simple {
                Some(of) => check(schemas, of, value, scope),
                None => Err(format!("{name} is no simple type")),
            },
            None => Err(format!("the schemas have no type {name}")),
        },
        TypeRef::Inline(of) => match &**of {
            Type::Simple(simple) => check_simple(schemas, simple, value, scope),
            Type::Complex(_) => Err("a complex type where a simple one is due".into()),
        },
    }
}

fn check_simple(
    schemas: &Schemas,
    simple: &Simple,
    value: &str,
    scope: &Element,
) -> Result<(), String> {
    match simple {
        Simple::Restriction { base, facets } => {
            check(schemas, base, value, scope)?;
            if !facets.names.is_empty()
                && !scope
                    .resolve(value)
                    .is_some_and(|n| facets.names.contains(&n))
            {
                return Err(format!("{value:?} is none of the names allowed"));
            }
            facets_hold(schemas, base, facets, value)
        }
        Simple::List(of) => value
            .split_whitespace()
            .try_for_each(|v| check(schemas, of, v, scope)),
        Simple::Union(members) => {
            let fits = members
                .iter()
                .any(|m| check(schemas, m, value, scope).is_ok());
            if fits || members.is_empty() {
                Ok(())
            } else {
                Err(format!("{value:?} fits no member of the union"))
            }
        }
    }
}

/// The built-in type that a type is made from.
fn primitive<'a>(schemas: &'a Schemas, of: &'a TypeRef) -> &'a str {
    let mut here = of;
    for _ in 0..32 {
        let simple = match here {
            TypeRef::Named(name) if name.ns == XS => return &name.name,
            TypeRef::Named(name) => schemas.types.get(name),
            TypeRef::Inline(of) => Some(&**of),
        };
        match simple {
            Some(Type::Simple(Simple::Restriction { base, .. })) => here = base,
            _ => break,
        }
    }
    "string"
}

fn facets_hold(
    schemas: &Schemas,
    base: &TypeRef,
    facets: &Facets,
    value: &str,
) -> Result<(), String> {
    let collapsed = value.trim();
    if !facets.enumeration.is_empty() && !facets.enumeration.iter().any(|e| e == collapsed) {
        return Err(format!(
            "{collapsed:?} is none of {}",
            facets.enumeration.join(", ")
        ));
    }
    for pattern in &facets.patterns {
        if let Ok(regex) = regex_lite::Regex::new(&format!("^(?:{pattern})$"))
            && !regex.is_match(collapsed)
        {
            return Err(format!("{collapsed:?} does not match {pattern}"));
        }
    }
    // A length counts items of lists, octets of binary values, characters of the rest.
    let length = match (base, primitive(schemas, base)) {
        (TypeRef::Named(name), _)
            if matches!(schemas.types.get(name), Some(Type::Simple(Simple::List(_)))) =>
        {
            value.split_whitespace().count()
        }
        (_, "hexBinary") => collapsed.len() / 2,
        (_, "base64Binary") => {
            let digits = collapsed.bytes().filter(u8::is_ascii_graphic);
            let digits = digits.filter(|b| *b != b'=').count();
            digits * 3 / 4
        }
        _ => value.chars().count(),
    };
    let bounds = [
        (facets.length, "exactly", facets.length != Some(length)),
        (
            facets.min_length,
            "at least",
            facets.min_length.is_some_and(|n| length < n),
        ),
        (
            facets.max_length,
            "at most",
            facets.max_length.is_some_and(|n| length > n),
        ),
    ];
    for (bound, word, broken) in bounds {
        if let (Some(bound), true) = (bound, broken) {
            return Err(format!(
                "{collapsed:?}: length {length}, {word} {bound} allowed"
            ));
        }
    }
    if facets.min.is_some() || facets.max.is_some() {
        let number: f64 = collapsed
            .parse()
            .map_err(|_| format!("{collapsed:?} is no number"))?;
        if let Some((min, inclusive)) = facets.min
            && (number < min || (!inclusive && number == min))
        {
            return Err(format!("{collapsed} is below {min}"));
        }
        if let Some((max, inclusive)) = facets.max
            && (number > max || (!inclusive && number == max))
        {
            return Err(format!("{collapsed} is above {max}"));
        }
    }
    Ok(())
}

fn builtin(name: &str, value: &str, scope: &Element) -> Result<(), String> {
    let v = value.trim();
    let whole = |min: i128, max: i128| {
        let digits = v.strip_prefix('+').unwrap_or(v);
        digits
            .parse::<i128>()
            .is_ok_and(|n| (min..=max).contains(&n))
    };
    let ok = match name {
        "boolean" => matches!(v, "true" | "false" | "1" | "0"),
        "float" | "double" => {
            matches!(v, "INF" | "-INF" | "NaN")
                || (v.parse::<f64>().is_ok_and(f64::is_finite)
                    && v.bytes()
                        .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)))
        }
        "decimal" => {
            v.parse::<f64>().is_ok_and(f64::is_finite)
                && v.bytes().all(|b| b.is_ascii_digit() || b"+-.".contains(&b))
        }
        "integer" => whole(i128::MIN, i128::MAX),
        "nonNegativeInteger" => whole(0, i128::MAX),
        "positiveInteger" => whole(1, i128::MAX),
        "nonPositiveInteger" => whole(i128::MIN, 0),
        "negativeInteger" => whole(i128::MIN, -1),
        "long" => whole(i64::MIN.into(), i64::MAX.into()),
        "int" => whole(i32::MIN.into(), i32::MAX.into()),
        "short" => whole(i16::MIN.into(), i16::MAX.into()),
        "byte" => whole(i8::MIN.into(), i8::MAX.into()),
        "unsignedLong" => whole(0, u64::MAX.into()),
        "unsignedInt" => whole(0, u32::MAX.into()),
        "unsignedShort" => whole(0, u16::MAX.into()),
        "unsignedByte" => whole(0, u8::MAX.into()),
        "dateTime" => date_time(v),
        "date" => date(v.trim_end_matches('Z')),
        "time" => time(v),
        "duration" | "dayTimeDuration" => duration(v),
        "anyURI" => uri(v),
        "QName" => {
            let parts = v.split_once(':').unwrap_or(("", v));
            (parts.0.is_empty() || nc_name(parts.0))
                && nc_name(parts.1)
                && scope.resolve(v).is_some()
        }
        "NCName" | "ID" | "IDREF" | "ENTITY" => nc_name(v),
        "NMTOKEN" | "Name" => !v.is_empty() && !v.contains(char::is_whitespace),
        "language" => {
            !v.is_empty()
                && v.split('-').all(|p| {
                    (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric())
                })
        }
        "base64Binary" => {
            let digits: Vec<u8> = v.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
            digits.len().is_multiple_of(4)
                && digits
                    .iter()
                    .all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b))
        }
        "hexBinary" => v.len().is_multiple_of(2) && v.bytes().all(|b| b.is_ascii_hexdigit()),
        // string, token, anySimpleType, anyType and their kin take every text.
        _ => true,
    };
    if ok {
        Ok(())
    } else {
        Err(format!("{v:?} is no {}", QName::new(XS, name).name))
    }
}

fn nc_name(v: &str) -> bool {
    let mut chars = v.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || "-._\u{b7}".contains(c))
}

/// A number of exactly `width` digits within bounds.
fn digits(v: &str, width: usize, min: u32, max: u32) -> bool {
    v.len() == width
        && v.bytes().all(|b| b.is_ascii_digit())
        && v.parse().is_ok_and(|n: u32| (min..=max).contains(&n))
}

fn date(v: &str) -> bool {
    let v = v.strip_prefix('-').unwrap_or(v);
    let mut parts = v.splitn(3, '-');
    let (Some(y), Some(m), Some(d)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    y.len() >= 4
        && y.bytes().all(|b| b.is_ascii_digit())
        && digits(m, 2, 1, 12)
        && digits(d, 2, 1, 31)
}

fn time(v: &str) -> bool {
    let local = if let Some(rest) = v.strip_suffix('Z') {
        rest
    } else if let Some(at) = v.rfind(['+', '-']) {
        let zone: Vec<&str> = v[at + 1..].split(':').collect();
        if !matches!(zone[..], [h, m] if digits(h, 2, 0, 14) && digits(m, 2, 0, 59)) {
            return false;
        }
        &v[..at]
    } else {
        v
    };
    let parts: Vec<&str> = local.split(':').collect();
    let [h, m, s] = parts[..] else { return false };
    let (whole, fraction) = s.split_once('.').unwrap_or((s, "0"));
    digits(h, 2, 0, 24)
        && digits(m, 2, 0, 59)
        && digits(whole, 2, 0, 59)
        && !fraction.is_empty()
        && fraction.bytes().all(|b| b.is_ascii_digit())
}

fn date_time(v: &str) -> bool {
    v.split_once('T').is_some_and(|(d, t)| date(d) && time(t))
}

/// Lexical form of `xs:duration`.
fn duration(v: &str) -> bool {
    let v = v.strip_prefix('-').unwrap_or(v);
    let Some(v) = v.strip_prefix('P') else {
        return false;
    };
    let (days, hours) = match v.split_once('T') {
        Some((d, h)) => (d, Some(h)),
        None => (v, None),
    };
    let part = |text: &str, units: &str| {
        let mut last = 0;
        let mut number = String::new();
        for c in text.chars() {
            if c.is_ascii_digit() || c == '.' {
                number.push(c);
                continue;
            }
            match units.find(c) {
                Some(at) if at >= last && number.parse::<f64>().is_ok() => last = at + 1,
                _ => return false,
            }
            if number.contains('.') && c != 'S' {
                return false;
            }
            number.clear();
        }
        number.is_empty()
    };
    let some = !days.is_empty() || hours.is_some_and(|h| !h.is_empty());
    some && part(days, "YMD") && hours.is_none_or(|h| !h.is_empty() && part(h, "HMS"))
}

/// Characters of a URI or IRI, and no stray percent sign (RFC 3986 §2).
fn uri(v: &str) -> bool {
    let bytes = v.as_bytes();
    bytes.iter().enumerate().all(|(n, b)| match b {
        b'%' => bytes
            .get(n + 1..n + 3)
            .is_some_and(|h| h.iter().all(u8::is_ascii_hexdigit)),
        b' ' | b'<' | b'>' | b'"' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => false,
        b => !b.is_ascii_control(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_built_in_types() {
        let scope = crate::xml::parse(r#"<a xmlns:p="urn:p"/>"#).unwrap();
        let rows = [
            ("boolean", "true", true),
            ("boolean", "TRUE", false),
            ("int", "2147483648", false),
            ("int", " 12 ", true),
            ("float", "1e-3", true),
            ("float", "inf", false),
            ("dateTime", "2026-11-26T18:00:00.25Z", true),
            ("dateTime", "2026-11-26T18:00:00+01:00", true),
            ("dateTime", "2026-11-26 18:00:00", false),
            ("dateTime", "2026-13-26T18:00:00Z", false),
            ("duration", "PT60S", true),
            ("duration", "P1DT2H", true),
            ("duration", "PT", false),
            ("duration", "60", false),
            ("duration", "PT1S2M", false),
            ("duration", "PT0.5S", true),
            ("anyURI", "http://192.0.2.1/a%20b", true),
            ("anyURI", "http://192.0.2.1/a b", false),
            ("QName", "p:x", true),
            ("QName", "q:x", false),
            ("base64Binary", "QUI=", true),
            ("base64Binary", "QUI", false),
            ("hexBinary", "0aF", false),
            ("NCName", "1a", false),
            ("language", "en-US", true),
        ];
        for (of, value, good) in rows {
            assert_eq!(builtin(of, value, &scope).is_ok(), good, "{of} {value}");
        }
    }
}
