//! SETUP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Handler, required, status_of};
use crate::auth::{Arrival, Stay, User};
use crate::group::Group;
use crate::message::{
    Lower, Request, RequestUrl, Response, Status, TransportSpec, parse_transports,
};
use crate::random;
use crate::server::multicast;
use crate::server::session::{Route, Routes, Session, State, Stats};
use crate::server::{SessionEnd, Transport};
use crate::stream::MAX_TRACKS;

impl Handler {
    pub(super) fn setup(&mut self, request: &Request, url: &RequestUrl, user: &User) -> Response {
        match self.try_setup(request, url, user) {
            Ok(response) | Err(response) => response,
        }
    }

    fn try_setup(
        &mut self,
        request: &Request,
        url: &RequestUrl,
        user: &User,
    ) -> Result<Response, Response> {
        let existing = match request.session() {
            Some(key) => Some(
                self.find(key, user)
                    .ok_or_else(|| Response::new(Status::SessionNotFound))?,
            ),
            None => None,
        };
        if let Some(session) = &existing {
            if session.url != url.stream {
                return Err(Response::new(Status::AggregateNotAllowed));
            }
            if session.state.lock().playing.is_some() {
                return Err(Response::new(Status::NotValidInState));
            }
            if session.is_interleaved() && session.connection != self.number {
                return Err(Response::new(Status::NotValidInState));
            }
        }
        let talk = required(request).next().is_some();
        let (stream, generation, tracks, shows, back) = match &existing {
            Some(session) => (
                session.stream.clone(),
                session.generation,
                session.tracks.clone(),
                session.shows,
                session.back.clone(),
            ),
            None => {
                let opened = self.open(url, user, talk)?;
                let (generation, tracks) = opened
                    .stream
                    .tracks()
                    .ok_or_else(|| Response::new(Status::NotFound))?;
                (opened.stream, generation, tracks, opened.shows, opened.back)
            }
        };
        let mut shown = tracks.iter().filter(|track| shows(track.codec));
        // The back channel is numbered behind the stream's own tracks.
        let opened_back = back;
        let back = opened_back
            .clone()
            .filter(|_| url.track == Some(tracks.len()) && tracks.len() < MAX_TRACKS);
        let track = match url.track {
            Some(_) if back.is_some() => None,
            Some(number) => Some(
                shown
                    .find(|track| track.index == number)
                    .ok_or_else(|| Response::new(Status::NotFound))?,
            ),
            None => match (shown.next(), shown.next()) {
                (Some(only), None) => Some(only),
                _ => return Err(Response::new(Status::AggregateNotAllowed)),
            },
        };
        let index = track.map_or(tracks.len(), |track| track.index);
        let routes = existing
            .as_ref()
            .map_or([None; MAX_TRACKS], |session| session.state.lock().routes);
        let offers = parse_transports(request.headers("Transport"));
        let kind = existing.as_ref().map(|session| session.transport);
        let (transport, route) = offers
            .iter()
            .find_map(|offer| {
                let group = track.and_then(|track| stream.group(track.index));
                self.accept(offer, kind, &routes, (index, group))
            })
            .ok_or_else(|| Response::new(Status::UnsupportedTransport))?;

        // Before the session: who cannot talk hears so, and nothing else has begun.
        let talking = existing
            .as_ref()
            .is_some_and(|session| session.talk.lock().is_some());
        let talk = match &back {
            Some(back) if !talking => {
                let peer = SocketAddr::new(self.peer.ip().to_canonical(), self.peer.port());
                Some(back.talk(user, peer).map_err(|error| {
                    tracing::info!(peer = %self.peer, user = user.name(), %error, "talking refused");
                    Response::new(status_of(&error))
                })?)
            }
            _ => None,
        };
        let session = match existing {
            Some(session) => session,
            None => {
                if transport.is_interleaved()
                    && self
                        .own
                        .as_ref()
                        .is_some_and(|own| !own.cancel.is_cancelled())
                {
                    // One interleaved session a connection.
                    return Err(Response::new(Status::NotValidInState));
                }
                let key = random::session_id().map_err(|_| Response::new(Status::Internal))?;
                let id = self.shared.registry.next_id();
                let cancel = CancellationToken::new();
                let stay = self.arrive(user, &stream.name(), transport, id, &cancel)?;
                let made = self.shared.registry.insert(Session {
                    key,
                    id,
                    user: user.clone(),
                    peer: self.peer,
                    connection: self.number,
                    transport,
                    url: url.stream.clone(),
                    base: url.base(&self.host()),
                    name: stream.name(),
                    _viewer: stream.watch_viewer(),
                    stream,
                    generation,
                    tracks: tracks.clone(),
                    shows,
                    back: opened_back,
                    talk: Mutex::new(None),
                    cancel,
                    _stay: stay,
                    state: Mutex::new(State {
                        routes,
                        playing: None,
                        seen: Instant::now(),
                    }),
                    stats: Stats::default(),
                    started: SystemTime::now(),
                });
                let session = made.map_err(|_| {
                    tracing::info!(peer = %self.peer, user = user.name(), "RTSP session refused: too many");
                    Response::new(Status::NotEnoughBandwidth)
                })?;
                tracing::info!(peer = %self.peer, user = user.name(), stream = session.name, ?transport, "RTSP session set up");
                if !transport.is_interleaved() {
                    self.made.push(Arc::downgrade(&session));
                } else {
                    self.own = Some(session.clone());
                }
                session
            }
        };
        if let Some(talk) = talk {
            *session.talk.lock() = Some(talk);
        }
        let before = session.state.lock().routes[index].replace(route);
        if let Some(Route::Udp(rtp, rtcp)) = before {
            self.shared.registry.remove_rtcp(rtcp, &session);
            self.shared.registry.remove_rtcp(rtp, &session);
        }
        if let Route::Udp(rtp, rtcp) = route {
            self.shared.registry.add_rtcp(rtcp, &session);
            if track.is_none() {
                // Sound comes from here.
                self.shared.registry.add_rtcp(rtp, &session);
            }
        }
        let timeout = self.shared.config.session_timeout.as_secs();
        Ok(Response::ok()
            .with("Session", format!("{};timeout={timeout}", session.key))
            .with(
                "Transport",
                self.transport_line(route, track.map(|track| track.ssrc)),
            ))
    }

    /// Asks the device for a place.
    fn arrive(
        &self,
        user: &User,
        stream: &str,
        transport: Transport,
        id: u64,
        cancel: &CancellationToken,
    ) -> Result<Option<Stay>, Response> {
        let arrival = Arrival {
            user,
            peer: SocketAddr::new(self.peer.ip().to_canonical(), self.peer.port()),
            stream,
            transport,
            user_of_connection: self.context.user.is_some(),
            end: SessionEnd {
                shared: Arc::downgrade(&self.shared),
                id,
                cancel: cancel.clone(),
            },
        };
        self.shared.authorizer.arrive(&arrival).map_err(|error| {
            tracing::info!(peer = %self.peer, user = user.name(), %error, "RTSP session refused");
            Response::new(status_of(&error))
        })
    }

    /// The route for an offer, if it can be taken.
    fn accept(
        &self,
        offer: &TransportSpec,
        kind: Option<Transport>,
        routes: &Routes,
        (track, group): (usize, Option<Group>),
    ) -> Option<(Transport, Route)> {
        match offer.lower {
            Lower::Udp if offer.multicast => {
                self.udp.as_ref()?;
                let group = group?;
                if kind.is_some_and(|kind| kind != Transport::Multicast) {
                    return None;
                }
                // To the group of the settings: `destination` would let a client aim at others.
                let local = self.context.local.map(|local| local.ip().to_canonical());
                let route = Route::Multicast(group, multicast::interface(local, group));
                Some((Transport::Multicast, route))
            }
            Lower::Tcp if offer.multicast => None,
            Lower::Udp => {
                self.udp.as_ref()?;
                let (rtp, rtcp) = offer
                    .client_port
                    .filter(|(rtp, rtcp)| *rtp > 0 && *rtcp > 0)?;
                if kind.is_some_and(|kind| kind != Transport::Udp) {
                    return None;
                }
                // Only ever to the address that asks: `destination` would let it aim at others.
                let ip = self.peer.ip();
                Some((
                    Transport::Udp,
                    Route::Udp(SocketAddr::new(ip, rtp), SocketAddr::new(ip, rtcp)),
                ))
            }
            Lower::Tcp => {
                if kind.is_some_and(|kind| !kind.is_interleaved()) {
                    return None;
                }
                let others: Vec<u8> = routes
                    .iter()
                    .enumerate()
                    .filter(|(index, _)| *index != track)
                    .filter_map(|(_, route)| match route {
                        Some(Route::Interleaved(rtp, rtcp)) => Some([*rtp, *rtcp]),
                        _ => None,
                    })
                    .flatten()
                    .collect();
                let free = |(rtp, rtcp): &(u8, u8)| {
                    rtp != rtcp && !others.contains(rtp) && !others.contains(rtcp)
                };
                let usual = track as u8 * 2;
                let (rtp, rtcp) = offer.interleaved.filter(free).or_else(|| {
                    std::iter::once(usual)
                        .chain((0..=254).step_by(2))
                        .map(|rtp| (rtp, rtp + 1))
                        .find(free)
                })?;
                Some((self.context.transport, Route::Interleaved(rtp, rtcp)))
            }
        }
    }

    fn transport_line(&self, route: Route, ssrc: Option<u32>) -> String {
        // That of the back channel is the client's.
        let ssrc = ssrc.map_or_else(String::new, |ssrc| format!(";ssrc={ssrc:08X}"));
        match route {
            Route::Interleaved(rtp, rtcp) => {
                format!("RTP/AVP/TCP;unicast;interleaved={rtp}-{rtcp}{ssrc};mode=\"PLAY\"")
            }
            Route::Multicast(group, via) => {
                let source = via.map_or_else(String::new, |via| format!(";source={via}"));
                format!(
                    "RTP/AVP;multicast;destination={}{source};port={}-{};ttl={}{ssrc};mode=\"PLAY\"",
                    group.address(),
                    group.port(),
                    group.port() + 1,
                    group.ttl(),
                )
            }
            Route::Udp(rtp, rtcp) => {
                let (server_rtp, server_rtcp) = self.udp.as_ref().map_or((0, 0), |udp| udp.ports);
                format!(
                    "RTP/AVP;unicast;client_port={}-{};server_port={server_rtp}-{server_rtcp}{ssrc};mode=\"PLAY\"",
                    rtp.port(),
                    rtcp.port(),
                )
            }
        }
    }
}
