//! The settings as a model of the camera has them (GEN-24).

use platecam_model::{
    Actor, Error, Secret, UserLevel,
    auth::NewUser,
    product::Product,
    settings::{EventPicture, SecurityLogin, SystemServices, VideoSub},
    testing::{PASSWORD, TestDevice, customised},
};
use serde_json::{Value, json};

fn product(file: &Value) -> Product {
    Product::parse(file.to_string().as_bytes()).unwrap()
}

fn unit(file: &Value) -> TestDevice {
    let t = customised(|parts| parts.settings.set_product(product(file)));
    let first = Secret::new(PASSWORD);
    let by = Actor::system();
    t.device.accounts.initialise(first, None, &by).unwrap();
    t
}

fn small() -> TestDevice {
    unit(&json!({
        "model": "Small",
        "without": ["email", "picture-alarms", "cgi"],
        "limits": {"users": 12, "streams": 1, "alarm-outputs": 1, "event-brokers": 1},
    }))
}

fn refusal(t: &TestDevice, key: &str, patch: &Value) -> Error {
    let settings = &t.device.settings;
    settings
        .patch(key, patch, None, &Actor::system())
        .unwrap_err()
}

/// GEN-24: what the model lacks is not listed, cannot be read or changed, and reads as off.
#[test]
fn sections_that_a_model_lacks_are_off_and_out_of_reach() {
    let t = small();
    let settings = &t.device.settings;
    let keys: Vec<_> = settings.sections().map(|d| d.key).collect();
    for absent in ["net.mail", "event.picture", "video.sub", "event.broker2"] {
        assert!(!keys.contains(&absent), "{absent}");
        let system = Actor::system();
        for refused in [
            settings.read(absent, &system).map(drop),
            settings.schema(absent, &system).map(drop),
            settings.history(absent, None, 9, &system).map(drop),
            settings
                .export(Some(&[absent.into()]), true, &system)
                .map(drop),
            Err(refusal(&t, absent, &json!({}))),
        ] {
            let Err(Error::Unsupported(why)) = refused else {
                panic!("{absent}: {refused:?}");
            };
            assert!(why.starts_with("the model Small has no "), "{why}");
        }
    }
    assert!(keys.contains(&"event.broker1") && keys.contains(&"video.main"));
    assert!(!settings.get::<VideoSub>().enabled);
    let picture = settings.get::<EventPicture>();
    assert!(!picture.motion && !picture.dark && !picture.scene_change);
    assert!(!settings.get::<SystemServices>().cgi);
}

/// GEN-24: fields are gone from the form, and a change of one is refused by its name.
#[test]
fn fields_that_a_model_lacks_are_refused() {
    let t = small();
    let system = Actor::system();
    let schema = t.device.settings.schema("io", &system).unwrap();
    let fields = schema["properties"].as_object().unwrap();
    assert!(fields.contains_key("output1") && !fields.contains_key("output2"));
    let Error::Invalid(wrong) = refusal(&t, "io", &json!({"output2": {"name": "Gate"}})) else {
        panic!("not refused");
    };
    assert_eq!(wrong.0[0].pointer, "/output2");
    assert!(wrong.0[0].reason.contains("no alarm output number 2"));
    let named = json!({"output1": {"name": "Gate"}});
    t.device
        .settings
        .patch("io", &named, None, &system)
        .unwrap();
    let Error::Invalid(wrong) = refusal(&t, "services", &json!({"cgi": true})) else {
        panic!("not refused");
    };
    assert_eq!(wrong.0[0].pointer, "/cgi");
    // Within a group too.
    let alarm = t
        .device
        .settings
        .schema("event.alarm_inputs", &system)
        .unwrap();
    let input = &alarm["properties"]["input1"];
    let fields = input["properties"].as_object().unwrap();
    assert!(fields.contains_key("output1") && !fields.contains_key("output2"));
    let required = input["required"].as_array().unwrap();
    assert!(!required.contains(&json!("output2")), "{required:?}");
    let linked = json!({"input1": {"output2": true}});
    let Error::Invalid(wrong) = refusal(&t, "event.alarm_inputs", &linked) else {
        panic!("not refused");
    };
    assert_eq!(wrong.0[0].pointer, "/input1/output2");
    // A machine without any line has no such page, whatever its model.
    let none = unit(&json!({"model": "None", "limits": {"alarm-inputs": 0, "alarm-outputs": 0}}));
    assert!(matches!(
        none.device.settings.read("io", &system),
        Err(Error::Unsupported(_))
    ));
}

/// GEN-24, USER-15: a bound holds for the default, for what was stored under another model, and for what is wanted.
#[test]
fn numbers_stay_within_the_model() {
    let t = unit(&json!({"model": "All"}));
    let (settings, system) = (&t.device.settings, Actor::system());
    settings
        .update::<SecurityLogin>(&system, |s| s.max_viewers = 77.try_into().unwrap())
        .unwrap();
    assert_eq!(settings.get::<SecurityLogin>().max_users.get(), 20);
    settings.set_product(product(&json!({"model": "Small", "limits": {"users": 12}})));
    let now = settings.get::<SecurityLogin>();
    assert_eq!((now.max_users.get(), now.max_viewers.get()), (12, 77));
    let view = settings.read("security.login", &system).unwrap();
    assert_eq!(view.defaults["max_users"], 12);
    let schema = settings.schema("security.login", &system).unwrap();
    assert_eq!(schema["properties"]["max_users"]["maximum"], 12);
    let Error::Invalid(wrong) = refusal(&t, "security.login", &json!({"max_users": 13})) else {
        panic!("not refused");
    };
    assert_eq!(wrong.0[0].reason, "must be at most 12 on the model Small");
    let add = |i| {
        let user = NewUser::new(
            &format!("user{i}"),
            Secret::new("Another-1"),
            UserLevel::User,
        );
        t.device.accounts.create_one(user, &system)
    };
    for i in 0..11 {
        add(i).unwrap();
    }
    assert!(matches!(add(11), Err(Error::Exhausted { limit: 12, .. })));
    settings.restore(&system).unwrap();
    assert_eq!(settings.get::<SecurityLogin>().max_users.get(), 12);
}

/// GEN-24, SYS-25: a configuration with something the model lacks is refused as a whole, and says what.
#[test]
fn an_import_of_what_a_model_lacks_is_refused() {
    let all = unit(&json!({"model": "All"}));
    let system = Actor::system();
    let exported = all.device.settings.export(None, true, &system).unwrap();
    let t = small();
    let Err(Error::Invalid(wrong)) = t.device.settings.import(&exported, false, &system) else {
        panic!("not refused");
    };
    let mail = wrong.0.iter().find(|v| v.pointer == "/sections/net.mail");
    assert!(mail.unwrap().reason.contains("has no e-mail"));
    let own = t.device.settings.export(None, true, &system).unwrap();
    assert!(!own.contains_key("net.mail"));
    t.device.settings.import(&own, false, &system).unwrap();
}
