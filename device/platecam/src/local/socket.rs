//! The socket of a running camera: one request and one answer a connection, each a line of JSON.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use platecam_model::Device;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt},
    net::unix::OwnedWriteHalf,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::{LogRequest, Request, actor, answer::answer, follow};
use crate::{Failure, cli::exit};

/// Longest request and answer, bytes: the largest configuration file, quoted, with room.
pub(super) const MAX_LINE: u64 = 12 << 20;
/// Requests served at the same time.
const CONNECTIONS: usize = 8;
/// Connections beside them that follow the log.
const FOLLOWERS: usize = 4;
/// A request must be complete by then.
pub(super) const READ_WITHIN: Duration = Duration::from_secs(10);
/// The client waits so long for an answer: password hashing and encryption take a second on a slow machine.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// The camera's answer.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    /// Done, with this result.
    Done(Value),
    /// Not done, with the reason for people.
    Refused(String),
}

/// The bound socket; removed when dropped.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
    listener: tokio::net::UnixListener,
}

impl Socket {
    /// Listens in the state directory, which the caller has locked: what lies there is of an earlier run.
    ///
    /// # Errors
    /// What the system says, for example that the path has more than 107 bytes.
    pub(crate) fn bind(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(super::SOCKET);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::UnixListener::from_std(listener)?;
        Ok(Self { path, listener })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Serves until it is dropped.
pub(crate) async fn serve(socket: Socket, device: Device) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let followers = Arc::new(Semaphore::new(FOLLOWERS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        match socket.listener.accept().await {
            Ok((stream, _)) => {
                let (device, followers) = (device.clone(), followers.clone());
                tokio::spawn(async move {
                    if let Err(e) = exchange(stream, device, place, followers).await {
                        tracing::debug!(error = %e, "local request");
                    }
                });
            }
            Err(e) => {
                tracing::warn!(error = %e, "the local socket does not accept");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn exchange(
    stream: tokio::net::UnixStream,
    device: Device,
    place: OwnedSemaphorePermit,
    followers: Arc<Semaphore>,
) -> io::Result<()> {
    // The mode of the file keeps others out already; this holds where a state directory is shared.
    let peer = stream.peer_cred()?.uid();
    if peer != 0 && peer != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other(format!("uid {peer} is not the owner")));
    }
    let (read, mut write) = stream.into_split();
    let mut line = Vec::new();
    let mut limited = tokio::io::BufReader::new(read.take(MAX_LINE));
    tokio::time::timeout(READ_WITHIN, limited.read_until(b'\n', &mut line)).await??;
    let answered = match parse(&line) {
        Err(why) => Answer::Refused(why),
        Ok(Request::Log {
            request: LogRequest::Follow(wanted),
        }) => match followers.try_acquire() {
            Ok(_follows) => {
                // Who only listens takes no place from those who ask.
                drop(place);
                return follow::serve(&device, &wanted, limited, write).await;
            }
            Err(_) => Answer::Refused(format!("{FOLLOWERS} follow the log already")),
        },
        Ok(request) => tokio::task::spawn_blocking(move || respond(&device, request)).await?,
    };
    say(&mut write, &answered).await?;
    write.shutdown().await
}

/// Writes one line.
pub(super) async fn say(write: &mut OwnedWriteHalf, answer: &Answer) -> io::Result<()> {
    let mut text = serde_json::to_vec(answer)?;
    text.push(b'\n');
    write.write_all(&text).await
}

/// Never panics on what it is sent.
fn parse(line: &[u8]) -> Result<Request, String> {
    if !line.ends_with(b"\n") {
        return Err(format!("a request is one line of at most {MAX_LINE} bytes"));
    }
    serde_json::from_slice(line).map_err(|e| format!("the camera does not know this request: {e}"))
}

pub(super) fn respond(device: &Device, request: Request) -> Answer {
    match answer(device, &actor(), request) {
        Ok(value) => Answer::Done(value),
        Err(e) => Answer::Refused(refusal(&e)),
    }
}

/// The owner of the machine may read details that a peer in the network may not.
pub(super) fn refusal(e: &platecam_model::Error) -> String {
    match e {
        platecam_model::Error::Internal { detail } => detail.clone(),
        other => other.to_string(),
    }
}

/// Asks the camera behind the socket at `path`.
pub(super) fn ask(path: &Path, request: &Request) -> Result<Value, Failure> {
    let answer = exchange_once(path, request).map_err(|e| silent(path, &e))?;
    match answer {
        Answer::Done(value) => Ok(value),
        Answer::Refused(why) => Err(Failure::new(exit::FAILED, why)),
    }
}

pub(super) fn silent(path: &Path, e: &io::Error) -> Failure {
    let text = format!(
        "the camera runs but does not answer on {}: {e}",
        path.display()
    );
    Failure::new(exit::STATE, text)
}

fn exchange_once(path: &Path, request: &Request) -> io::Result<Answer> {
    let stream = send(path, request)?;
    let mut answer = Vec::new();
    BufReader::new(stream.take(MAX_LINE)).read_until(b'\n', &mut answer)?;
    Ok(serde_json::from_slice(&answer)?)
}

/// A connection on which the request is sent.
pub(super) fn send(path: &Path, request: &Request) -> io::Result<UnixStream> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_write_timeout(Some(READ_WITHIN))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use platecam_model::testing::initialised;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn sent(device: &Device, line: &[u8]) -> Value {
        let answer = match parse(line) {
            Ok(request) => respond(device, request),
            Err(why) => Answer::Refused(why),
        };
        serde_json::to_value(answer).unwrap()
    }

    #[test]
    fn requests_are_answered_and_refusals_name_field_and_bound() {
        let device = initialised().device;
        let got = sent(&device, b"{\"do\":\"get\",\"key\":\"video.main\"}\n");
        assert_eq!(got["done"][0]["value"]["bit_rate"], 4096, "{got}");
        let all = sent(&device, b"{\"do\":\"get\"}\n");
        assert_eq!(
            all["done"].as_array().unwrap().len(),
            device.settings.sections().count()
        );
        let set = |rate: i32| {
            let change = json!({"key": "video.main", "value": {"bit_rate": rate}, "revision": 0});
            let request = json!({"do": "set", "changes": [change]});
            sent(&device, format!("{request}\n").as_bytes())
        };
        let refused = set(1);
        let why = refused["refused"].as_str().unwrap();
        assert!(
            why.contains("/bit_rate") && why.contains("32 to 16384 kbit/s"),
            "{why}"
        );
        assert_eq!(
            set(1000)["done"],
            json!([{"key": "video.main", "revision": 1}])
        );
        let stale = set(2000);
        assert!(
            stale["refused"]
                .as_str()
                .unwrap()
                .contains("changed by local"),
            "{stale}"
        );
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_refused_in_words(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let device = initialised().device;
            let answer = sent(&device, &line);
            prop_assert!(answer["refused"].is_string(), "{answer}");
        }
    }

    /// The socket is the owner's alone and goes with the camera.
    #[tokio::test]
    async fn the_socket_answers_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(super::super::SOCKET);
        fs::write(&path, b"of a run that was killed").unwrap();
        let socket = Socket::bind(dir.path()).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let server = tokio::spawn(serve(socket, initialised().device));
        let asked = path.clone();
        let ask = move |key: &str| {
            let request = Request::Get {
                key: Some(key.into()),
            };
            ask(&asked, &request)
        };
        let (good, bad) = tokio::task::spawn_blocking(move || (ask("net.ports"), ask("nothing")))
            .await
            .unwrap();
        assert_eq!(good.unwrap()[0]["key"], "net.ports");
        assert!(bad.unwrap_err().text.contains("nothing"));
        server.abort();
        let _ = server.await;
        assert!(!path.exists());
    }
}
