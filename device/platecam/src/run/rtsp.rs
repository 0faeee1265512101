//! The RTSP library's traits in terms of the device: which URL is which stream, who may watch.

use std::{net::SocketAddr, sync::Arc};

use platecam_host::{HostMode, StateDir};
use platecam_media::{AlsaSpeaker, FileSpeaker, Loudspeaker, RtspSink};
use platecam_model::{
    Actor, Device, Error, Origin, Permission,
    ports::StreamId,
    settings::{AccessFilter, AudioOutput, NetHttps, SettingsStore, VideoMain, VideoSub},
};
use platecam_onvif::StreamTarget;
use rtsp::{
    AuthOutcome, AuthRequest, Authorizer, MediaSource, OpenError, Presentation, StreamRequest,
    StreamUrl, User,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::web::TlsConfigs;
use crate::cli::RunArgs;

/// The device's two streams by URL.
pub(crate) struct Streams {
    pub(crate) device: Device,
    pub(crate) main: Arc<RtspSink>,
    pub(crate) sub: Arc<RtspSink>,
    pub(crate) back: Arc<Gate>,
}

/// The loudspeaker of this run: the machine's, or a file in the simulated mode.
pub(crate) fn loudspeaker(
    args: &RunArgs,
    dir: &StateDir,
    settings: &Arc<SettingsStore>,
) -> Loudspeaker {
    let settings = settings.clone();
    let volume = move || settings.get::<AudioOutput>().volume.get();
    if args.host == HostMode::Simulated && args.speaker.is_none() {
        let path = dir.join("heard.raw");
        Loudspeaker::new(FileSpeaker { path }, volume)
    } else {
        let device = args.speaker.clone();
        Loudspeaker::new(AlsaSpeaker { device }, volume)
    }
}

/// Who may talk over the back channel: who may open the gate (GEN-3), one at a time.
pub(crate) struct Gate {
    pub(crate) device: Device,
    pub(crate) loudspeaker: Arc<Loudspeaker>,
    /// What may be said.
    pub(crate) codecs: Vec<rtsp::Codec>,
}

impl rtsp::BackChannel for Gate {
    fn codecs(&self) -> &[rtsp::Codec] {
        &self.codecs
    }

    fn talk(&self, user: &User, peer: SocketAddr) -> Result<Arc<dyn rtsp::Talk>, OpenError> {
        let accounts = &self.device.accounts;
        let actor = accounts.actor(user.name(), Origin::Rtsp, Some(peer.ip()));
        let allowed = actor.filter(|a| a.require(Permission::BarrierControl).is_ok());
        if allowed.is_none() {
            return Err(OpenError::Forbidden);
        }
        match self.loudspeaker.begin() {
            Ok(Some(talker)) => {
                tracing::info!(%peer, user = user.name(), "talks over the back channel");
                Ok(Arc::new(talker))
            }
            Ok(None) => Err(OpenError::Busy),
            Err(error) => {
                tracing::warn!(%error, "nobody can talk");
                Err(OpenError::Unavailable)
            }
        }
    }
}

/// Which stream a URL names: the manual's `/video/livemedia?Ch=1&Streamtype=0|1` (NET-19..21) or
/// ONVIF's `/onvif/profile_main`, `/onvif/profile_sub`.
///
/// ONVIF's addresses also say which tracks are shown, and whether they are described as multicast.
fn stream_of(url: &StreamUrl) -> Option<StreamTarget> {
    let whole = |stream| StreamTarget {
        stream,
        video: true,
        audio: true,
        metadata: true,
        multicast: false,
    };
    match url.path.as_str() {
        path if path.starts_with("/onvif/") => platecam_onvif::stream_target(path),
        path if path.eq_ignore_ascii_case("/video/livemedia") => {
            match (url.parameter("Ch"), url.parameter("Streamtype")) {
                (Some("1") | None, Some("0") | None) => Some(whole(StreamId::Main)),
                (Some("1") | None, Some("1")) => Some(whole(StreamId::Sub)),
                _ => None,
            }
        }
        _ => None,
    }
}

impl MediaSource for Streams {
    fn open(&self, request: &StreamRequest<'_>) -> Result<Presentation, OpenError> {
        let settings = self.device.settings.snapshot();
        let target = stream_of(request.url).ok_or(OpenError::NotFound)?;
        // AUDIO-6: there is no track of nothing.
        if !target.video && !self.device.settings.audio_capabilities().present {
            return Err(OpenError::NotFound);
        }
        let (sink, codec) = match target.stream {
            StreamId::Main => (&self.main, settings.get::<VideoMain>().codec),
            StreamId::Sub => {
                let sub = settings.get::<VideoSub>();
                // VIDEO-2: a switched-off sub stream does not exist.
                if !sub.enabled {
                    return Err(OpenError::NotFound);
                }
                (&self.sub, sub.codec)
            }
        };
        // The encoder follows a change of the settings in a moment; who comes after the change must not see the old.
        sink.announce(codec.into());
        let groups = super::multicast::groups(&settings, target.stream);
        sink.stream().set_groups(&groups);
        let all = Presentation::live(sink.stream().clone());
        let shown = match (target.video, target.audio) {
            (true, true) => all,
            (true, false) => all.only(|codec| !codec.is_audio()),
            (false, _) => all.only(rtsp::Codec::is_audio),
        };
        let shown = if target.multicast {
            shown.by_multicast()
        } else {
            shown
        };
        let output = self.device.settings.audio_capabilities().output;
        Ok(if request.talk && output {
            shown.with_back_channel(self.back.clone())
        } else {
            shown
        })
    }
}

/// The device's accounts for RTSP.
pub(crate) struct Doorkeeper(pub(crate) Device);

impl Authorizer for Doorkeeper {
    /// Some players look at the first challenge only, others (ffmpeg 5.1, live555) at the last, and the old ones of
    /// both kinds know MD5 alone: it stands at both ends.
    fn challenge(&self, stale: bool) -> Vec<String> {
        let mut all = self.0.accounts.challenges(stale);
        all.extend(all.first().cloned());
        all
    }

    fn admits(&self, peer: SocketAddr) -> bool {
        self.0.accounts.admits(peer.ip(), Origin::Rtsp)
    }

    fn authorize(&self, request: &AuthRequest<'_>) -> AuthOutcome {
        let accounts = &self.0.accounts;
        if !self.admits(request.peer) {
            // The filter may have changed since the connection was accepted.
            return AuthOutcome::Forbidden;
        }
        let peer = Some(request.peer.ip());
        let actor = match (request.user, request.authorization) {
            // Came in through a web session: proven already, but the user may have been deleted since.
            (Some(user), _) => match accounts.actor(user.name(), Origin::Web, peer) {
                Some(actor) => actor,
                None => return AuthOutcome::Challenge { stale: false },
            },
            (None, None) => return AuthOutcome::Challenge { stale: false },
            (None, Some(header)) => {
                match accounts.digest(header, request.method, request.uri, Origin::Rtsp, peer) {
                    Ok(Some(actor)) => actor,
                    Ok(None) => return AuthOutcome::Challenge { stale: true },
                    Err(e) => return refusal(&e),
                }
            }
        };
        granted(&actor)
    }

    /// GEN-5, USER-20: a session counts and is listed, unless it is part of a web page that is.
    fn arrive(&self, arrival: &rtsp::Arrival<'_>) -> Result<Option<rtsp::Stay>, OpenError> {
        let end = arrival.end.clone();
        let alone = !arrival.user_of_connection;
        let entered = self.0.accounts.arrive(platecam_model::auth::Arrival {
            kind: platecam_model::auth::OnlineKind::Rtsp,
            user: arrival.user.name().to_owned(),
            peer: Some(arrival.peer.ip()),
            detail: arrival.stream.to_owned(),
            counts: alone,
            listed: alone,
            hangup: Box::new(move || end.end()),
        });
        match entered {
            Ok(place) => Ok(Some(Box::new(place))),
            Err(_) => Err(OpenError::Busy),
        }
    }
}

/// RTSPS with what HTTPS has: the certificate in use, and the TLS versions and clients that are accepted when a
/// connection comes.
pub(crate) struct Rtsps {
    pub(crate) device: Device,
    pub(crate) tls: Arc<TlsConfigs>,
}

impl rtsp::Secure for Rtsps {
    fn accept(&self, stream: TcpStream) -> rtsp::Handshake {
        let config = self.tls.of(&self.device.settings.get::<NetHttps>());
        Box::pin(async move {
            let secured = TlsAcceptor::from(config).accept(stream).await?;
            Ok(Box::new(secured) as Box<dyn rtsp::Duplex>)
        })
    }
}

/// Ends the sessions whose address the access filter does not admit any more (SEC-12), until the settings are gone.
pub(crate) async fn follow_filter(server: Arc<rtsp::Server>, device: Device) {
    let mut settings = device.settings.watch();
    while settings.changed().await.is_ok() {
        let filter = settings.borrow_and_update().get::<AccessFilter>();
        for session in server.sessions() {
            if !filter.admits(session.peer.ip()) {
                tracing::info!(peer = %session.peer, "the access filter ends a session");
                server.disconnect(session.id);
            }
        }
    }
}

fn granted(actor: &Actor) -> AuthOutcome {
    match (&actor.user, actor.require(Permission::LiveView)) {
        (Some(name), Ok(())) => AuthOutcome::Granted(User::new(name.as_str())),
        _ => AuthOutcome::Forbidden,
    }
}

fn refusal(e: &Error) -> AuthOutcome {
    match e {
        Error::Locked { retry_after } => AuthOutcome::Locked {
            retry_after: *retry_after,
        },
        // INIT-1: nobody watches an uninitialised device.
        // An expired password is right, but refused: asking for it again would lead nowhere.
        Error::NotInitialised
        | Error::Forbidden(_)
        | Error::NotInRole { .. }
        | Error::PasswordExpired => AuthOutcome::Forbidden,
        Error::Unauthenticated
        | Error::SecondFactor
        | Error::Malformed { .. }
        | Error::Invalid(_)
        | Error::NotFound { .. }
        | Error::Conflict(_)
        | Error::Unsupported(_)
        | Error::Exhausted { .. }
        | Error::Internal { .. } => AuthOutcome::Challenge { stale: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> StreamUrl {
        let (path, query) = text
            .split_once('?')
            .map_or((text, None), |(p, q)| (p, Some(q.to_owned())));
        StreamUrl {
            path: path.into(),
            query,
        }
    }

    /// NET-19..21, NET-23.
    #[test]
    fn urls_name_streams() {
        for (text, stream) in [
            ("/video/livemedia?Ch=1&Streamtype=0", Some(StreamId::Main)),
            ("/video/livemedia?Ch=1&Streamtype=1", Some(StreamId::Sub)),
            ("/Video/LiveMedia?streamtype=1&ch=1", Some(StreamId::Sub)),
            ("/video/livemedia", Some(StreamId::Main)),
            ("/onvif/profile_main", Some(StreamId::Main)),
            ("/onvif/profile_sub", Some(StreamId::Sub)),
            ("/video/livemedia?Ch=2&Streamtype=0", None),
            ("/video/livemedia?Ch=1&Streamtype=2", None),
            ("/video/livemedia?Ch=&Streamtype=0", None),
            ("/", None),
            ("/onvif/profile_other", None),
        ] {
            let found = stream_of(&url(text));
            assert_eq!(found.map(|t| t.stream), stream, "{text}");
            assert!(
                found.is_none_or(|t| t.video && t.audio && !t.multicast),
                "{text}"
            );
        }
        let multicast = stream_of(&url("/onvif/profile_sub/multicast")).unwrap();
        assert_eq!(
            (multicast.stream, multicast.multicast),
            (StreamId::Sub, true)
        );
        let sound = stream_of(&url("/onvif/audio")).unwrap();
        assert!(sound.audio && !sound.video && !sound.metadata);
    }

    #[test]
    fn md5_is_the_first_and_the_last_challenge() {
        let device = platecam_model::testing::initialised().device;
        let all = Doorkeeper(device).challenge(false);
        let md5 = |c: &String| c.contains("algorithm=MD5");
        assert!(
            all.first().is_some_and(md5) && all.last().is_some_and(md5),
            "{all:?}"
        );
        assert!(
            all.iter().any(|c| c.contains("algorithm=SHA-256")),
            "{all:?}"
        );
    }
}
