//! The settings store against a plain reference model: whatever is done to it in whatever order, the store holds what the model
//! holds, also after a restart.

use std::{collections::BTreeMap, sync::Arc};

use platecam_model::{
    Actor, Error, EventBus, Origin, Permissions,
    settings::{Patch, Restore, Revision, SettingsStore, all_sections},
    testing::{MemoryStore, TestClock},
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Fields with what they take: numbers of a range, or texts of a number of characters.
const FIELDS: &[(&str, &str, i64, i64)] = &[
    ("security.login", "attempts", 3, 10),
    ("security.login", "lock_minutes", 1, 30),
    ("lpr.recognition", "min_plate_width", 30, 600),
    ("lpr.recognition", "analysis_rate", 1, 30),
    ("device.general", "location", 0, 63),
    ("net.mail", "port", 1, 65535),
];
const TEXT: &str = "location";

/// One value for one of [`FIELDS`], which may be out of its bounds.
#[derive(Clone, Copy, Debug)]
struct Set {
    field: usize,
    n: i64,
}

impl Set {
    fn key(self) -> &'static str {
        FIELDS[self.field].0
    }

    fn name(self) -> &'static str {
        FIELDS[self.field].1
    }

    fn value(self) -> Value {
        match self.name() {
            TEXT => json!("x".repeat(usize::try_from(self.n).unwrap_or(0))),
            _ => json!(self.n),
        }
    }

    fn is_valid(self) -> bool {
        let (_, name, least, most) = FIELDS[self.field];
        let n = if name == TEXT { self.n.max(0) } else { self.n };
        (least..=most).contains(&n)
    }
}

#[derive(Clone, Copy, Debug)]
enum If {
    Whatever,
    Current,
    Stale,
}

#[derive(Clone, Debug)]
enum Step {
    /// Several at once, each with what it expects; by somebody who may, or may not.
    Apply(Vec<(Set, If)>, bool),
    Import {
        sets: Vec<Set>,
        dry_run: bool,
    },
    Restore,
    Restart,
    /// The disk takes nothing, or takes again.
    Disk(bool),
}

fn set() -> impl Strategy<Value = Set> {
    // Near the bounds more often than not.
    (
        0..FIELDS.len(),
        prop_oneof![-2_i64..70, 590_i64..610, 65530_i64..65540],
    )
        .prop_map(|(field, n)| Set { field, n })
}

fn step() -> impl Strategy<Value = Step> {
    let condition = prop_oneof![Just(If::Whatever), Just(If::Current), Just(If::Stale)];
    let sets = prop::collection::vec((set(), condition), 1..3);
    prop_oneof![
        8 => (sets, prop::bool::weighted(0.9)).prop_map(|(sets, may)| Step::Apply(sets, may)),
        3 => (prop::collection::vec(set(), 1..4), any::<bool>()).prop_map(|(sets, dry_run)| Step::Import { sets, dry_run }),
        1 => Just(Step::Restore),
        2 => Just(Step::Restart),
        1 => any::<bool>().prop_map(Step::Disk),
    ]
}

fn somebody(name: &str, permissions: Permissions) -> Actor {
    Actor {
        user: Some(name.into()),
        permissions,
        ..Actor::anonymous(Origin::Web, None)
    }
}

fn load(store: &Arc<MemoryStore>) -> SettingsStore {
    SettingsStore::load(
        all_sections(),
        store.clone(),
        store.clone(),
        EventBus::default(),
        Arc::new(TestClock::default()),
    )
    .unwrap()
}

/// What a section has, by the reference.
#[derive(Clone, Debug, PartialEq)]
struct Held {
    revision: u64,
    value: Value,
}

#[derive(Clone, Debug)]
struct Model {
    sections: BTreeMap<&'static str, Held>,
    defaults: BTreeMap<&'static str, Value>,
    disk: bool,
}

impl Model {
    fn of(store: &SettingsStore, by: &Actor) -> Self {
        let of = |key: &'static str| (key, store.read(key, by).unwrap().value);
        let defaults: BTreeMap<_, _> = FIELDS.iter().map(|f| of(f.0)).collect();
        let held = |value: &Value| Held {
            revision: 0,
            value: value.clone(),
        };
        Self {
            sections: defaults.iter().map(|(k, v)| (*k, held(v))).collect(),
            defaults,
            disk: true,
        }
    }

    /// Keeps what `change` makes, unless it refuses or the disk takes nothing.
    fn step(&mut self, change: impl FnOnce(&mut BTreeMap<&'static str, Held>) -> bool) -> bool {
        let mut after = self.sections.clone();
        let done = change(&mut after) && self.disk;
        if done {
            self.sections = after;
        }
        done
    }

    fn apply(&mut self, sets: &[(Set, If)], may: bool) -> bool {
        self.step(|all| {
            may && sets.iter().enumerate().all(|(i, (set, condition))| {
                let held = all.get_mut(set.key()).unwrap();
                held.value[set.name()] = set.value();
                held.revision += 1;
                // A text's length is judged by its section, when all patches of the step are in; a number by its type.
                let replaced = sets[i + 1..].iter().any(|(s, _)| s.field == set.field);
                let valid = set.is_valid() || set.name() == TEXT && replaced;
                // Who expects the revision of before the step does not get that of the same step.
                valid && !matches!(condition, If::Stale)
            })
        })
    }

    fn import(&mut self, wanted: &BTreeMap<&'static str, Value>, valid: bool, dry: bool) -> bool {
        if dry {
            return valid;
        }
        self.step(|all| {
            for (key, value) in wanted {
                let held = all.get_mut(key).unwrap();
                if held.value != *value {
                    held.value = value.clone();
                    held.revision += 1;
                }
            }
            valid
        })
    }

    fn restore(&mut self, keep: &[&str]) -> bool {
        let defaults = self.defaults.clone();
        self.step(|all| {
            for (key, held) in all.iter_mut().filter(|(key, _)| !keep.contains(key)) {
                if held.value != defaults[key] {
                    held.value = defaults[key].clone();
                    held.revision += 1;
                }
            }
            true
        })
    }
}

fn patches(sets: &[(Set, If)], model: &Model) -> Vec<Patch> {
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    let one = |(set, condition): &(Set, If)| {
        let now = model.sections[set.key()].revision + seen.get(set.key()).copied().unwrap_or(0);
        *seen.entry(set.key()).or_default() += 1;
        Patch {
            key: set.key().into(),
            value: json!({set.name(): set.value()}),
            if_revision: match condition {
                If::Whatever => None,
                If::Current => Some(Revision(now)),
                If::Stale => Some(Revision(now + 7)),
            },
        }
    };
    sets.iter().map(one).collect()
}

fn same(store: &SettingsStore, model: &Model, by: &Actor) -> Result<(), TestCaseError> {
    for (key, held) in &model.sections {
        let view = store.read(key, by).unwrap();
        prop_assert_eq!(&view.value, &held.value, "{}", key);
        prop_assert_eq!(view.revision, Revision(held.revision), "{}", key);
        let newest = store.history(key, None, 1, by).unwrap();
        let newest = newest.first().map_or(0, |change| change.revision.0);
        prop_assert_eq!(newest, held.revision, "the history of {}", key);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn the_store_does_what_the_reference_does(steps in prop::collection::vec(step(), 1..30)) {
        let backend = Arc::new(MemoryStore::default());
        let mut store = load(&backend);
        let by = somebody("admin", Permissions::all());
        let nobody = somebody("guest", Permissions::default());
        let mut model = Model::of(&store, &by);
        let keep: Vec<&str> = all_sections().iter().filter(|d| d.on_restore == Restore::Keep).map(|d| d.key).collect();
        let version = |key: &str| all_sections().iter().find(|d| d.key == key).map(|d| d.version).unwrap();
        for step in steps {
            match &step {
                Step::Apply(sets, may) => {
                    let patches = patches(sets, &model);
                    let done = store.apply(&patches, if *may { &by } else { &nobody });
                    prop_assert_eq!(done.is_ok(), model.apply(sets, *may), "{:?}: {:?}", step, done);
                    prop_assert!(*may || matches!(done, Err(Error::Forbidden(_))), "{:?}", done);
                }
                Step::Import { sets, dry_run } => {
                    let mut wanted: BTreeMap<&'static str, Value> = BTreeMap::new();
                    for set in sets {
                        let value = wanted.entry(set.key()).or_insert_with(|| model.sections[set.key()].value.clone());
                        value[set.name()] = set.value();
                    }
                    // A later value of the same field takes the place of an earlier one.
                    let last = |s: &Set| sets.iter().rfind(|o| o.field == s.field).is_some_and(|o| o.is_valid());
                    let file: Map<String, Value> = wanted
                        .iter()
                        .map(|(key, value)| ((*key).to_owned(), json!({"version": version(key), "value": without_secrets(key, value)})))
                        .collect();
                    let done = store.import(&file, *dry_run, &by);
                    let want = model.import(&wanted, sets.iter().all(last), *dry_run);
                    prop_assert_eq!(done.is_ok(), want, "{:?}: {:?}", step, done);
                }
                Step::Restore => {
                    let done = store.restore(&by);
                    prop_assert_eq!(done.is_ok(), model.restore(&keep), "{:?}", done);
                }
                Step::Restart => store = load(&backend),
                Step::Disk(works) => {
                    backend.fail_writes(!works);
                    model.disk = *works;
                }
            }
            same(&store, &model, &by)?;
        }
        same(&load(&backend), &model, &by)?;
    }
}

/// A file without secrets leaves those that are there.
fn without_secrets(key: &str, value: &Value) -> Value {
    let mut value = value.clone();
    let sections = all_sections();
    let d = sections.iter().find(|d| d.key == key).unwrap();
    for field in d.secrets {
        value.as_object_mut().unwrap().remove(*field);
    }
    value
}
