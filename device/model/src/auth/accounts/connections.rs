//! Who is there: web sessions, RTSP sessions, recent requests (USER-13, USER-20, USER-21, GEN-5).

use std::net::IpAddr;

use super::{Accounts, users::is_own};
use crate::{
    Actor, Error, Permission, Result,
    auth::{
        online::{Arrival, OnlineKind, OnlineUser, Place},
        session::{NewSession, Session, SessionToken, hash},
    },
    ports::StoredSession,
};

impl Accounts {
    /// Starts a web session for somebody who has just proved who they are.
    ///
    /// # Errors
    /// [`Error::Exhausted`] when as many viewers are there as may be (GEN-5), [`Error::Internal`].
    pub fn start_session(&self, actor: &Actor, remember: bool) -> Result<(SessionToken, Session)> {
        let user = actor.user.as_deref().ok_or(Error::Unauthenticated)?;
        let rules = self.login_rules();
        let (now, wall) = self.now();
        let limit = rules.max_viewers.get() as usize;
        if self.sessions.viewers(now) + self.online.viewers() >= limit {
            return Err(Error::Exhausted {
                what: "viewers",
                limit: limit as u64,
            });
        }
        let (token, session) = self.sessions.start(&NewSession {
            user,
            peer: actor.peer,
            now,
            wall,
            idle: rules.session_for(),
            remember_until: remember.then(|| wall + rules.remember_for()),
        })?;
        if let Some(expires_at) = session.expires_at {
            self.backend.put_session(&StoredSession {
                hash: hash(&token.0).to_vec(),
                user: session.user.clone(),
                peer: session.peer,
                started_at: wall,
                expires_at,
            })?;
        }
        self.online.touch();
        Ok((token, session))
    }

    /// The session of a cookie, renewed.
    pub fn session(&self, token: &str) -> Option<Session> {
        let (now, wall) = self.now();
        self.sessions
            .find(token, now, wall, self.login_rules().session_for())
    }

    /// How many web sessions there are.
    pub fn web_sessions(&self) -> usize {
        let (now, wall) = self.now();
        let idle = self.login_rules().session_for();
        self.sessions.list(now, wall, idle).len()
    }

    /// Ends the session of a cookie (AUTH-4).
    ///
    /// # Errors
    /// [`Error::Internal`] when a remembered one could not be removed from the store.
    pub fn end_session(&self, token: &str, by: &Actor) -> Result<()> {
        if let Some(session) = self.sessions.end(token) {
            if session.expires_at.is_some() {
                self.backend.delete_sessions(&[hash(token).to_vec()])?;
            }
            self.logged_out(by);
            self.online.touch();
        }
        Ok(())
    }

    fn end_sessions(&self, which: impl Fn(&Session) -> bool) -> Result<Vec<Session>> {
        let ended = self.sessions.end_where(which);
        let remembered: Vec<_> = ended
            .iter()
            .filter(|(_, s)| s.expires_at.is_some())
            .map(|(hash, _)| hash.clone())
            .collect();
        if !remembered.is_empty() {
            self.backend.delete_sessions(&remembered)?;
        }
        Ok(ended.into_iter().map(|(_, s)| s).collect())
    }

    /// Ends everything of a user, over all protocols (USER-13).
    pub(super) fn end_all_of(&self, user: &str) -> Result<()> {
        self.end_sessions(|s| s.user.eq_ignore_ascii_case(user))?;
        self.online.end_all_of(user);
        Ok(())
    }

    /// The web sessions of the caller.
    pub fn own_sessions(&self, by: &Actor) -> Vec<Session> {
        let (now, wall) = self.now();
        let idle = self.login_rules().session_for();
        let mut all = self.sessions.list(now, wall, idle);
        all.retain(|s| is_own(by, &s.user));
        all
    }

    /// Ends one of the caller's web sessions.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn end_own_session(&self, id: u64, by: &Actor) -> Result<()> {
        let ended = self.end_sessions(|s| s.id == id && is_own(by, &s.user))?;
        if ended.is_empty() {
            return Err(Error::not_found("session", id.to_string()));
        }
        self.logged_out(by);
        self.online.touch();
        Ok(())
    }

    /// Enters a connection, such as an RTSP session, for as long as its place is kept.
    ///
    /// # Errors
    /// [`Error::Exhausted`] when as many viewers are there as may be (GEN-5).
    pub fn arrive(&self, arrival: Arrival) -> Result<Place> {
        let limit = self.login_rules().max_viewers.get();
        let now = self.now();
        let web = self.sessions.viewers(now.0);
        self.online
            .enter(arrival, now, web, limit as usize)
            .ok_or(Error::Exhausted {
                what: "viewers",
                limit: u64::from(limit),
            })
    }

    /// Everybody who is there (USER-20).
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn online(&self, by: &Actor) -> Result<Vec<OnlineUser>> {
        by.require(Permission::UserManagement)?;
        let (now, wall) = self.now();
        let idle = self.login_rules().session_for();
        let web = self.sessions.list(now, wall, idle).into_iter();
        let mut all: Vec<OnlineUser> = web
            .map(|s| OnlineUser {
                id: format!("w{}", s.id),
                group: self.group_of(&s.user),
                user: s.user,
                address: s.peer,
                kind: OnlineKind::Web,
                login_time: s.started_at,
                last_seen: wall - now.saturating_sub(s.last_used),
                can_disconnect: true,
                detail: String::new(),
            })
            .collect();
        all.extend(self.online.list(now, wall, |user| self.group_of(user)));
        all.sort_by_key(|c| std::cmp::Reverse(c.login_time));
        Ok(all)
    }

    pub(super) fn connections_of(&self, user: &str) -> usize {
        let (now, wall) = self.now();
        let idle = self.login_rules().session_for();
        let of = |name: &str| name.eq_ignore_ascii_case(user);
        let web = self.sessions.list(now, wall, idle);
        let others = self.online.list(now, wall, |_| String::new());
        web.iter().filter(|s| of(&s.user)).count() + others.iter().filter(|o| of(&o.user)).count()
    }

    /// Ends the connection or session of this id.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Conflict`] for what is no connection.
    pub fn disconnect(&self, id: &str, by: &Actor) -> Result<()> {
        by.require(Permission::UserManagement)?;
        let unknown = || Error::not_found("online user", super::people::shortened(id));
        let user = if let Some(number) = id.strip_prefix('w') {
            let number: u64 = number.parse().map_err(|_| unknown())?;
            let ended = self.end_sessions(|s| s.id == number)?;
            ended.first().map(|s| s.user.clone()).ok_or_else(unknown)?
        } else {
            match self.online.disconnect(id).ok_or_else(unknown)? {
                Ok(user) => user,
                Err(()) => {
                    return Err(Error::Conflict(
                        "requests prove themselves one by one: there is no connection to end"
                            .into(),
                    ));
                }
            }
        };
        self.online.touch();
        self.audit(by, format!("User '{user}' was disconnected."));
        Ok(())
    }

    /// Follows comings and goings, for pages that show them.
    pub fn watch_online(&self) -> tokio::sync::watch::Receiver<u64> {
        self.online.watch()
    }

    pub(super) fn seen_by_token(&self, user: &str, peer: Option<IpAddr>, token: &str) {
        self.online
            .seen(OnlineKind::Api, user, peer, token, self.now());
    }
}
