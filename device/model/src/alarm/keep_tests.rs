use serde_json::json;

use super::*;
use crate::{
    Origin,
    alarm::{AlarmId, AlarmKind},
    testing::{TestDevice, initialised},
};

fn sending(attachments: bool) -> TestDevice {
    let t = initialised();
    let mail = json!({"enabled": true, "sender": "cam@example.org", "host": "mail.example.org",
        "receivers": ["guard@example.org"], "attachments": attachments});
    let by = Actor::system();
    t.device
        .settings
        .patch("net.mail", &mail, None, &by)
        .unwrap();
    t
}

fn alarm(t: &TestDevice) -> Alarm {
    Alarm {
        at: t.device.clock.now(),
        kind: AlarmKind::Input,
        channel: 1,
        name: "Gate".into(),
        outputs: vec![0],
        failed: vec![],
        hold_for: Duration::from_secs(10),
        send_email: true,
        snapshot: false,
        prompt: String::new(),
    }
}

/// Sends until nothing is due at this time.
fn send(t: &TestDevice, pace: &mut MailPace) -> Option<Duration> {
    loop {
        let next = t.device.send_alarm_mail(pace).unwrap()?;
        if next > t.device.clock.monotonic() {
            return Some(next);
        }
    }
}

/// GEN-19, MAIL-6, MAIL-10: one message to the receivers, with the picture only where pictures may leave the unit.
#[test]
fn an_alarm_is_kept_and_sent() {
    for attachments in [false, true] {
        let t = sending(attachments);
        let mut events = t.device.bus.subscribe();
        let kept = t.device.keep_alarm(&alarm(&t)).unwrap();
        assert_eq!((kept.channel, kept.outputs.as_slice()), (2, &[1][..]));
        assert_eq!(kept.has_picture, attachments);
        let told = events.try_recv().unwrap();
        assert!(matches!(&told.kind, EventKind::AlarmStored(a) if **a == kept));
        let mut pace = MailPace::default();
        assert_eq!(send(&t, &mut pace), None);
        let sent = t.mail.sent();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].to, ["guard@example.org"]);
        assert!(
            sent[0].subject.ends_with("alarm input 2"),
            "{}",
            sent[0].subject
        );
        assert!(
            sent[0].text.contains("(Gate)") && sent[0].text.contains("NO1"),
            "{}",
            sent[0].text
        );
        assert_eq!(sent[0].pictures.len(), usize::from(attachments));
        assert_eq!(t.alarms.all()[0].mail, MailState::Sent);
    }
}

#[test]
fn a_snapshot_is_kept_where_it_is_linked() {
    let t = initialised();
    let wanted = Alarm {
        snapshot: true,
        send_email: false,
        ..alarm(&t)
    };
    let kept = t.device.keep_alarm(&wanted).unwrap();
    assert_eq!((kept.has_picture, &kept.mail), (true, &MailState::None));
    let jpeg = t.device.alarm_picture(&Actor::system(), kept.id).unwrap();
    assert_eq!(jpeg[..2], [0xFF, 0xD8]);
    let nobody = Actor::anonymous(Origin::Web, None);
    let refused = t.device.alarm_picture(&nobody, kept.id);
    assert!(matches!(
        refused,
        Err(Error::Forbidden(Permission::SearchRecords))
    ));
    let refused = t.device.search_alarms(&nobody, &AlarmQuery::default());
    assert!(matches!(refused, Err(Error::Forbidden(_))));
}

/// A linked message that cannot go says so instead of waiting.
#[test]
fn without_a_mail_server_the_alarm_says_why() {
    let t = initialised();
    let kept = t.device.keep_alarm(&alarm(&t)).unwrap();
    assert!(matches!(&kept.mail, MailState::Failed { reason } if reason.contains("switched off")));
    assert_eq!(send(&t, &mut MailPace::default()), None);
}

/// MAIL-11: a dead server is asked more and more rarely; messages wait, and are given up with an entry.
#[test]
fn a_dead_server_is_tried_again_and_given_up() {
    let t = sending(false);
    t.mail.refuse(Some("no route"));
    let mut pace = MailPace::default();
    let mut events = t.device.bus.subscribe();
    let kept = t.device.keep_alarm(&alarm(&t)).unwrap();
    let start = t.device.clock.monotonic();
    assert_eq!(send(&t, &mut pace), Some(start + WAITS[0]));
    assert_eq!(t.alarms.all()[0].mail, MailState::Due { tries: 1 });
    // Not asked before its time.
    t.mail.refuse(None);
    assert_eq!(send(&t, &mut pace), Some(start + WAITS[0]));
    t.mail.refuse(Some("no route"));
    let mut tries = 1;
    while let Some(next) = {
        t.clock
            .advance(pace.not_before - t.device.clock.monotonic());
        send(&t, &mut pace)
    } {
        tries += 1;
        assert!(next > t.device.clock.monotonic());
        if !matches!(t.alarms.all()[0].mail, MailState::Due { .. }) {
            break;
        }
        assert!(tries < 100, "it is given up at some time");
    }
    assert_eq!(tries, TRIES);
    assert!(
        matches!(&t.alarms.all()[0].mail, MailState::Failed { reason } if reason.contains("no route"))
    );
    let said: Vec<String> = std::iter::from_fn(|| events.try_recv().ok())
        .filter_map(|e| match &e.kind {
            EventKind::Log(entry) => Some(entry.text.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(said.len(), 2, "the first failure and the end: {said:?}");
    assert!(
        said[1].contains(&format!("alarm {} was given up", kept.id.0)),
        "{said:?}"
    );
}

/// The queue is bounded by number and age; the newest are kept.
#[test]
fn too_many_and_too_old_messages_are_given_up() {
    let t = sending(false);
    t.mail.refuse(Some("no route"));
    let mut pace = MailPace::default();
    for _ in 0..MAX_DUE + 3 {
        t.device.keep_alarm(&alarm(&t)).unwrap();
    }
    send(&t, &mut pace);
    let waiting = |t: &TestDevice| {
        t.device
            .alarms
            .due()
            .unwrap()
            .iter()
            .map(|a| a.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(waiting(&t).len(), MAX_DUE);
    assert!(!waiting(&t).contains(&AlarmId(3)) && waiting(&t).contains(&AlarmId(4)));
    t.clock.advance(TOO_OLD + Duration::from_secs(1));
    assert_eq!(send(&t, &mut pace), None);
    assert_eq!(waiting(&t), []);
}
