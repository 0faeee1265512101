//! The `Transport` header (RFC 2326 §12.39), as clients really write it.

/// Lower transport of one offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lower {
    /// RTP/AVP or RTP/AVP/UDP.
    Udp,
    /// RTP/AVP/TCP, interleaved.
    Tcp,
}

/// One offer of a client that RTP over this server could take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TransportSpec {
    pub(crate) lower: Lower,
    pub(crate) multicast: bool,
    /// RTP and RTCP port of the client.
    pub(crate) client_port: Option<(u16, u16)>,
    /// RTP and RTCP channel.
    pub(crate) interleaved: Option<(u8, u8)>,
}

/// The offers in `headers` that can be read, in the client's order. Others (RTP/SAVP, RAW, recording) are
/// left out, and so are parameters nobody needs. `destination` is ignored on purpose: media goes to the
/// address the request came from and nowhere else.
pub(crate) fn parse_transports<'a>(headers: impl Iterator<Item = &'a str>) -> Vec<TransportSpec> {
    headers
        .flat_map(|value| value.split(','))
        .filter_map(parse_one)
        .take(16)
        .collect()
}

fn parse_one(text: &str) -> Option<TransportSpec> {
    let mut parts = text.split(';').map(str::trim);
    let lower = match parts.next()?.to_ascii_uppercase().as_str() {
        "RTP/AVP" | "RTP/AVP/UDP" => Lower::Udp,
        "RTP/AVP/TCP" => Lower::Tcp,
        _ => return None,
    };
    // No `unicast` means multicast to the RFC; clients that leave it out mean unicast.
    let mut spec = TransportSpec {
        lower,
        multicast: false,
        client_port: None,
        interleaved: None,
    };
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "multicast" => spec.multicast = true,
            "client_port" => spec.client_port = Some(pair(value)?),
            "interleaved" => spec.interleaved = Some(pair(value)?),
            "mode" if !value.trim().trim_matches('"').eq_ignore_ascii_case("play") => return None,
            _ => {}
        }
    }
    Some(spec)
}

/// `a-b`, or `a` alone for a and its successor.
fn pair<T>(text: &str) -> Option<(T, T)>
where
    T: std::str::FromStr + TryFrom<u32> + Copy,
    u32: From<T>,
{
    match text.split_once('-') {
        Some((first, second)) => Some((first.trim().parse().ok()?, second.trim().parse().ok()?)),
        None => {
            let first: T = text.trim().parse().ok()?;
            Some((first, T::try_from(u32::from(first) + 1).ok()?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_offers() {
        let udp = |ports| TransportSpec {
            lower: Lower::Udp,
            multicast: false,
            client_port: ports,
            interleaved: None,
        };
        let tcp = |channels| TransportSpec {
            lower: Lower::Tcp,
            multicast: false,
            client_port: None,
            interleaved: channels,
        };
        let check = |text: &str, expect: &[TransportSpec]| {
            assert_eq!(parse_transports([text].into_iter()), expect, "{text}");
        };
        // strict
        check(
            "RTP/AVP;unicast;client_port=5000-5001",
            &[udp(Some((5000, 5001)))],
        );
        check("RTP/AVP/TCP;unicast;interleaved=0-1", &[tcp(Some((0, 1)))]);
        check(
            "RTP/AVP/UDP;unicast;client_port=5000-5001;mode=\"PLAY\",RTP/AVP/TCP;unicast;interleaved=2-3",
            &[udp(Some((5000, 5001))), tcp(Some((2, 3)))],
        );
        check(
            "RTP/AVP;multicast",
            &[TransportSpec {
                multicast: true,
                ..udp(None)
            }],
        );
        // tolerated
        check(" rtp/avp/tcp ; Interleaved = 4 - 5 ", &[tcp(Some((4, 5)))]);
        check("RTP/AVP;client_port=5000", &[udp(Some((5000, 5001)))]);
        check("RTP/AVP/TCP;unicast", &[tcp(None)]);
        check(
            "RTP/AVP/TCP;unicast;mode=play;ssrc=1;destination=10.0.0.1",
            &[tcp(None)],
        );
        // refused
        check("RTP/SAVP;unicast;client_port=1-2", &[]);
        check("RTP/AVP;unicast;client_port=5000-70000", &[]);
        check("RTP/AVP/TCP;interleaved=255", &[]);
        check("RTP/AVP/TCP;interleaved=256-257", &[]);
        check("RTP/AVP;unicast;mode=record", &[]);
        check("", &[]);
        check(",;,", &[]);
    }
}
