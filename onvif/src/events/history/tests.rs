use onvif_contracts::tt;
use onvif_xml::{Value, ns};
use platecam_model::testing::MemoryHistory;
use proptest::prelude::*;

use super::*;
use crate::events::catalog::{LICENSE_PLATE, MOTION_ALARM};

fn motion(ms: i64, state: &str) -> Notice {
    Notice {
        topic: &MOTION_ALARM,
        at: UtcTime::from_millis(ms),
        operation: Some(Operation::Changed),
        source: vec![("Source", "source_1".into())],
        data: vec![("State", ItemValue::Text(state.into()))],
        elements: vec![],
    }
}

fn history() -> History {
    History::new(Arc::new(MemoryHistory::default()))
}

const NOW: UtcTime = UtcTime::from_millis(99_000);

/// Reads in steps of `limit` until nothing is left.
fn times(h: &History, at: i64, reverse: bool, limit: usize) -> Vec<(i64, &'static str)> {
    let mut replay = h.seek(UtcTime::from_millis(at), reverse).unwrap();
    let mut out = Vec::new();
    for _ in 0..100 {
        let (notices, next) = h.read(replay, &Filter::default(), limit, NOW).unwrap();
        assert!(notices.len() <= limit);
        out.extend(notices.iter().map(|n| (n.at.as_millis(), n.topic.path[0])));
        replay = next;
        if replay.done && notices.is_empty() {
            return out;
        }
    }
    panic!("no end: {out:?}")
}

/// EVENT-6-1-3..5: order, bounds and begin of the buffer, whatever the steps.
#[test]
fn the_past_is_read_both_ways() {
    let h = history();
    assert_eq!(times(&h, 5, false, 1), [(99_000, "EventBuffer")], "empty");
    for ms in [10, 30, 20] {
        h.add(&motion(ms, "true"));
    }
    let (b, m) = ("EventBuffer", "VideoSource");
    for limit in [1, 2, 10] {
        let all = [(10, b), (10, m), (20, m), (30, m)];
        assert_eq!(times(&h, 9, false, limit), all);
        assert_eq!(times(&h, 10, false, limit), all);
        assert_eq!(times(&h, 11, false, limit), [(20, m), (30, m)]);
        assert_eq!(times(&h, 31, false, limit), []);
        let back = [(30, m), (20, m), (10, m), (10, b)];
        assert_eq!(times(&h, 99, true, limit), back);
        assert_eq!(times(&h, 30, true, limit), back);
        assert_eq!(times(&h, 29, true, limit), back[1..]);
        assert_eq!(times(&h, 9, true, limit), []);
    }
}

#[test]
fn states_that_are_only_told_again_are_not_kept() {
    let h = history();
    h.add(&motion(5, "false").initialized(UtcTime::from_millis(6)));
    h.flush().unwrap();
    assert_eq!(h.store.newest().unwrap(), 0);
}

#[test]
fn a_plate_comes_back_as_it_was() {
    let info = tt::ObjectId {
        object_id: Some(7),
        uuid: None,
    };
    let plate = Notice {
        topic: &LICENSE_PLATE,
        at: UtcTime::from_millis(5),
        operation: None,
        source: vec![("VideoSource", "s".into()), ("Rule", "Plates".into())],
        data: vec![
            ("Likelihood", ItemValue::Text("0.5".into())),
            (
                "ImageURI",
                ItemValue::Path("/onvif/record/1/plate.jpg".into()),
            ),
        ],
        elements: vec![(
            "ObjectId",
            Any::written(|w| info.write(w, ns::TT, "ObjectId")),
        )],
    };
    assert_eq!(decode(plate.at, &encode(&plate)), Some(plate));
    let strange = r#"{"topic":"Future/Topic","source":[]}"#;
    assert_eq!(decode(NOW, strange), None);
}

proptest! {
    #[test]
    fn any_state_comes_back(ms in 0i64..1 << 40, state in "\\PC{0,20}") {
        let notice = motion(ms, &state);
        let ended = Notice { operation: Some(Operation::Deleted), ..notice.clone() };
        prop_assert_eq!(decode(ended.at, &encode(&ended)), Some(ended));
        prop_assert_eq!(decode(notice.at, &encode(&notice)), Some(notice));
    }

    /// What is in the store may be damaged.
    #[test]
    fn any_text_is_read_or_left_out(text in "\\PC{0,80}") {
        decode(NOW, &text);
        decode(NOW, &format!(r#"{{"topic":"VideoSource/MotionAlarm","elements":[["x",{text:?}]]}}"#));
    }
}
