use std::{any::Any, fmt::Debug, sync::Arc};

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{CheckContext, Settings};
use crate::{
    Error, Permission, Result, Violation, Violations,
    product::{Limit, Need},
};

/// One page's worth of settings: the only owner of its values.
///
/// The serde form *is* the stored, exported and published format, so it has a version and
/// migrations.
pub trait Section:
    Clone
    + Debug
    + PartialEq
    + Default
    + Serialize
    + DeserializeOwned
    + JsonSchema
    + Send
    + Sync
    + 'static
{
    /// Key in the store and in every interface, for example `video.main`.
    const KEY: &'static str;
    /// Title on its page.
    const TITLE: &'static str;
    /// Where the manual puts it, for example `Setting/Video/Audio/Video Stream`.
    const PAGE: &'static str;
    /// Version of the stored form; raise it with a migration.
    const VERSION: u32 = 1;
    /// Needed to change it.
    const WRITE: Permission;
    /// Needed to read it.
    const READ: Permission = Permission::ReadConfig;
    /// What Restore does with it (SYS-20, C-27).
    const ON_RESTORE: Restore = Restore::ToDefault;
    /// Its fields of the type [`SecretText`](super::SecretText): sealed in the store, never shown.
    const SECRETS: &'static [&'static str] = &[];
    /// What the model must have for this section to be there (GEN-24).
    const NEEDS: Option<Need> = None;
    /// Fields that need more of the model than the section does; one within a group as `group/field`.
    const FIELDS: &'static [(&'static str, Need)] = &[];
    /// Fields with numbers that the model may bound further.
    const LIMITED: &'static [(&'static str, Limit)] = &[];

    /// The section in which everything a model may lack is off: what the section, or a field, reads as on a model
    /// without it. Nothing acts on it then.
    #[must_use]
    fn off() -> Self {
        Self::default()
    }

    /// Rules across fields and sections; single fields are checked by their types.
    fn check(&self, _cx: &CheckContext<'_>, _violations: &mut Violations) {}

    /// What a change from `before` entails within the section itself; then [`Section::check`] follows.
    fn settle(&mut self, _before: &Self) {}

    /// Brings own values within limits that a section being changed now sets otherwise; it is stored in the
    /// same step. Where the section itself is being changed, [`Section::check`] refuses instead.
    fn follow(&mut self, _all: &Settings) {}

    /// Lifts a stored value of version `from` to `from + 1`.
    ///
    /// # Errors
    /// A text that says what could not be lifted.
    fn migrate(from: u32, value: Value) -> std::result::Result<Value, String> {
        let _ = value;
        Err(format!("no way from version {from}"))
    }
}

/// What Restore does with a section (SYS-20): the unit must stay reachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restore {
    /// Back to the defaults.
    ToDefault,
    /// Stays byte for byte: IP address, auto registration, ports, HTTPS, multicast.
    Keep,
}

/// A section's value behind its type.
pub(super) type AnySection = Arc<dyn Any + Send + Sync>;

/// What the store knows of a section type: its functions, without the type.
#[derive(Clone, Copy)]
pub struct Descriptor {
    /// [`Section::KEY`].
    pub key: &'static str,
    /// [`Section::TITLE`].
    pub title: &'static str,
    /// [`Section::PAGE`].
    pub page: &'static str,
    /// [`Section::VERSION`].
    pub version: u32,
    /// [`Section::READ`].
    pub read: Permission,
    /// [`Section::WRITE`].
    pub write: Permission,
    /// [`Section::ON_RESTORE`].
    pub on_restore: Restore,
    /// [`Section::SECRETS`].
    pub secrets: &'static [&'static str],
    /// [`Section::NEEDS`].
    pub needs: Option<Need>,
    /// [`Section::FIELDS`].
    pub fields: &'static [(&'static str, Need)],
    /// [`Section::LIMITED`].
    pub limited: &'static [(&'static str, Limit)],
    pub(super) off: fn() -> AnySection,
    pub(super) default: fn() -> AnySection,
    pub(super) parse: fn(&Value) -> Result<AnySection>,
    pub(super) value: fn(&AnySection) -> Value,
    pub(super) check: fn(&AnySection, &CheckContext<'_>, &mut Violations),
    /// The section as a change of it entails; `None` when it stays.
    pub(super) settle: fn(&AnySection, &AnySection) -> Option<AnySection>,
    /// The section as it follows the others; `None` when it stays.
    pub(super) follow: fn(&AnySection, &Settings) -> Option<AnySection>,
    pub(super) migrate: fn(u32, Value) -> std::result::Result<Value, String>,
    pub(super) schema: fn() -> Value,
}

impl Debug for Descriptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Descriptor")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl Descriptor {
    /// The descriptor of `S`.
    pub fn of<S: Section>() -> Self {
        Self {
            key: S::KEY,
            title: S::TITLE,
            page: S::PAGE,
            version: S::VERSION,
            read: S::READ,
            write: S::WRITE,
            on_restore: S::ON_RESTORE,
            secrets: S::SECRETS,
            needs: S::NEEDS,
            fields: S::FIELDS,
            limited: S::LIMITED,
            off: || Arc::new(S::off()),
            default: || Arc::new(S::default()),
            parse: |v| parse::<S>(v).map(|s| Arc::new(s) as AnySection),
            value: |a| a.downcast_ref::<S>().map_or(Value::Null, to_value),
            check: |a, cx, violations| {
                if let Some(s) = a.downcast_ref::<S>() {
                    s.check(cx, violations);
                }
            },
            settle: |a, before| {
                let (changed, before) = (a.downcast_ref::<S>()?, before.downcast_ref::<S>()?);
                let mut after = changed.clone();
                after.settle(before);
                (after != *changed).then(|| Arc::new(after) as AnySection)
            },
            follow: |a, all| {
                let before = a.downcast_ref::<S>()?;
                let mut after = before.clone();
                after.follow(all);
                (after != *before).then(|| Arc::new(after) as AnySection)
            },
            migrate: S::migrate,
            schema: schema::<S>,
        }
    }
}

fn to_value<S: Section>(s: &S) -> Value {
    // A section is a struct of numbers, texts and enums: it always has a JSON form.
    serde_json::to_value(s).unwrap_or(Value::Null)
}

/// Reads a section and reports *every* field that cannot be read, each by its pointer.
fn parse<S: Section>(value: &Value) -> Result<S> {
    let first = match S::deserialize(value) {
        Ok(s) => return Ok(s),
        Err(e) => e.to_string(),
    };
    let mut violations = Violations::default();
    let defaults = to_value(&S::default());
    if let (Some(given), Some(known)) = (value.as_object(), defaults.as_object()) {
        for (field, v) in given {
            if !known.contains_key(field) {
                violations
                    .0
                    .push(Violation::new(&format!("/{field}"), v, "no such setting"));
                continue;
            }
            // Try the field alone on top of the defaults: what fails then is this field's fault.
            let mut probe = known.clone();
            probe.insert(field.clone(), v.clone());
            let probe = Value::Object(probe);
            if let Err(e) = serde_path_to_error::deserialize::<_, S>(&probe) {
                violations.0.push(violation(&probe, &e));
            }
        }
    }
    if violations.0.is_empty() {
        violations.0.push(Violation::new("", "", first));
    }
    Err(Error::Invalid(violations))
}

/// What `e` says about a value within `whole`, by its pointer.
fn violation(whole: &Value, e: &serde_path_to_error::Error<serde_json::Error>) -> Violation {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in e.path() {
        let next = match segment {
            Segment::Seq { index } => format!("{pointer}/{index}"),
            Segment::Map { key } => {
                format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
            }
            Segment::Enum { .. } | Segment::Unknown => break,
        };
        // A field that is missing is its holder's fault.
        if whole.pointer(&next).is_none() {
            break;
        }
        pointer = next;
    }
    let value = whole.pointer(&pointer).unwrap_or(&Value::Null);
    Violation::new(&pointer, value, e.inner().to_string())
}

fn schema<S: Section>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    let generator: SchemaGenerator = settings.into_generator();
    let mut schema = generator.into_root_schema_for::<S>();
    schema.insert("title".into(), S::TITLE.into());
    schema.insert("x-key".into(), S::KEY.into());
    schema.insert("x-page".into(), S::PAGE.into());
    schema.to_value()
}
