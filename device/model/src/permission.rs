use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

macro_rules! permissions {
    ($(#[doc = $doc:literal] $name:ident = $word:literal),+ $(,)?) => {
        /// What somebody may do. Every operation of every adapter needs exactly one (default deny).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Permission { $(#[doc = $doc] $name),+ }

        impl Permission {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Permission] = &[$(Permission::$name),+];

            /// The word used in the API and in messages.
            pub const fn word(self) -> &'static str {
                match self { $(Permission::$name => $word),+ }
            }

            /// What it allows, for people.
            pub fn title(self) -> &'static str {
                match self { $(Permission::$name => $doc),+ }.trim().trim_end_matches('.')
            }
        }

        impl std::str::FromStr for Permission {
            type Err = String;

            fn from_str(word: &str) -> std::result::Result<Self, String> {
                match word {
                    $($word => Ok(Permission::$name),)+
                    other => {
                        let shown: String = other.chars().take(32).collect();
                        Err(format!("there is no permission '{shown}'"))
                    }
                }
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

    /// Whether all of `other` are in the set.
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// What is in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this set but not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is nothing in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `p` is in the set.
    pub const fn has(self, p: Permission) -> bool {
        self.0 & (1 << p as u32) != 0
    }

    /// The ONVIF level that the set stands for: the greatest whose whole default policy it covers
    /// ([`UserLevel::policy`]); [`UserLevel::Extended`] when it covers none.
    pub fn level(self) -> UserLevel {
        [
            UserLevel::Administrator,
            UserLevel::Operator,
            UserLevel::User,
        ]
        .into_iter()
        .find(|level| self.covers(level.policy()))
        .unwrap_or(UserLevel::Extended)
    }

    /// The permissions in documentation order.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL
            .iter()
            .copied()
            .filter(move |p| self.has(*p))
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(list: I) -> Self {
        Self(list.into_iter().fold(0, |bits, p| bits | 1 << p as u32))
    }
}

/// Stored and published as words: numbers would change their meaning with the order of the list.
impl Serialize for Permissions {
    fn serialize<S: serde::Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        s.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        Ok(Vec::<Permission>::deserialize(d)?.into_iter().collect())
    }
}

/// What a set of permissions amounts to in ONVIF's words (`tt:UserLevel`; GEN-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserLevel {
    /// Everything.
    Administrator,
    /// Works with the device but does not manage it.
    Operator,
    /// Watches and searches.
    User,
    /// Less than a user: some permissions of a group of its own.
    Extended,
}

impl UserLevel {
    /// What the access classes that ONVIF's default policy opens to this level need (Core §7.9.4):
    /// the least that makes somebody of this level.
    pub fn policy(self) -> Permissions {
        use Permission as P;
        match self {
            Self::Administrator => Permissions::of(&[
                P::LiveView,
                P::ReadConfig,
                P::VideoConfig,
                P::EventConfig,
                P::SystemConfig,
                P::Maintenance,
                P::UserManagement,
            ]),
            Self::Operator => {
                Permissions::of(&[P::LiveView, P::ReadConfig, P::VideoConfig, P::EventConfig])
            }
            Self::User => Permissions::of(&[P::LiveView, P::ReadConfig]),
            Self::Extended => Permissions::NONE,
        }
    }

    /// What members of the built-in group of this level may do at first (GEN-2).
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
            Self::Extended => Permissions::NONE,
        }
    }

    /// The word used in the API, the store and messages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Operator => "operator",
            Self::User => "user",
            Self::Extended => "extended",
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
        let name = self.user.as_deref().unwrap_or(match self.origin {
            Origin::System => "system",
            Origin::Local => "local",
            _ => "anonymous",
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

    /// The rule of `docs/reference/permissions.md`: the greatest level that is wholly covered.
    #[test]
    fn a_set_has_the_greatest_level_that_it_covers() {
        use Permission as P;
        for level in [
            UserLevel::Administrator,
            UserLevel::Operator,
            UserLevel::User,
            UserLevel::Extended,
        ] {
            assert_eq!(level.policy().level(), level);
            assert_eq!(level.permissions().level(), level);
            // One permission less of what it takes is a lower level.
            for p in level.policy().iter() {
                let less = level.permissions().without(Permissions::of(&[p]));
                assert_ne!(less.level(), level, "{level:?} without {p}");
            }
        }
        let barrier = Permissions::of(&[P::LiveView, P::ReadConfig, P::BarrierControl]);
        assert_eq!(barrier.level(), UserLevel::User);
        assert_eq!(Permissions::of(&[P::LiveView]).level(), UserLevel::Extended);
    }

    /// Words survive a new order of the list; numbers would not.
    #[test]
    fn sets_are_stored_as_words() {
        let set = Permissions::of(&[Permission::ReadLog, Permission::LiveView]);
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(text, r#"["live-view","read-log"]"#);
        assert_eq!(serde_json::from_str::<Permissions>(&text).unwrap(), set);
        assert!(serde_json::from_str::<Permissions>(r#"["fly"]"#).is_err());
        for p in Permission::ALL {
            assert_eq!(p.word().parse(), Ok(*p));
            assert!(!p.title().is_empty());
        }
        assert!(Permission::ALL.len() <= 32, "the set has 32 bits");
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
