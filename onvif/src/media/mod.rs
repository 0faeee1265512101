//! Media service 1 and 2: profiles, configurations, addresses of streams and snapshots.
//!
//! There is one video source and there are two profiles that cannot be deleted, main and sub; clients
//! may make more. Both versions of the service show the same tokens (interop trap 9).

pub(crate) mod audio;
pub(crate) mod clips;
pub(crate) mod configurations;
mod encoder;
pub(crate) mod loudspeaker;
mod masks;
mod media1;
mod media2;
mod metadata;
mod modes;
mod multicast;
mod osd;
mod profiles;

use platecam_model::{
    Device,
    ports::StreamId,
    product::{Limit, Need},
};

pub(crate) use modes::check_source;

/// Token of the one video source.
pub(crate) const SOURCE: &str = "source_1";
/// Token of its configuration.
pub(crate) const SOURCE_CONFIG: &str = "source_config_1";
/// Token of the metadata configuration.
pub(crate) const METADATA_CONFIG: &str = "metadata_1";
/// Token of the analytics configuration.
pub(crate) const ANALYTICS_CONFIG: &str = "analytics_1";
/// Name of the analytics module, `Source` of metadata frames.
pub(crate) const MODULE: &str = "PlateReader";
/// Namespace of our own types.
pub(crate) const OWN_NS: &str = "urn:platecam:onvif:analytics";

/// The streams of this model (GEN-24).
pub(crate) fn streams(device: &Device) -> &'static [StreamId] {
    let both = Need::AtLeast(Limit::Streams, 2);
    &STREAMS[..if device.meets(Some(both)) { 2 } else { 1 }]
}

/// Both streams.
const STREAMS: [StreamId; 2] = [StreamId::Main, StreamId::Sub];

/// Token of a stream's profile.
pub(crate) const fn profile_token(stream: StreamId) -> &'static str {
    match stream {
        StreamId::Main => "profile_main",
        StreamId::Sub => "profile_sub",
    }
}

/// Token of a stream's encoder configuration.
pub(crate) const fn encoder_token(stream: StreamId) -> &'static str {
    match stream {
        StreamId::Main => "encoder_main",
        StreamId::Sub => "encoder_sub",
    }
}

/// The stream of one of the device's own profiles.
pub(crate) fn profile_stream(token: &str) -> Option<StreamId> {
    STREAMS.into_iter().find(|s| profile_token(*s) == token)
}

/// What an RTSP address of ours plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamTarget {
    /// Whose tracks.
    pub stream: StreamId,
    /// Whether the session offers the video and metadata tracks.
    pub video: bool,
    /// Whether it offers the audio track, where there is one.
    pub audio: bool,
    /// Whether the session offers the metadata track.
    pub metadata: bool,
    /// Whether it is described as multicast.
    pub multicast: bool,
}

impl StreamTarget {
    /// Its path in RTSP addresses, that of [`stream_target`].
    #[must_use]
    pub fn path(&self) -> String {
        let base = if self.video {
            stream_path(self.stream)
        } else {
            format!("/onvif/{AUDIO}")
        };
        let silent = if self.audio { "" } else { "/silent" };
        let multicast = if self.multicast { "/multicast" } else { "" };
        format!("{base}{silent}{multicast}")
    }
}

/// Path of a stream in RTSP addresses, `/onvif/<profile token>`.
pub fn stream_path(stream: StreamId) -> String {
    format!("/onvif/{}", profile_token(stream))
}

/// Stands for a profile token where there is nothing but sound.
const AUDIO: &str = "audio";
/// What follows [`stream_path`] where the stream is to be described as multicast.
const MULTICAST: &str = "multicast";
/// What follows it where its sound is left out.
const SILENT: &str = "silent";

/// The stream behind an RTSP path given out by `GetStreamUri`; `None` for other paths. Anything else
/// below the path (`/trackID=1`) is the RTSP server's business and is ignored here.
pub fn stream_target(path: &str) -> Option<StreamTarget> {
    let mut parts = path.strip_prefix("/onvif/")?.split('/');
    let first = parts.next()?;
    let video = first != AUDIO;
    let stream = if video {
        profile_stream(first)?
    } else {
        StreamId::Main
    };
    let mut next = parts.next();
    let silent = next == Some(SILENT);
    if silent {
        next = parts.next();
    }
    Some(StreamTarget {
        stream,
        video,
        audio: !silent || !video,
        metadata: video,
        multicast: next == Some(MULTICAST),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_paths_lead_back_to_their_stream() {
        for stream in STREAMS {
            for path in [stream_path(stream), stream_path(stream) + "/trackID=1"] {
                let target = stream_target(&path).unwrap();
                assert_eq!((target.stream, target.metadata), (stream, true));
                assert!(!target.multicast);
            }
            let multicast = stream_target(&format!("{}/multicast/trackID=0", stream_path(stream)));
            assert!(multicast.is_some_and(|t| t.stream == stream && t.multicast));
        }
        for (video, audio, multicast) in [
            (true, true, false),
            (true, false, true),
            (true, false, false),
            (false, true, true),
        ] {
            let target = StreamTarget {
                stream: StreamId::Main,
                video,
                audio,
                metadata: video,
                multicast,
            };
            let path = target.path();
            assert_eq!(stream_target(&path), Some(target), "{path}");
        }
        for other in [
            "/onvif/",
            "/onvif/profile_third",
            "/onvif",
            "/",
            "/video/livemedia",
        ] {
            assert_eq!(stream_target(other), None, "{other}");
        }
    }
}
