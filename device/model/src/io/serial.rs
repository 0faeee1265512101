//! Bytes over the serial ports (HW-4, GEN-23).

use crate::{
    Actor, Device, Error, LogKind, Permission, Result,
    ports::{SerialAnswer, SerialKind},
    product::Limit,
    settings::{SerialLines, SerialSettings},
};

/// Most bytes that are sent at once, and that come back.
pub const MAX_SERIAL: usize = 4096;
/// Longest wait for an answer.
pub const MAX_SERIAL_WAIT: std::time::Duration = std::time::Duration::from_secs(60);

/// The part of what came that is the answer, where it is whole; otherwise all of it.
pub fn whole<'a>(came: &'a [u8], answer: &SerialAnswer) -> &'a [u8] {
    let end = end(came, answer).unwrap_or(came.len());
    &came[..end.min(MAX_SERIAL)]
}

/// Where the answer ends in what came.
pub fn end(came: &[u8], answer: &SerialAnswer) -> Option<usize> {
    let by_length = answer.length.filter(|n| came.len() >= *n);
    let mark = &answer.delimiter;
    let by_mark = (!mark.is_empty())
        .then(|| came.windows(mark.len()).position(|w| w == mark))
        .flatten();
    let by_mark = by_mark.map(|at| at + mark.len());
    match (by_length, by_mark) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

impl Device {
    /// The serial ports with their settings, in their order.
    pub fn serial_ports(&self) -> Vec<(SerialKind, SerialSettings)> {
        let settings = self.settings.get::<SerialLines>();
        let most = self.product().limit(Limit::SerialPorts) as usize;
        let kinds = self.host.serial.kinds().into_iter();
        kinds
            .take(most)
            .zip(settings.ports().map(Clone::clone))
            .collect()
    }

    /// Sends bytes to what is connected to a port and takes what it answers; waits.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Invalid`], [`Error::Exhausted`], [`Error::Internal`].
    pub fn exchange_serial(
        &self,
        by: &Actor,
        index: usize,
        send: &[u8],
        answer: &SerialAnswer,
    ) -> Result<Vec<u8>> {
        // What is connected may be a barrier.
        by.require(Permission::BarrierControl)?;
        let ports = self.serial_ports();
        let port = ports.get(index);
        let (_, settings) =
            port.ok_or_else(|| Error::not_found("serial port", (index + 1).to_string()))?;
        for (pointer, n) in [
            ("/data", send.len()),
            ("/length", answer.length.unwrap_or(0)),
            ("/delimiter", answer.delimiter.len()),
        ] {
            if n > MAX_SERIAL {
                let why = format!("are too many bytes; at most {MAX_SERIAL}");
                return Err(Error::invalid(pointer, n, why));
            }
        }
        if answer.within > MAX_SERIAL_WAIT {
            let why = format!("is too long; at most {} s", MAX_SERIAL_WAIT.as_secs());
            return Err(Error::invalid("/within", answer.within.as_secs(), why));
        }
        let what = format!("{} bytes sent to serial port {}.", send.len(), index + 1);
        self.audit(LogKind::System, by, what);
        self.host.serial.exchange(index, settings, send, answer)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Origin, testing::initialised};

    #[test]
    fn an_answer_ends_by_length_or_delimiter() {
        let answer = |length, delimiter: &[u8]| SerialAnswer {
            within: Duration::ZERO,
            length,
            delimiter: delimiter.to_vec(),
        };
        for (length, delimiter, came, expect) in [
            (None, &b""[..], &b"abc"[..], None),
            (Some(2), b"", b"abc", Some(2)),
            (Some(4), b"", b"abc", None),
            (None, b"\r\n", b"a\r\nb", Some(3)),
            (None, b"\r\n", b"a\rb\n", None),
            (Some(2), b"c", b"abc", Some(2)),
            (Some(9), b"b", b"abc", Some(2)),
        ] {
            let answer = answer(length, delimiter);
            assert_eq!(end(came, &answer), expect, "{answer:?}");
        }
        assert_eq!(whole(b"a;b", &answer(None, b";")), b"a;");
        assert_eq!(whole(b"ab", &answer(None, b";")), b"ab");
    }

    /// HW-4: bounded, for those who may drive a barrier, and in the log without the bytes.
    #[test]
    fn exchanges_are_bounded() {
        let t = initialised();
        let by = Actor::system();
        let answer = |within, length| SerialAnswer {
            within: Duration::from_secs(within),
            length,
            delimiter: Vec::new(),
        };
        let mut events = t.device.bus.subscribe();
        let send = |by: &Actor, index, bytes: &[u8], answer| {
            t.device.exchange_serial(by, index, bytes, &answer)
        };
        assert_eq!(send(&by, 0, b"open", answer(1, None)).unwrap(), b"open");
        let told = events.try_recv().unwrap();
        let text = format!("{:?}", told.kind);
        assert!(text.contains("4 bytes sent to serial port 1"), "{text}");
        let nobody = Actor::anonymous(Origin::Web, None);
        let refused = send(&nobody, 0, b"", answer(1, None));
        assert!(matches!(refused, Err(Error::Forbidden(_))));
        let missing = send(&by, 2, b"", answer(1, None));
        assert!(matches!(missing, Err(Error::NotFound { .. })));
        let long = vec![0; MAX_SERIAL + 1];
        for refused in [
            send(&by, 0, &long, answer(1, None)),
            send(&by, 0, b"", answer(61, None)),
            send(&by, 0, b"", answer(1, Some(MAX_SERIAL + 1))),
        ] {
            assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
        }
    }
}
