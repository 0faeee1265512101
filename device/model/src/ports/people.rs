use std::net::IpAddr;

use lpr_core::UtcTime;

use crate::{Permissions, Result};

/// A user as stored. The password is argon2id for logins, and sealed with the device key for
/// Digest and WS-UsernameToken, which need the password itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredUser {
    /// Name, unique whatever its case (USER-3).
    pub name: String,
    /// Group.
    pub group: String,
    /// Exactly these permissions; `None` for all that the group has.
    pub permissions: Option<Permissions>,
    /// argon2id in PHC string format.
    pub password_hash: String,
    /// Output of [`super::Sealer::seal`] over the password, bound to `name`.
    pub sealed_password: Vec<u8>,
    /// Free text.
    pub remark: String,
    /// Address for a password reset (INIT-4); only `admin` has one.
    pub email: Option<String>,
    /// When the user was made; `None` for users older than this field.
    pub created_at: Option<UtcTime>,
    /// When anything of it was changed.
    pub changed_at: Option<UtcTime>,
    /// When the password was set; `None` for users older than this field.
    pub password_at: Option<UtcTime>,
    /// Hashes of earlier passwords, newest first.
    pub old_passwords: Vec<String>,
    /// The second factor, when it is on.
    pub totp: Option<StoredTotp>,
}

/// A second factor as stored.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct StoredTotp {
    /// Output of [`super::Sealer::seal`] over the secret, bound to the user's name.
    pub sealed_secret: Vec<u8>,
    /// The newest time step that was used; older ones are refused.
    pub last_step: u64,
    /// SHA-256 of the recovery codes that are left, hexadecimal.
    pub recovery: Vec<String>,
}

/// A group as stored (USER-16).
#[derive(Clone, Debug, PartialEq)]
pub struct StoredGroup {
    /// Name, unique whatever its case.
    pub name: String,
    /// Free text.
    pub remark: String,
    /// What its members may at most (GEN-2).
    pub permissions: Permissions,
    /// The only ONVIF operations that its members may call (`tt:UserRole`), such as `trt:GetProfiles`; `None` for
    /// all that the permissions open.
    pub functions: Option<Vec<String>>,
}

/// An API token as stored: never the token itself.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredToken {
    /// Public part.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// Owner.
    pub user: String,
    /// SHA-256 of the secret part.
    pub hash: Vec<u8>,
    /// What it may, at most what its owner may.
    pub permissions: Permissions,
    /// When it was made.
    pub created_at: UtcTime,
    /// When it ends; `None` for never.
    pub expires_at: Option<UtcTime>,
    /// Last use, to the minute.
    pub last_used_at: Option<UtcTime>,
    /// From where.
    pub last_address: Option<IpAddr>,
}

/// A web session that survives restarts, as stored: never its token.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSession {
    /// SHA-256 of the token.
    pub hash: Vec<u8>,
    /// Whose.
    pub user: String,
    /// From where the login came.
    pub peer: Option<IpAddr>,
    /// When it began.
    pub started_at: UtcTime,
    /// When it ends at the latest.
    pub expires_at: UtcTime,
}

/// Keeps users, groups, tokens and remembered sessions.
///
/// Every method fails with [`crate::Error::Internal`] when the store cannot be read or written;
/// nothing is changed then. What returns is durable.
#[allow(clippy::missing_errors_doc)]
pub trait UserBackend: Send + Sync {
    /// Everybody stored, in order of creation.
    fn load_users(&self) -> Result<Vec<StoredUser>>;

    /// Groups stored, in order of creation; those never changed may be missing.
    fn load_groups(&self) -> Result<Vec<StoredGroup>>;

    /// Replaces all users and groups in one step. Tokens and sessions of users that are gone go too.
    fn replace_people(&self, users: &[StoredUser], groups: &[StoredGroup]) -> Result<()>;

    /// All API tokens, in order of creation.
    fn load_tokens(&self) -> Result<Vec<StoredToken>>;

    /// Adds a token or replaces the one of the same id.
    fn put_token(&self, token: &StoredToken) -> Result<()>;

    /// Removes a token.
    fn delete_token(&self, id: &str) -> Result<()>;

    /// All remembered sessions.
    fn load_sessions(&self) -> Result<Vec<StoredSession>>;

    /// Adds a session.
    fn put_session(&self, session: &StoredSession) -> Result<()>;

    /// Removes sessions by the hashes of their tokens.
    fn delete_sessions(&self, hashes: &[Vec<u8>]) -> Result<()>;

    /// A secret of the device, sealed, that `make` makes once. Never exported.
    fn device_secret(
        &self,
        name: &str,
        make: &mut dyn FnMut() -> Result<Vec<u8>>,
    ) -> Result<Vec<u8>>;
}
