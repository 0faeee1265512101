use std::{sync::mpsc::channel, time::Instant};

use platecam_model::{Subscription, SystemClock};

use super::*;

/// A slot over `folder`, and what it tells.
fn slot(folder: &Path, patience: Duration) -> (LinuxCard, Subscription) {
    let bus = EventBus::default();
    let news = bus.subscribe();
    let card = LinuxCard::start(CardParts {
        slot: CardSlot::At(folder.to_owned()),
        may_mount: false,
        mounts: folder.with_extension("mounts"),
        patience,
        bus,
        clock: Arc::new(SystemClock::default()),
    });
    (card.unwrap(), news)
}

/// The next news that says this.
fn told(news: &mut Subscription, state: CardState) -> CardStatus {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        match news.try_recv() {
            Ok(event) => {
                if let EventKind::Card(card) = &event.kind
                    && card.state == state
                {
                    return (**card).clone();
                }
            }
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    panic!("the card never was {state:?}")
}

#[test]
fn without_a_slot_nothing_is_started() {
    let (bus, clock) = (EventBus::default(), Arc::new(SystemClock::default()));
    let card = LinuxCard::start(CardParts {
        slot: CardSlot::Off,
        may_mount: true,
        mounts: "/nowhere".into(),
        patience: CARD_PATIENCE,
        bus,
        clock,
    });
    let card = card.unwrap();
    assert_eq!(card.status().state, CardState::NoSlot);
    assert!(card.watcher.lock().is_none());
    assert!(matches!(card.format(), Err(Error::Unsupported(_))));
    assert!(matches!(
        card.read("platecam/x"),
        Err(Error::Unsupported(_))
    ));
}

/// GEN-12: a card comes, goes and comes back; what was on it is on it.
#[test]
fn a_card_comes_and_goes_while_it_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let (path, pulled) = (dir.path().join("card"), dir.path().join("pulled"));
    let (card, mut news) = slot(&path, CARD_PATIENCE);
    assert_eq!(card.status().state, CardState::Absent);
    assert!(!card.status().fails(), "an empty slot is no failure");
    fs::create_dir(&path).unwrap();
    let first = told(&mut news, CardState::Ready);
    assert!(first.total > 0 && first.free <= first.total && first.id.is_some());
    card.write("platecam/PC1/1.jpg", Bytes::from_static(b"one"))
        .unwrap();

    fs::rename(&path, &pulled).unwrap();
    let gone = told(&mut news, CardState::Absent);
    assert!(gone.fails() && gone.id.is_none());
    assert!(card.write("platecam/PC1/2.jpg", Bytes::new()).is_err());
    assert!(card.read("platecam/PC1/1.jpg").is_err());

    fs::create_dir(&path).unwrap();
    let other = told(&mut news, CardState::Ready);
    assert_ne!(other.id, first.id, "another card");
    assert!(matches!(
        card.read("platecam/PC1/1.jpg"),
        Err(Error::NotFound { .. })
    ));
    fs::rename(&path, dir.path().join("other")).unwrap();
    told(&mut news, CardState::Absent);
    fs::rename(&pulled, &path).unwrap();
    let back = told(&mut news, CardState::Ready);
    assert_eq!((&back.id, back.insertions), (&first.id, 3));
    assert_eq!(card.read("platecam/PC1/1.jpg").unwrap(), "one");

    card.format().unwrap();
    let new = told(&mut news, CardState::Ready);
    assert!(new.id.is_some() && new.id != first.id);
    assert!(card.read("platecam/PC1/1.jpg").is_err(), "formatted");
}

/// GEN-12: a card that hangs holds up nobody for long, and nothing that was given up stays on it.
#[test]
fn a_card_that_hangs_is_given_up_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("card");
    fs::create_dir(&path).unwrap();
    let (card, mut news) = slot(&path, Duration::from_millis(100));
    told(&mut news, CardState::Ready);
    let (free, hangs) = channel::<()>();
    let (undone, was_undone) = channel();
    let hung = card.shared.ask(
        move |_| {
            let _ = hangs.recv();
            Ok(())
        },
        move |_| {
            let _ = undone.send(());
        },
    );
    assert!(matches!(hung, Err(Error::Internal { .. })), "{hung:?}");
    let failed = told(&mut news, CardState::Failed);
    assert_eq!(failed.error.as_deref(), Some("it does not answer"));
    for _ in 0..3 * QUEUE {
        // Refused at once: a queue that fills up would show here.
        assert!(card.write("platecam/PC1/1.jpg", Bytes::new()).is_err());
        assert!(card.read("platecam/PC1/1.jpg").is_err());
    }
    assert!(card.format().is_err());
    drop(free);
    told(&mut news, CardState::Ready);
    was_undone.recv().unwrap();
    card.write("platecam/PC1/1.jpg", Bytes::from_static(b"x"))
        .unwrap();
}
