//! Request URIs: stream, track and the base that control URLs are built on.

use crate::source::StreamUrl;

/// Name of the track suffix in control URLs.
const TRACK: &str = "trackID=";

/// A request URI taken apart.
///
/// Control URLs of this server are absolute: the client's own base, `/trackID=N` at the very end, after
/// the query. ffmpeg, GStreamer, live555 and retina use absolute ones unchanged. Clients that put the
/// suffix on the path, before the query, are understood as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestUrl {
    /// `scheme://host:port`, without credentials; empty when the request had a bare path.
    pub(crate) authority: String,
    pub(crate) stream: StreamUrl,
    pub(crate) track: Option<usize>,
}

impl RequestUrl {
    /// Takes `uri` apart; `None` for `*` and for what is no URL.
    pub(crate) fn parse(uri: &str) -> Option<RequestUrl> {
        let (authority, rest) = match uri.split_once("://") {
            Some((scheme, rest)) => {
                let known = scheme
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
                if !known || scheme.is_empty() {
                    return None;
                }
                let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
                let (host, rest) = rest.split_at(end);
                // Credentials in a URL are the client's own business; they never come back.
                let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
                if host.is_empty() {
                    return None;
                }
                (format!("{}://{host}", scheme.to_ascii_lowercase()), rest)
            }
            None if uri.starts_with('/') => (String::new(), uri),
            None => return None,
        };
        let rest = rest.split('#').next().unwrap_or("");
        let (rest, track) = split_track(rest);
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let (path, track_in_path) = split_track(path);
        let path = if path.is_empty() { "/" } else { path };
        Some(RequestUrl {
            authority,
            stream: StreamUrl {
                path: path.to_owned(),
                query: query.map(str::to_owned),
            },
            track: track.or(track_in_path),
        })
    }

    /// URL of the whole stream as the client wrote it; `host` stands in when it wrote only a path.
    pub(crate) fn base(&self, host: &str) -> String {
        if self.authority.is_empty() {
            format!("rtsp://{host}{}", self.stream)
        } else {
            format!("{}{}", self.authority, self.stream)
        }
    }
}

/// URL of one track below a base.
pub(crate) fn control(base: &str, track: usize) -> String {
    format!("{}/{TRACK}{track}", base.trim_end_matches('/'))
}

/// Cuts `/trackID=N` and slashes off the end.
fn split_track(text: &str) -> (&str, Option<usize>) {
    let text = text.trim_end_matches('/');
    if let Some((base, last)) = text.rsplit_once('/') {
        let named = last.len() > TRACK.len() && last.is_char_boundary(TRACK.len());
        if named && last[..TRACK.len()].eq_ignore_ascii_case(TRACK) {
            let digits = &last[TRACK.len()..];
            if digits.bytes().all(|byte| byte.is_ascii_digit())
                && let Ok(track) = digits.parse()
            {
                return (base.trim_end_matches('/'), Some(track));
            }
        }
    }
    (text, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses() {
        let check =
            |uri: &str, authority: &str, path: &str, query: Option<&str>, track: Option<usize>| {
                let url = RequestUrl::parse(uri).unwrap_or_else(|| panic!("{uri}"));
                assert_eq!(url.authority, authority, "{uri}");
                assert_eq!(
                    (url.stream.path.as_str(), url.stream.query.as_deref()),
                    (path, query),
                    "{uri}"
                );
                assert_eq!(url.track, track, "{uri}");
            };
        let live = "/video/livemedia";
        let query = Some("Ch=1&Streamtype=0");
        // strict (NET-19)
        check(
            "rtsp://cam:8554/video/livemedia?Ch=1&Streamtype=0",
            "rtsp://cam:8554",
            live,
            query,
            None,
        );
        check(
            "rtsp://cam/video/livemedia?Ch=1&Streamtype=0/trackID=1",
            "rtsp://cam",
            live,
            query,
            Some(1),
        );
        check(
            "rtsps://[fe80::1]:322/p",
            "rtsps://[fe80::1]:322",
            "/p",
            None,
            None,
        );
        // tolerated: trailing slashes, suffix on the path, credentials (NET-22), bare paths, case
        check(
            "rtsp://cam/video/livemedia?Ch=1&Streamtype=0/",
            "rtsp://cam",
            live,
            query,
            None,
        );
        check(
            "rtsp://cam/video/livemedia/trackID=0?Ch=1&Streamtype=0",
            "rtsp://cam",
            live,
            query,
            Some(0),
        );
        check(
            "rtsp://cam/video/livemedia/?Ch=1&Streamtype=0/trackid=0/",
            "rtsp://cam",
            live,
            query,
            Some(0),
        );
        check(
            "rtsp://bob:p@ss@cam/p/trackID=7",
            "rtsp://cam",
            "/p",
            None,
            Some(7),
        );
        check("/p?x", "", "/p", Some("x"), None);
        check("RTSP://cam", "rtsp://cam", "/", None, None);
        check("rtsp://cam?x=1", "rtsp://cam", "/", Some("x=1"), None);
        check("rtsp://cam/p#f", "rtsp://cam", "/p", None, None);
        // not a track
        check("rtsp://cam/trackID=", "rtsp://cam", "/trackID=", None, None);
        check(
            "rtsp://cam/trackID=x1",
            "rtsp://cam",
            "/trackID=x1",
            None,
            None,
        );
        check(
            "rtsp://cam/trackID=99999999999999999999",
            "rtsp://cam",
            "/trackID=99999999999999999999",
            None,
            None,
        );
        check(
            "rtsp://cam/é…trackID",
            "rtsp://cam",
            "/é…trackID",
            None,
            None,
        );
        // refused
        for uri in [
            "*",
            "",
            "cam/p",
            "rtsp://",
            "rtsp:///p",
            "://cam/p",
            "r tsp://cam/p",
            "rtsp://bob@/p",
        ] {
            assert_eq!(RequestUrl::parse(uri), None, "{uri}");
        }
    }

    #[test]
    fn control_joins_back() {
        let url =
            RequestUrl::parse("rtsp://bob:x@cam:554/video/livemedia?Ch=1&Streamtype=0/").unwrap();
        let base = url.base("ignored");
        assert_eq!(base, "rtsp://cam:554/video/livemedia?Ch=1&Streamtype=0");
        let track = RequestUrl::parse(&control(&base, 3)).unwrap();
        assert_eq!((&track.stream, track.track), (&url.stream, Some(3)));
        assert_eq!(
            RequestUrl::parse("/p").unwrap().base("10.0.0.1:554"),
            "rtsp://10.0.0.1:554/p"
        );
    }
}
