//! Rounds: one task gives each frame of a stream to many viewers, as far as their sockets take it without waiting.
//!
//! A viewer's own task lends its [`Player`] to a round once it has caught up with the stream, and sleeps. It gets the
//! player back when the socket is full, when a frame needs pauses, at the end of the stream, or when it has something
//! of its own to send. So nobody is waited for, and waking a task for each viewer and frame is not paid for.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Shared;
use super::player::{Exit, Player, Rest};
use super::session::{REPORT_INTERVAL, Session, report_due};
use crate::stream::{Next, Stream};

/// Viewers of one round: few enough that one pass is short, and that a large audience takes all cores.
const SEATS: usize = 32;

/// A viewer in a round.
struct Lane {
    exit: Exit,
    lent: Mutex<Lent>,
    /// Told when the player is to be fetched.
    back: Notify,
}

#[derive(Default)]
struct Lent {
    player: Option<Box<Player>>,
    rest: Option<Rest>,
    /// Its own task must go on; the round leaves it alone.
    over: bool,
}

impl Lane {
    fn serve(&self) {
        let mut lent = self.lent.lock();
        if lent.over {
            return;
        }
        if let Some(rest) = lent.player.as_mut().and_then(|it| it.turn(&self.exit)) {
            lent.rest = rest;
            lent.over = true;
            drop(lent);
            self.back.notify_one();
        }
    }
}

/// The viewers that one task serves.
struct Round {
    lanes: Mutex<Vec<Arc<Lane>>>,
    _stop: DropGuard,
}

impl Round {
    /// False when the round is full.
    fn add(&self, lane: &Arc<Lane>) -> bool {
        let mut lanes = self.lanes.lock();
        let free = lanes.len() < SEATS;
        if free {
            lanes.push(lane.clone());
        }
        free
    }

    async fn run(
        round: Weak<Round>,
        mut head: watch::Receiver<u64>,
        stop: CancellationToken,
        server: CancellationToken,
    ) {
        loop {
            head.borrow_and_update();
            let Some(lanes) = round.upgrade().map(|round| round.lanes.lock().clone()) else {
                return;
            };
            for lane in lanes {
                lane.serve();
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = server.cancelled() => return,
                changed = head.changed() => if changed.is_err() {
                    return;
                },
            }
        }
    }
}

/// All rounds, by number of their stream.
#[derive(Default)]
pub(crate) struct Rounds(Mutex<HashMap<u64, Vec<Weak<Round>>>>);

impl Rounds {
    fn seat(&self, shared: &Shared, stream: &Stream, exit: Exit) -> Seat {
        let lane = Arc::new(Lane {
            exit,
            lent: Mutex::default(),
            back: Notify::new(),
        });
        let mut all = self.0.lock();
        all.retain(|_, rounds| {
            rounds.retain(|round| round.strong_count() > 0);
            !rounds.is_empty()
        });
        let rounds = all.entry(stream.id()).or_default();
        let open = rounds.iter().filter_map(Weak::upgrade);
        let round = { open }.find(|round| round.add(&lane));
        let round = round.unwrap_or_else(|| {
            let stop = CancellationToken::new();
            let round = Arc::new(Round {
                lanes: Mutex::new(vec![lane.clone()]),
                _stop: stop.clone().drop_guard(),
            });
            let weak = Arc::downgrade(&round);
            rounds.push(weak.clone());
            let running = Round::run(weak, stream.changes(), stop, shared.cancel.clone());
            shared.tasks.spawn(running);
            round
        });
        Seat { round, lane }
    }
}

/// A viewer's place in a round, until it is dropped.
struct Seat {
    round: Arc<Round>,
    lane: Arc<Lane>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut lanes = self.round.lanes.lock();
        lanes.retain(|lane| !Arc::ptr_eq(lane, &self.lane));
    }
}

/// What a viewer's own task has to do.
pub(crate) enum Event {
    /// The round gave the player back: [`Playing::recall`].
    Back,
    /// Send a frame, or end.
    Media(Next),
    /// Sender reports are due.
    Report,
    /// The session is over.
    Ended,
}

/// A session that plays: its player is with its own task, or lent to a round.
pub(crate) struct Playing {
    pub(crate) session: Arc<Session>,
    player: Option<Box<Player>>,
    seat: Option<Seat>,
    report_at: Option<Instant>,
}

impl Playing {
    pub(crate) fn new(player: Box<Player>) -> Self {
        Playing {
            session: player.session.clone(),
            player: Some(player),
            seat: None,
            report_at: None,
        }
    }

    /// The player, unless it is lent.
    pub(crate) fn player(&mut self) -> Option<&mut Player> {
        self.player.as_deref_mut()
    }

    /// True once before the first frame, so that clients know its capture time at once.
    pub(crate) fn is_new(&self) -> bool {
        self.report_at.is_none()
    }

    /// Notes that sender reports go out now.
    pub(crate) fn reports(&mut self) {
        self.report_at = Some(Instant::now() + REPORT_INTERVAL);
    }

    /// Lends the player if nothing is left to be done here first.
    pub(crate) fn lend(&mut self, shared: &Shared, exit: &Exit) {
        let ready = |player: &mut Box<Player>| {
            self.report_at.is_some() && player.takes_frames_as_they_are() && player.caught_up()
        };
        let Some(player) = self.player.take_if(ready) else {
            return;
        };
        let stream = &self.session.stream;
        let seat = { &mut self.seat };
        let seat = seat.get_or_insert_with(|| shared.rounds.seat(shared, stream, exit.clone()));
        {
            let mut lent = seat.lane.lent.lock();
            lent.over = false;
            lent.player = Some(player);
        }
        // What came since it caught up, which the round may have passed already.
        seat.lane.serve();
    }

    /// Takes the player back if it is lent; what is left of a frame must be sent before anything else.
    pub(crate) fn recall(&mut self) -> Option<Rest> {
        let mut lent = self.seat.as_ref()?.lane.lent.lock();
        let player = lent.player.take()?;
        self.player = Some(player);
        lent.rest.take()
    }

    /// What comes next.
    pub(crate) async fn next(&mut self) -> Event {
        let seat = self.seat.as_ref();
        let player = self.player.as_deref_mut();
        let media = async move {
            match (player, seat) {
                (Some(player), _) => Event::Media(player.next().await),
                (None, Some(seat)) => {
                    seat.lane.back.notified().await;
                    Event::Back
                }
                (None, None) => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.session.cancel.cancelled() => Event::Ended,
            () = report_due(self.report_at) => Event::Report,
            event = media => event,
        }
    }
}
