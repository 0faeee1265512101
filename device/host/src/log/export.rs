//! Checking an exported audit trail, on any machine.

use std::io::{self, BufRead, Read};

use platecam_model::log::{AuditCheck, TrailEntry};

use super::chain::{self, Hash};

/// Longest line that is read; a real one has a few kilobytes.
const MAX_LINE: u64 = 64 * 1024;

/// Computes the hashes of an export (JSON lines) anew. An export of all entries is one chain; where a filter left
/// entries out, only what is there can be checked, and `problem` says how many gaps there are.
///
/// # Errors
/// When it cannot be read. What is wrong with it is no error.
pub fn check_export(mut lines: impl BufRead) -> io::Result<AuditCheck> {
    let mut check = AuditCheck::default();
    let mut head: Option<(u64, Hash)> = None;
    let mut gaps = 0;
    for number in 1.. {
        let mut line = String::new();
        if lines.by_ref().take(MAX_LINE).read_line(&mut line)? == 0 {
            break;
        }
        let wrong = match read(&line) {
            None => Some("is no entry of an audit trail".to_owned()),
            Some((entry, _, hash)) if entry.hash_of().as_ref() != Some(&hash) => {
                Some(format!("(entry {}) was changed", entry.trail.entry.id))
            }
            Some((entry, prev, hash)) => {
                let id = entry.trail.entry.id;
                let before = head.replace((id, hash));
                check.entries += 1;
                check.first_id.get_or_insert(id);
                check.last_id = Some(id);
                check.head.clone_from(&entry.trail.hash);
                match before {
                    Some((last, _)) if last >= id => Some(format!("(entry {id}) is out of order")),
                    Some((last, known)) if last + 1 == id && known != prev => {
                        Some(format!("(entry {id}) does not continue the chain"))
                    }
                    Some((last, _)) if last + 1 < id => {
                        gaps += 1;
                        None
                    }
                    _ => None,
                }
            }
        };
        if let Some(wrong) = wrong {
            check.problem = Some(format!("line {number} {wrong}"));
            return Ok(check);
        }
    }
    if gaps > 0 {
        check.problem = Some(format!("{gaps} gaps: entries were left out"));
    }
    check.ok = check.problem.is_none();
    Ok(check)
}

struct Line {
    trail: TrailEntry,
    prev: Hash,
}

impl Line {
    fn hash_of(&self) -> Option<Hash> {
        let json = chain::json(&self.trail.entry).ok()?;
        Some(chain::next(&self.prev, &json))
    }
}

fn read(line: &str) -> Option<(Line, Hash, Hash)> {
    let trail: TrailEntry = serde_json::from_str(line).ok()?;
    let (prev, hash) = (bytes(&trail.prev)?, bytes(&trail.hash)?);
    Some((Line { trail, prev }, prev, hash))
}

/// 32 bytes of 64 hexadecimal digits.
fn bytes(hex: &str) -> Option<Hash> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    let mut out = chain::GENESIS;
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(out)
}
