//! What is in the slot now: asked of sysfs, which answers at once whatever the card does.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    str::FromStr,
};

/// Where the memory card is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CardSlot {
    /// There is none.
    Off,
    /// The first SD card or removable disk that nobody else uses.
    #[default]
    Auto,
    /// This block device, or a folder that is there while the card is: whoever made the image mounts it.
    At(PathBuf),
}

impl FromStr for CardSlot {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "off" => Ok(Self::Off),
            "auto" => Ok(Self::Auto),
            path if path.starts_with('/') && path.len() > 1 => Ok(Self::At(path.into())),
            other => Err(format!(
                "'{other}' is not off, auto, a device such as /dev/mmcblk1 or a folder"
            )),
        }
    }
}

/// A medium that is in the slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    /// A block device: the card's first partition, or the whole card.
    Device {
        node: PathBuf,
        /// Another one for each card that is put in.
        sequence: String,
        read_only: bool,
    },
    /// A folder, by device and number.
    Folder { path: PathBuf, inode: (u64, u64) },
}

impl Medium {
    pub(super) fn place(&self) -> &Path {
        match self {
            Self::Device { node, .. } => node,
            Self::Folder { path, .. } => path,
        }
    }
}

fn read(path: PathBuf) -> Option<String> {
    fs::read_to_string(path)
        .ok()
        .map(|text| text.trim().to_owned())
}

/// A disk or partition of this name, if there is a medium in it.
fn device(sys: &Path, name: &str) -> Option<Medium> {
    let own = sys.join("class/block").join(name);
    let size: u64 = read(own.join("size"))?.parse().ok()?;
    // The disk of a partition is the folder above it.
    let disk = fs::canonicalize(&own).ok()?;
    let disk = match disk.join("partition").exists() {
        true => disk.parent()?.to_owned(),
        false => disk,
    };
    let sequence = read(disk.join("diskseq")).unwrap_or_default();
    (size > 0).then(|| Medium::Device {
        node: Path::new("/dev").join(name),
        sequence: format!("{name} {sequence} {size}"),
        read_only: read(own.join("ro")).as_deref() == Some("1"),
    })
}

/// The first partition of a disk, or the disk.
fn first_part(sys: &Path, disk: &str) -> String {
    let parts = fs::read_dir(sys.join("class/block").join(disk));
    let names = parts.into_iter().flatten().flatten();
    let mut numbered: Vec<(u32, String)> = names
        .filter_map(|entry| {
            let number = read(entry.path().join("partition"))?.parse().ok()?;
            Some((number, entry.file_name().into_string().ok()?))
        })
        .collect();
    numbered.sort();
    numbered
        .into_iter()
        .next()
        .map_or(disk.to_owned(), |(_, name)| name)
}

/// Numbers `8:1` of what is mounted elsewhere than below `ours`.
fn mounted(mounts: &str, ours: &Path) -> Vec<String> {
    let lines = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(2);
        let (number, at) = (fields.next()?, fields.nth(1)?);
        (!Path::new(at).starts_with(ours)).then(|| number.to_owned())
    });
    lines.collect()
}

/// An SD card, or a disk that can be taken out, that nobody else uses.
fn free_card(sys: &Path, disk: &str, taken: &[String]) -> bool {
    let own = sys.join("class/block").join(disk);
    let card = read(own.join("removable")).as_deref() == Some("1")
        || read(own.join("device/type")).as_deref() == Some("SD");
    if !card || disk.starts_with("sr") || disk.starts_with("fd") || disk.starts_with("loop") {
        return false;
    }
    let parts = fs::read_dir(&own).into_iter().flatten().flatten();
    let numbers = parts.filter_map(|part| read(part.path().join("dev")));
    let used = |number: &String| taken.contains(number);
    !read(own.join("dev")).is_some_and(|n| used(&n)) && !numbers.into_iter().any(|n| used(&n))
}

impl CardSlot {
    /// What is in the slot; `ours` is where this program mounts cards.
    pub(super) fn look(&self, sys: &Path, ours: &Path) -> Option<Medium> {
        match self {
            Self::Off => None,
            Self::At(path) => match path.strip_prefix("/dev") {
                Ok(_) => {
                    let node = fs::canonicalize(path).ok()?;
                    device(sys, node.file_name()?.to_str()?)
                }
                Err(_) => {
                    let meta = fs::metadata(path).ok().filter(fs::Metadata::is_dir)?;
                    Some(Medium::Folder {
                        path: path.clone(),
                        inode: (meta.dev(), meta.ino()),
                    })
                }
            },
            Self::Auto => {
                let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
                let taken = mounted(&mounts, ours);
                let disks = fs::read_dir(sys.join("block")).into_iter().flatten();
                let mut names: Vec<String> = disks
                    .flatten()
                    .filter_map(|d| d.file_name().into_string().ok())
                    .collect();
                names.sort();
                let disk = names
                    .into_iter()
                    .find(|d| free_card(sys, d, &taken) && device(sys, d).is_some())?;
                device(sys, &first_part(sys, &disk))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_option_has_words_and_paths() {
        assert_eq!("off".parse(), Ok(CardSlot::Off));
        assert_eq!("auto".parse(), Ok(CardSlot::Auto));
        assert_eq!(
            "/dev/mmcblk1".parse(),
            Ok(CardSlot::At("/dev/mmcblk1".into()))
        );
        for bad in ["", "/", "sda", "./card"] {
            assert!(bad.parse::<CardSlot>().is_err(), "{bad}");
        }
    }

    /// Name, attributes, partitions.
    type Disk<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

    /// A sysfs with these disks.
    fn sysfs(disks: &[Disk<'_>]) -> tempfile::TempDir {
        let sys = tempfile::tempdir().unwrap();
        for sub in ["block", "class/block", "devices"] {
            fs::create_dir_all(sys.path().join(sub)).unwrap();
        }
        for (i, (disk, attributes, parts)) in disks.iter().enumerate() {
            let own = sys.path().join("devices").join(disk);
            fs::create_dir_all(own.join("device")).unwrap();
            fs::write(own.join("dev"), format!("{i}:0\n")).unwrap();
            for (name, value) in *attributes {
                fs::write(own.join(name), format!("{value}\n")).unwrap();
            }
            symlink(&own, sys.path().join("block").join(disk)).unwrap();
            symlink(&own, sys.path().join("class/block").join(disk)).unwrap();
            for (n, part) in parts.iter().enumerate() {
                let own = own.join(part);
                fs::create_dir(&own).unwrap();
                for (name, value) in [("partition", n + 1), ("size", 9), ("ro", 0)] {
                    fs::write(own.join(name), format!("{value}\n")).unwrap();
                }
                fs::write(own.join("dev"), format!("{i}:{}\n", n + 1)).unwrap();
                symlink(&own, sys.path().join("class/block").join(part)).unwrap();
            }
        }
        sys
    }

    /// GEN-12: what is looked at as a card, and what is left alone.
    #[test]
    fn cards_are_found_and_disks_left_alone() {
        let disk: &[(&str, &str)] = &[("removable", "0"), ("size", "9"), ("diskseq", "1")];
        let reader: &[(&str, &str)] = &[("removable", "1"), ("size", "0"), ("diskseq", "2")];
        let card: &[(&str, &str)] = &[
            ("removable", "0"),
            ("size", "99"),
            ("diskseq", "3"),
            ("device/type", "SD"),
            ("ro", "1"),
        ];
        let ours = Path::new("/run/platecam/card");
        let node = |sys: &tempfile::TempDir| match CardSlot::Auto.look(sys.path(), ours) {
            Some(Medium::Device { node, .. }) => node.to_str().map(str::to_owned),
            _ => None,
        };
        let sys = sysfs(&[("sda", disk, &["sda1"]), ("sdb", reader, &[])]);
        assert_eq!(node(&sys), None);
        let sys = sysfs(&[("sda", disk, &[]), ("mmcblk1", card, &[])]);
        assert_eq!(node(&sys).as_deref(), Some("/dev/mmcblk1"));
        let found = CardSlot::Auto.look(sys.path(), ours);
        let Some(Medium::Device {
            sequence,
            read_only,
            ..
        }) = found
        else {
            panic!("{found:?}")
        };
        assert_eq!((sequence.as_str(), read_only), ("mmcblk1 3 99", true));
        let sys = sysfs(&[("mmcblk1", card, &["mmcblk1p1", "mmcblk1p2"])]);
        assert_eq!(node(&sys).as_deref(), Some("/dev/mmcblk1p1"));
        let named = CardSlot::At("/dev/null".into());
        assert_eq!(named.look(sys.path(), ours), None, "no block device");
    }

    /// The system itself may run from an SD card.
    #[test]
    fn what_is_mounted_elsewhere_is_no_card() {
        let mounts = "26 1 179:2 / / rw - ext4 /dev/root rw\n\
                      27 26 179:33 / /run/platecam/card/1 rw - ext4 /dev/mmcblk1p1 rw\n";
        assert_eq!(mounted(mounts, Path::new("/run/platecam/card")), ["179:2"]);
        let card: &[(&str, &str)] = &[("device/type", "SD"), ("size", "99"), ("diskseq", "3")];
        let sys = sysfs(&[("mmcblk0", card, &["mmcblk0p1", "mmcblk0p2"])]);
        assert!(free_card(sys.path(), "mmcblk0", &[]));
        assert!(!free_card(sys.path(), "mmcblk0", &["0:2".to_owned()]));
        assert!(!free_card(sys.path(), "mmcblk0", &["0:0".to_owned()]));
    }

    #[test]
    fn a_folder_is_a_card_while_it_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("card");
        let slot = CardSlot::At(path.clone());
        assert_eq!(slot.look(Path::new("/sys"), dir.path()), None);
        fs::create_dir(&path).unwrap();
        let found = slot.look(Path::new("/sys"), dir.path()).unwrap();
        assert_eq!(found.place(), path);
        fs::rename(&path, dir.path().join("pulled")).unwrap();
        fs::create_dir(&path).unwrap();
        assert_ne!(slot.look(Path::new("/sys"), dir.path()), Some(found));
    }
}
