//! The text that names a source.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use crate::config::PictureSize;
use crate::{Error, Result};

/// What a source may look like, for messages.
pub(crate) const ALLOWED: &str = "demo, file:PATH, rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH, \
     v4l2:/dev/videoN and test:, the last two with ?size=WIDTHxHEIGHT&fps=N, test: also with controls=simulated and timecode=drawn";

/// Where the picture comes from.
///
/// `Display` gives the text back without a password.
#[derive(Clone, PartialEq, Eq)]
pub enum SourceSpec {
    /// The bundled clip, looped in real time.
    Demo {
        /// Where the clip lies.
        clip: PathBuf,
    },
    /// A video file, looped in real time.
    File {
        /// Its path.
        path: PathBuf,
    },
    /// Another camera.
    Rtsp {
        /// Its address, with user and password where it wants them.
        url: Url,
    },
    /// A V4L2 capture device.
    V4l2 {
        /// The device node.
        device: PathBuf,
        /// Size and rate to ask of it.
        wish: Wish,
    },
    /// GStreamer's test picture.
    Test {
        /// Size and rate.
        wish: Wish,
    },
}

/// Size and rate asked of a source that can choose.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Picture size.
    pub size: Option<PictureSize>,
    /// Frames per second, 1 to 120.
    pub frame_rate: Option<u32>,
    /// The test picture pretends to come from a sensor with controls, which change nothing.
    pub controls: bool,
    /// The time of each test picture is drawn into it, for measuring how long it takes to a screen.
    pub timecode: bool,
}

impl SourceSpec {
    /// Reads a source. `demo_clip` is what `demo` stands for.
    ///
    /// # Errors
    /// [`Error::BadSource`]: what is wrong, with which value, and what is allowed.
    pub fn parse(text: &str, demo_clip: &Path) -> Result<Self> {
        let refuse = |reason: String| {
            Err(Error::BadSource {
                value: without_password(text),
                reason,
            })
        };
        if text == "demo" {
            return Ok(Self::Demo {
                clip: demo_clip.to_owned(),
            });
        }
        let Some((scheme, rest)) = text.split_once(':') else {
            return refuse("it has no scheme".into());
        };
        match scheme {
            "file" => {
                // file:///clip.mp4 and file:clip.mp4 both mean a path.
                let path = rest.strip_prefix("//").unwrap_or(rest);
                if path.is_empty() {
                    return refuse("the path is empty".into());
                }
                Ok(Self::File { path: path.into() })
            }
            "rtsp" => match Url::parse(text) {
                Ok(url) if url.host_str().is_some_and(|host| !host.is_empty()) => {
                    Ok(Self::Rtsp { url })
                }
                Ok(_) => refuse("the host is empty".into()),
                Err(error) => refuse(format!("it is no address: {error}")),
            },
            "rtsps" => refuse("RTSP over TLS is not supported".into()),
            "v4l2" => {
                let (device, query) = split_query(rest);
                if !device.starts_with("/dev/") {
                    return refuse(format!("device {device:?} does not begin with /dev/"));
                }
                match wish(query) {
                    Ok(Wish { controls: true, .. }) => {
                        refuse("a device has controls of its own".into())
                    }
                    Ok(Wish { timecode: true, .. }) => {
                        refuse("only the test picture has a time code".into())
                    }
                    Ok(wish) => Ok(Self::V4l2 {
                        device: device.into(),
                        wish,
                    }),
                    Err(reason) => refuse(reason),
                }
            }
            "test" => {
                let (name, query) = split_query(rest);
                if !name.is_empty() {
                    return refuse(format!("{name:?} stands after test:"));
                }
                match wish(query) {
                    Ok(wish) => Ok(Self::Test { wish }),
                    Err(reason) => refuse(reason),
                }
            }
            _ => refuse(format!("scheme {scheme:?} is unknown")),
        }
    }
}

fn split_query(rest: &str) -> (&str, &str) {
    rest.split_once('?').unwrap_or((rest, ""))
}

fn wish(query: &str) -> std::result::Result<Wish, String> {
    let mut wish = Wish::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("size", value)) => wish.size = Some(size(value)?),
            Some(("fps", value)) => match value.parse() {
                Ok(fps @ 1..=120) => wish.frame_rate = Some(fps),
                _ => return Err(format!("fps = {value} is not 1 to 120")),
            },
            Some(("controls", "simulated")) => wish.controls = true,
            Some(("timecode", "drawn")) => wish.timecode = true,
            _ => {
                return Err(format!(
                    "option {pair:?} is unknown; size and fps are known"
                ));
            }
        }
    }
    Ok(wish)
}

fn size(value: &str) -> std::result::Result<PictureSize, String> {
    let side = |text: &str| match text.parse::<u32>() {
        Ok(side) if (64..=8192).contains(&side) && side % 2 == 0 => Some(side),
        _ => None,
    };
    match value
        .split_once('x')
        .map(|(width, height)| (side(width), side(height)))
    {
        Some((Some(width), Some(height))) => Ok(PictureSize { width, height }),
        _ => Err(format!(
            "size = {value} is not WIDTHxHEIGHT with even sides from 64 to 8192"
        )),
    }
}

/// The text with the password of an address starred out, whether or not it parses.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let authority = rest.find('/').unwrap_or(rest.len());
    let Some(end) = rest[..authority].rfind('@') else {
        return text.to_owned();
    };
    let user = rest[..end].split(':').next().unwrap_or_default();
    format!("{scheme}://{user}:***{}", &rest[end..])
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Demo { .. } => f.write_str("demo"),
            Self::File { path } => write!(f, "file:{}", path.display()),
            Self::Rtsp { url } => f.write_str(&without_password(url.as_str())),
            Self::V4l2 { device, wish } => write!(f, "v4l2:{}{wish}", device.display()),
            Self::Test { wish } => write!(f, "test:{wish}"),
        }
    }
}

impl fmt::Debug for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceSpec({self})")
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = '?';
        if let Some(size) = self.size {
            write!(f, "{before}size={size}")?;
            before = '&';
        }
        if let Some(fps) = self.frame_rate {
            write!(f, "{before}fps={fps}")?;
            before = '&';
        }
        if self.controls {
            write!(f, "{before}controls=simulated")?;
            before = '&';
        }
        if self.timecode {
            write!(f, "{before}timecode=drawn")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<SourceSpec> {
        SourceSpec::parse(text, Path::new("/clip.mp4"))
    }

    #[test]
    fn good_sources_are_read_and_shown() {
        let shown = [
            ("demo", "demo"),
            ("file:clip.mp4", "file:clip.mp4"),
            ("file:///a b/c:d.mp4", "file:/a b/c:d.mp4"),
            ("file:rel/ä?b.mp4", "file:rel/ä?b.mp4"),
            ("rtsp://cam/1", "rtsp://cam/1"),
            (
                "rtsp://u:secret@10.0.0.5:8554/a?b=c@d",
                "rtsp://u:***@10.0.0.5:8554/a?b=c@d",
            ),
            ("rtsp://[::1]:554/x", "rtsp://[::1]:554/x"),
            ("v4l2:/dev/video0", "v4l2:/dev/video0"),
            (
                "v4l2:/dev/video2?size=1280x720&fps=30",
                "v4l2:/dev/video2?size=1280x720&fps=30",
            ),
            ("test:", "test:"),
            ("test:?fps=5", "test:?fps=5"),
            (
                "test:?controls=simulated&fps=5",
                "test:?fps=5&controls=simulated",
            ),
            (
                "test:?timecode=drawn&size=640x360",
                "test:?size=640x360&timecode=drawn",
            ),
        ];
        for (text, expect) in shown {
            let spec = parse(text).unwrap();
            assert_eq!(spec.to_string(), expect);
            assert!(!format!("{spec:?}").contains("secret"));
        }
    }

    #[test]
    fn bad_sources_say_what_which_value_and_what_is_allowed() {
        let rows = [
            ("", "no scheme"),
            ("clip.mp4", "\"clip.mp4\": it has no scheme"),
            ("demo:", "scheme \"demo\" is unknown"),
            ("http://cam/", "scheme \"http\" is unknown"),
            ("file:", "the path is empty"),
            ("file://", "the path is empty"),
            ("rtsp:///path", "the host is empty"),
            ("rtsp://", "the host is empty"),
            ("rtsp://h:99999/", "invalid port number"),
            ("rtsp://u:secret@h:99999/", "rtsp://u:***@h:99999/"),
            ("rtsps://cam/1", "not supported"),
            ("v4l2:", "does not begin with /dev/"),
            ("v4l2:video0", "\"video0\" does not begin with /dev/"),
            ("test:x", "\"x\" stands after test:"),
            ("test:?size=1x1", "size = 1x1 is not"),
            ("test:?size=640", "size = 640 is not"),
            ("test:?size=641x480", "even sides"),
            ("test:?fps=0", "fps = 0 is not 1 to 120"),
            ("test:?fps=121", "1 to 120"),
            ("test:?gain=3", "\"gain=3\" is unknown"),
            ("v4l2:/dev/video0?controls=simulated", "controls of its own"),
            ("v4l2:/dev/video0?timecode=drawn", "only the test picture"),
        ];
        for (text, expect) in rows {
            let error = parse(text).unwrap_err().to_string();
            assert!(
                error.contains(expect),
                "{text:?}: {error:?} lacks {expect:?}"
            );
            assert!(error.contains("allowed are demo, file:PATH"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "\\PC{0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_shown_reads_back(width in 32u32..2000, height in 32u32..2000, fps in 1u32..=120) {
            let text = format!("test:?size={}x{}&fps={fps}", width * 2, height * 2);
            let spec = parse(&text).unwrap();
            prop_assert_eq!(parse(&spec.to_string()).unwrap(), spec);
        }
    }
}
