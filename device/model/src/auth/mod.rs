//! People: accounts, groups, proofs of identity, lock-out, sessions, tokens, second factor, reset.
//!
//! One account base for web, ONVIF, RTSP and CGI (USER-14) and one failure counter for all of them
//! (AUTH-6).

mod accounts;
mod digest;
mod digest_client;
mod lockout;
mod online;
mod password;
mod reset_button;
mod reset_code;
mod session;
mod totp;
mod wsse;

pub(crate) use accounts::is_email;
pub use accounts::{
    ADMIN, Accounts, GroupInfo, GroupUpdate, LoginRequest, MAX_ROLES, NewToken, NewUser,
    ResetChallenge, ResetMail, ResetState, ResetTicket, Role, TokenInfo, TotpEnrolment, TotpState,
    UserInfo, UserUpdate,
};
pub use digest::{DigestChallenge, REALM};
pub use digest_client::{ProofFor, answer_challenge};
pub use lockout::{LockEntry, Lockout};
pub use online::{Arrival, Hangup, OnlineKind, OnlineUser, Place};
pub use password::{Advice, PasswordPolicy, PasswordReport, Strength};
pub use reset_button::{HoldTimer, watch_button};
pub use reset_code::{ResetKey, ResetRequest};
pub use session::{Session, SessionToken, Sessions};
pub use wsse::UsernameToken;
