//! Values of the section: prefixes, addresses that may be absent, times.

use std::{fmt, net::Ipv4Addr, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::bounded;

bounded! {
    /// Prefix length of an IPv6 address (NET-6, C-9).
    pub struct Ipv6Prefix(u8) in 1..=128, unit ""
}
bounded! {
    /// Time within which a change of the address must be confirmed, or it goes back (NET-10).
    pub struct ConfirmWithin(u16) in 10..=600, unit "s"
}

/// Prefix length of an IPv4 address, 1 to 32; also read from a contiguous mask such as `255.255.255.0` (NET-6, C-9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4Prefix(pub(super) u8);

impl Ipv4Prefix {
    /// The number of bits.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The same as a mask.
    pub fn mask(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::MAX << (32 - u32::from(self.0)))
    }
}

impl TryFrom<i64> for Ipv4Prefix {
    type Error = String;

    fn try_from(n: i64) -> Result<Self, String> {
        match u8::try_from(n) {
            Ok(bits @ 1..=32) => Ok(Self(bits)),
            _ => Err(format!("{n} is outside 1 to 32")),
        }
    }
}

impl FromStr for Ipv4Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(n) = text.parse::<i64>() {
            return Self::try_from(n);
        }
        let shown: String = text.chars().take(32).collect();
        let mask: Ipv4Addr = text
            .parse()
            .map_err(|_| format!("'{shown}' is neither a prefix of 1 to 32 nor a mask"))?;
        let bits = u32::from(mask);
        if bits.leading_ones() + bits.trailing_zeros() != 32 || bits == 0 {
            return Err(format!("{mask} is not a contiguous mask of 1 to 32 bits"));
        }
        Self::try_from(i64::from(bits.leading_ones()))
    }
}

impl Serialize for Ipv4Prefix {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u8(self.0)
    }
}

impl<'de> Deserialize<'de> for Ipv4Prefix {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Bits(i64),
            Mask(String),
        }
        match Form::deserialize(d)? {
            Form::Bits(n) => Self::try_from(n),
            Form::Mask(text) => text.parse(),
        }
        .map_err(de::Error::custom)
    }
}

impl JsonSchema for Ipv4Prefix {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Ipv4Prefix".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 1, "maximum": 32})
    }

    fn inline_schema() -> bool {
        true
    }
}

/// An address, or none: an empty text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaybeAddress<A>(pub Option<A>);

impl<A> Default for MaybeAddress<A> {
    fn default() -> Self {
        Self(None)
    }
}

impl<A: fmt::Display> fmt::Display for MaybeAddress<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(address) => address.fmt(f),
            None => Ok(()),
        }
    }
}

impl<A: fmt::Display> Serialize for MaybeAddress<A> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de, A: FromStr> Deserialize<'de> for MaybeAddress<A> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        if text.is_empty() {
            return Ok(Self(None));
        }
        let shown: String = text.chars().take(64).collect();
        let bad = |_| de::Error::custom(format!("'{shown}' is not an address of this kind"));
        text.parse().map(|a| Self(Some(a))).map_err(bad)
    }
}

impl<A> JsonSchema for MaybeAddress<A> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "maxLength": 45})
    }

    fn inline_schema() -> bool {
        true
    }
}
