//! People: accounts, proofs of identity, lock-out and web sessions.
//!
//! One account base for web, ONVIF, RTSP and CGI (USER-14) and one failure counter for all of them
//! (AUTH-6).

mod accounts;
mod digest;
mod lockout;
mod password;
mod session;
mod wsse;

pub use accounts::{Accounts, NewUser, UserInfo, UserUpdate};
pub use digest::{DigestChallenge, REALM};
pub use lockout::Lockout;
pub use password::{PasswordPolicy, Strength};
pub use session::{Session, SessionToken, Sessions};
pub use wsse::UsernameToken;
