//! Answers to requests: authorisation first, then one function a method.

mod play;
mod setup;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::session::{Route, Session};
use super::udp::UdpPair;
use super::writer::Out;
use super::{ConnectionContext, Shared};
use crate::auth::{AuthOutcome, AuthRequest, User};
use crate::back::BACK_CHANNEL;
use crate::message::{Request, RequestUrl, Response, Status};
use crate::sdp;
use crate::source::{OpenError, Presentation, StreamRequest};

/// Methods a client may use, for `Public` and `Allow`.
const METHODS: &str =
    "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";
/// Refused credentials on one connection after which it is closed.
const MAX_CHALLENGES: u32 = 10;

/// What is to be done after a request.
enum Done {
    /// Send the answer and go on.
    Answer(Response),
    /// Send the answer and close.
    Close(Response),
    /// Something was sent to the writer with the answer in it.
    Sent,
}

impl From<Response> for Done {
    fn from(response: Response) -> Self {
        Done::Answer(response)
    }
}

/// The requests of one connection.
pub(crate) struct Handler {
    shared: Arc<Shared>,
    peer: SocketAddr,
    context: ConnectionContext,
    udp: Option<Arc<UdpPair>>,
    number: u64,
    out: mpsc::Sender<Out>,
    authenticated: bool,
    challenges: u32,
    /// The interleaved session of this connection.
    own: Option<Arc<Session>>,
    /// UDP sessions made here: they keep the connection open.
    made: Vec<std::sync::Weak<Session>>,
}

impl Handler {
    pub(crate) fn new(
        shared: Arc<Shared>,
        peer: SocketAddr,
        context: ConnectionContext,
        udp: Option<Arc<UdpPair>>,
        number: u64,
        out: mpsc::Sender<Out>,
    ) -> Self {
        let authenticated = context.user.is_some();
        Handler {
            shared,
            peer,
            context,
            udp,
            number,
            out,
            authenticated,
            challenges: 0,
            own: None,
            made: Vec::new(),
        }
    }

    /// True once a request was granted.
    pub(crate) fn is_authenticated(&self) -> bool {
        self.authenticated
    }

    /// True while a session depends on this connection or was made on it.
    pub(crate) fn has_sessions(&mut self) -> bool {
        self.made.retain(|session| {
            session
                .upgrade()
                .is_some_and(|session| !session.cancel.is_cancelled())
        });
        self.own
            .as_ref()
            .is_some_and(|session| !session.cancel.is_cancelled())
            || !self.made.is_empty()
    }

    /// Hands something to the writer; waits while that has much to do. False when it is gone.
    pub(crate) async fn send(&self, out: Out) -> bool {
        self.out.send(out).await.is_ok()
    }

    /// Answers what could not be read.
    pub(crate) async fn refuse(&self, status: Status, cseq: Option<&str>) {
        let bytes = Response::new(status).encode(cseq, &self.shared.config.server_name);
        self.send(Out::Bytes(bytes)).await;
    }

    /// Takes an interleaved frame of the client.
    pub(crate) fn receive_data(&self, channel: u8, payload: &[u8]) {
        let Some(session) = &self.own else {
            return;
        };
        let (is_rtcp, is_talk) = {
            let state = session.state.lock();
            let mut routes = state.routes.iter().flatten();
            let rtcp = routes
                .any(|route| matches!(route, Route::Interleaved(_, rtcp) if *rtcp == channel));
            let back = state.routes.get(session.tracks.len());
            let talk = matches!(back, Some(Some(Route::Interleaved(rtp, _))) if *rtp == channel);
            (rtcp, talk)
        };
        if is_rtcp {
            session.receive_rtcp(payload);
        } else if is_talk {
            session.receive_talk(payload);
        }
    }

    /// Answers one request; false when the connection is to be closed.
    pub(crate) async fn handle(&mut self, request: &Request) -> bool {
        let done = self.dispatch(request).await;
        let (response, go_on) = match done {
            Done::Answer(response) => (response, true),
            Done::Close(response) => (response, false),
            Done::Sent => return true,
        };
        tracing::debug!(peer = %self.peer, method = request.method, uri = request.uri, status = response.status.code(), "RTSP");
        self.send(Out::Bytes(self.encode(request, &response))).await && go_on
    }

    fn encode(&self, request: &Request, response: &Response) -> bytes::Bytes {
        response.encode(request.header("CSeq"), &self.shared.config.server_name)
    }

    async fn dispatch(&mut self, request: &Request) -> Done {
        if request.header("CSeq").is_none() {
            return Response::new(Status::BadRequest).into();
        }
        match request.method.as_str() {
            "OPTIONS" | "DESCRIBE" | "SETUP" | "PLAY" | "PAUSE" | "TEARDOWN" | "GET_PARAMETER"
            | "SET_PARAMETER" => {}
            "ANNOUNCE" | "RECORD" | "REDIRECT" => {
                return Response::new(Status::MethodNotAllowed)
                    .with("Allow", METHODS)
                    .into();
            }
            _ => {
                return Response::new(Status::NotImplemented)
                    .with("Public", METHODS)
                    .into();
            }
        }
        // Replay will be here as well.
        let unknown: Vec<&str> = required(request)
            .filter(|tag| *tag != BACK_CHANNEL)
            .collect();
        if !unknown.is_empty() {
            return Response::new(Status::OptionNotSupported)
                .with("Unsupported", unknown.join(", "))
                .into();
        }
        if request.method == "OPTIONS" {
            if let Some(session) = request
                .session()
                .and_then(|key| self.shared.registry.find(key))
            {
                session.touch();
            }
            return Response::ok().with("Public", METHODS).into();
        }
        let url = RequestUrl::parse(&request.uri);
        let user = match self.authorize(request, url.as_ref()) {
            Ok(user) => user,
            Err(done) => return done,
        };
        match request.method.as_str() {
            "DESCRIBE" => match url {
                Some(url) => self.describe(request, &url, &user).await.into(),
                None => Response::new(Status::BadRequest).into(),
            },
            "SETUP" => match url {
                Some(url) => self.setup(request, &url, &user).into(),
                None => Response::new(Status::BadRequest).into(),
            },
            "PLAY" => self.play(request, &user).await,
            "PAUSE" => self.pause(request, &user).await,
            "TEARDOWN" => self.teardown(request, &user).await,
            _ => self.parameter(request, &user).into(),
        }
    }

    fn authorize(&mut self, request: &Request, url: Option<&RequestUrl>) -> Result<User, Done> {
        let outcome = self.shared.authorizer.authorize(&AuthRequest {
            method: &request.method,
            uri: &request.uri,
            authorization: request.header("Authorization"),
            user: self.context.user.as_ref(),
            peer: self.peer,
            secure: self.context.secure,
            stream: url.map(|url| &url.stream),
        });
        match outcome {
            AuthOutcome::Granted(user) => {
                self.authenticated = true;
                Ok(user)
            }
            AuthOutcome::Challenge { stale } => {
                let challenges = self.shared.authorizer.challenge(stale);
                let response = challenges
                    .into_iter()
                    .fold(Response::new(Status::Unauthorized), |response, value| {
                        response.with("WWW-Authenticate", value)
                    });
                self.challenges += 1;
                Err(if self.challenges > MAX_CHALLENGES {
                    Done::Close(response)
                } else {
                    response.into()
                })
            }
            AuthOutcome::Forbidden => Err(Response::new(Status::Forbidden).into()),
            AuthOutcome::Locked { retry_after } => {
                let seconds = retry_after.as_secs().max(1).to_string();
                Err(Done::Close(
                    Response::new(Status::Forbidden).with("Retry-After", seconds),
                ))
            }
        }
    }

    fn open(&self, url: &RequestUrl, user: &User, talk: bool) -> Result<Presentation, Response> {
        let request = StreamRequest {
            url: &url.stream,
            user,
            peer: self.peer,
            talk,
        };
        let mut opened = self
            .shared
            .source
            .open(&request)
            .map_err(|error| Response::new(status_of(&error)))?;
        if !talk {
            opened.back = None;
        } else if opened.back.is_none() {
            return Err(Response::new(Status::OptionNotSupported).with("Unsupported", BACK_CHANNEL));
        }
        Ok(opened)
    }

    async fn describe(&self, request: &Request, url: &RequestUrl, user: &User) -> Response {
        if !accepts_sdp(request) {
            return Response::new(Status::NotAcceptable);
        }
        let talk = required(request).next().is_some();
        let presentation = match self.open(url, user, talk) {
            Ok(presentation) => presentation,
            Err(response) => return response,
        };
        let Presentation {
            stream,
            multicast: by_multicast,
            shows,
            back,
        } = presentation;
        let Some(description) = stream.describe(self.shared.config.describe_wait).await else {
            return Response::new(Status::NotFound);
        };
        let base = url.base(&self.host());
        let address = self
            .context
            .local
            .map_or(IpAddr::from(Ipv4Addr::UNSPECIFIED), |local| {
                local.ip().to_canonical()
            });
        Response::ok()
            .with("Content-Base", format!("{base}/"))
            .with("Cache-Control", "no-cache")
            .with_body(
                "application/sdp",
                sdp::describe(
                    &description,
                    &base,
                    address,
                    |track| stream.group(track).filter(|_| by_multicast),
                    shows,
                    back.as_ref().map(|back| back.codecs()),
                ),
            )
    }

    /// Our own address, for URLs that a client wrote without one.
    fn host(&self) -> String {
        match self.context.local {
            Some(local) => SocketAddr::new(local.ip().to_canonical(), local.port()).to_string(),
            None => "localhost".to_owned(),
        }
    }

    /// GET_PARAMETER and SET_PARAMETER: keep-alives when empty, and there is no parameter to speak of.
    fn parameter(&self, request: &Request, user: &User) -> Response {
        let session = match request.session() {
            None => None,
            Some(key) => match self.find(key, user) {
                Some(session) => Some(session),
                None => return Response::new(Status::SessionNotFound),
            },
        };
        let empty = request.body.iter().all(u8::is_ascii_whitespace);
        let status = if empty {
            Status::Ok
        } else {
            Status::ParameterNotUnderstood
        };
        let response = Response::new(status);
        match session {
            Some(session) => response.with("Session", session.key.as_str()),
            None => response,
        }
    }

    /// A session of this user, touched.
    fn find(&self, key: &str, user: &User) -> Option<Arc<Session>> {
        let session = self
            .shared
            .registry
            .find(key)
            .filter(|session| session.user == *user)?;
        session.touch();
        Some(session)
    }

    /// The session a request is about; without a `Session` header that of the connection.
    fn session_of(&self, request: &Request, user: &User) -> Result<Arc<Session>, Response> {
        let found = match (request.session(), &self.own) {
            (Some(key), _) => self.find(key, user),
            (None, Some(own)) => self.find(&own.key, user),
            (None, None) => None,
        };
        found.ok_or_else(|| Response::new(Status::SessionNotFound))
    }
}

/// Feature tags that a request needs.
fn required(request: &Request) -> impl Iterator<Item = &str> {
    request
        .headers("Require")
        .chain(request.headers("Proxy-Require"))
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
}

fn status_of(error: &OpenError) -> Status {
    match error {
        OpenError::NotFound => Status::NotFound,
        OpenError::Forbidden => Status::Forbidden,
        OpenError::Unavailable => Status::Unavailable,
        OpenError::Busy => Status::NotEnoughBandwidth,
    }
}

/// True unless an `Accept` header leaves SDP out.
fn accepts_sdp(request: &Request) -> bool {
    let mut kinds = request
        .headers("Accept")
        .flat_map(|value| value.split(','))
        .peekable();
    kinds.peek().is_none()
        || kinds.any(|kind| {
            let kind = kind
                .split(';')
                .next()
                .unwrap_or("")
                .trim()
                .to_ascii_lowercase();
            matches!(
                kind.as_str(),
                "application/sdp" | "application/*" | "*/*" | ""
            )
        })
}
