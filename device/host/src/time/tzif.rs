//! TZif files (RFC 8536): the zone at their end, and the smallest file for a zone.

use platecam_model::time::PosixTz;

/// The POSIX zone at the end of a file of version 2 or later (section 3.3).
pub(super) fn footer(tzif: &[u8]) -> Option<PosixTz> {
    if !tzif.starts_with(b"TZif") {
        return None;
    }
    let body = tzif.strip_suffix(b"\n")?;
    let start = body.iter().rposition(|b| *b == b'\n')? + 1;
    std::str::from_utf8(&body[start..]).ok()?.parse().ok()
}

/// A file of version 2 in which the footer counts for all times since 1900 (section 3.2, one local time type).
///
/// One transition is needed: without any, the GNU C library (2.36) does not look at the footer.
pub(super) fn file(zone: &PosixTz) -> Vec<u8> {
    let block = |transitions: &[i64]| {
        let mut b = b"TZif2".to_vec();
        b.extend([0; 15]);
        // isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt.
        let name = zone.std_name.as_bytes();
        for count in [0, 0, 0, transitions.len() as u32, 1, name.len() as u32 + 1] {
            b.extend(count.to_be_bytes());
        }
        b.extend(transitions.iter().flat_map(|t| t.to_be_bytes()));
        b.extend(transitions.iter().map(|_| 0));
        b.extend(zone.std_offset.to_be_bytes());
        b.extend([0, 0]);
        b.extend(name);
        b.push(0);
        b
    };
    const YEAR_1900: i64 = -2_208_988_800;
    let mut out = block(&[]);
    out.extend(block(&[YEAR_1900]));
    out.extend(format!("\n{zone}\n").into_bytes());
    out
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn finds_the_zone_and_survives_garbage() {
        let found = footer(b"TZif2....\nCET-1CEST,M3.5.0,M10.5.0/3\n").unwrap();
        assert_eq!(found.to_string(), "CET-1CEST,M3.5.0,M10.5.0/3");
        for bad in [
            &b""[..],
            b"TZif",
            b"TZif2\n\n",
            b"TZif\n\xFF\n",
            b"nonsense\nUTC0\n",
        ] {
            assert_eq!(footer(bad), None);
        }
    }

    /// The C library follows the file, before and after a change.
    #[test]
    fn the_c_library_reads_our_file() {
        let zone: PosixTz = "EST5EDT,M4.5.6/0,M11.1.0".parse().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("zone");
        std::fs::write(&path, file(&zone)).unwrap();
        assert_eq!(footer(&file(&zone)), Some(zone));
        for (at, want) in [
            ("2026-01-15T12:00:00Z", "07:00 -0500"),
            ("2026-07-15T12:00:00Z", "08:00 -0400"),
        ] {
            let out = Command::new("date")
                .env("TZ", format!(":{}", path.display()))
                .args(["-d", at, "+%H:%M %z"])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&out.stdout).trim(), want);
        }
    }
}
