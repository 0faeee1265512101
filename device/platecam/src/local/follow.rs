//! The log of a running camera as it grows: one request, then a line for each entry.

use std::{
    io::{self, BufRead, BufReader, Read},
    ops::ControlFlow,
    path::Path,
    time::Duration,
};

use platecam_model::{Device, settings::TimeSettings};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    net::unix::OwnedWriteHalf,
    sync::broadcast::error::RecvError,
};

use super::{
    LogRequest, Request, Wanted, log,
    socket::{self, Answer, MAX_LINE, respond, say},
};
use crate::{Failure, cli::exit};

/// A reader that takes no line for so long is gone.
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// Sends what is there, then each new entry, until the reader goes. Nothing is left out and nothing comes twice; a
/// reader that is too slow is told how many it missed.
pub(super) async fn serve(
    device: &Device,
    wanted: &Wanted,
    mut read: impl AsyncRead + Unpin,
    mut write: OwnedWriteHalf,
) -> io::Result<()> {
    let mut entries = device.bus.subscribe_entries();
    let (asked, request) = (device.clone(), LogRequest::Show(wanted.clone()));
    let first = tokio::task::spawn_blocking(move || respond(&asked, Request::Log { request }));
    let first = first.await?;
    let mut last = match &first {
        Answer::Done(page) => newest(page),
        Answer::Refused(_) => return say(&mut write, &first).await,
    };
    say(&mut write, &first).await?;
    let query = wanted.query();
    let mut sent = [0];
    loop {
        let told = tokio::select! {
            entry = entries.recv() => match entry {
                Ok(e) if e.id > last && query.matches(&e) => {
                    last = e.id;
                    let time = device.settings.get::<TimeSettings>();
                    log::line(&e, &time).map_err(io::Error::other)?
                }
                Ok(_) => continue,
                Err(RecvError::Lagged(count)) => json!({ "missed": count }),
                Err(RecvError::Closed) => return Ok(()),
            },
            // A reader sends nothing more; its end ends this.
            _ = read.read(&mut sent) => return Ok(()),
        };
        tokio::time::timeout(SEND_WITHIN, say(&mut write, &Answer::Done(told))).await??;
    }
}

/// Number of the newest entry of a page, oldest first.
fn newest(page: &Value) -> u64 {
    let last = page["entries"].as_array().and_then(|all| all.last());
    last.and_then(|e| e["id"].as_u64()).unwrap_or(0)
}

/// The client's side.
pub(super) fn follow(
    path: &Path,
    request: &Request,
    mut take: impl FnMut(Value) -> Result<ControlFlow<()>, Failure>,
) -> Result<(), Failure> {
    let silent = |e: &io::Error| socket::silent(path, e);
    let stream = socket::send(path, request).map_err(|e| silent(&e))?;
    let mut lines = BufReader::new(&stream);
    loop {
        let mut line = Vec::new();
        (&mut lines)
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
            .map_err(|e| silent(&e))?;
        if !line.ends_with(b"\n") {
            return Err(Failure::new(exit::STATE, "the camera has ended"));
        }
        match serde_json::from_slice(&line) {
            Ok(Answer::Done(value)) => {
                if take(value)?.is_break() {
                    return Ok(());
                }
            }
            Ok(Answer::Refused(why)) => return Err(Failure::new(exit::FAILED, why)),
            Err(e) => return Err(silent(&e.into())),
        }
        // The first answer came in time; the next entry may take as long as it likes.
        stream.set_read_timeout(None).map_err(|e| silent(&e))?;
    }
}
