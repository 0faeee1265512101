//! A server that takes files: by FTP or by SFTP, with one face.

use std::{future::Future, time::Duration};

use platecam_model::settings::{UploadProtocol, UploadServer};

use super::{ftp::FtpRemote, sftp::SftpRemote};

/// For connecting and logging in.
const CONNECT: Duration = Duration::from_secs(20);
/// For one picture, folders included.
const PICTURE: Duration = Duration::from_secs(120);
/// For the good-bye.
const BYE: Duration = Duration::from_secs(2);

/// Why a file did not arrive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// The server showed another key than before.
    #[error(
        "the server shows the key {seen}, but {expected} is known: somebody may stand in between"
    )]
    HostKey { seen: String, expected: String },
    /// It does not know the user.
    #[error("the server refuses user name or password: {0}")]
    Login(String),
    /// It does not let the user write.
    #[error("the server refuses the file: {0}")]
    Refused(String),
    /// The way to it, or itself, is broken.
    #[error("{0}")]
    Broken(String),
}

impl Failure {
    /// On one line, for people.
    pub(super) fn line(text: impl std::fmt::Display) -> String {
        let text = text.to_string();
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        line.chars().filter(|c| !c.is_control()).take(200).collect()
    }

    pub(super) fn broken(why: impl std::fmt::Display) -> Self {
        Self::Broken(Self::line(why))
    }
}

/// A connection with a user logged in.
pub(super) enum Remote {
    Ftp(Box<FtpRemote>),
    Sftp(Box<SftpRemote>),
}

async fn within<T>(
    time: Duration,
    what: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(time, what).await {
        Ok(done) => done,
        Err(_) => Err(Failure::Broken(format!(
            "no answer within {} s",
            time.as_secs()
        ))),
    }
}

impl Remote {
    /// Connects and logs in. `known` is the key that an SFTP server must show; returns the one that it showed.
    pub(super) async fn open(
        settings: &UploadServer,
        known: Option<String>,
    ) -> Result<(Self, Option<String>), Failure> {
        within(CONNECT, async {
            match settings.protocol {
                UploadProtocol::Ftp => {
                    let remote = FtpRemote::open(settings).await?;
                    Ok((Self::Ftp(Box::new(remote)), None))
                }
                UploadProtocol::Sftp => {
                    let (remote, key) = SftpRemote::open(settings, known).await?;
                    Ok((Self::Sftp(Box::new(remote)), Some(key)))
                }
            }
        })
        .await
    }

    /// Puts a file there whole or not at all: under a name that ends with `.part`, then renamed. What is there under the
    /// name is this same picture, from an upload whose end nobody noted: it is replaced.
    pub(super) async fn put(&mut self, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        within(PICTURE, async {
            match self {
                Self::Ftp(remote) => remote.put(path, bytes).await,
                Self::Sftp(remote) => remote.put(path, bytes).await,
            }
        })
        .await
    }

    /// Removes a file.
    pub(super) async fn remove(&mut self, path: &str) -> Result<(), Failure> {
        within(CONNECT, async {
            match self {
                Self::Ftp(remote) => remote.remove(path).await,
                Self::Sftp(remote) => remote.remove(path).await,
            }
        })
        .await
    }

    /// Says good-bye, if the server still listens.
    pub(super) async fn close(self) {
        let bye = async {
            match self {
                Self::Ftp(remote) => remote.close().await,
                Self::Sftp(remote) => remote.close().await,
            }
        };
        let _ = tokio::time::timeout(BYE, bye).await;
    }
}

/// The folders above `path`, outermost first.
pub(super) fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/')
        .map(|(at, _)| &path[..at])
        .filter(|f| !f.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_from_the_outside() {
        let of = |path| folders(path).collect::<Vec<_>>();
        assert_eq!(of("a/b/c.jpg"), ["a", "a/b"]);
        assert_eq!(of("/srv/x/c.jpg"), ["/srv", "/srv/x"]);
        assert!(of("c.jpg").is_empty());
    }

    #[test]
    fn what_a_server_says_is_one_short_line() {
        let said = Failure::broken(format!("550\r\n no\u{7} way {}", "x".repeat(500)));
        let Failure::Broken(text) = said else {
            panic!()
        };
        assert!(text.starts_with("550 no way x") && text.chars().count() <= 200);
    }
}
