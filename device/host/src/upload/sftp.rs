//! SFTP, version 3 within SSH. The server's key is known, or remembered at first (FTP-11).

use std::{collections::HashSet, sync::Arc, time::Duration};

use parking_lot::Mutex;
use platecam_model::settings::UploadServer;
use russh::{
    Disconnect,
    client::{self, Handle, KeyboardInteractiveAuthResponse},
    keys::{HashAlg, PublicKeyOrCertificate},
};
use russh_sftp::client::{SftpSession, error::Error as SftpError};
use russh_sftp::protocol::StatusCode;
use tokio::io::AsyncWriteExt;

use super::remote::{Failure, folders};

/// For one answer of the server.
const ANSWER: u64 = 30;
/// Most rounds of questions at a login.
const MAX_ROUNDS: usize = 3;

/// A connection with its user.
pub(super) struct SftpRemote {
    ssh: Handle<Doorkeeper>,
    sftp: SftpSession,
    made: HashSet<String>,
}

/// Looks at the key that the server shows.
struct Doorkeeper {
    known: Option<String>,
    seen: Arc<Mutex<Option<String>>>,
}

impl client::Handler for Doorkeeper {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let print = match key {
            PublicKeyOrCertificate::PublicKey { key, .. } => key.fingerprint(HashAlg::Sha256),
            PublicKeyOrCertificate::Certificate(c) => c.public_key().fingerprint(HashAlg::Sha256),
        };
        let print = print.to_string();
        let good = self.known.as_ref().is_none_or(|known| *known == print);
        *self.seen.lock() = Some(print);
        Ok(good)
    }
}

fn failed(e: &SftpError) -> Failure {
    match e {
        SftpError::Status(status) => {
            let said = Failure::line(format_args!(
                "{}: {}",
                status.status_code, status.error_message
            ));
            match status.status_code {
                StatusCode::ConnectionLost | StatusCode::NoConnection => Failure::Broken(said),
                _ => Failure::Refused(said),
            }
        }
        other => Failure::broken(other),
    }
}

impl SftpRemote {
    /// Connects; also returns the key that the server showed.
    pub(super) async fn open(
        settings: &UploadServer,
        known: Option<String>,
    ) -> Result<(Self, String), Failure> {
        let seen = Arc::<Mutex<Option<String>>>::default();
        let door = Doorkeeper {
            known: known.clone(),
            seen: seen.clone(),
        };
        let config = client::Config {
            inactivity_timeout: Some(Duration::from_secs(120)),
            keepalive_interval: Some(Duration::from_secs(30)),
            ..client::Config::default()
        };
        let address = (settings.host.as_str(), settings.port());
        let connected = client::connect(Arc::new(config), address, door).await;
        let key = seen.lock().clone();
        let mut ssh = match (connected, key, known) {
            (Ok(ssh), ..) => ssh,
            (Err(_), Some(seen), Some(expected)) if seen != expected => {
                return Err(Failure::HostKey { seen, expected });
            }
            (Err(e), ..) => return Err(Failure::broken(e)),
        };
        let key = seen.lock().clone();
        let key = key.ok_or_else(|| Failure::Broken("the server shows no key".into()))?;
        login(&mut ssh, settings).await?;
        let channel = ssh.channel_open_session().await.map_err(Failure::broken)?;
        channel
            .request_subsystem(true, "sftp")
            .await
            .map_err(Failure::broken)?;
        let sftp = SftpSession::new(channel.into_stream())
            .await
            .map_err(|e| failed(&e))?;
        sftp.set_timeout(ANSWER);
        let made = HashSet::new();
        Ok((Self { ssh, sftp, made }, key))
    }

    pub(super) async fn put(&mut self, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        for folder in folders(path) {
            if self.made.insert(folder.to_owned()) {
                // Mostly it is there; whether it can be used, the file will tell.
                let _ = self.sftp.create_dir(folder).await;
            }
        }
        let part = format!("{path}.part");
        let mut file = self.sftp.create(&part).await.map_err(|e| failed(&e))?;
        file.write_all(bytes).await.map_err(Failure::broken)?;
        file.flush().await.map_err(Failure::broken)?;
        // Servers without this extension write when they like.
        let _ = file.sync_all().await;
        file.close().await.map_err(Failure::broken)?;
        if self.sftp.rename(&part, path).await.is_ok() {
            return Ok(());
        }
        // This version does not replace.
        let _ = self.sftp.remove_file(path).await;
        self.sftp.rename(&part, path).await.map_err(|e| failed(&e))
    }

    pub(super) async fn remove(&mut self, path: &str) -> Result<(), Failure> {
        self.sftp.remove_file(path).await.map_err(|e| failed(&e))
    }

    pub(super) async fn close(self) {
        let _ = self.sftp.close().await;
        let _ = self
            .ssh
            .disconnect(Disconnect::ByApplication, "", "en")
            .await;
    }
}

/// By password, and by the questions that servers with PAM ask instead.
async fn login(ssh: &mut Handle<Doorkeeper>, settings: &UploadServer) -> Result<(), Failure> {
    use KeyboardInteractiveAuthResponse as Asked;
    let (user, password) = (settings.username.as_str(), settings.password.expose());
    let done = ssh
        .authenticate_password(user, password)
        .await
        .map_err(Failure::broken)?;
    if done.success() {
        return Ok(());
    }
    let refused = || Failure::Login("it accepts no such password".into());
    let mut asked = ssh
        .authenticate_keyboard_interactive_start(user, None::<String>)
        .await
        .map_err(Failure::broken)?;
    for _ in 0..MAX_ROUNDS {
        let answers = match asked {
            Asked::Success => return Ok(()),
            Asked::Failure { .. } => return Err(refused()),
            Asked::InfoRequest { prompts, .. } => vec![password.to_owned(); prompts.len().min(4)],
        };
        asked = ssh
            .authenticate_keyboard_interactive_respond(answers)
            .await
            .map_err(Failure::broken)?;
    }
    match asked {
        Asked::Success => Ok(()),
        Asked::Failure { .. } | Asked::InfoRequest { .. } => Err(refused()),
    }
}
