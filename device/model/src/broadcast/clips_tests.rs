//! Voice prompts on the device of the tests: its loudspeaker remembers what it plays.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::{
    Origin,
    testing::{SimulatedOutputs, TestDevice, initialised},
};

/// A device, and its voice and loudspeaker.
fn device() -> (TestDevice, Arc<SimulatedOutputs>) {
    let t = initialised();
    let outputs = t.outputs.clone();
    (t, outputs)
}

fn wav(samples: &[i16]) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    let mut file =
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\0\0\0\0\x02\0\x10\0data".to_vec();
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

fn add(t: &TestDevice, name: &str, text: &str, file: Option<Vec<u8>>) -> Result<String> {
    let mut new = NewClip::named(name);
    new.clip.text = text.into();
    new.file = file;
    t.device.add_clip(&Actor::system(), new)
}

fn set(t: &TestDevice, key: &str, value: Value) -> Result<()> {
    let patch = Patch {
        key: key.into(),
        value,
        if_revision: None,
    };
    t.device
        .settings
        .apply(&[patch], &Actor::system())
        .map(drop)
}

fn alarm(t: &TestDevice, prompt: &str) -> Alarm {
    Alarm {
        at: t.device.clock.now(),
        kind: crate::alarm::AlarmKind::Input,
        channel: 0,
        name: String::new(),
        outputs: vec![],
        failed: vec![],
        hold_for: Duration::from_secs(1),
        send_email: false,
        snapshot: false,
        prompt: prompt.into(),
    }
}

/// GEN-20, AUDIO-4: uploaded, listed, played as often and as loud as it says, removed with its sound.
#[test]
fn a_sound_is_uploaded_played_and_removed() {
    let (t, outputs) = device();
    let device = &t.device;
    let token = add(&t, "Gong", "", Some(wav(&[1, 2, 3]))).unwrap();
    assert_eq!(token, "clip_1");
    assert!(device.missing_sounds().unwrap().is_empty());
    let mut clip = device.settings.get::<AudioClips>().clips[0].clone();
    clip.repeats = Repeats::clamped(2);
    clip.own_volume = true;
    clip.volume = Volume::clamped(80);
    device.set_clip(&Actor::system(), clip).unwrap();
    device.play_clip(&Actor::system(), &token, None).unwrap();
    assert!(device.play_next());
    assert!(!device.play_next(), "once");
    let sound = Sound {
        rate: 8_000,
        samples: vec![1, 2, 3],
    };
    assert_eq!(*outputs.played.lock(), vec![(sound, Some(80)); 3]);
    device.delete_clip(&Actor::system(), &token).unwrap();
    assert!(device.upkeep.clips.tokens().unwrap().is_empty());
    assert!(matches!(
        device.play_clip(&Actor::system(), &token, None),
        Err(Error::NotFound { .. })
    ));
}

/// What is refused leaves neither file nor prompt.
#[test]
fn what_is_no_sound_is_refused() {
    let (t, _) = device();
    assert!(matches!(add(&t, "x", "", None), Err(Error::Invalid(_))));
    assert!(matches!(
        add(&t, "x", "", Some(b"\xff\xd8\xff".to_vec())),
        Err(Error::Malformed { .. })
    ));
    let big = wav(&vec![0; MAX_CLIP_BYTES / 2]);
    let why = add(&t, "x", "", Some(big)).unwrap_err().to_string();
    assert!(why.contains("at most 2097152"), "{why}");
    assert!(matches!(
        add(&t, "", "", Some(wav(&[1]))),
        Err(Error::Invalid(_))
    ));
    let mut outside = NewClip::named("x");
    outside.clip.token = "../../etc/x".into();
    outside.file = Some(wav(&[1]));
    let refused = t.device.add_clip(&Actor::system(), outside);
    assert!(matches!(refused, Err(Error::Invalid(_))));
    let nobody = Actor::anonymous(Origin::Web, None);
    let refused = t.device.add_clip(&nobody, NewClip::named("x"));
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    assert!(t.device.upkeep.clips.tokens().unwrap().is_empty());
    assert!(t.device.settings.get::<AudioClips>().clips.is_empty());
    for _ in 0..AudioClips::MAX {
        add(&t, "x", "x", None).unwrap();
    }
    let refused = add(&t, "x", "x", None);
    assert!(matches!(refused, Err(Error::Exhausted { limit: 20, .. })));
}

/// GEN-19: a linked prompt is played at the alarm, and stays as long as it is linked.
#[test]
fn an_alarm_plays_its_prompt() {
    let (t, outputs) = device();
    let token = add(&t, "Stop", "Please stop 🚗 here", None).unwrap();
    let unknown = set(
        &t,
        "event.alarm_inputs",
        json!({"input1": {"prompt": "none"}}),
    );
    assert!(matches!(unknown, Err(Error::Invalid(_))));
    set(
        &t,
        "event.alarm_inputs",
        json!({"input1": {"prompt": token}}),
    )
    .unwrap();
    let linked = t.device.delete_clip(&Actor::system(), &token);
    assert!(matches!(linked, Err(Error::Invalid(_))), "{linked:?}");
    t.device.announce_alarm(&alarm(&t, &token));
    t.device.announce_alarm(&alarm(&t, ""));
    assert!(t.device.play_next());
    assert!(!t.device.play_next());
    assert_eq!(*outputs.said.lock(), ["Please stop here"], "AUDIO-5");
    set(&t, "event.alarm_inputs", json!({"input1": {"prompt": ""}})).unwrap();
    t.device.delete_clip(&Actor::system(), &token).unwrap();
}

/// AUDIO-3: the plate, sign by sign; not for tests, and not when it was long ago.
#[test]
fn vehicles_are_spoken_to() {
    let (t, outputs) = device();
    let mut events = t.device.bus.subscribe();
    t.device.test_capture(&Actor::system(), "AB12").unwrap();
    let read = std::iter::from_fn(|| events.try_recv().ok()).find_map(|e| match &e.kind {
        EventKind::PlateRead(read) => Some((**read).clone()),
        _ => None,
    });
    let mut read = read.unwrap();
    read.test = false;
    t.device.announce_plate(&read);
    assert!(!t.device.play_next(), "off at first");
    set(&t, "audio.output", json!({"announce_plates": true})).unwrap();
    t.device.announce_plate(&read);
    read.test = true;
    t.device.announce_plate(&read);
    assert!(t.device.play_next());
    assert!(!t.device.play_next());
    assert_eq!(*outputs.said.lock(), ["Welcome, A B 1 2"]);
    read.test = false;
    t.device.announce_plate(&read);
    t.clock.advance(Duration::from_secs(11));
    assert!(!t.device.play_next(), "it has driven on");
}

/// Sounds wait for each other, and the queue is bounded; stopping empties it.
#[test]
fn what_waits_is_bounded_and_can_be_stopped() {
    let (t, outputs) = device();
    let token = add(&t, "x", "x", None).unwrap();
    let by = Actor::system();
    for _ in 0..8 {
        t.device.play_clip(&by, &token, None).unwrap();
    }
    let refused = t.device.play_clip(&by, &token, None);
    assert!(matches!(refused, Err(Error::Exhausted { limit: 8, .. })));
    assert!(
        t.device
            .stop_sounds(&by, Some("other"))
            .is_ok_and(|any| !any)
    );
    assert!(t.device.stop_sounds(&by, Some(&token)).unwrap());
    assert!(!t.device.play_next());
    assert!(outputs.played.lock().is_empty());
    let mut clip = t.device.settings.get::<AudioClips>().clips[0].clone();
    clip.enabled = false;
    t.device.set_clip(&by, clip).unwrap();
    let off = t.device.play_clip(&by, &token, None);
    assert!(matches!(off, Err(Error::Conflict(_))));
}

/// A sound without a prompt, as a power cut leaves it, goes at the next start; a prompt without a sound is told.
#[test]
fn files_without_a_prompt_are_removed() {
    let (t, _) = device();
    let token = add(&t, "Gong", "", Some(wav(&[1]))).unwrap();
    t.device.upkeep.clips.put("left", &wav(&[1])).unwrap();
    t.device.tidy_clips().unwrap();
    assert_eq!(t.device.upkeep.clips.tokens().unwrap(), [token.as_str()]);
    t.device.upkeep.clips.remove(&token).unwrap();
    assert_eq!(t.device.missing_sounds().unwrap(), [token]);
}
