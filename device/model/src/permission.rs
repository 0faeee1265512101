use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $word:literal),+ $(,)?) => {
        /// What somebody may do. Every operation of every adapter needs exactly one (default deny).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Permission { $($(#[$doc])* $name),+ }

        impl Permission {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Permission] = &[$(Permission::$name),+];

            /// The word used in the API and in messages.
            pub const fn word(self) -> &'static str {
                match self { $(Permission::$name => $word),+ }
            }
        }
    };
}

permissions! {
    /// Watch live video and live plates.
    LiveView = "live-view",
    /// Take a snapshot by hand (LIVE-13).
    ManualSnapshot = "manual-snapshot",
    /// Search and download records and pictures.
    SearchRecords = "search-records",
    /// Read the configuration.
    ReadConfig = "read-config",
    /// Streams, encoders, profiles.
    VideoConfig = "video-config",
    /// Picture and sensor settings.
    ImageConfig = "image-config",
    /// Recognition settings and rules.
    LprConfig = "lpr-config",
    /// Allow and block lists.
    ListEdit = "list-edit",
    /// Open and close the barrier (GEN-3).
    BarrierControl = "barrier-control",
    /// Blocklist alarm functions (GEN-3).
    BlocklistAlarm = "blocklist-alarm",
    /// Alarms, outputs, exceptions.
    EventConfig = "event-config",
    /// Addresses, ports, protocols.
    NetworkConfig = "network-config",
    /// Storage and uploads.
    StorageConfig = "storage-config",
    /// Name, time, services.
    SystemConfig = "system-config",
    /// Reboot, reset, upgrade, import, export.
    Maintenance = "maintenance",
    /// Users, groups, sessions of others.
    UserManagement = "user-management",
    /// Certificates, HTTPS, firewall.
    SecurityConfig = "security-config",
    /// System and audit log.
    ReadLog = "read-log",
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A set of [`Permission`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions(u32);

impl Permissions {
    /// Nothing.
    pub const NONE: Self = Self(0);

    /// Exactly these.
    pub fn of(list: &[Permission]) -> Self {
        Self(list.iter().fold(0, |bits, p| bits | 1 << *p as u32))
    }

    /// Everything there is.
    pub fn all() -> Self {
        Self::of(Permission::ALL)
    }

    /// Whether `p` is in the set.
    pub const fn has(self, p: Permission) -> bool {
        self.0 & (1 << p as u32) != 0
    }

    /// The permissions in documentation order.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL
            .iter()
            .copied()
            .filter(move |p| self.has(*p))
    }
}

/// The group a user belongs to, in ONVIF's words (`tt:UserLevel`; GEN-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserLevel {
    /// Everything.
    Administrator,
    /// Works with the device but does not manage it.
    Operator,
    /// Watches and searches.
    User,
}

impl UserLevel {
    /// What members of the group may do at most (GEN-2).
    pub fn permissions(self) -> Permissions {
        use Permission as P;
        match self {
            Self::Administrator => Permissions::all(),
            Self::Operator => Permissions::of(&[
                P::LiveView,
                P::ManualSnapshot,
                P::SearchRecords,
                P::ReadConfig,
                P::VideoConfig,
                P::ImageConfig,
                P::LprConfig,
                P::ListEdit,
                P::BarrierControl,
                P::BlocklistAlarm,
                P::EventConfig,
            ]),
            Self::User => Permissions::of(&[
                P::LiveView,
                P::ManualSnapshot,
                P::SearchRecords,
                P::ReadConfig,
            ]),
        }
    }

    /// The word used in the API, the store and messages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Operator => "operator",
            Self::User => "user",
        }
    }
}

/// The way somebody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Web interface or its API.
    Web,
    /// ONVIF SOAP.
    Onvif,
    /// RTSP.
    Rtsp,
    /// The CGI.
    Cgi,
    /// The command line on the device itself.
    Local,
    /// The device on its own account.
    System,
}

/// Who does something: goes into permission checks, the change history and the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Actor {
    /// User name; `None` before login and for the device itself.
    pub user: Option<String>,
    /// What the user may do.
    pub permissions: Permissions,
    /// The user's group, when there is a user.
    pub level: Option<UserLevel>,
    /// The way in.
    pub origin: Origin,
    /// Source address, when there is one.
    pub peer: Option<IpAddr>,
}

impl Actor {
    /// The device itself: may do everything.
    pub fn system() -> Self {
        Self {
            user: None,
            permissions: Permissions::all(),
            level: None,
            origin: Origin::System,
            peer: None,
        }
    }

    /// Somebody who has not logged in: may do nothing.
    pub fn anonymous(origin: Origin, peer: Option<IpAddr>) -> Self {
        Self {
            user: None,
            permissions: Permissions::NONE,
            level: None,
            origin,
            peer,
        }
    }

    /// Checks one permission.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when it is missing.
    pub fn require(&self, p: Permission) -> Result<()> {
        if self.permissions.has(p) {
            Ok(())
        } else {
            Err(Error::Forbidden(p))
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self
            .user
            .as_deref()
            .unwrap_or(if self.origin == Origin::System {
                "system"
            } else {
                "anonymous"
            });
        match self.peer {
            Some(peer) => write!(f, "{name}@{peer}"),
            None => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GEN-2: no group has a permission that the administrators lack.
    #[test]
    fn every_level_is_a_subset_of_administrator() {
        let admin = UserLevel::Administrator.permissions();
        for level in [UserLevel::Operator, UserLevel::User] {
            assert!(level.permissions().iter().all(|p| admin.has(p)));
        }
        assert_eq!(admin.iter().count(), Permission::ALL.len());
    }

    /// Default deny: nothing that changes the device is open to a plain user.
    #[test]
    fn plain_users_only_watch() {
        let user = UserLevel::User.permissions();
        for p in [
            Permission::UserManagement,
            Permission::Maintenance,
            Permission::VideoConfig,
            Permission::BarrierControl,
        ] {
            assert!(!user.has(p), "{p}");
        }
        let actor = Actor {
            permissions: user,
            ..Actor::anonymous(Origin::Web, None)
        };
        assert!(matches!(
            actor.require(Permission::Maintenance),
            Err(Error::Forbidden(Permission::Maintenance))
        ));
        assert!(actor.require(Permission::LiveView).is_ok());
    }
}
