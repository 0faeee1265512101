//! Macros that keep the generated source short.

/// Implements [`crate::Value`] for complex types by the shared loops.
#[macro_export]
macro_rules! complex_values {
    ($($name:ty),* $(,)?) => {$(
        impl $crate::Value for $name {
            fn read(&mut self, r: &mut $crate::Reader<'_>) -> ::core::result::Result<(), $crate::Error> {
                r.complex(self)
            }
            fn write(&self, w: &mut $crate::Writer, ns: $crate::Ns, name: &'static str) {
                w.complex(ns, name, self);
            }
        }
    )*};
}

/// Implements [`crate::Element`].
#[macro_export]
macro_rules! elements {
    ($($name:ty = $ns:ident $local:literal),* $(,)?) => {$(
        impl $crate::Element for $name {
            const NS: $crate::Ns = $crate::ns::$ns;
            const NAME: &'static str = $local;
        }
    )*};
}

/// Implements [`crate::Value`] for types that are [`crate::Text`].
#[macro_export]
macro_rules! text_values {
    ($($name:ty),* $(,)?) => {$(
        impl $crate::Value for $name {
            fn read(&mut self, r: &mut $crate::Reader<'_>) -> ::core::result::Result<(), $crate::Error> {
                *self = r.text_value()?;
                Ok(())
            }
            fn write(&self, w: &mut $crate::Writer, ns: $crate::Ns, name: &'static str) {
                w.text_element(ns, name, self);
            }
        }
    )*};
}

/// Declares an enumeration that keeps texts it does not know in `Other`.
///
/// The first variant is the default.
#[macro_export]
macro_rules! xml_enum {
    ($(#[$meta:meta])* $name:ident { $first:ident = $first_text:literal $(, $variant:ident = $text:literal)* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
        pub enum $name {
            #[doc = concat!("`", $first_text, "`")]
            #[default]
            $first,
            $(#[doc = concat!("`", $text, "`")] $variant,)*
            /// A text that the contract does not list.
            Other(String),
        }

        impl $name {
            /// Texts that the contract lists, in its order.
            pub const ALL: &'static [&'static str] = &[$first_text $(, $text)*];

            /// The text on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    Self::$first => $first_text,
                    $(Self::$variant => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $first_text => Self::$first,
                    $($text => Self::$variant,)*
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::Text for $name {
            fn parse_text(text: &str, _r: &$crate::Reader<'_>) -> ::core::result::Result<Self, $crate::ValueError> {
                Ok(Self::from(text.trim_matches([' ', '\t', '\r', '\n'])))
            }
            fn write_text(&self, w: &mut $crate::Writer) {
                w.push_escaped(self.as_str());
            }
        }
        $crate::text_values!($name);
    };
}
