//! A real block device as the memory card: an image behind a loop device, with the kernel's ext4 on it (GEN-12, STOR-5..7). Needs
//! root. Where the kernel lends no loop devices (a container without them) the same is proven with folders beside the code.
#![allow(missing_docs, reason = "a test")]

use std::{
    fs::{self, File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use platecam_host::{CARD_PATIENCE, CardParts, CardSlot, LinuxCard};
use platecam_model::{
    EventBus, EventKind, Subscription, SystemClock,
    ports::{CardState, CardStatus, MemoryCard},
};

fn run(program: &str, args: &[&str]) -> String {
    let done = Command::new(program).args(args).output();
    let done = done.unwrap_or_else(|e| panic!("{program}: {e}"));
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{program} {args:?}: {said}");
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// A card of 32 MiB that is put in and pulled by a name in `/dev`.
struct Image {
    dir: tempfile::TempDir,
    device: String,
    name: PathBuf,
    in_memory: bool,
}

impl Image {
    fn new(what: &str) -> Self {
        Self::within(what, None)
    }

    /// The image lies in memory of this size, which may be less than the card's.
    fn within(what: &str, memory: Option<&str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        if let Some(memory) = memory {
            let (size, at) = (format!("size={memory}"), dir.path().to_str().unwrap());
            run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", at]);
        }
        let file = dir.path().join("image");
        File::create(&file).unwrap().set_len(32 << 20).unwrap();
        let name = format!("/dev/platecam-test-{}-{what}", std::process::id());
        let mut image = Self {
            dir,
            device: String::new(),
            name: name.into(),
            in_memory: memory.is_some(),
        };
        image.attach(&[]);
        image
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("image")
    }

    fn attach(&mut self, options: &[&str]) {
        let file = self.file();
        let args = [options, &["-f", "--show", file.to_str().unwrap()]].concat();
        self.device = run("losetup", &args);
    }

    fn put_in(&self) {
        symlink(&self.device, &self.name).unwrap();
    }

    fn pull(&self) {
        fs::remove_file(&self.name).unwrap();
    }

    fn poke(&self, at: u64, bytes: &[u8]) {
        let mut file = OpenOptions::new().write(true).open(self.file()).unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(bytes).unwrap();
        file.sync_all().unwrap();
    }

    fn slot(&self) -> (LinuxCard, Subscription) {
        let bus = EventBus::default();
        let news = bus.subscribe();
        let card = LinuxCard::start(CardParts {
            slot: CardSlot::At(self.name.clone()),
            may_mount: true,
            mounts: self.dir.path().join("mounts"),
            patience: CARD_PATIENCE,
            bus,
            clock: Arc::new(SystemClock::default()),
        });
        (card.unwrap(), news)
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.name);
        let _ = Command::new("losetup").args(["-d", &self.device]).status();
        if self.in_memory {
            let _ = Command::new("umount")
                .args(["-l", self.dir.path().to_str().unwrap()])
                .status();
        }
    }
}

fn told(news: &mut Subscription, state: CardState) -> CardStatus {
    let end = Instant::now() + Duration::from_secs(30);
    let mut seen = Vec::new();
    while Instant::now() < end {
        match news.try_recv() {
            Ok(event) => {
                if let EventKind::Card(card) = &event.kind {
                    if card.state == state {
                        return (**card).clone();
                    }
                    seen.push(card.clone());
                }
            }
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    panic!("the card never was {state:?}: {seen:?}")
}

fn lends_loop_devices() -> bool {
    let lends = Path::new("/dev/loop-control").exists();
    if !lends {
        println!("no loop devices here: see the tests beside the code");
    }
    lends
}

#[test]
fn a_new_card_is_formatted_used_pulled_and_put_back() {
    if !lends_loop_devices() {
        return;
    }
    let image = Image::new("new");
    let (card, mut news) = image.slot();
    image.put_in();
    let new = told(&mut news, CardState::Unformatted);
    assert!(new.fails() && new.total == 0, "{new:?}");
    assert!(card.write("platecam/PC1/1.jpg", "x".into()).is_err());
    card.format().unwrap();
    assert!(card.format().is_err(), "once at a time");
    told(&mut news, CardState::Formatting);
    let ready = told(&mut news, CardState::Ready);
    assert_eq!(ready.file_system.as_deref(), Some("ext4"));
    assert!(ready.total > 20 << 20 && ready.free > 20 << 20, "{ready:?}");
    card.write("platecam/PC1/1.jpg", vec![7; 1 << 20].into())
        .unwrap();
    assert!(card.status().free < ready.free, "it is counted");

    // Another kernel's view: nothing may be executed, no device opened, no set-uid obeyed.
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let line = mounts.lines().find(|l| l.contains(&image.device)).unwrap();
    for option in ["nosuid", "nodev", "noexec"] {
        assert!(line.contains(option), "{line}");
    }

    image.pull();
    let gone = told(&mut news, CardState::Absent);
    assert!(gone.pulled);
    assert!(card.write("platecam/PC1/2.jpg", "x".into()).is_err());
    image.put_in();
    let back = told(&mut news, CardState::Ready);
    assert_eq!(back.id, ready.id);
    assert_eq!(card.read("platecam/PC1/1.jpg").unwrap().len(), 1 << 20);
    drop(card);
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&image.device), "unmounted at the end");
}

/// A unit that was killed left the card mounted, and a journal to be replayed.
#[test]
fn a_mount_of_a_killed_run_is_taken_over() {
    if !lends_loop_devices() {
        return;
    }
    let image = Image::new("left");
    run("mkfs.ext4", &["-q", "-F", &image.device]);
    let left = image.dir.path().join("mounts/1");
    fs::create_dir_all(&left).unwrap();
    run("mount", &[&image.device, left.to_str().unwrap()]);
    image.put_in();
    let (card, mut news) = image.slot();
    told(&mut news, CardState::Ready);
    card.write("platecam/PC1/1.jpg", "x".into()).unwrap();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let here = mounts.lines().filter(|l| l.contains(&image.device));
    assert_eq!(here.count(), 1, "once");
}

/// STOR-7.
#[test]
fn write_protection_damage_and_other_file_systems_are_told() {
    if !lends_loop_devices() {
        return;
    }
    let mut image = Image::new("bad");
    image.poke(82, b"FAT32   ");
    let (card, mut news) = image.slot();
    image.put_in();
    let other = told(&mut news, CardState::Unformatted);
    assert_eq!(other.file_system.as_deref(), Some("FAT32"));
    card.format().unwrap();
    let id = told(&mut news, CardState::Ready).id;
    card.write("platecam/PC1/1.jpg", "x".into()).unwrap();
    image.pull();
    told(&mut news, CardState::Absent);
    drop(card);

    run("losetup", &["-d", &image.device]);
    image.attach(&["-r"]);
    let (card, mut news) = image.slot();
    image.put_in();
    let protected = told(&mut news, CardState::ReadOnly);
    assert_eq!(protected.id, id);
    assert_eq!(card.read("platecam/PC1/1.jpg").unwrap(), "x");
    assert!(card.write("platecam/PC1/1.jpg", "y".into()).is_err());
    card.format().unwrap();
    let failed = told(&mut news, CardState::Failed);
    assert!(failed.error.unwrap().contains("write-protected"));
    drop(card);
    image.pull();

    run("losetup", &["-d", &image.device]);
    // The tables behind the superblock, not the superblock.
    image.poke(4096, &vec![0xFF; 4096]);
    image.poke(2048, &vec![0xFF; 2048]);
    image.attach(&[]);
    let (_card, mut news) = image.slot();
    image.put_in();
    let damaged = told(&mut news, CardState::Damaged);
    assert!(damaged.fails() && damaged.error.is_some(), "{damaged:?}");
}

/// A card that dies while it is written: the write fails, the card is told as failed, and the program goes on.
#[test]
fn a_card_that_dies_fails_and_nothing_else_does() {
    if !lends_loop_devices() {
        return;
    }
    let image = Image::within("dies", Some("12m"));
    run("mkfs.ext4", &["-q", "-F", &image.device]);
    let (card, mut news) = image.slot();
    image.put_in();
    told(&mut news, CardState::Ready);
    card.write("platecam/PC1/1.jpg", "x".into()).unwrap();
    // From some sector on nothing is written any more.
    let end = Instant::now() + Duration::from_secs(30);
    let mut n = 1;
    while card
        .write(&format!("platecam/PC1/{n}.jpg"), vec![1; 100_000].into())
        .is_ok()
    {
        n += 1;
        assert!(Instant::now() < end, "writes to nowhere succeed");
    }
    let status = card.status();
    assert!(status.fails(), "{status:?}");
    image.pull();
    told(&mut news, CardState::Absent);
}
