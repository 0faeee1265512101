use std::{
    fs,
    io::{Cursor, Write},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use platecam_model::{
    Error, Result, Secret,
    ports::{BundleFile, Machine, ProcessFigures, ProcessorTimes, StorageFigures},
};
use zip::{AesMode, CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// Figures of this Linux machine and process, from `/proc` and the file system.
#[derive(Clone, Debug)]
pub struct LinuxMachine {
    state: PathBuf,
}

/// Kernel files that a support bundle holds. None of them has command lines, environments or addresses of peers.
const REPORT: [(&str, &str); 9] = [
    ("version", "/proc/version"),
    ("os-release", "/etc/os-release"),
    ("uptime", "/proc/uptime"),
    ("load", "/proc/loadavg"),
    ("memory", "/proc/meminfo"),
    ("processor", "/proc/cpuinfo"),
    ("interfaces", "/proc/net/dev"),
    ("process", "/proc/self/status"),
    ("limits", "/proc/self/limits"),
];

impl LinuxMachine {
    /// `state` is the state directory.
    pub fn new(state: &Path) -> Self {
        Self {
            state: state.to_owned(),
        }
    }

    fn threads(&self) -> String {
        let mut out = String::from("thread\tname\tclock ticks\n");
        let tasks = fs::read_dir("/proc/self/task")
            .into_iter()
            .flatten()
            .flatten();
        for task in tasks {
            let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            let id = task.file_name().to_string_lossy().into_owned();
            out += &format!("{id}\t{}\t{}\n", name.trim(), ticks(&stat).unwrap_or(0));
        }
        out
    }
}

impl Machine for LinuxMachine {
    fn process(&self) -> ProcessFigures {
        let read =
            |file: &str| fs::read_to_string(Path::new("/proc/self").join(file)).unwrap_or_default();
        let status = read("status");
        let field = |name: &str| {
            let line = status.lines().find_map(|l| l.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        ProcessFigures {
            cpu_seconds: ticks(&read("stat")).unwrap_or(0) as f64 / ticks_per_second(),
            resident_bytes: field("VmRSS:").unwrap_or(0) * 1024,
            open_files: fs::read_dir("/proc/self/fd").map_or(0, |d| d.count() as u64),
            threads: field("Threads:").unwrap_or(0),
        }
    }

    fn processors(&self) -> ProcessorTimes {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        processor_times(&stat)
    }

    fn storage(&self) -> StorageFigures {
        let size = |name: &str| fs::metadata(self.state.join(name)).map_or(0, |m| m.len());
        let (free, total) = match rustix::fs::statvfs(&self.state) {
            Ok(fs) => (fs.f_bavail * fs.f_frsize, fs.f_blocks * fs.f_frsize),
            Err(_) => (0, 0),
        };
        StorageFigures {
            free,
            total,
            database: size("platecam.db") + size("platecam.db-wal"),
        }
    }

    fn report(&self) -> Vec<BundleFile> {
        let mut files: Vec<_> = REPORT
            .iter()
            .filter_map(|(name, path)| {
                Some(BundleFile {
                    name: format!("system/{name}.txt"),
                    content: fs::read(path).ok()?,
                })
            })
            .collect();
        let s = self.storage();
        files.push(BundleFile {
            name: "system/threads.txt".into(),
            content: self.threads().into_bytes(),
        });
        files.push(BundleFile {
            name: "system/disk.txt".into(),
            content: format!(
                "free {}\ntotal {}\ndatabase {}\n",
                s.free, s.total, s.database
            )
            .into_bytes(),
        });
        files
    }

    fn pack(&self, files: &[BundleFile], password: Option<&Secret>) -> Result<Bytes> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for file in files {
            let plain =
                SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
            let started = match password {
                Some(p) => zip.start_file(
                    &file.name,
                    plain.with_aes_encryption(AesMode::Aes256, p.expose()),
                ),
                None => zip.start_file(&file.name, plain),
            };
            started.map_err(Error::internal)?;
            zip.write_all(&file.content).map_err(Error::internal)?;
        }
        let out = zip.finish().map_err(Error::internal)?;
        Ok(out.into_inner().into())
    }
}

/// User and system time of a `stat` line; the name in parentheses may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let after = &stat[stat.rfind(')')? + 1..];
    let mut fields = after.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// From the first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal; guests are within user (proc(5)).
fn processor_times(stat: &str) -> ProcessorTimes {
    let line = stat.lines().find_map(|l| l.strip_prefix("cpu "));
    let ticks: Vec<f64> = line
        .into_iter()
        .flat_map(str::split_whitespace)
        .take(8)
        .filter_map(|f| f.parse().ok())
        .collect();
    let all: f64 = ticks.iter().sum();
    let idle: f64 = ticks.iter().skip(3).take(2).sum();
    ProcessorTimes {
        busy: (all - idle) / ticks_per_second(),
        all: all / ticks_per_second(),
    }
}

fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_process_has_figures() {
        let tmp = tempfile::tempdir().unwrap();
        let machine = LinuxMachine::new(tmp.path());
        let p = machine.process();
        assert!(
            p.resident_bytes > 1 << 20 && p.threads >= 1 && p.open_files >= 3,
            "{p:?}"
        );
        let s = machine.storage();
        assert!(s.total > 0 && s.free <= s.total, "{s:?}");
        assert!(
            machine
                .report()
                .iter()
                .any(|f| f.name == "system/version.txt")
        );
        assert_eq!(
            ticks("7 (a) b) c) S 1 1 1 0 -1 4 1 0 0 0 30 12 0 0 20"),
            Some(42)
        );
        assert_eq!(ticks("garbage"), None);
    }

    #[test]
    fn processors_are_idle_or_busy() {
        let tmp = tempfile::tempdir().unwrap();
        let now = LinuxMachine::new(tmp.path()).processors();
        assert!(
            now.all > 0.0 && (0.0..=now.all).contains(&now.busy),
            "{now:?}"
        );
        // Idle and waiting for the disk are no work; the guests' share, the last two, is within `user` already.
        let t = processor_times("cpu  100 20 30 800 50 5 5 10 77 7\ncpu0 1 1 1 1\n");
        let unit = ticks_per_second();
        let whole = |seconds: f64| (seconds * unit).round();
        assert_eq!((whole(t.busy), whole(t.all)), (170.0, 1020.0));
        assert_eq!(processor_times("garbage"), ProcessorTimes::default());
    }

    /// DEBUG-2: what is packed with a password opens with it and with no other.
    #[test]
    fn archives_open_with_their_password_only() {
        let tmp = tempfile::tempdir().unwrap();
        let machine = LinuxMachine::new(tmp.path());
        let files = [BundleFile {
            name: "log.json".into(),
            content: b"the content".repeat(100),
        }];
        let open = |bytes: Bytes, password: Option<&str>| {
            let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
            let mut file = match password {
                Some(p) => zip.by_index_decrypt(0, p.as_bytes()).ok()?,
                None => zip.by_index(0).ok()?,
            };
            let mut out = Vec::new();
            file.read_to_end(&mut out).ok()?;
            Some(out)
        };
        let plain = machine.pack(&files, None).unwrap();
        assert_eq!(open(plain, None).as_ref(), Some(&files[0].content));
        let secret = Secret::new("correct horse");
        let sealed = machine.pack(&files, Some(&secret)).unwrap();
        assert!(!sealed.windows(11).any(|w| w == b"the content"));
        assert_eq!(
            open(sealed.clone(), Some("correct horse")).as_ref(),
            Some(&files[0].content)
        );
        assert_eq!(open(sealed.clone(), Some("wrong horse!!")), None);
        assert_eq!(open(sealed, None), None);
    }
}
