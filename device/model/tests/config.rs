//! Export, import, Restore, Default, history and secrets of sections (SYS-20..25, SEC-18).

use std::sync::Arc;

use platecam_model::{
    Actor, Error, EventBus, EventKind, LogKind, Permission, Secret, Violations, bounded,
    ports::{ResetScope, SettingsBackend},
    settings::{
        CheckContext, Descriptor, DeviceGeneral, NetPorts, Restore, Revision, SecretText, Section,
        SettingsStore, VideoMain, VideoSub, all_sections,
    },
    testing::{MemoryStore, TestClock, TestDevice, initialised},
};
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const PASSWORD: &str = "Travel-2026";

bounded! {
    /// Version 2 counts in seconds.
    struct Seconds(u32) in 1..=600, unit "s"
}

/// A section with a secret and an earlier form, as later features have them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Upload {
    host: String,
    password: SecretText,
    wait: Seconds,
}

impl Default for Upload {
    fn default() -> Self {
        Self {
            host: String::new(),
            password: SecretText::default(),
            wait: Seconds::clamped(60),
        }
    }
}

impl Section for Upload {
    const KEY: &'static str = "test.upload";
    const TITLE: &'static str = "Upload";
    const PAGE: &'static str = "Test";
    const VERSION: u32 = 2;
    const WRITE: Permission = Permission::StorageConfig;
    const SECRETS: &'static [&'static str] = &["password"];

    fn check(&self, _: &CheckContext<'_>, _: &mut Violations) {}

    fn migrate(from: u32, mut value: Value) -> Result<Value, String> {
        assert_eq!(from, 1);
        let minutes = value["minutes"].as_u64().ok_or("no minutes")?;
        value["wait"] = (minutes * 60).into();
        value.as_object_mut().map(|v| v.remove("minutes"));
        Ok(value)
    }
}

fn load(store: &Arc<MemoryStore>) -> SettingsStore {
    let mut sections = all_sections();
    sections.push(Descriptor::of::<Upload>());
    SettingsStore::load(
        sections,
        store.clone(),
        store.clone(),
        EventBus::default(),
        Arc::new(TestClock::default()),
    )
    .unwrap()
}

fn change(settings: &SettingsStore, key: &str, patch: Value) {
    settings.patch(key, &patch, None, &Actor::system()).unwrap();
}

fn pointers(e: Error) -> Vec<String> {
    match e {
        Error::Invalid(v) => v.0.into_iter().map(|v| v.pointer).collect(),
        other => panic!("{other}"),
    }
}

/// SYS-20, C-27: what keeps the unit reachable stays; a new section has to decide.
#[test]
fn restore_keeps_exactly_what_the_manual_names() {
    let kept: Vec<_> = all_sections()
        .into_iter()
        .filter(|d| d.on_restore == Restore::Keep)
        .map(|d| d.key)
        .collect();
    let groups = [
        "net.access",
        "net.https",
        "net.ip",
        // As much a part of the way to the unit as its address.
        "net.dot1x",
        "net.ports",
        "net.multicast_main",
        "net.multicast_sub",
        "net.multicast_metadata",
        "net.multicast_audio",
        "net.register",
    ];
    assert!(kept.contains(&"net.ports"));
    for key in kept {
        assert!(
            groups.contains(&key),
            "{key} is none of the groups of SYS-20"
        );
    }

    let t = initialised();
    let settings = &t.device.settings;
    change(settings, "net.ports", json!({"http": 8080}));
    change(settings, "device.general", json!({"name": "Gate"}));
    change(settings, "video.main", json!({"bit_rate": 2000}));
    let ports = settings.read("net.ports", &Actor::system()).unwrap();
    let mut events = t.device.bus.subscribe();
    let changed = t.device.restore_settings(&Actor::system()).unwrap();
    assert_eq!(changed, ["device.general", "video.main"]);
    assert_eq!(*settings.get::<DeviceGeneral>(), DeviceGeneral::default());
    assert_eq!(*settings.get::<VideoMain>(), VideoMain::default());
    let after = settings.read("net.ports", &Actor::system()).unwrap();
    assert_eq!((after.value, after.revision), (ports.value, ports.revision));
    assert!(t.device.accounts.is_initialised(), "users stay");
    // SYS-22: the log first.
    let first = events.try_recv().unwrap();
    assert!(matches!(&first.kind, EventKind::Audit(a) if a.kind == LogKind::Configuration));
}

/// SYS-21, SYS-22, INIT-7.
#[test]
fn default_is_noted_before_the_unit_restarts() {
    let t = initialised();
    let nobody = Actor::anonymous(platecam_model::Origin::Web, None);
    let refused = t.device.factory_reset(&nobody, ResetScope::Configuration);
    assert!(matches!(
        refused,
        Err(Error::Forbidden(Permission::Maintenance))
    ));
    t.store.fail_writes(true);
    let mut events = t.device.bus.subscribe();
    assert!(
        t.device
            .factory_reset(&Actor::system(), ResetScope::Configuration)
            .is_err()
    );
    t.store.fail_writes(false);
    t.device
        .factory_reset(&Actor::system(), ResetScope::Configuration)
        .unwrap();
    assert_eq!(*t.store.reset.lock(), Some(ResetScope::Configuration));
    let kinds: Vec<_> = std::iter::from_fn(|| events.try_recv().ok())
        .map(|e| matches!(e.kind, EventKind::RestartWanted { .. }))
        .collect();
    assert_eq!(
        kinds.iter().filter(|restart| **restart).count(),
        1,
        "not when it failed"
    );
}

/// SEC-18: sealed where it is stored, masked where it is shown, kept or replaced by a patch.
#[test]
fn a_secret_of_a_section_never_comes_back() {
    let store = Arc::new(MemoryStore::default());
    let settings = load(&store);
    let actor = Actor::system();
    assert_eq!(
        settings.read("test.upload", &actor).unwrap().value["password"],
        json!({"set": false})
    );
    change(
        &settings,
        "test.upload",
        json!({"host": "ftp.example.org", "password": "hunter-22"}),
    );
    assert_eq!(settings.get::<Upload>().password.expose(), "hunter-22");
    let view = settings.read("test.upload", &actor).unwrap();
    assert_eq!(view.value["password"], json!({"set": true}));
    let stored = SettingsBackend::load(&*store).unwrap();
    assert!(!format!("{stored:?}").contains("hunter-22\""), "sealed");
    assert!(stored[0].value["password"]["sealed"].is_string());
    // What a form sends back keeps it.
    change(
        &settings,
        "test.upload",
        json!({"wait": 5, "password": {"set": true}}),
    );
    assert_eq!(settings.get::<Upload>().password.expose(), "hunter-22");
    let again = load(&store);
    assert_eq!(
        again.get::<Upload>().password.expose(),
        "hunter-22",
        "after a restart"
    );
    let told = format!(
        "{:?} {:?}",
        settings.history("test.upload", None, 9, &actor).unwrap(),
        again.get::<Upload>()
    );
    assert!(!told.contains("hunter-22"), "{told}");
    change(&settings, "test.upload", json!({"password": null}));
    assert!(!settings.get::<Upload>().password.is_set());
    let long = json!({"password": "x".repeat(257)});
    let refused = settings
        .patch("test.upload", &long, None, &actor)
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("257 characters; allowed are 0 to 256"),
        "{refused}"
    );
    let named = pointers(refused);
    assert_eq!(named, ["/password"]);
}

#[test]
fn history_tells_who_changed_what() {
    let t = initialised();
    for rate in [1000, 2000] {
        change(&t.device.settings, "video.sub", json!({"bit_rate": rate}));
    }
    let system = Actor::system();
    let all = t
        .device
        .settings_history(&system, "video.sub", None, 10)
        .unwrap();
    assert_eq!(
        all.iter().map(|c| c.revision).collect::<Vec<_>>(),
        [Revision(2), Revision(1)]
    );
    let newest = &all[0].changes;
    assert_eq!(
        (
            newest.len(),
            &*newest[0].pointer,
            &newest[0].from,
            &newest[0].to
        ),
        (1, "/bit_rate", &json!(1000), &json!(2000))
    );
    assert_eq!(
        all[1].changes[0].from,
        json!(VideoSub::default().bit_rate),
        "against the default"
    );
    let older = t
        .device
        .settings_history(&system, "video.sub", Some(Revision(2)), 10)
        .unwrap();
    assert_eq!(older, all[1..]);
    let one = t
        .device
        .settings_history(&system, "video.sub", None, 1)
        .unwrap();
    assert_eq!(one, all[..1], "a page compares with what lies before it");
}

fn device() -> TestDevice {
    let t = initialised();
    change(
        &t.device.settings,
        "device.general",
        json!({"name": "North gate"}),
    );
    change(
        &t.device.settings,
        "video.main",
        json!({"bit_rate": 3333, "codec": "H.265"}),
    );
    t
}

/// SYS-23..25.
#[test]
fn a_second_unit_takes_over_all_settings() {
    for password in [None, Some(Secret::new(PASSWORD))] {
        let (one, two) = (device(), initialised());
        let (admin, password) = (Actor::system(), password.as_ref());
        let file = one.device.export_config(&admin, None, password).unwrap();
        let text = String::from_utf8(file.clone()).unwrap();
        assert_eq!(text.contains("North gate"), password.is_none(), "{text}");
        let plan = two
            .device
            .import_config(&admin, &file, password, true)
            .unwrap();
        assert_eq!(
            plan.sections.iter().map(|s| s.key).collect::<Vec<_>>(),
            ["device.general", "video.main"]
        );
        let name = &plan.sections[0].changes[0];
        assert_eq!((&*name.pointer, &name.to), ("/name", &json!("North gate")));
        assert_eq!(
            *two.device.settings.get::<DeviceGeneral>(),
            DeviceGeneral::default(),
            "dry"
        );
        let done = two
            .device
            .import_config(&admin, &file, password, false)
            .unwrap();
        assert_eq!(done.sections, plan.sections);
        for d in all_sections() {
            let value = |t: &TestDevice| t.device.settings.read(d.key, &admin).unwrap().value;
            assert_eq!(value(&one), value(&two), "{}", d.key);
        }
        let again = two
            .device
            .import_config(&admin, &file, password, false)
            .unwrap();
        assert!(again.sections.is_empty(), "nothing left to change");
    }
}

#[test]
fn secrets_travel_only_encrypted_and_older_forms_are_lifted() {
    let store = Arc::new(MemoryStore::default());
    let settings = load(&store);
    let actor = Actor::system();
    change(
        &settings,
        "test.upload",
        json!({"host": "a", "password": "hunter-22"}),
    );
    let key = ["test.upload".to_owned()];
    let open = settings.export(Some(&key), false, &actor).unwrap();
    assert!(open["test.upload"]["value"].get("password").is_none());
    let closed = settings.export(Some(&key), true, &actor).unwrap();
    assert_eq!(closed["test.upload"]["value"]["password"], "hunter-22");
    // Without its secret the unit's own stays.
    let mut other = open.clone();
    other["test.upload"]["value"]["host"] = "b".into();
    settings.import(&other, false, &actor).unwrap();
    let now = settings.get::<Upload>();
    assert_eq!((&*now.host, now.password.expose()), ("b", "hunter-22"));
    let mut secret = closed;
    secret["test.upload"]["value"]["host"] = "b".into();
    secret["test.upload"]["value"]["password"] = "other-33".into();
    let told = settings.import(&secret, false, &actor).unwrap();
    assert_eq!(told[0].changes[0].pointer, "/password");
    assert!(!format!("{told:?}").contains("other-33"));
    let old = json!({"test.upload": {"version": 1, "value": {"host": "c", "minutes": 3}}});
    settings
        .import(old.as_object().unwrap(), false, &actor)
        .unwrap();
    assert_eq!(settings.get::<Upload>().wait, Seconds::clamped(180));
    let new = json!({"test.upload": {"version": 3, "value": {}}});
    let refused = settings
        .import(new.as_object().unwrap(), false, &actor)
        .unwrap_err();
    assert_eq!(pointers(refused), ["/sections/test.upload/version"]);
}

/// SYS-24: refused whole, with place and reason.
#[test]
fn what_is_wrong_with_a_file_is_named_and_nothing_changes() {
    let (t, admin) = (device(), Actor::system());
    let file = t.device.export_config(&admin, None, None).unwrap();
    let closed = t
        .device
        .export_config(&admin, None, Some(&Secret::new(PASSWORD)))
        .unwrap();
    let json: Value = serde_json::from_slice(&file).unwrap();
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut file = json.clone();
        edit(&mut file);
        serde_json::to_vec(&file).unwrap()
    };
    let before = t.device.settings.export(None, true, &admin).unwrap();
    let two = initialised();
    // A browser reads the file as JSON and passes it on: its `0` is our `0.0`.
    let text = String::from_utf8(file.clone()).unwrap();
    let passed_on = text.replace(": 0.0", ": 0");
    assert_ne!(passed_on, text, "there is a whole number with a point");
    let report = two
        .device
        .import_config(&admin, passed_on.as_bytes(), None, true);
    assert!(report.is_ok(), "{report:?}");
    let check = |file: &[u8], password: Option<&str>, says: &str| {
        let password = password.map(Secret::new);
        let refused = two
            .device
            .import_config(&admin, file, password.as_ref(), false)
            .unwrap_err();
        assert!(refused.to_string().contains(says), "{says}: {refused}");
    };
    check(
        &file[..file.len() / 2],
        None,
        "malformed configuration file",
    );
    check(b"", None, "malformed");
    check(
        &edited(&|f| f["sections"]["video.main"]["value"]["bit_rate"] = 5.into()),
        None,
        "damaged",
    );
    check(
        &edited(&|f| f["format_version"] = 2.into()),
        None,
        "reads 1 to 1",
    );
    check(
        &edited(&|f| f["format"] = "other".into()),
        None,
        "not 'platecam-config'",
    );
    check(
        &edited(&|f| f["source"]["model"] = "Other".into()),
        None,
        "/source/model = Other",
    );
    check(&closed, None, "/password");
    check(
        &closed,
        Some("Wrong-2026"),
        "wrong password, or the file is damaged",
    );
    check(&vec![b' '; 4 * 1024 * 1024 + 1], None, "at most 4194304");
    let mut greedy: Value = serde_json::from_slice(&closed).unwrap();
    greedy["sealed"]["argon2id"]["memory_kib"] = 4_000_000_000_u32.into();
    check(
        &serde_json::to_vec(&greedy).unwrap(),
        Some(PASSWORD),
        "more than this unit gives",
    );
    let mut moved: Value = serde_json::from_slice(&closed).unwrap();
    moved["source"]["serial"] = "PC2".into();
    check(
        &serde_json::to_vec(&moved).unwrap(),
        Some(PASSWORD),
        "damaged",
    );
    assert_eq!(
        t.device.settings.export(None, true, &admin).unwrap(),
        before
    );

    // A sound file with a value out of bounds names it; its good sections are not taken either.
    let sections = json!({
        "device.general": {"version": 1, "value": {"name": "taken?"}},
        "video.main": {"version": 1, "value": {"bit_rate": 1}},
        "nowhere": {"version": 1, "value": {}},
    });
    let refused = two
        .device
        .settings
        .import(sections.as_object().unwrap(), false, &admin)
        .unwrap_err();
    assert_eq!(
        pointers(refused),
        ["/sections/nowhere", "/sections/video.main/value/bit_rate"]
    );
    assert_eq!(
        *two.device.settings.get::<DeviceGeneral>(),
        DeviceGeneral::default()
    );
    let weak = t
        .device
        .export_config(&admin, None, Some(&Secret::new("short")));
    assert_eq!(pointers(weak.unwrap_err())[0], "/password");
    let unknown = t
        .device
        .export_config(&admin, Some(&["no.such".into()]), None);
    assert!(matches!(unknown, Err(Error::NotFound { .. })));
}

/// What a random caller does with the store.
#[derive(Clone, Debug)]
enum Step {
    Name(String),
    Rate(u32),
    Http(u16),
    Restore,
    CarryOver { encrypted: bool },
    FullDisk(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        "[a-zA-Z ]{0,70}".prop_map(Step::Name),
        (0_u32..20_000).prop_map(Step::Rate),
        (1_u16..9_000).prop_map(Step::Http),
        Just(Step::Restore),
        Just(Step::CarryOver { encrypted: false }),
        (0_u32..20_000).prop_map(Step::FullDisk),
    ]
}

/// The store in three plain variables: name, main bit rate, HTTP port.
#[derive(Clone, Debug, PartialEq)]
struct Plain(String, u32, u16);

fn plain(settings: &SettingsStore) -> Plain {
    Plain(
        settings.get::<DeviceGeneral>().name.clone(),
        settings.get::<VideoMain>().bit_rate.get(),
        settings.get::<NetPorts>().http.get(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against a reference model: what is refused changes nothing, what is acknowledged is there, also after
    /// a restart and on a second unit.
    #[test]
    fn random_callers_see_one_truth(steps in proptest::collection::vec(step(), 1..25)) {
        let (mut t, admin) = (initialised(), Actor::system());
        let default = plain(&t.device.settings);
        let mut model = default.clone();
        for step in steps {
            let settings = t.device.settings.clone();
            let patch = |key: &str, value: Value| settings.patch(key, &value, None, &admin).is_ok();
            match step {
                Step::Name(name) => {
                    let fits = (1..=63).contains(&name.chars().count());
                    prop_assert_eq!(patch("device.general", json!({"name": name})), fits);
                    if fits { model.0 = name; }
                }
                Step::Rate(n) => {
                    let fits = (32..=16_384).contains(&n);
                    prop_assert_eq!(patch("video.main", json!({"bit_rate": n})), fits);
                    if fits { model.1 = n; }
                }
                Step::Http(port) => {
                    if patch("net.ports", json!({"http": port})) { model.2 = port; }
                }
                Step::Restore => {
                    t.device.restore_settings(&admin).unwrap();
                    model = Plain(default.0.clone(), default.1, model.2);
                }
                Step::CarryOver { encrypted } => {
                    let password = encrypted.then(|| Secret::new(PASSWORD));
                    let file = t.device.export_config(&admin, None, password.as_ref()).unwrap();
                    let second = initialised();
                    second.device.import_config(&admin, &file, password.as_ref(), false).unwrap();
                    t = second;
                }
                Step::FullDisk(n) => {
                    t.store.fail_writes(true);
                    let taken = patch("video.main", json!({"bit_rate": n}));
                    prop_assert!(!taken);
                    prop_assert!(t.device.settings.restore(&admin).is_err());
                    t.store.fail_writes(false);
                }
            }
            prop_assert_eq!(&plain(&t.device.settings), &model);
            let reloaded = load(&t.store);
            prop_assert_eq!(&plain(&reloaded), &model);
        }
    }

    /// Hostile files: an answer, no panic, nothing changed.
    #[test]
    fn damaged_files_are_refused(at in 0_usize..100_000, byte in any::<u8>(), cut in any::<bool>()) {
        let (t, admin) = (device(), Actor::system());
        let mut file = t.device.export_config(&admin, None, None).unwrap();
        let at = at % file.len();
        if cut { file.truncate(at) } else { file[at] = byte }
        let before = plain(&t.device.settings);
        let _ = t.device.import_config(&admin, &file, None, true);
        prop_assert_eq!(plain(&t.device.settings), before);
    }
}
