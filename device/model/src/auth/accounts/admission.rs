//! Who may connect at all, by address (SEC-12).

use std::{collections::HashMap, net::IpAddr, time::Duration};

use super::Accounts;
use crate::{Actor, AuditEvent, EventKind, LogKind, Origin, settings::AccessFilter};

/// An address is told of once in this time.
const QUIET: Duration = Duration::from_secs(600);
/// Addresses told of in that time; more are only counted.
const MOST: usize = 32;

/// Refused connections since they were last told of, by address.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    by_peer: HashMap<IpAddr, Refused>,
    /// Of addresses beyond [`MOST`].
    uncounted: u64,
}

#[derive(Debug)]
struct Refused {
    told: Duration,
    more: u64,
}

impl Refusals {
    /// Counts a refusal; the sentence when it is to be told.
    fn note(&mut self, peer: IpAddr, now: Duration) -> Option<String> {
        if let Some(known) = self.by_peer.get_mut(&peer)
            && now.saturating_sub(known.told) < QUIET
        {
            known.more += 1;
            return None;
        }
        let more = self.by_peer.remove(&peer).map_or(0, |r| r.more);
        self.by_peer
            .retain(|_, r| now.saturating_sub(r.told) < QUIET);
        if self.by_peer.len() >= MOST {
            self.uncounted += 1;
            return None;
        }
        let others = std::mem::take(&mut self.uncounted);
        self.by_peer.insert(peer, Refused { told: now, more: 0 });
        let mut text = "Connection refused by the access filter".to_owned();
        if more > 0 {
            text += &format!("; {more} more since the last entry");
        }
        if others > 0 {
            text += &format!("; {others} of other addresses not told one by one");
        }
        Some(text + ".")
    }
}

impl Accounts {
    /// Whether somebody at `peer` may connect by `origin` (SEC-12). A refusal is in the log, but an address that
    /// goes on trying is there once in ten minutes, with the number of its attempts.
    pub fn admits(&self, peer: IpAddr, origin: Origin) -> bool {
        if self.settings.get::<AccessFilter>().admits(peer) {
            return true;
        }
        let peer = peer.to_canonical();
        let told = self.refusals.lock().note(peer, self.clock.monotonic());
        if let Some(what) = told {
            let actor = Actor::anonymous(origin, Some(peer));
            let kind = LogKind::Login;
            let audit = AuditEvent { kind, actor, what };
            self.bus.publish(self.clock.now(), EventKind::Audit(audit));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::initialised;

    fn address(n: usize) -> IpAddr {
        let n = u32::try_from(n).unwrap();
        IpAddr::from((0x0a00_0000 + n).to_be_bytes())
    }

    /// SEC-12: the filter counts at once, and a flood does not fill the log.
    #[test]
    fn refusals_are_told_once_and_counted() {
        let t = initialised();
        let (accounts, peer) = (&t.device.accounts, address(1));
        assert!(accounts.admits(peer, Origin::Web));
        let deny = json!({"mode": "deny", "addresses": ["10.0.0.0/8"]});
        let settings = &t.device.settings;
        settings
            .patch("security.access_filter", &deny, None, &Actor::system())
            .unwrap();
        let mut events = t.device.bus.subscribe();
        let mut told = move || {
            let mut all = Vec::new();
            while let Ok(e) = events.try_recv() {
                if let EventKind::Audit(a) = &e.kind {
                    all.push((a.actor.peer.unwrap(), a.what.clone()));
                }
            }
            all
        };
        for _ in 0..5 {
            assert!(!accounts.admits(peer, Origin::Rtsp));
            let mapped = "::ffff:10.0.0.1".parse().unwrap();
            assert!(!accounts.admits(mapped, Origin::Web));
        }
        let one = (peer, "Connection refused by the access filter.".to_owned());
        assert_eq!(told(), [one]);
        t.clock.advance(QUIET);
        assert!(!accounts.admits(peer, Origin::Web));
        assert!(told()[0].1.contains("9 more since"), "counted");
        for n in 2..500 {
            assert!(!accounts.admits(address(n), Origin::Web));
        }
        assert_eq!(told().len(), MOST - 1);
        t.clock.advance(QUIET);
        assert!(!accounts.admits(address(900), Origin::Web));
        assert!(told()[0].1.contains("467 of other addresses"));
        let off = json!({"mode": "off"});
        settings
            .patch("security.access_filter", &off, None, &Actor::system())
            .unwrap();
        assert!(accounts.admits(peer, Origin::Web));
    }
}
