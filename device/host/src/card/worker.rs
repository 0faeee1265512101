//! The thread of one card: everything that may hang on a card happens here and nowhere else.

use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::Receiver,
    },
    time::{Duration, Instant},
};

use platecam_model::{
    Error, Result,
    ports::{CardState, CardStatus},
};
use rustix::{
    io::Errno,
    mount::{MountFlags, UnmountFlags, mount, unmount},
};

use super::{
    slot::Medium,
    superblock::{self, Found},
    volume::{Failure, Volume},
};

/// What is done on the card.
pub(super) type Job = Box<dyn FnOnce(&mut Card) -> Option<Answer> + Send>;
/// Tells whoever asked, once everybody can see what the card is like now.
pub(super) type Answer = Box<dyn FnOnce() + Send>;
/// A card that is not formatted by then is given up.
const FORMAT: Duration = Duration::from_secs(900);
/// A device that came may be usable a little later.
const NODE_TRIES: u32 = 20;
const NODE_WAIT: Duration = Duration::from_millis(100);
/// Where Debian and others keep it.
const MKFS: [&str; 2] = ["/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4"];

/// How a card is used.
#[derive(Clone, Debug)]
pub(super) struct Ways {
    /// Where it is mounted; a folder of its own.
    pub(super) mount_at: PathBuf,
    /// Whether this program may mount and format devices.
    pub(super) may_mount: bool,
    /// The card was pulled, or the program ends.
    pub(super) gone: Arc<AtomicBool>,
}

/// One card in the slot.
#[derive(Debug)]
pub(super) struct Card {
    medium: Medium,
    ways: Ways,
    mounted: bool,
    pub(super) volume: Option<Volume>,
    /// As it was last looked at.
    pub(super) status: CardStatus,
    /// How often it was formatted, or tried to.
    formatted: u64,
}

/// Opens the card, does what is asked for until nobody asks any more, and lets go of it.
///
/// `tell` hears what the card is like after each, and how many formats are done.
pub(super) fn run(
    medium: Medium,
    ways: Ways,
    jobs: &Receiver<Job>,
    tell: impl Fn(&CardStatus, u64),
) {
    let mut card = Card {
        status: CardStatus {
            state: CardState::Opening,
            device: Some(medium.place().display().to_string()),
            ..CardStatus::default()
        },
        medium,
        ways,
        mounted: false,
        volume: None,
        formatted: 0,
    };
    card.open();
    tell(&card.status, card.formatted);
    while let Ok(job) = jobs.recv() {
        let answer = job(&mut card);
        tell(&card.status, card.formatted);
        if let Some(answer) = answer {
            answer();
        }
    }
    card.close();
}

impl Card {
    fn is(&mut self, state: CardState, why: impl Into<Option<String>>) {
        (self.status.state, self.status.error) = (state, why.into());
    }

    /// Mounts the card and looks what it is like.
    fn open(&mut self) {
        self.status.id = None;
        (self.status.total, self.status.free) = (0, 0);
        let (root, read_only, errors) = match self.medium.clone() {
            Medium::Folder { path, .. } => (path, false, false),
            Medium::Device {
                node, read_only, ..
            } => match self.mount(&node, read_only) {
                Some(errors) => (self.ways.mount_at.clone(), read_only || errors, errors),
                None => return,
            },
        };
        let opened = Volume::open(&root)
            .and_then(|volume| volume.figures().map(|figures| (volume, figures)));
        let (volume, figures) = match opened {
            Ok(opened) => opened,
            Err(e) => return self.is(CardState::Failed, e.to_string()),
        };
        let read_only = read_only || figures.read_only;
        match volume.id(&new_id(), read_only) {
            Ok(id) => self.status.id = Some(id),
            Err(Failure {
                errno: Some(Errno::ROFS | Errno::ACCESS | Errno::PERM),
                ..
            }) => {
                return self.is(
                    CardState::Failed,
                    "it cannot be written by this process".to_owned(),
                );
            }
            Err(e) => return self.is(CardState::Failed, plain(&e.error)),
        }
        (self.status.total, self.status.free) = (figures.total, figures.free);
        self.volume = Some(volume);
        match (errors, read_only) {
            (true, _) => self.is(
                CardState::Damaged,
                "the file system has noted errors".to_owned(),
            ),
            (false, true) => self.is(CardState::ReadOnly, None),
            (false, false) => self.is(CardState::Ready, None),
        }
    }

    /// Mounts a device; tells whether its file system has errors, `None` when it cannot be mounted.
    fn mount(&mut self, node: &Path, read_only: bool) -> Option<bool> {
        let mut head = Vec::with_capacity(superblock::HEAD);
        let read = opened(node, &self.ways.gone)
            .and_then(|f| f.take(superblock::HEAD as u64).read_to_end(&mut head));
        if let Err(e) = read {
            self.is(CardState::Failed, format!("it cannot be read: {e}"));
            return None;
        }
        let errors = match superblock::look(&head) {
            Found::Ext4 { errors } => errors,
            Found::Other(name) => {
                self.status.file_system = Some(name.to_owned());
                let why = format!("its file system {name} does not survive a pulled card");
                self.is(CardState::Unformatted, why);
                return None;
            }
            Found::Nothing => {
                self.status.file_system = None;
                let why = "it has no file system that is known";
                self.is(CardState::Unformatted, why.to_owned());
                return None;
            }
        };
        self.status.file_system = Some("ext4".into());
        if !self.ways.may_mount {
            let why = "this machine is only read (--host observe): devices are not mounted";
            self.is(CardState::Failed, why.to_owned());
            return None;
        }
        let at = &self.ways.mount_at;
        let mut flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        flags |= MountFlags::NOATIME;
        let data = match read_only || errors {
            true => {
                flags |= MountFlags::RDONLY;
                if read_only {
                    c"noload"
                } else {
                    c"errors=remount-ro"
                }
            }
            false => c"errors=remount-ro",
        };
        let mounted = fs::create_dir_all(at)
            .map_err(|e| e.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error))
            .and_then(|()| mount(node, at, "ext4", flags, data));
        match mounted {
            Ok(()) => {
                self.mounted = true;
                Some(errors)
            }
            Err(e) => {
                let state = match e {
                    Errno::PERM | Errno::ACCESS | Errno::NODEV | Errno::BUSY | Errno::NOENT => {
                        CardState::Failed
                    }
                    _ => CardState::Damaged,
                };
                self.is(state, format!("it cannot be mounted: {e}"));
                None
            }
        }
    }

    fn close(&mut self) {
        self.volume = None;
        self.status.id = None;
        if std::mem::take(&mut self.mounted) {
            let at = &self.ways.mount_at;
            if unmount(at, UnmountFlags::empty()).is_err() {
                let _ = unmount(at, UnmountFlags::DETACH);
            }
            let _ = fs::remove_dir(at);
        }
    }

    /// Does something on the open card, and judges the card by how it ended.
    pub(super) fn does<T>(
        &mut self,
        what: impl FnOnce(&Volume) -> std::result::Result<T, Failure>,
    ) -> Result<T> {
        let Some(volume) = &self.volume else {
            return Err(Error::Unsupported("the memory card is not open".into()));
        };
        let done = what(volume);
        match volume.figures() {
            Ok(f) => (self.status.total, self.status.free) = (f.total, f.free),
            Err(e) => self.is(CardState::Failed, e.to_string()),
        }
        match &done {
            Ok(_) => {}
            Err(f) => match f.errno {
                // A file system that met errors takes nothing any more (errors=remount-ro).
                Some(Errno::ROFS) if self.status.state == CardState::Ready => {
                    self.is(
                        CardState::Damaged,
                        "it became read-only after errors".to_owned(),
                    );
                }
                // A card that claims more than it has, or whose last blocks are worn out.
                Some(Errno::NOSPC) if self.status.free > self.status.total / 20 => {
                    let why = "it takes no more although it claims to have room";
                    self.is(CardState::Failed, why.to_owned());
                }
                Some(Errno::UCLEAN | Errno::BADMSG) => {
                    self.is(CardState::Damaged, plain(&f.error));
                }
                Some(Errno::IO | Errno::NODEV | Errno::NXIO | Errno::STALE) => {
                    self.is(CardState::Failed, plain(&f.error));
                }
                _ => {}
            },
        }
        done.map_err(|f| f.error)
    }

    /// Makes a file system on the card, which loses everything, and opens it.
    pub(super) fn format(&mut self) {
        self.formatted += 1;
        self.close_and_keep_name();
        let made = match &self.medium {
            Medium::Folder { path, .. } => Volume::open(path)
                .map_err(|e| e.to_string())
                .and_then(|volume| volume.empty().map_err(|e| plain(&e))),
            Medium::Device { .. } if !self.ways.may_mount => {
                Err("this machine is only read (--host observe)".to_owned())
            }
            Medium::Device {
                read_only: true, ..
            } => Err("it is write-protected".to_owned()),
            Medium::Device { node, .. } => make_file_system(node, &self.ways.gone),
        };
        match made {
            Ok(()) => self.open(),
            Err(why) => self.is(
                CardState::Failed,
                format!("it could not be formatted: {why}"),
            ),
        }
    }

    fn close_and_keep_name(&mut self) {
        self.close();
        (self.status.total, self.status.free) = (0, 0);
    }
}

/// Opens a device; udev may not have got to it yet.
fn opened(node: &Path, gone: &AtomicBool) -> io::Result<fs::File> {
    let mut tries = 0;
    loop {
        match fs::File::open(node) {
            Err(_) if tries < NODE_TRIES && !gone.load(Ordering::Acquire) => tries += 1,
            other => return other,
        }
        std::thread::sleep(NODE_WAIT);
    }
}

fn make_file_system(node: &Path, gone: &AtomicBool) -> std::result::Result<(), String> {
    let program = MKFS.iter().find(|p| Path::new(p).exists());
    let program = program.ok_or("mkfs.ext4 is not installed")?;
    let mut child = Command::new(program)
        .args(["-q", "-F", "-m", "0", "-L", "PLATECAM"])
        .arg(node)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("{program}: {e}"))?;
    let end = Instant::now() + FORMAT;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(_)) => return Err(said(child.stderr.take())),
            Ok(None) if Instant::now() < end && !gone.load(Ordering::Acquire) => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Ok(None) | Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err("it took too long, or the card was pulled".into());
            }
        }
    }
}

/// The last line of what a program said, shortened.
fn said(output: Option<impl io::Read>) -> String {
    let mut text = String::new();
    if let Some(output) = output {
        let _ = output.take(4096).read_to_string(&mut text);
    }
    let line = text.lines().rfind(|l| !l.trim().is_empty());
    line.unwrap_or("mkfs.ext4 failed")
        .chars()
        .take(200)
        .collect()
}

fn plain(e: &Error) -> String {
    match e {
        Error::Internal { detail } => detail.clone(),
        other => other.to_string(),
    }
}

/// 16 hexadecimal digits.
fn new_id() -> String {
    let mut bytes = [0; 8];
    // Without the system's randomness nothing else of this program works either.
    let _ = getrandom::fill(&mut bytes);
    hex::encode(bytes)
}
