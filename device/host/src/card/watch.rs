//! The thread that looks at the slot: the kernel's word wakes it, and the clock where that does not come.

use std::{
    fs,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{Receiver, sync_channel},
    },
    time::Duration,
};

use platecam_model::ports::{CardState, CardStatus};
use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, eventfd, poll},
    net::{
        AddressFamily, RecvFlags, SocketFlags, SocketType, bind,
        netlink::{KOBJECT_UEVENT, SocketAddrNetlink},
        recv, socket_with,
    },
    time::Timespec,
};

use super::{
    CardSlot, MAX_HUNG, QUEUE, Shared, clear,
    slot::Medium,
    worker::{self, Ways},
};

/// How often a device is looked for when the kernel says nothing.
const LOOK: Duration = Duration::from_secs(2);
/// How often a folder is.
const LOOK_AT_FOLDER: Duration = Duration::from_millis(500);
/// A card that does not end by then when the program does is left to the kernel.
const END: Duration = Duration::from_secs(1);

/// Wakes the thread.
#[derive(Debug)]
pub(super) struct Waker(OwnedFd);

impl Waker {
    pub(super) fn wake(&self) {
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }
}

/// A waker and what it wakes.
pub(super) fn waker() -> std::io::Result<(Waker, OwnedFd)> {
    let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    Ok((Waker(fd.try_clone()?), fd))
}

/// The kernel's news of devices.
fn uevents() -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let protocol = Some(KOBJECT_UEVENT);
    let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, protocol)?;
    bind(&socket, &SocketAddrNetlink::new(0, 1))?;
    Ok(socket)
}

/// The card in the slot, as the watcher holds it.
struct Held {
    medium: Medium,
    gone: Arc<AtomicBool>,
    /// Ready when its thread has ended.
    ended: Receiver<()>,
}

/// Looks until the slot is dropped.
pub(super) fn run(shared: &Arc<Shared>, alarm: &OwnedFd) {
    clear(&shared.parts.mounts);
    let folder = matches!(&shared.parts.slot, CardSlot::At(p) if !p.starts_with("/dev"));
    let news = (!folder).then(uevents).and_then(|socket| {
        socket
            .inspect_err(|e| tracing::debug!(error = %e, "no news of devices; they are looked for"))
            .ok()
    });
    let hung = Arc::new(AtomicUsize::new(0));
    let mut held: Option<Held> = None;
    let mut number = 0;
    while !shared.stop.load(Ordering::Acquire) {
        let found = shared
            .parts
            .slot
            .look(Path::new("/sys"), &shared.parts.mounts);
        if held.as_ref().map(|h| &h.medium) != found.as_ref() {
            if let Some(old) = held.take() {
                release(shared, &old, found.is_none());
            }
            if let Some(medium) = found {
                number += 1;
                held = insert(shared, medium, number, &hung);
            }
        }
        wait(
            alarm,
            news.as_ref(),
            if folder { LOOK_AT_FOLDER } else { LOOK },
        );
    }
    if let Some(old) = held {
        release(shared, &old, false);
        let _ = old.ended.recv_timeout(END);
    }
    let _ = fs::remove_dir(&shared.parts.mounts);
}

fn wait(alarm: &OwnedFd, news: Option<&OwnedFd>, within: Duration) {
    let mut fds = vec![PollFd::new(alarm, PollFlags::IN)];
    fds.extend(news.map(|socket| PollFd::new(socket, PollFlags::IN)));
    let within = Timespec {
        tv_sec: within.as_secs() as i64,
        tv_nsec: within.subsec_nanos().into(),
    };
    let _ = poll(&mut fds, Some(&within));
    if let Some(socket) = news {
        // What they say is looked up in sysfs; anybody may send such words.
        let mut buffer = [0_u8; 4096];
        while recv(socket.as_fd(), &mut buffer[..], RecvFlags::DONTWAIT).is_ok() {}
    }
}

/// The card is not there any more: nobody asks its thread again, and it ends when it can.
fn release(shared: &Shared, old: &Held, empty: bool) {
    old.gone.store(true, Ordering::Release);
    let mut now = shared.now.lock();
    now.jobs = None;
    now.hangs = false;
    if empty && !shared.stop.load(Ordering::Acquire) {
        let status = CardStatus {
            state: CardState::Absent,
            pulled: now.status.pulled || now.status.id.is_some(),
            insertions: now.number,
            ..CardStatus::default()
        };
        shared.publish(&mut now, status);
    }
}

/// A card came: its thread opens it.
fn insert(
    shared: &Arc<Shared>,
    medium: Medium,
    number: u64,
    hung: &Arc<AtomicUsize>,
) -> Option<Held> {
    let gone = Arc::new(AtomicBool::new(false));
    let (jobs, queue) = sync_channel(QUEUE);
    let (end, ended) = sync_channel(1);
    let ways = Ways {
        mount_at: shared.parts.mounts.join(number.to_string()),
        may_mount: shared.parts.may_mount,
        gone: gone.clone(),
    };
    let mut status = CardStatus {
        state: CardState::Opening,
        device: Some(medium.place().display().to_string()),
        insertions: number,
        ..CardStatus::default()
    };
    if hung.load(Ordering::Acquire) >= MAX_HUNG {
        status.state = CardState::Failed;
        status.error = Some("earlier cards still hang; restart the unit".into());
    }
    let usable = status.state == CardState::Opening;
    {
        let mut now = shared.now.lock();
        now.number = number;
        now.formats = 0;
        now.jobs = usable.then_some(jobs);
        now.hangs = false;
        shared.publish(&mut now, status);
    }
    if usable {
        let (own, medium, hung) = (shared.clone(), medium.clone(), hung.clone());
        hung.fetch_add(1, Ordering::AcqRel);
        let body = move || {
            worker::run(medium, ways, &queue, |status, formatted| {
                own.tell(number, status, formatted);
            });
            hung.fetch_sub(1, Ordering::AcqRel);
            let _ = end.send(());
        };
        let started = std::thread::Builder::new()
            .name("memory-card".into())
            .stack_size(256 << 10)
            .spawn(body);
        if let Err(e) = started {
            tracing::error!(error = %e, "no thread for the memory card");
            return None;
        }
    }
    Some(Held {
        medium,
        gone,
        ended,
    })
}
