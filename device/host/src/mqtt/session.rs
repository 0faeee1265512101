//! One connection to a broker, from CONNECT to its end.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    time::Duration,
};

use platecam_model::{
    Error, Result,
    settings::{BrokerConfig, MqttVersion},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::mpsc,
    time::{Instant, timeout},
};

use super::{
    codec::{self, Connect, Connected, Malformed, Packet, Publish},
    queue::{Queue, Waiting},
    wire::{self, Wire},
};

/// Seconds of silence after which the broker may take us for dead; half of it after we ask for a sign.
const KEEP_ALIVE: u16 = 60;
/// An answer must come within this time, or the connection is broken.
const PATIENCE: Duration = Duration::from_secs(20);
/// Messages on their way at most. Version 3.1.1 has no way to tell it: mosquitto 2.0.11 breaks a connection with
/// more than 20 (`max_inflight_messages`).
const WINDOW: usize = 16;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    /// Broken, or never there.
    #[error("{0}")]
    Broken(#[from] io::Error),
    /// The broker does not let us in, or throws us out.
    #[error("{0}")]
    Refused(String),
    /// What came is no MQTT.
    #[error("the broker sends {0}")]
    Malformed(#[from] Malformed),
    /// The disk.
    #[error("the queue on the disk cannot be used")]
    Disk(Error),
}

impl From<Error> for Ended {
    fn from(e: Error) -> Self {
        Self::Disk(e)
    }
}

/// What happened to messages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    pub(super) arrived: usize,
    pub(super) refused: usize,
}

pub(super) struct Session {
    queue: Queue,
    version: MqttVersion,
    qos: u8,
    allowed: Connected,
    out: WriteHalf<Box<dyn Wire>>,
    packets: mpsc::Receiver<std::result::Result<Packet, Ended>>,
    /// Messages on their way, in their order: number, name, whether the broker has it.
    on_way: VecDeque<(i64, u16)>,
    /// Names of messages that the broker has, to their numbers.
    held: BTreeMap<u16, i64>,
    /// The newest number sent.
    sent: i64,
    /// When the oldest answer is due.
    answer_due: Option<Instant>,
    ping_at: Instant,
    keep_alive: Duration,
}

impl Session {
    /// Connects and logs in.
    pub(super) async fn open(
        config: &BrokerConfig,
        client: &str,
        queue: Queue,
    ) -> std::result::Result<(Self, Progress), Ended> {
        let (read, mut out) = tokio::io::split(wire::connect(config).await?);
        let version = config.version;
        let user = Some(config.user_name.as_str()).filter(|u| !u.is_empty());
        let password = user.and(Some(config.password.expose()).filter(|p| !p.is_empty()));
        let connect = codec::connect(&Connect {
            version,
            client,
            user,
            password,
            keep_alive: KEEP_ALIVE,
        });
        out.write_all(&connect).await?;
        out.flush().await?;
        let (tx, mut packets) = mpsc::channel(WINDOW * 2);
        tokio::spawn(read_packets(read, version, tx));
        let answer = timeout(PATIENCE, packets.recv())
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
        let allowed = match answer.unwrap_or(Err(eof()))? {
            Packet::Connected(c) if c.reason == 0 => c,
            Packet::Connected(c) => {
                let why = codec::refusal(version, c.reason);
                return Err(Ended::Refused(format!("the broker refuses: {why}")));
            }
            other => {
                let text = format!("the broker answers CONNECT with {other:?}");
                return Err(Ended::Refused(text));
            }
        };
        let keep_alive =
            Duration::from_secs(allowed.keep_alive.unwrap_or(KEEP_ALIVE).max(2).into());
        let mut session = Self {
            queue,
            version,
            qos: config.qos.get().min(allowed.max_qos),
            out,
            packets,
            on_way: VecDeque::new(),
            held: BTreeMap::new(),
            sent: 0,
            answer_due: None,
            ping_at: Instant::now() + keep_alive / 2,
            keep_alive,
            allowed,
        };
        if !session.allowed.session {
            session.queue.session_lost()?;
        }
        let progress = session.fill(session.allowed.session).await?;
        Ok((session, progress))
    }

    /// The newest number that was sent: messages up to it must not be replaced any more.
    pub(super) fn sent(&self) -> i64 {
        self.sent
    }

    /// Sends what waits, as much as may be on its way. `again` marks messages that may have been sent before.
    pub(super) async fn fill(&mut self, again: bool) -> std::result::Result<Progress, Ended> {
        let most = WINDOW.min(self.allowed.receive_max.into());
        let mut progress = Progress::default();
        let mut full = false;
        while !full && self.on_way.len() < most {
            let waiting = self.queue.after(self.sent, most - self.on_way.len())?;
            if waiting.is_empty() {
                break;
            }
            let mut done = Vec::new();
            let mut refused = 0;
            for w in waiting {
                let name = w.packet_id();
                if self.on_way.iter().any(|(_, other)| *other == name) {
                    full = true;
                    break;
                }
                self.sent = w.id;
                match self.send(&w, again).await? {
                    Sent::OnItsWay => {}
                    Sent::Done => done.push(w.id),
                    Sent::TooLong => {
                        refused += 1;
                        done.push(w.id);
                    }
                }
            }
            self.out.flush().await?;
            self.queue.done(&done, refused)?;
            progress.arrived += done.len() - refused;
            progress.refused += refused;
        }
        self.ping_at = Instant::now() + self.keep_alive / 2;
        Ok(progress)
    }

    async fn send(&mut self, w: &Waiting, again: bool) -> std::result::Result<Sent, Ended> {
        let id = w.packet_id();
        if w.received {
            self.out.write_all(&codec::release(id)).await?;
            self.held.insert(id, w.id);
        } else {
            let packet = codec::publish(&Publish {
                version: self.version,
                topic: &w.message.topic,
                payload: &w.message.payload,
                qos: self.qos,
                retain: w.message.retain && self.allowed.retain,
                again,
                id,
            });
            if packet.len() as u64 > u64::from(self.allowed.max_packet) {
                return Ok(Sent::TooLong);
            }
            self.out.write_all(&packet).await?;
            if self.qos == 0 {
                return Ok(Sent::Done);
            }
        }
        self.on_way.push_back((w.id, id));
        self.answer_due.get_or_insert(Instant::now() + PATIENCE);
        Ok(Sent::OnItsWay)
    }

    /// Waits for an answer of the broker, or until it is time to ask for a sign of life. May be dropped and
    /// called again.
    pub(super) async fn next(&mut self) -> std::result::Result<Option<Packet>, Ended> {
        let due = self
            .answer_due
            .map_or(self.ping_at, |d| d.min(self.ping_at));
        match tokio::time::timeout_at(due, self.packets.recv()).await {
            Ok(Some(packet)) => packet.map(Some),
            Ok(None) => Err(eof()),
            Err(_) => Ok(None),
        }
    }

    /// Acts on what [`Session::next`] brought, and on whatever else came meanwhile.
    pub(super) async fn handle(
        &mut self,
        packet: Option<Packet>,
    ) -> std::result::Result<Progress, Ended> {
        let Some(first) = packet else {
            if self.answer_due.is_some_and(|due| due <= Instant::now()) {
                return Err(io::Error::from(io::ErrorKind::TimedOut).into());
            }
            self.out.write_all(&codec::ping()).await?;
            self.out.flush().await?;
            self.ping_at = Instant::now() + self.keep_alive / 2;
            self.answer_due.get_or_insert(Instant::now() + PATIENCE);
            return Ok(Progress::default());
        };
        let (mut done, mut refused) = (Vec::new(), 0);
        let mut packet = Some(first);
        while let Some(p) = packet.take() {
            match p {
                Packet::Arrived { id, reason } => {
                    if let Some(number) = self.off(id) {
                        refused += usize::from(self.is_refusal(reason, number));
                        done.push(number);
                    }
                }
                Packet::Received { id, reason } => {
                    let number = self.on_way.iter().find(|(_, name)| *name == id);
                    match number.map(|(n, _)| *n) {
                        None => {}
                        Some(number) if self.is_refusal(reason, number) => {
                            self.off(id);
                            refused += 1;
                            done.push(number);
                        }
                        Some(number) => {
                            // On the disk before the broker may forget it.
                            self.queue.received(number)?;
                            self.held.insert(id, number);
                            self.out.write_all(&codec::release(id)).await?;
                            self.out.flush().await?;
                        }
                    }
                }
                Packet::Complete { id } => {
                    if self.held.remove(&id).is_some() {
                        done.extend(self.off(id));
                    }
                }
                Packet::Pong => {}
                Packet::Disconnected { reason } => {
                    let why = codec::refusal(self.version, reason);
                    return Err(Ended::Refused(format!(
                        "the broker ends the connection: {why}"
                    )));
                }
                Packet::Connected(_) => {
                    return Err(Ended::Refused(
                        "the broker answers CONNECT twice".to_owned(),
                    ));
                }
            }
            // The next one that is there already.
            packet = self.packets.try_recv().ok().transpose()?;
        }
        self.queue.done(&done, refused)?;
        self.answer_due = (!self.on_way.is_empty()).then(|| Instant::now() + PATIENCE);
        let mut progress = self.fill(false).await?;
        progress.arrived += done.len() - refused;
        progress.refused += refused;
        Ok(progress)
    }

    fn is_refusal(&self, reason: u8, number: i64) -> bool {
        let refused = reason >= 0x80;
        if refused {
            tracing::warn!(number, reason, "the broker refuses a message");
        }
        refused
    }

    fn off(&mut self, id: u16) -> Option<i64> {
        let at = self.on_way.iter().position(|(_, name)| *name == id)?;
        self.on_way.remove(at).map(|(number, _)| number)
    }

    /// Says good-bye.
    pub(super) async fn close(mut self) {
        let bye = async {
            self.out.write_all(&codec::disconnect()).await?;
            self.out.shutdown().await
        };
        let _ = timeout(Duration::from_secs(1), bye).await;
    }
}

enum Sent {
    OnItsWay,
    Done,
    TooLong,
}

fn eof() -> Ended {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the broker hung up").into()
}

/// Reads packets until the connection ends.
async fn read_packets(
    mut read: ReadHalf<Box<dyn Wire>>,
    version: MqttVersion,
    tx: mpsc::Sender<std::result::Result<Packet, Ended>>,
) {
    let mut buffer = Vec::new();
    let mut part = [0; 4096];
    let end = loop {
        match codec::take(&mut buffer, version) {
            Ok(Some(packet)) => {
                if tx.send(Ok(packet)).await.is_err() {
                    return;
                }
                continue;
            }
            Ok(None) => {}
            Err(e) => break e.into(),
        }
        let read = tokio::select! {
            read = read.read(&mut part) => read,
            () = tx.closed() => return,
        };
        match read {
            Ok(0) => break eof(),
            Ok(n) => buffer.extend_from_slice(&part[..n]),
            Err(e) => break e.into(),
        }
    };
    let _ = tx.send(Err(end)).await;
}

/// The result of the disk in a word that [`Ended`] has.
pub(super) fn disk(result: Result<()>) {
    if let Err(error) = result {
        tracing::error!(?error, "the queue of a broker");
    }
}
