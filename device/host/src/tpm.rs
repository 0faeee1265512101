use std::{
    fmt,
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
    process::{Command, Stdio},
    str::FromStr,
};

use zeroize::Zeroizing;

use crate::state_dir::write_atomic;

/// The kernel's TPM 2.0 with its resource manager.
const DEVICE: &str = "/dev/tpmrm0";

/// A TPM 2.0, driven by tpm2-tools: it gives the device key back on this machine only (row SEC-18).
///
/// The key is an object under the primary key of the owner hierarchy (ECC, the tools' template), which the TPM makes
/// anew from its own seed each time. It is bound to the chip and to no state of it (no PCR): an upgrade must not lock the camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tpm {
    tcti: String,
}

/// What the command line says about the TPM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TpmChoice {
    /// Use the machine's, if it has one that this process may use.
    #[default]
    Auto,
    /// Use none for new keys. A key that is sealed already still needs its TPM.
    Off,
    /// Use this one, and fail without it.
    This(Tpm),
}

impl FromStr for TpmChoice {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            tcti => Tpm::at(tcti).map(Self::This),
        }
    }
}

impl fmt::Display for Tpm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.tcti)
    }
}

impl Tpm {
    /// The TPM that tpm2-tools reach by this transmission interface.
    ///
    /// # Errors
    /// What is wrong with it. Only the kernel's device and a `swtpm` are taken: the tools would load any library named here.
    pub fn at(tcti: &str) -> Result<Self, String> {
        let plain = |s: &str| {
            s.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"/._-=,".contains(&b))
        };
        let known = ["device:/dev/tpm", "swtpm:path=/", "swtpm:host="]
            .iter()
            .find_map(|start| tcti.strip_prefix(start));
        if tcti.len() <= 200 && known.is_some_and(plain) {
            return Ok(Self { tcti: tcti.into() });
        }
        Err(format!(
            "'{tcti}' is not a TPM: auto, off, device:/dev/tpmrm0 or swtpm:path=SOCKET"
        ))
    }

    /// The machine's own, when there is one that this process may open and tpm2-tools are installed.
    pub fn of_this_machine() -> Option<Self> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(DEVICE)
            .ok()?;
        let tpm = Self {
            tcti: format!("device:{DEVICE}"),
        };
        let tools = Command::new("tpm2_unseal")
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if tools.is_ok_and(|s| s.success()) {
            return Some(tpm);
        }
        tracing::info!("this machine has a TPM, but tpm2-tools are not installed: it is not used");
        None
    }

    /// Writes `secret` (at most 128 bytes) sealed to `file`, once the TPM has given it back.
    ///
    /// # Errors
    /// What the TPM or the file system said.
    pub(crate) fn seal(&self, secret: &[u8], file: &Path) -> Result<(), String> {
        let work = Work::new(file)?;
        self.primary(&work)?;
        self.tool(
            "tpm2_create",
            &[
                "-Q", "-C", "primary", "-i", "-", "-u", "public", "-r", "private",
            ],
            secret,
            &work,
        )?;
        let read = |name| fs::read(work.0.join(name)).map_err(|e| format!("{name}: {e}"));
        let (public, private) = (read("public")?, read("private")?);
        let sealed = [self.tcti.as_bytes(), b"\n", &public, &private].concat();
        if *self.load(&public, &private, &work)? != secret {
            return Err("gave back other bytes than it was given".into());
        }
        write_atomic(file, &sealed, 0o600).map_err(|e| e.to_string())
    }

    /// What was sealed to `file`, by the TPM that `file` names.
    ///
    /// # Errors
    /// What the TPM said: another chip than the one that sealed it, a cleared one, none.
    pub(crate) fn unseal(file: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
        let sealed = fs::read(file).map_err(|e| e.to_string())?;
        let (tcti, rest) = sealed
            .iter()
            .position(|b| *b == b'\n')
            .map(|at| (&sealed[..at], &sealed[at + 1..]))
            .ok_or("is damaged")?;
        let tpm = Self::at(&String::from_utf8_lossy(tcti))?;
        // Two TPM2B structures, each after its size in 16 bits.
        let size = rest
            .first_chunk()
            .map(|b| usize::from(u16::from_be_bytes(*b)));
        let (public, private) = size
            .and_then(|n| rest.split_at_checked(n + 2))
            .ok_or("is damaged")?;
        let work = Work::new(file)?;
        tpm.primary(&work)?;
        tpm.load(public, private, &work)
            .map_err(|e| format!("the TPM {tpm} does not open it: {e}"))
    }

    fn primary(&self, work: &Work) -> Result<(), String> {
        let words = [
            "-Q", "-C", "o", "-g", "sha256", "-G", "ecc", "-c", "primary",
        ];
        self.tool("tpm2_createprimary", &words, &[], work).map(drop)
    }

    fn load(
        &self,
        public: &[u8],
        private: &[u8],
        work: &Work,
    ) -> Result<Zeroizing<Vec<u8>>, String> {
        for (name, content) in [("public", public), ("private", private)] {
            fs::write(work.0.join(name), content).map_err(|e| format!("{name}: {e}"))?;
        }
        let words = [
            "-Q", "-C", "primary", "-u", "public", "-r", "private", "-c", "object",
        ];
        self.tool("tpm2_load", &words, &[], work)?;
        self.tool("tpm2_unseal", &["-Q", "-c", "object"], &[], work)
    }

    /// Runs one of the tools; then empties the TPM's places for objects, which are few where no resource manager does it.
    fn tool(
        &self,
        tool: &str,
        words: &[&str],
        input: &[u8],
        work: &Work,
    ) -> Result<Zeroizing<Vec<u8>>, String> {
        let run = |tool: &str, words: &[&str], input: &[u8]| {
            let failed = |e: std::io::Error| format!("{tool}: {e}");
            let mut child = Command::new("timeout")
                .arg("20")
                .arg(tool)
                .args(words)
                .current_dir(&work.0)
                .env("TPM2TOOLS_TCTI", &self.tcti)
                .env("TSS2_LOG", "all+NONE")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .map_err(failed)?;
            if let Some(mut pipe) = child.stdin.take() {
                pipe.write_all(input)
                    .or_else(|e| match e.kind() {
                        std::io::ErrorKind::BrokenPipe => Ok(()),
                        _ => Err(e),
                    })
                    .map_err(failed)?;
            }
            let done = child.wait_with_output().map_err(failed)?;
            let out = Zeroizing::new(done.stdout);
            if done.status.success() {
                return Ok(out);
            }
            let said = String::from_utf8_lossy(&done.stderr);
            let said = said.lines().find(|l| l.starts_with("ERROR")).unwrap_or("");
            Err(format!("{tool} ended with {}: {said}", done.status))
        };
        let out = run(tool, words, input)?;
        run("tpm2_flushcontext", &["-t"], &[])?;
        Ok(out)
    }
}

/// A directory for the tools beside the file, gone afterwards. Nothing secret is written into it.
struct Work(std::path::PathBuf);

impl Work {
    fn new(beside: &Path) -> Result<Self, String> {
        let path = beside.with_extension("tpm-work");
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
