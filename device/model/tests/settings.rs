//! The settings store as its adapters use it.

use std::{collections::BTreeSet, sync::Arc};

use platecam_model::{
    Actor, Error, EventBus, EventKind, Origin, Permissions, UserLevel,
    settings::{
        Codec, NetPorts, Patch, Resolution, Revision, SettingsStore, VideoMain, VideoSub,
        all_sections,
    },
    testing::{MemoryStore, TestClock},
};
use proptest::prelude::*;
use serde_json::{Value, json};

struct Rig {
    store: Arc<MemoryStore>,
    settings: SettingsStore,
    bus: EventBus,
}

fn rig() -> Rig {
    let store = Arc::new(MemoryStore::default());
    let bus = EventBus::default();
    Rig {
        settings: load(&store, &bus),
        store,
        bus,
    }
}

fn load(store: &Arc<MemoryStore>, bus: &EventBus) -> SettingsStore {
    SettingsStore::load(
        all_sections(),
        store.clone(),
        store.clone(),
        bus.clone(),
        Arc::new(TestClock::default()),
    )
    .unwrap()
}

fn admin() -> Actor {
    Actor {
        user: Some("admin".into()),
        permissions: Permissions::all(),
        ..Actor::anonymous(Origin::Web, None)
    }
}

fn violations(e: Error) -> Vec<(String, String)> {
    match e {
        Error::Invalid(v) => v.0.into_iter().map(|v| (v.pointer, v.reason)).collect(),
        other => panic!("{other}"),
    }
}

#[test]
fn no_key_has_two_owners_and_every_section_has_a_schema() {
    let sections = all_sections();
    let keys: BTreeSet<_> = sections.iter().map(|d| d.key).collect();
    assert_eq!(keys.len(), sections.len());
    let r = rig();
    for key in keys {
        let schema = r.settings.schema(key, &admin()).unwrap();
        let view = r.settings.read(key, &admin()).unwrap();
        let properties = schema["properties"].as_object().unwrap();
        for field in view.value.as_object().unwrap().keys() {
            assert!(
                properties[field]["title"].is_string(),
                "{key}/{field} has a title"
            );
            assert!(
                properties[field]["description"].is_string(),
                "{key}/{field} says what it is"
            );
        }
        assert_eq!(view.value, view.defaults);
        assert_eq!(view.revision, Revision(0));
    }
}

/// UI-4: stored after Save, kept over a restart; VIDEO-1: the streams are set separately.
#[test]
fn a_patch_is_stored_published_and_survives() {
    let r = rig();
    let mut events = r.bus.subscribe();
    let revision = r
        .settings
        .patch(
            "video.main",
            &json!({"bit_rate": 2048}),
            Some(Revision(0)),
            &admin(),
        )
        .unwrap();
    assert_eq!(revision, Revision(1));
    let EventKind::SettingsChanged {
        key,
        revision,
        fields,
        actor,
    } = &events.try_recv().unwrap().kind.clone()
    else {
        panic!()
    };
    assert_eq!(
        (*key, *revision, actor.user.as_deref()),
        ("video.main", Revision(1), Some("admin"))
    );
    assert_eq!(*fields, ["bit_rate"], "names of what changed, no values");
    let again = load(&r.store, &r.bus);
    assert_eq!(again.get::<VideoMain>().bit_rate.get(), 2048);
    assert_eq!(*again.get::<VideoSub>(), VideoSub::default());
    let view = again.read("video.main", &admin()).unwrap();
    assert_eq!(
        (view.revision, view.changed_by.as_str()),
        (Revision(1), "admin")
    );
}

/// VIDEO-4, VIDEO-5, VIDEO-7..11: values outside their bounds are refused with field and bound.
#[test]
fn every_bad_field_is_named_with_its_bound() {
    let r = rig();
    let patch = json!({"bit_rate": 99999, "gop_length": 24, "frame_rate": 31, "quality": 7, "codec": "H.266", "resolution": "3x3", "colour": 1});
    let bad = violations(
        r.settings
            .patch("video.main", &patch, None, &admin())
            .unwrap_err(),
    );
    for (pointer, says) in [
        ("/bit_rate", "99999 is outside 32 to 16384 kbit/s"),
        ("/gop_length", "24 is outside 25 to 150 frames"),
        ("/frame_rate", "31 is outside 1 to 30 fps"),
        ("/quality", "7 is outside 1 to 6"),
        ("/codec", "H.266"),
        ("/resolution", "1920x1080"),
        ("/colour", "no such setting"),
    ] {
        assert!(
            bad.iter().any(|(p, r)| p == pointer && r.contains(says)),
            "{pointer}: {bad:?}"
        );
    }
    assert_eq!(
        *r.settings.get::<VideoMain>(),
        VideoMain::default(),
        "nothing was stored"
    );
}

/// VIDEO-6: main may not drop below sub, whichever of them is saved; both in one step may.
#[test]
fn sub_is_never_larger_than_main() {
    let r = rig();
    let e = violations(
        r.settings
            .patch(
                "video.main",
                &json!({"resolution": "352x240"}),
                None,
                &admin(),
            )
            .unwrap_err(),
    );
    assert!(
        e[0].1.contains("640x360") && e[0].1.contains("352x240"),
        "{e:?}"
    );
    let patches = ["video.main", "video.sub"].map(|key| Patch {
        key: key.into(),
        value: json!({"resolution": "352x240"}),
        if_revision: None,
    });
    r.settings.apply(&patches, &admin()).unwrap();
    assert_eq!(
        r.settings.get::<VideoSub>().resolution,
        Resolution::find(352, 240).unwrap()
    );
}

/// SYS-3, VIDEO-7, C-5: PAL lowers the streams above 25 fps in the same step; what is asked for above it is
/// refused with the bound.
#[test]
fn the_video_standard_sets_the_limit_of_the_frame_rate() {
    let r = rig();
    let rate = |key| {
        let view = r.settings.read(key, &admin()).unwrap();
        (view.value["frame_rate"].as_u64().unwrap(), view.revision.0)
    };
    r.settings
        .patch("video.main", &json!({"frame_rate": 30}), None, &admin())
        .unwrap();
    let mut events = r.bus.subscribe();
    let pal = json!({"video_standard": "PAL"});
    let revision = r
        .settings
        .patch("device.general", &pal, None, &admin())
        .unwrap();
    assert_eq!(revision, Revision(1));
    assert_eq!((rate("video.main"), rate("video.sub")), ((25, 2), (15, 0)));
    let mut changed = Vec::new();
    while let Ok(e) = events.try_recv() {
        if let EventKind::SettingsChanged { key, fields, .. } = &e.kind {
            changed.push((*key, fields.join(",")));
        }
    }
    assert_eq!(
        changed,
        [
            ("device.general", "video_standard".to_owned()),
            ("video.main", "frame_rate".to_owned())
        ]
    );
    let e = r
        .settings
        .patch("video.sub", &json!({"frame_rate": 26}), None, &admin())
        .unwrap_err();
    assert_eq!(
        violations(e),
        [(
            "/frame_rate".into(),
            "outside 1 to 25 fps, the limits of PAL".into()
        )]
    );
    let both = [
        ("video.main", json!({"frame_rate": 30})),
        ("device.general", json!({"video_standard": "NTSC"})),
    ];
    let both = both.map(|(key, value)| Patch {
        key: key.into(),
        value,
        if_revision: None,
    });
    r.settings.apply(&both, &admin()).unwrap();
    assert_eq!(rate("video.main"), (30, 3));
}

#[test]
fn hardware_bounds_only_judge_what_is_being_changed() {
    let r = rig();
    let mut video = r.settings.video_capabilities();
    video.source_size = Some((1280, 720));
    video.codecs = vec![Codec::H264, Codec::Mjpeg];
    r.settings.set_video_capabilities(video);
    let e = violations(
        r.settings
            .patch(
                "video.main",
                &json!({"resolution": "2688x1520", "codec": "H.265"}),
                None,
                &admin(),
            )
            .unwrap_err(),
    );
    assert!(
        e.iter()
            .any(|(p, r)| p == "/resolution" && r.contains("1280x720")),
        "{e:?}"
    );
    assert!(
        e.iter()
            .any(|(p, r)| p == "/codec" && r.contains("H.264, MJPEG")),
        "{e:?}"
    );
    r.settings
        .patch("net.ports", &json!({"http": 8080}), None, &admin())
        .unwrap();
}

/// NET-13..18.
#[test]
fn ports_are_bounded_unreserved_and_distinct() {
    let r = rig();
    for (patch, pointer, says) in [
        (json!({"http": 0}), "/http", "outside 1 to 65535"),
        (json!({"http": 65536}), "/http", "outside 1 to 65535"),
        (json!({"http": 1024}), "/http", "reserved"),
        (json!({"rtsp": 37800}), "/rtsp", "reserved"),
        (json!({"https": 9999}), "/https", "reserved"),
        (json!({"https": 80}), "/https", "reserved"),
        (
            json!({"http": 8554, "rtsp": 8554}),
            "/rtsp",
            "already the port of http",
        ),
    ] {
        let bad = violations(
            r.settings
                .patch("net.ports", &patch, None, &admin())
                .unwrap_err(),
        );
        assert!(
            bad.iter().any(|(p, r)| p == pointer && r.contains(says)),
            "{patch}: {bad:?}"
        );
    }
    r.settings
        .patch(
            "net.ports",
            &json!({"http": 8080, "https": 8443, "rtsp": 8554}),
            None,
            &admin(),
        )
        .unwrap();
    assert_eq!(r.settings.get::<NetPorts>().rtsp.get(), 8554);
}

#[test]
fn stale_revision_missing_permission_and_full_disk_change_nothing() {
    let r = rig();
    r.settings
        .patch("video.sub", &json!({"bit_rate": 300}), None, &admin())
        .unwrap();
    let before = r.settings.read("video.sub", &admin()).unwrap().value;
    let change = json!({"bit_rate": 400});
    let stale = r
        .settings
        .patch("video.sub", &change, Some(Revision(0)), &admin())
        .unwrap_err();
    assert!(
        matches!(&stale, Error::Conflict(t) if t.contains("revision 1")),
        "{stale}"
    );
    let user = Actor {
        permissions: UserLevel::User.permissions(),
        ..admin()
    };
    assert!(matches!(
        r.settings.patch("video.sub", &change, None, &user),
        Err(Error::Forbidden(_))
    ));
    assert!(matches!(
        r.settings
            .read("video.sub", &Actor::anonymous(Origin::Web, None)),
        Err(Error::Forbidden(_))
    ));
    assert!(matches!(
        r.settings.patch("video.foo", &change, None, &admin()),
        Err(Error::NotFound { .. })
    ));
    r.store.fail_writes(true);
    assert!(matches!(
        r.settings.patch("video.sub", &change, None, &admin()),
        Err(Error::Internal { .. })
    ));
    assert_eq!(
        r.settings.read("video.sub", &admin()).unwrap().value,
        before
    );
}

proptest! {
    /// No patch, however odd, panics or leaves a section that cannot be read back.
    #[test]
    fn whatever_is_patched_the_store_stays_readable(patches in prop::collection::vec(odd_patch(), 1..8)) {
        let r = rig();
        for (key, value) in patches {
            let _ = r.settings.patch(key, &value, None, &admin());
        }
        let again = load(&r.store, &r.bus);
        for d in all_sections() {
            let (a, b) = (r.settings.read(d.key, &admin()).unwrap(), again.read(d.key, &admin()).unwrap());
            prop_assert_eq!(a.value, b.value);
            prop_assert_eq!(a.revision, b.revision);
        }
    }
}

fn odd_patch() -> impl Strategy<Value = (&'static str, Value)> {
    let field = prop::sample::select(vec![
        "bit_rate",
        "codec",
        "resolution",
        "enabled",
        "http",
        "name",
        "scopes",
        "gop_length",
    ]);
    let value = prop_oneof![
        any::<i32>().prop_map(Value::from),
        (0u32..20000).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(json!("H.265")),
        Just(json!("352x240")),
        Just(json!(null)),
        Just(json!([])),
        Just(json!({"a": {"b": 1}})),
        ".{0,20}".prop_map(Value::from),
    ];
    let key = prop::sample::select(all_sections().iter().map(|d| d.key).collect::<Vec<_>>());
    (key, field, value).prop_map(|(key, field, value)| (key, json!({field: value})))
}
