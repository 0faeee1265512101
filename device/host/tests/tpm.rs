//! The device key with a TPM (swtpm, a software one with the real command set), row SEC-18.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use platecam_host::{DeviceKey, Tpm, TpmChoice};
use platecam_model::{Error, ports::Sealer};

/// A chip of its own: another state directory is another seed.
struct Chip {
    process: Child,
    socket: PathBuf,
}

impl Chip {
    fn start(dir: &Path) -> Self {
        fs::create_dir_all(dir).unwrap();
        let socket = dir.join("tpm");
        let channel = |path: &Path| format!("type=unixio,path={}", path.display());
        let process = Command::new("swtpm")
            .args(["socket", "--tpm2", "--flags", "startup-clear,not-need-init"])
            .arg("--tpmstate")
            .arg(format!("dir={}", dir.display()))
            .arg("--server")
            .arg(channel(&socket))
            .arg("--ctrl")
            .arg(channel(&dir.join("tpm.ctrl")))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("swtpm is installed by the set-up");
        let chip = Self { process, socket };
        for _ in 0..600 {
            if chip.socket.exists() {
                return chip;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("swtpm does not listen at {}", chip.socket.display());
    }

    fn tpm(&self) -> Tpm {
        Tpm::at(&format!("swtpm:path={}", self.socket.display())).unwrap()
    }
}

impl Drop for Chip {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn detail(result: Result<DeviceKey, Error>) -> String {
    match result {
        Err(Error::Internal { detail }) => detail,
        other => panic!("{other:?}"),
    }
}

#[test]
fn sec_18_a_key_moves_into_the_tpm_and_opens_only_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("device.key");
    let sealed_file = dir.path().join("device.tpm");
    let before = DeviceKey::open(&path).unwrap();
    let secret = before.seal(b"Sunny-Gate-42", b"admin").unwrap();
    let raw = fs::read(&path).unwrap();

    let state = dir.path().join("chip");
    let chip = Chip::start(&state);
    let key = DeviceKey::open_in(&path, &chip.tpm()).unwrap();
    assert_eq!(key.open(&secret, b"admin").unwrap(), b"Sunny-Gate-42");
    assert!(!path.exists(), "a key in clear stayed");
    let mode = fs::metadata(&sealed_file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let sealed = fs::read(&sealed_file).unwrap();
    assert!(!sealed.windows(16).any(|w| w == &raw[..16]));

    // Every later start, and the commands of a stopped camera, ask the TPM that the file names.
    let again = DeviceKey::open(&path).unwrap();
    assert_eq!(again.open(&secret, b"admin").unwrap(), b"Sunny-Gate-42");
    DeviceKey::open_in(&path, &chip.tpm()).unwrap();
    assert_eq!(fs::read(&sealed_file).unwrap(), sealed, "sealed once only");

    // After a power cut of the chip it still opens; without the chip, with another chip or damaged it does not,
    // and no fresh key takes its place.
    drop(chip);
    let socket_gone = detail(DeviceKey::open(&path));
    assert!(socket_gone.contains("device.tpm"), "{socket_gone}");
    let chip = Chip::start(&state);
    DeviceKey::open(&path).unwrap();
    for at in 0..sealed.len() {
        let mut damaged = sealed.clone();
        damaged[at] ^= 0x41;
        if at % 16 != 0 {
            continue;
        }
        fs::write(&sealed_file, &damaged).unwrap();
        assert!(DeviceKey::open(&path).is_err(), "byte {at}");
    }
    fs::write(&sealed_file, &sealed).unwrap();
    drop(chip);
    fs::remove_dir_all(&state).unwrap();
    let _other = Chip::start(&state);
    let other = detail(DeviceKey::open(&path));
    assert!(other.contains("does not open it"), "{other}");
    assert!(!path.exists());
}

#[test]
fn sec_18_a_cut_between_sealing_and_removing_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("device.key");
    let chip = Chip::start(&dir.path().join("chip"));
    let key = DeviceKey::open_in(&path, &chip.tpm()).unwrap();
    let secret = key.seal(b"x", b"y").unwrap();
    // An older sealed key beside a newer one in clear: the one in clear is what secrets were sealed with.
    let fresh = dir.path().join("fresh.key");
    let newer = DeviceKey::open(&fresh).unwrap();
    let later = newer.seal(b"later", b"y").unwrap();
    fs::rename(&fresh, &path).unwrap();
    let key = DeviceKey::open_in(&path, &chip.tpm()).unwrap();
    assert!(key.open(&secret, b"y").is_err());
    assert_eq!(key.open(&later, b"y").unwrap(), b"later");
    assert!(!path.exists());
}

#[test]
fn a_key_stays_in_its_file_while_the_tpm_fails() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("device.key");
    DeviceKey::open(&path).unwrap();
    let raw = fs::read(&path).unwrap();
    let nobody = format!("swtpm:path={}", dir.path().join("nobody").display());
    let why = detail(DeviceKey::open_in(&path, &Tpm::at(&nobody).unwrap()));
    assert!(why.contains("tpm2_createprimary"), "{why}");
    assert_eq!(fs::read(&path).unwrap(), raw);
    assert!(!dir.path().join("device.tpm").exists());
}

#[test]
fn only_tpms_are_named() {
    assert_eq!("auto".parse(), Ok(TpmChoice::Auto));
    assert_eq!("off".parse(), Ok(TpmChoice::Off));
    assert!("device:/dev/tpmrm0".parse::<TpmChoice>().is_ok());
    for bad in [
        "",
        "/tmp/evil.so",
        "cmd:rm -rf /",
        "device:/dev/sda",
        "swtpm:path=/a b",
        "swtpm:path=/a\nb",
        "libtss2.so:device:/dev/tpmrm0",
    ] {
        let why = bad.parse::<TpmChoice>().unwrap_err();
        assert!(why.contains("is not a TPM"), "{why}");
    }
}
