//! PLAY, PAUSE and TEARDOWN.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Done, Handler};
use crate::auth::User;
use crate::message::{Request, Response, Status, control};
use crate::server::player::Player;
use crate::server::session::{Route, Routes, Session};
use crate::server::writer::Out;
use crate::server::{Transport, multicast, udp};
use crate::stream::{Cursor, MAX_TRACKS, StartPoint};

impl Handler {
    /// PLAY. `Range` is ignored: a live stream has but one place to play from, and nobody else is moved.
    pub(super) async fn play(&mut self, request: &Request, user: &User) -> Done {
        let session = match self.session_of(request, user) {
            Ok(session) => session,
            Err(response) => return response.into(),
        };
        if session.is_interleaved() && session.connection != self.number {
            return Response::new(Status::NotValidInState).into();
        }
        let routes = session.state.lock().routes;
        if session.state.lock().playing.is_some() {
            return answer(&session, &routes, None).into();
        }
        if session.transport == Transport::Multicast {
            return self.play_multicast(session, &routes).into();
        }
        let mut selected = [false; MAX_TRACKS];
        for (selected, route) in selected.iter_mut().zip(&routes) {
            *selected = route.is_some();
        }
        let wait = self.shared.config.start_wait;
        let (cursor, start) =
            Cursor::start(&session.stream, session.generation, selected, wait).await;
        let playing = session.cancel.child_token();
        session.state.lock().playing = Some(playing.clone());
        let bytes = self.encode(request, &answer(&session, &routes, start.as_ref()));
        let interleaved = session.is_interleaved();
        let player = Player::new(session, cursor, routes);
        if interleaved {
            self.send(Out::Play(bytes, player)).await;
            return Done::Sent;
        }
        let Some(pair) = self.udp.clone() else {
            return Response::new(Status::Internal).into();
        };
        let (then, written) = oneshot::channel();
        let shared = self.shared.clone();
        self.shared.tasks.spawn(async move {
            // Media follows the answer, never the other way round.
            if written.await.is_ok() {
                udp::deliver(shared, pair, player, playing).await;
            }
        });
        self.send(Out::Then(bytes, then)).await;
        Done::Sent
    }

    /// PLAY by multicast: shares in what is sent already, or begins it. Where others watch, the picture is not at
    /// this viewer's beginning, so there is no place to name in RTP-Info.
    fn play_multicast(&self, session: Arc<Session>, routes: &Routes) -> Response {
        let mut casts = Vec::new();
        for (route, track) in routes.iter().zip(&session.tracks) {
            let Some(Route::Multicast(group, via)) = *route else {
                continue;
            };
            let joined = self.shared.casts.join(
                &self.shared,
                &session.stream,
                session.generation,
                track,
                (group, via),
            );
            match joined {
                Ok(cast) => casts.push(cast),
                Err(error) => {
                    tracing::warn!(%error, stream = session.name, "multicast not started");
                    return Response::new(Status::Internal);
                }
            }
        }
        let playing = session.cancel.child_token();
        session.state.lock().playing = Some(playing.clone());
        session.stream.request_key_frame();
        let response = answer(&session, routes, None);
        let shared = self.shared.clone();
        self.shared
            .tasks
            .spawn(multicast::attend(shared, session, casts, playing));
        response
    }

    /// PAUSE: a later PLAY goes on live.
    pub(super) async fn pause(&mut self, request: &Request, user: &User) -> Done {
        let session = match self.session_of(request, user) {
            Ok(session) => session,
            Err(response) => return response.into(),
        };
        let Some(playing) = session.state.lock().playing.take() else {
            return Response::new(Status::NotValidInState).into();
        };
        playing.cancel();
        let response = Response::ok().with("Session", session.key.as_str());
        self.stop(request, &session, response).await
    }

    /// TEARDOWN, of the session whichever of its URLs it names.
    pub(super) async fn teardown(&mut self, request: &Request, user: &User) -> Done {
        let session = match self.session_of(request, user) {
            Ok(session) => session,
            Err(response) => return response.into(),
        };
        let response = Response::ok().with("Session", session.key.as_str());
        let done = self.stop(request, &session, response).await;
        self.shared.registry.end(&session);
        self.own.take_if(|own| own.id == session.id);
        done
    }

    /// Sends the answer so that no frame follows it on this connection.
    async fn stop(&self, request: &Request, session: &Session, response: Response) -> Done {
        if session.is_interleaved() && session.connection == self.number {
            self.send(Out::Stop(self.encode(request, &response))).await;
            return Done::Sent;
        }
        response.into()
    }
}

fn answer(session: &Arc<Session>, routes: &Routes, start: Option<&StartPoint>) -> Response {
    let info: Vec<String> = match start {
        Some(start) => {
            let track = |(index, seq, time): &(usize, u16, u32)| {
                format!(
                    "url={};seq={seq};rtptime={time}",
                    control(&session.base, *index)
                )
            };
            start.tracks.iter().map(track).collect()
        }
        None => {
            let set_up = routes
                .iter()
                .enumerate()
                .filter(|(_, route)| route.is_some());
            set_up
                .map(|(index, _)| format!("url={}", control(&session.base, index)))
                .collect()
        }
    };
    Response::ok()
        .with("Session", session.key.as_str())
        .with("Range", "npt=now-")
        .with("RTP-Info", info.join(","))
}
