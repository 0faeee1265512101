/// Declares a number that cannot leave its bounds.
///
/// The bounds are stated once; deserialising, JSON Schema, ONVIF options and messages derive from
/// them.
#[macro_export]
macro_rules! bounded {
    ($(#[$doc:meta])* $vis:vis struct $name:ident($num:ty) in $min:literal..=$max:literal, unit $unit:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "i64", into = "i64")]
        $vis struct $name($num);

        impl $name {
            /// Smallest value.
            pub const MIN: $num = $min;
            /// Largest value.
            pub const MAX: $num = $max;
            /// Unit, for messages and forms; empty for plain counts.
            pub const UNIT: &'static str = $unit;

            /// The number.
            pub const fn get(self) -> $num {
                self.0
            }

            /// The value nearest to `n` within the bounds; for defaults and derived values.
            pub const fn clamped(n: i64) -> Self {
                const MIN: i64 = $min;
                const MAX: i64 = $max;
                Self(if n < MIN { MIN as $num } else if n > MAX { MAX as $num } else { n as $num })
            }
        }

        impl TryFrom<i64> for $name {
            type Error = String;

            fn try_from(n: i64) -> Result<Self, String> {
                if ($min..=$max).contains(&n) {
                    Ok(Self(n as $num))
                } else if $unit.is_empty() {
                    Err(format!("{n} is outside {} to {}", $min, $max))
                } else {
                    Err(format!("{n} is outside {} to {} {}", $min, $max, $unit))
                }
            }
        }

        impl From<$name> for i64 {
            fn from(v: $name) -> i64 {
                v.0 as i64
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "integer", "minimum": $min, "maximum": $max, "x-unit": $unit,
                })
            }

            fn inline_schema() -> bool {
                true
            }
        }
    };
}
