//! FTP (RFC 959, passive; RFC 2428 for IPv6).

use std::{borrow::Cow, collections::HashSet, io};

use platecam_model::settings::{NameEncoding, UploadServer};
use suppaftp::{Encoding, FtpError, Mode, Status, tokio::AsyncFtpStream, types::FileType};
use tokio::net::TcpStream;

use super::remote::{Failure, folders};

/// A connection with its user.
pub(super) struct FtpRemote {
    ftp: AsyncFtpStream,
    made: HashSet<String>,
}

/// GB 2312, which servers mean by its superset GBK; what it lacks becomes `_`.
#[derive(Debug)]
struct Chinese;

impl Encoding for Chinese {
    fn decode(&self, bytes: &[u8]) -> String {
        encoding_rs::GBK
            .decode_without_bom_handling(bytes)
            .0
            .into_owned()
    }

    fn encode(&self, text: &str) -> io::Result<Vec<u8>> {
        let mut out = Vec::with_capacity(text.len());
        for c in text.chars() {
            let mut buffer = [0; 4];
            match encoding_rs::GBK.encode(c.encode_utf8(&mut buffer)) {
                (bytes, _, false) => out.extend_from_slice(&bytes),
                (Cow::Owned(_) | Cow::Borrowed(_), _, true) => out.push(b'_'),
            }
        }
        Ok(out)
    }
}

fn failed(e: &FtpError) -> Failure {
    match e {
        FtpError::UnexpectedResponse(answer) => {
            let said = Failure::line(String::from_utf8_lossy(&answer.body));
            match answer.status {
                Status::NotLoggedIn => Failure::Login(said),
                Status::FileUnavailable | Status::BadFilename | Status::ExceededStorage => {
                    Failure::Refused(said)
                }
                _ => Failure::Broken(said),
            }
        }
        other => Failure::broken(other),
    }
}

impl FtpRemote {
    pub(super) async fn open(settings: &UploadServer) -> Result<Self, Failure> {
        let stream = TcpStream::connect((settings.host.as_str(), settings.port())).await;
        let stream = stream.map_err(Failure::broken)?;
        let v6 = stream.peer_addr().is_ok_and(|a| a.is_ipv6());
        let mut ftp = AsyncFtpStream::connect_with_stream(stream)
            .await
            .map_err(|e| failed(&e))?;
        // Data goes where the commands go, whatever address the server names.
        ftp.set_passive_nat_workaround(true);
        ftp.set_mode(if v6 {
            Mode::ExtendedPassive
        } else {
            Mode::Passive
        });
        if settings.encoding == NameEncoding::Gb2312 {
            ftp.set_encoding(Chinese).await;
        }
        let login = match settings.username.as_str() {
            "" => ftp.login("anonymous", "platecam@").await,
            user => ftp.login(user, settings.password.expose()).await,
        };
        login.map_err(|e| failed(&e))?;
        ftp.transfer_type(FileType::Image)
            .await
            .map_err(|e| failed(&e))?;
        Ok(Self {
            ftp,
            made: HashSet::new(),
        })
    }

    pub(super) async fn put(&mut self, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        for folder in folders(path) {
            if self.made.insert(folder.to_owned()) {
                // Mostly it is there; whether it can be used, the file will tell.
                let _ = self.ftp.mkdir(folder).await;
            }
        }
        let part = format!("{path}.part");
        let sent = self
            .ftp
            .put_file(&part, &mut &*bytes)
            .await
            .map_err(|e| failed(&e))?;
        if sent != bytes.len() as u64 {
            return Err(Failure::Broken(format!(
                "{sent} of {} bytes were sent",
                bytes.len()
            )));
        }
        if self.ftp.rename(part.as_str(), path).await.is_ok() {
            return Ok(());
        }
        // Some servers do not replace.
        let _ = self.ftp.rm(path).await;
        self.ftp
            .rename(part.as_str(), path)
            .await
            .map_err(|e| failed(&e))
    }

    pub(super) async fn remove(&mut self, path: &str) -> Result<(), Failure> {
        self.ftp.rm(path).await.map_err(|e| failed(&e))
    }

    pub(super) async fn close(mut self) {
        let _ = self.ftp.quit().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FTP-7.
    #[test]
    fn chinese_names_are_written_as_older_servers_read_them() {
        assert_eq!(
            Chinese.encode("京A12/x.jpg\r\n").unwrap(),
            b"\xbe\xa9A12/x.jpg\r\n"
        );
        assert_eq!(Chinese.decode(b"\xbe\xa9A"), "京A");
        assert_eq!(
            Chinese.encode("a\u{1f697}b").unwrap(),
            b"a_b",
            "what it lacks"
        );
    }
}
