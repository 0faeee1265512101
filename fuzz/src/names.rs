//! Rules for the names of files, and what is put into them (FTP-3, STOR-12, STOR-14).

use lpr_core::{Direction, UtcTime};
use platecam_model::{
    Picture,
    naming::{NameContext, NameRule, Named},
    time::PosixTz,
};

use crate::Target;

/// A rule, and in further lines the plate and the unit's name: what comes out stays in its folder, whatever they are.
pub(crate) fn names() -> Box<dyn Target> {
    let zone: PosixTz = "CET-1CEST,M3.5.0,M10.5.0/3".parse().expect("a zone");
    Box::new(move |input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        let mut lines = text.splitn(3, '\n');
        let mut line = || lines.next().unwrap_or_default();
        let (rule, plate, device) = (line(), line(), line());
        let Ok(rule) = NameRule::parse(rule) else {
            return;
        };
        let cx = NameContext {
            device,
            serial: "PC1",
            zone: &zone,
        };
        let named = Named {
            number: 42,
            event: "lpr",
            at: UtcTime::from_millis(1_795_000_000_123),
            plate,
            direction: Direction::Unknown,
        };
        let full = rule.path(named, Picture::Full, cx);
        assert!((1..=9).contains(&full.len()), "{full:?}");
        for part in &full {
            assert!(part.len() <= 255, "{part}");
            assert!(!matches!(part.as_str(), "" | "." | ".."), "{full:?}");
            let bad = |c: char| c.is_control() || "/\\:*?\"<>|".contains(c);
            assert!(!part.contains(bad), "{part:?}");
        }
        assert!(full.last().is_some_and(|n| n.ends_with(".jpg")), "{full:?}");
        let next = Named {
            number: 43,
            ..named
        };
        for other in [Picture::Plate, Picture::Second] {
            assert_ne!(full, rule.path(named, other, cx));
        }
        assert_ne!(full, rule.path(next, Picture::Full, cx));
    })
}
