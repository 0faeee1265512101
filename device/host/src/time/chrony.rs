//! What chrony is told and what it says. Pure: texts in, texts out.

use platecam_model::{
    UtcTime,
    ports::{NtpPlan, NtpStatus},
};

/// A source as `chronyc -c -N sources` lists it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Source {
    /// `*` selected, `+` combined, `-` not combined, `?` unusable, `x` may be wrong, `~` too variable.
    pub(super) state: char,
    /// Name as configured.
    pub(super) name: String,
    /// Of the last eight questions, those answered, as bits.
    pub(super) reach: u8,
}

/// The poll interval nearest to `minutes`, as a power of two seconds (SYS-14): 6 (64 s) to 22 (48 days).
pub(super) fn poll_exponent(minutes: u16) -> u8 {
    let seconds = f64::from(minutes.max(1)) * 60.0;
    // 2^5.9 to 2^21.9: within u8.
    seconds.log2().round() as u8
}

/// The file of sources for a plan; empty without one.
pub(super) fn sources_file(plan: Option<&NtpPlan>) -> String {
    let mut out = "# Written by platecam; changes are overwritten.\n".to_owned();
    let Some(plan) = plan else { return out };
    let poll = poll_exponent(plan.update_minutes);
    for (i, server) in plan.servers.iter().enumerate() {
        let prefer = if i == 0 { " prefer" } else { "" };
        let port = plan.port;
        out +=
            &format!("server {server} port {port} minpoll {poll} maxpoll {poll} iburst{prefer}\n");
    }
    out
}

/// Reads `chronyc -c -N sources`; lines it does not understand are left out.
pub(super) fn sources(csv: &str) -> Vec<Source> {
    let source = |line: &str| {
        let c: Vec<_> = line.split(',').collect();
        Some(Source {
            state: c.get(1)?.chars().next()?,
            name: (*c.get(2)?).to_owned(),
            reach: u8::from_str_radix(c.get(5)?, 8).ok()?,
        })
    };
    csv.lines().filter_map(source).collect()
}

/// The truth about synchronisation: `tracking` is `chronyc -c tracking`, `sources` its list. chrony goes on
/// calling itself synchronised after its server is gone: here only a server that answers counts.
pub(super) fn status(tracking: &str, all: &[Source], wanted: Option<&NtpPlan>) -> NtpStatus {
    let c: Vec<_> = tracking.trim().split(',').collect();
    let number = |i: usize| c.get(i).and_then(|t| t.parse::<f64>().ok());
    let ms = |i: usize| number(i).map(|s| (s * 1e6).round() / 1e3);
    let normal = c.get(13).is_some_and(|leap| *leap != "Not synchronised");
    let reference = number(3).filter(|s| *s > 0.0);
    let selected = all.iter().find(|s| s.state == '*' && s.reach != 0);
    let ours = |s: &&Source| wanted.is_some_and(|p| p.servers.contains(&s.name));
    let synchronised = normal && selected.filter(ours).is_some();
    NtpStatus {
        running: true,
        synchronised,
        source: selected.map(|s| s.name.clone()),
        stratum: number(2).filter(|_| synchronised).map(|n| n as u8),
        last_sync: reference.map(|s| UtcTime::from_micros((s * 1e6) as i64)),
        offset_ms: ms(5).filter(|_| reference.is_some()),
        remaining_ms: ms(4).filter(|_| reference.is_some()),
        error: (!synchronised).then(|| problem(all, wanted)),
    }
}

fn problem(all: &[Source], wanted: Option<&NtpPlan>) -> String {
    let Some(plan) = wanted else {
        return "NTP is switched off".into();
    };
    let ours: Vec<_> = all
        .iter()
        .filter(|s| plan.servers.contains(&s.name))
        .collect();
    let servers = plan.servers.join(", ");
    if ours.is_empty() {
        // chrony lists a server only once its name was resolved.
        format!("{servers}: the name has no address yet")
    } else if ours.iter().all(|s| s.reach == 0) {
        format!("no answer from {servers}")
    } else if ours.iter().any(|s| s.state == 'x') {
        format!("{servers}: the servers do not agree")
    } else {
        format!("{servers}: answers are not trusted yet")
    }
}

/// Sources that somebody else configured: the machine's own pool, which must not set the clock as well.
pub(super) fn strangers<'a>(all: &'a [Source], plan: Option<&NtpPlan>) -> Vec<&'a str> {
    let ours = |name: &String| plan.is_some_and(|p| p.servers.contains(name));
    all.iter()
        .filter(|s| !ours(&s.name))
        .map(|s| s.name.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(servers: &[&str]) -> NtpPlan {
        NtpPlan {
            servers: servers.iter().map(|s| (*s).to_owned()).collect(),
            port: 123,
            update_minutes: 1440,
        }
    }

    const NOT_YET: &str = "00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised\n";
    const GOOD: &str = "7F000001,127.0.0.1,6,1795694509.389225729,-0.000016553,0.012014138,0.000014138,3.098,0.000,177.677,0.000031593,0.000242307,0.0,Normal\n";

    /// SYS-14.
    #[test]
    fn cycles_become_powers_of_two() {
        for (minutes, want) in [
            (1, 6),
            (2, 7),
            (60, 12),
            (1440, 16),
            (10_080, 19),
            (65_535, 22),
        ] {
            assert_eq!(poll_exponent(minutes), want, "{minutes}");
        }
        assert_eq!(
            sources_file(Some(&plan(&["a.example", "2001:db8::1"]))),
            "# Written by platecam; changes are overwritten.\n\
             server a.example port 123 minpoll 16 maxpoll 16 iburst prefer\n\
             server 2001:db8::1 port 123 minpoll 16 maxpoll 16 iburst\n"
        );
        assert!(!sources_file(None).contains("server"));
    }

    /// SYS-13, SYS-17: never synchronised by a server that is gone or not ours.
    #[test]
    fn the_status_is_the_truth() {
        let p = plan(&["127.0.0.1"]);
        let list = |text: &str| sources(text);
        let answering = list("^,*,127.0.0.1,5,4,7,1,-0.000000459,0.000013679,0.000016121\n");
        let gone = list("^,?,127.0.0.1,0,4,0,4294967295,0.0,0.0,0.0\n");
        let s = status(GOOD, &answering, Some(&p));
        assert!(s.synchronised && s.running);
        assert_eq!(
            (s.source.as_deref(), s.stratum, s.offset_ms),
            (Some("127.0.0.1"), Some(6), Some(12.014))
        );
        assert_eq!(s.last_sync.unwrap().as_millis(), 1_795_694_509_389);
        let s = status(GOOD, &gone, Some(&p));
        assert!(!s.synchronised);
        assert_eq!(s.error.as_deref(), Some("no answer from 127.0.0.1"));
        assert!(s.last_sync.is_some(), "the last one stays known");
        let s = status(NOT_YET, &[], Some(&p));
        assert_eq!(
            (s.synchronised, s.last_sync, s.offset_ms),
            (false, None, None)
        );
        assert!(s.error.unwrap().contains("no address"));
        let off = status(GOOD, &answering, None);
        assert!(
            !off.synchronised && off.source.is_some(),
            "somebody else's server is no success of ours"
        );
        let other = plan(&["ntp.example"]);
        assert!(!status(GOOD, &answering, Some(&other)).synchronised);
        assert_eq!(strangers(&answering, Some(&other)), ["127.0.0.1"]);
        assert!(strangers(&answering, Some(&p)).is_empty());
    }

    proptest! {
        #[test]
        fn never_panics(tracking in ".{0,200}", list in "(.|\\n){0,200}") {
            let all = sources(&list);
            let _ = (status(&tracking, &all, None), status(&list, &all, Some(&plan(&["a"]))));
        }
    }
}
