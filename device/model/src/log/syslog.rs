//! RFC 5424 messages and their framing (RFC 5425, RFC 6587 octet counting).

use chrono::{DateTime, SecondsFormat, Utc};

use super::LogEntry;

/// Largest datagram: what RFC 5426 section 3.2 says receivers should take.
pub const MAX_UDP: usize = 2048;
/// Largest message over TCP and TLS: what RFC 5425 section 4.3.1 says receivers should take.
pub const MAX_STREAM: usize = 8192;
/// SD-ID of our own elements. 32473 is the number of RFC 5612 for those who have none of their own.
const OWN: &str = "platecam@32473";

/// Who sends, for the header of each message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Host name; characters that are not printable ASCII become `-`.
    pub host: String,
    /// Program.
    pub app: String,
    /// Its version.
    pub version: String,
    /// 0 to 23 (RLOG-2).
    pub facility: u8,
}

/// Writes an entry as one message of at most `most` bytes, at least 512: details that do not fit are
/// left out, then the text is cut.
///
/// `PRI` is facility × 8 + severity, `MSGID` the entry's kind, the time UTC with microseconds; user, address, way in and
/// details are parameters of the element `platecam@32473`, the number is `meta sequenceId`. RFC 5424 section 6.
pub fn message(e: &LogEntry, sender: &Sender, most: usize) -> String {
    let most = most.max(512);
    let pri = u16::from(sender.facility.min(23)) * 8 + u16::from(e.severity.number());
    let at = DateTime::<Utc>::from(e.at).to_rfc3339_opts(SecondsFormat::Micros, true);
    let mut out = format!(
        "<{pri}>1 {at} {} {} {} {} [meta sequenceId=\"{}\"][origin software=\"{}\" swVersion=\"{}\"][{OWN}",
        token(&sender.host, 120),
        token(&sender.app, 48),
        std::process::id(),
        token(e.kind.word(), 32),
        sequence(e.id),
        escaped(&cut(&sender.app, 32)),
        escaped(&cut(&sender.version, 32)),
    );
    let origin = serde_json::to_value(e.origin).ok();
    let own = [
        ("user", e.user.clone()),
        ("address", e.address.map(|a| a.to_string())),
        ("origin", origin.and_then(|o| o.as_str().map(str::to_owned))),
    ];
    let own = own
        .into_iter()
        .filter_map(|(k, v)| Some((k.to_owned(), v?)));
    let details = e.details.iter().map(|(k, v)| (format!("x-{k}"), v.clone()));
    // The text has its half, so that details do not push it out.
    let text_room = text_len(&e.text).min(most / 2);
    for (name, value) in own.chain(details) {
        let param = format!(" {}=\"{}\"", param_name(&name), escaped(&value));
        if out.len() + param.len() + 2 + text_room <= most {
            out.push_str(&param);
        }
    }
    out.push_str("] ");
    if !e.text.is_ascii() {
        // RFC 5424 section 6.4: UTF-8 begins with the byte order mark.
        out.push('\u{FEFF}');
    }
    for c in e.text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if out.len() + c.len_utf8() > most {
            break;
        }
        out.push(c);
    }
    out
}

/// The message with its length in front, for TCP and TLS.
pub fn framed(message: &str) -> Vec<u8> {
    [
        message.len().to_string().as_bytes(),
        b" ",
        message.as_bytes(),
    ]
    .concat()
}

fn text_len(text: &str) -> usize {
    text.len() + 3
}

/// 1 to 2147483647, then again from 1 (RFC 5424 section 7.3.1).
const fn sequence(id: u64) -> u64 {
    id.saturating_sub(1) % 2_147_483_647 + 1
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// Printable ASCII without blanks; `-` for nothing.
fn token(text: &str, most: usize) -> String {
    let printable = |c: char| if c.is_ascii_graphic() { c } else { '-' };
    let token: String = text.chars().take(most).map(printable).collect();
    if token.is_empty() { "-".into() } else { token }
}

/// A PARAM-NAME: printable ASCII without `=`, blank, `]` and `"`, at most 32 characters.
fn param_name(name: &str) -> String {
    let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '=' | ']' | '"');
    let name = name.chars().take(32).map(|c| if fits(c) { c } else { '_' });
    name.collect()
}

/// A PARAM-VALUE: `"`, `\` and `]` with a backslash in front.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '"' | '\\' | ']') {
            out.push('\\');
        }
        out.push(if c.is_control() { ' ' } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::{LogKind, Origin, UtcTime, log::Severity};

    /// A strict reader of RFC 5424 section 6, independent of the writer.
    #[derive(Debug, Default, PartialEq)]
    struct Parsed {
        pri: u16,
        header: Vec<String>,
        elements: Vec<(String, Vec<(String, String)>)>,
        text: String,
    }

    fn parse(message: &str) -> Option<Parsed> {
        let rest = message.strip_prefix('<')?;
        let (pri, rest) = rest.split_once('>')?;
        let mut rest = rest.strip_prefix("1 ")?;
        let mut parsed = Parsed {
            pri: pri.parse().ok().filter(|p| *p <= 191)?,
            ..Parsed::default()
        };
        for most in [32, 255, 48, 128, 32] {
            let (word, after) = rest.split_once(' ')?;
            let fits =
                (1..=most).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_graphic());
            parsed.header.push(fits.then(|| word.to_owned())?);
            rest = after;
        }
        while let Some(element) = rest.strip_prefix('[') {
            let end = element.find([' ', ']'])?;
            let (id, mut params) = element.split_at(end);
            let mut list = Vec::new();
            while let Some(param) = params.strip_prefix(' ') {
                let (name, value) = param.split_once("=\"")?;
                if name.is_empty() || name.len() > 32 || name.contains([' ', ']', '"', '=']) {
                    return None;
                }
                let (mut text, mut chars) = (String::new(), value.char_indices());
                let end = loop {
                    match chars.next()? {
                        (_, '\\') => text.push(chars.next()?.1),
                        (i, '"') => break i + 1,
                        (_, ']') => return None,
                        (_, c) => text.push(c),
                    }
                };
                list.push((name.to_owned(), text));
                params = &value[end..];
            }
            rest = params.strip_prefix(']')?;
            parsed.elements.push((id.to_owned(), list));
        }
        let text = rest.strip_prefix(' ')?;
        parsed.text = text.strip_prefix('\u{FEFF}').unwrap_or(text).to_owned();
        Some(parsed)
    }

    fn entry(text: &str, user: Option<&str>, details: BTreeMap<String, String>) -> LogEntry {
        LogEntry {
            id: 7,
            at: UtcTime::from_millis(1_795_000_000_123),
            kind: LogKind::SaveConfig,
            severity: Severity::Notice,
            user: user.map(str::to_owned),
            address: "2001:db8::7".parse().ok(),
            origin: Origin::Web,
            text: text.into(),
            details,
        }
    }

    fn sender() -> Sender {
        Sender {
            host: "gate 1".into(),
            app: "platecam".into(),
            version: "0.1.0".into(),
            facility: 16,
        }
    }

    #[test]
    fn one_message_to_the_byte() {
        let details = BTreeMap::from([("section".to_owned(), "time".to_owned())]);
        let got = message(
            &entry("Saved.", Some("a\"]\\b"), details),
            &sender(),
            MAX_UDP,
        );
        let pid = std::process::id();
        assert_eq!(
            got,
            format!(
                "<133>1 2026-11-18T11:06:40.123000Z gate-1 platecam {pid} save-config [meta sequenceId=\"7\"]\
                 [origin software=\"platecam\" swVersion=\"0.1.0\"]\
                 [platecam@32473 user=\"a\\\"\\]\\\\b\" address=\"2001:db8::7\" origin=\"web\" x-section=\"time\"] Saved."
            )
        );
        assert_eq!(
            framed("<1>1 ü"),
            "7 <1>1 ü".as_bytes(),
            "octets, not characters"
        );
    }

    #[test]
    fn the_number_stays_in_its_range() {
        assert_eq!(
            (sequence(0), sequence(1), sequence(2_147_483_647)),
            (1, 1, 2_147_483_647)
        );
        assert_eq!(sequence(2_147_483_648), 1);
    }

    proptest! {
        /// RLOG-3, LOG-8: whatever an entry holds, the message is one that others can read, and bounded.
        #[test]
        fn written_then_read_is_the_same(
            text in "\\PC{0,600}", user in proptest::option::of("\\PC{0,80}"),
            details in proptest::collection::btree_map("[a-z]{1,30}", "\\PC{0,300}", 0..8),
            most in prop::sample::select(vec![512, MAX_UDP, MAX_STREAM]),
        ) {
            let e = entry(&text, user.as_deref(), details);
            let got = message(&e, &sender(), most);
            prop_assert!(got.len() <= most, "{} bytes", got.len());
            let p = parse(&got).ok_or_else(|| TestCaseError::fail(format!("unreadable: {got}")))?;
            prop_assert_eq!(p.pri, 16 * 8 + 5);
            prop_assert!(e.text.starts_with(&p.text));
            if most == MAX_STREAM && e.text.len() < 2000 {
                prop_assert_eq!(&p.text, &e.text);
                let own = &p.elements[2].1;
                if let Some(user) = &e.user {
                    prop_assert_eq!(&own[0], &("user".to_owned(), user.clone()));
                }
            }
        }

        #[test]
        fn control_characters_never_get_through(text in "(.|[\\x00-\\x1f\\x7f]){0,60}", host in "(.|\\n){0,10}") {
            let who = Sender { host, ..sender() };
            let got = message(&entry(&text, Some(&text), BTreeMap::new()), &who, MAX_UDP);
            prop_assert!(!got.chars().any(char::is_control));
            prop_assert!(parse(&got).is_some());
        }
    }
}
