//! The right to upload one file, once.

use std::time::Duration;

use parking_lot::Mutex;
use platecam_model::{Actor, Error, Result};

/// An upload address is good for so long.
const GOOD_FOR: Duration = Duration::from_secs(300);

/// One upload address at a time: a later one makes the earlier void. Whoever has the address acts for who asked for it.
#[derive(Debug, Default)]
pub(crate) struct Tickets(Mutex<Option<Ticket>>);

#[derive(Debug)]
struct Ticket {
    word: String,
    by: Actor,
    /// Monotonic time.
    until: Duration,
}

impl Tickets {
    /// The last part of the upload address for `by`, 64 signs.
    ///
    /// # Errors
    /// [`Error::Internal`] without random numbers.
    pub(crate) fn issue(&self, by: &Actor, now: Duration) -> Result<String> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(Error::internal)?;
        let word: String = random.iter().map(|b| format!("{b:02x}")).collect();
        *self.0.lock() = Some(Ticket {
            word: word.clone(),
            by: by.clone(),
            until: now + GOOD_FOR,
        });
        Ok(word)
    }

    /// Whose address ends with `word`, while its time is not over. A wrong word uses the ticket up as well: nobody
    /// gets to try many.
    pub(crate) fn redeem(&self, word: &str, now: Duration) -> Option<Actor> {
        let ticket = self.0.lock().take()?;
        (ticket.word == word && now < ticket.until).then_some(ticket.by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_good_once_and_for_a_while() {
        let (tickets, by) = (Tickets::default(), Actor::system());
        let at = Duration::from_secs(1000);
        let first = tickets.issue(&by, at).unwrap();
        assert_eq!(first.len(), 64);
        assert!(tickets.redeem(&first, at).is_some());
        assert!(tickets.redeem(&first, at).is_none(), "once");
        let old = tickets.issue(&by, at).unwrap();
        let new = tickets.issue(&by, at).unwrap();
        assert!(tickets.redeem(&old, at).is_none());
        assert!(
            tickets.redeem(&new, at).is_none(),
            "a wrong word uses it up"
        );
        let late = tickets.issue(&by, at).unwrap();
        assert!(tickets.redeem(&late, at + GOOD_FOR).is_none());
    }
}
