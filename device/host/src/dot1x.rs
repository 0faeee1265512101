//! 802.1X by `wpa_supplicant`, a child of this program (DOT1X-6).
//!
//! The child inherits the right to send raw frames. Its configuration is for its eyes alone, all names and secrets in
//! hexadecimal, so that none of them is anything else; what it says is read line by line. It tries again by itself;
//! when it ends it is started anew, later and later.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use parking_lot::Mutex;
use platecam_model::{
    Error, Result,
    ports::{Supplicant, SupplicantPlan, SupplicantState},
    settings::Dot1xMethod,
};

use crate::{CertificateStore, HostMode, network::main_interface, state_dir::write_atomic};

/// First wait before a child that ended is started again; doubled each time.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// Longest wait.
const LONGEST_RETRY: Duration = Duration::from_secs(60);
/// Longest line that is looked at, bytes.
const MAX_LINE: u64 = 4096;

/// Debian's package wpasupplicant.
const PROGRAM: &str = "/usr/sbin/wpa_supplicant";

/// The supplicant of this machine.
pub struct WiredSupplicant {
    mode: HostMode,
    /// Folder of its files, made when they are needed.
    folder: PathBuf,
    certificates: Arc<CertificateStore>,
    running: Mutex<Option<Running>>,
}

impl std::fmt::Debug for WiredSupplicant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WiredSupplicant").finish_non_exhaustive()
    }
}

struct Running {
    plan: SupplicantPlan,
    shared: Arc<Shared>,
    /// Dropped to end it.
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<SupplicantState>,
    child: Mutex<Option<Child>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(child) = self.shared.child.lock().as_mut() {
            // It takes its frames back by itself; nothing is lost when it cannot.
            let _ = child.kill();
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl WiredSupplicant {
    /// Answers only in [`HostMode::System`]; `folder` is for its files.
    pub fn new(mode: HostMode, folder: PathBuf, certificates: Arc<CertificateStore>) -> Self {
        Self {
            mode,
            folder,
            certificates,
            running: Mutex::default(),
        }
    }

    fn file(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        let failed = |e: std::io::Error| Error::internal(format!("{}: {e}", path.display()));
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        write_atomic(&path, text.as_bytes(), 0o600).map_err(failed)?;
        Ok(path)
    }

    /// Writes all files of a plan; returns that of the configuration.
    fn write(&self, plan: &SupplicantPlan) -> Result<PathBuf> {
        let ca = match &plan.ca {
            Some(pem) => Some(self.file("ca.pem", pem)?),
            None => None,
        };
        let client = match plan.method {
            Dot1xMethod::Peap | Dot1xMethod::Ttls => None,
            Dot1xMethod::Tls => {
                let (chain, key) = self.certificates.client_pem(&plan.certification_path)?;
                let chain = self.file("client.pem", &chain)?;
                Some((chain, self.file("client.key", &key)?))
            }
        };
        let text = configuration(plan, ca.as_deref(), client.as_ref());
        self.file("wpa_supplicant.conf", &text)
    }

    fn forget(&self) {
        for name in ["ca.pem", "client.pem", "client.key", "wpa_supplicant.conf"] {
            // What is not there need not go.
            let _ = std::fs::remove_file(self.folder.join(name));
        }
    }
}

/// What `wpa_supplicant` reads. Paths are of this program's own making.
fn configuration(
    plan: &SupplicantPlan,
    ca: Option<&Path>,
    client: Option<&(PathBuf, PathBuf)>,
) -> String {
    let mut text = String::from("ap_scan=0\nnetwork={\n\tkey_mgmt=IEEE8021X\n\teapol_flags=0\n");
    let mut put = |name: &str, value: String| text += &format!("\t{name}={value}\n");
    let words = |text: &str| hex::encode(text);
    let path = |path: &Path| format!("\"{}\"", path.display());
    put(
        "eap",
        match plan.method {
            Dot1xMethod::Peap => "PEAP",
            Dot1xMethod::Ttls => "TTLS",
            Dot1xMethod::Tls => "TLS",
        }
        .into(),
    );
    put("identity", words(&plan.identity));
    if plan.method != Dot1xMethod::Tls {
        if !plan.anonymous_identity.is_empty() {
            put("anonymous_identity", words(&plan.anonymous_identity));
        }
        put("password", words(plan.password.expose()));
        put("phase2", "\"auth=MSCHAPV2\"".into());
    }
    if let Some(ca) = ca {
        put("ca_cert", path(ca));
        if !plan.server_name.is_empty() {
            put("domain_suffix_match", words(&plan.server_name));
        }
    }
    if let Some((chain, key)) = client {
        put("client_cert", path(chain));
        put("private_key", path(key));
    }
    text + "}\n"
}

impl Supplicant for WiredSupplicant {
    fn changeable(&self) -> Result<()> {
        let why = if self.mode != HostMode::System {
            "the network belongs to this machine; start with --host system to let the camera answer its switch"
        } else if !Path::new(PROGRAM).exists() {
            "the package wpasupplicant is not installed"
        } else {
            return Ok(());
        };
        Err(Error::Unsupported(why.into()))
    }

    fn apply(&self, plan: Option<&SupplicantPlan>) -> Result<()> {
        let mut running = self.running.lock();
        if plan.is_none() && running.is_none() {
            self.forget();
            return Ok(());
        }
        if let (Some(now), Some(plan)) = (&*running, plan)
            && now.plan == *plan
        {
            return Ok(());
        }
        *running = None;
        let Some(plan) = plan else {
            self.forget();
            return Ok(());
        };
        self.changeable()?;
        let interface = match plan.interface.as_str() {
            "" => main_interface(),
            name => Some(name.to_owned()),
        };
        let there = |name: &String| Path::new("/sys/class/net").join(name).exists();
        let interface = interface
            .filter(there)
            .ok_or_else(|| Error::not_found("network interface", plan.interface.as_str()))?;
        let file = self.write(plan)?;
        let (stop, stopped) = mpsc::channel();
        let shared = Arc::new(Shared::default());
        *shared.state.lock() = SupplicantState::Waiting;
        let own = shared.clone();
        let thread = std::thread::Builder::new()
            .name("802.1x".into())
            .spawn(move || keep(&own, &interface, &file, &stopped))
            .map_err(Error::internal)?;
        *running = Some(Running {
            plan: plan.clone(),
            shared,
            stop: Some(stop),
            thread: Some(thread),
        });
        Ok(())
    }

    fn state(&self) -> SupplicantState {
        let running = self.running.lock();
        let state = running.as_ref().map(|r| r.shared.state.lock().clone());
        state.unwrap_or_default()
    }
}

/// Runs the child again and again until it is stopped.
fn keep(shared: &Shared, interface: &str, file: &Path, stopped: &mpsc::Receiver<()>) {
    let mut wait = FIRST_RETRY;
    loop {
        let reason = match run(shared, interface, file, stopped) {
            Ok(admitted) => {
                if admitted {
                    wait = FIRST_RETRY;
                }
                "wpa_supplicant ended".to_owned()
            }
            Err(e) => format!("{PROGRAM}: {e}"),
        };
        *shared.state.lock() = SupplicantState::Failed(reason);
        // The sender is dropped, never used.
        match stopped.recv_timeout(wait) {
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
        wait = (wait * 2).min(LONGEST_RETRY);
    }
}

/// Runs the child to its end; tells whether the switch admitted the unit meanwhile.
fn run(
    shared: &Shared,
    interface: &str,
    file: &Path,
    stopped: &mpsc::Receiver<()>,
) -> std::io::Result<bool> {
    let mut child = Command::new(PROGRAM)
        .args(["-D", "wired", "-i", interface, "-c"])
        .arg(file)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let out = child.stdout.take();
    *shared.child.lock() = Some(child);
    if let Err(mpsc::TryRecvError::Disconnected) = stopped.try_recv() {
        // Stopped before it could be seen.
        if let Some(child) = shared.child.lock().as_mut() {
            let _ = child.kill();
        }
    }
    let mut admitted = false;
    if let Some(out) = out {
        let mut lines = BufReader::new(out);
        let mut line = Vec::new();
        let mut cause = String::new();
        loop {
            line.clear();
            let read = std::io::Read::take(&mut lines, MAX_LINE).read_until(b'\n', &mut line);
            if !matches!(read, Ok(n) if n > 0) {
                break;
            }
            let text = String::from_utf8_lossy(&line);
            if let Some(state) = heard(text.trim(), &mut cause) {
                admitted |= state == SupplicantState::Authenticated;
                *shared.state.lock() = state;
            }
        }
    }
    if let Some(mut child) = shared.child.lock().take() {
        let _ = child.wait();
    }
    Ok(admitted)
}

/// What a line of the child says of the state; `cause` keeps why the exchange fails.
fn heard(line: &str, cause: &mut String) -> Option<SupplicantState> {
    let after = |mark: &str| line.split_once(mark).map(|(_, rest)| rest.trim());
    if after("CTRL-EVENT-EAP-STARTED").is_some() {
        cause.clear();
        // A switch asks again every hour: what holds goes on holding.
        return None;
    }
    for (mark, what) in [
        (
            "CTRL-EVENT-EAP-TLS-CERT-ERROR",
            "the server's certificate is not trusted",
        ),
        ("failure message:", "the server refuses name or password"),
    ] {
        if let Some(rest) = after(mark) {
            let rest: String = rest.chars().filter(|c| !c.is_control()).take(200).collect();
            *cause = format!("{what}: {rest}");
        }
    }
    if after("CTRL-EVENT-EAP-SUCCESS").is_some() {
        return Some(SupplicantState::Authenticated);
    }
    if after("CTRL-EVENT-EAP-FAILURE").is_some() {
        let why = match cause.is_empty() {
            true => "the switch does not admit the unit".to_owned(),
            false => std::mem::take(cause),
        };
        return Some(SupplicantState::Failed(why));
    }
    None
}

#[cfg(test)]
mod tests {
    use platecam_model::Secret;

    use super::*;

    fn plan(method: Dot1xMethod) -> SupplicantPlan {
        SupplicantPlan {
            interface: "eth0".into(),
            method,
            identity: "cam\"\n}\nera".into(),
            anonymous_identity: "anyone".into(),
            password: Secret::new("secret-1\""),
            certification_path: "path-1".into(),
            ca: Some("PEM".into()),
            server_name: "example.org".into(),
        }
    }

    /// Nothing that somebody entered is anything but a value.
    #[test]
    fn configurations_hold_values_only() {
        let ca = Some(Path::new("/x/ca.pem"));
        let text = configuration(&plan(Dot1xMethod::Peap), ca, None);
        let wanted = "ap_scan=0\nnetwork={\n\tkey_mgmt=IEEE8021X\n\teapol_flags=0\n\teap=PEAP\n\tidentity=63616d220a7d0a657261\n\tanonymous_identity=616e796f6e65\n\tpassword=7365637265742d3122\n\tphase2=\"auth=MSCHAPV2\"\n\tca_cert=\"/x/ca.pem\"\n\tdomain_suffix_match=6578616d706c652e6f7267\n}\n";
        assert_eq!(text, wanted);
        let client = ("/x/client.pem".into(), "/x/client.key".into());
        let text = configuration(&plan(Dot1xMethod::Tls), None, Some(&client));
        assert!(
            !text.contains("password") && !text.contains("ca_cert"),
            "{text}"
        );
        assert!(text.contains("private_key=\"/x/client.key\""), "{text}");
    }

    #[test]
    fn lines_tell_the_state() {
        let mut cause = String::new();
        let mut state = SupplicantState::Waiting;
        for (line, expect) in [
            (
                "eth0: Associated with 01:80:c2:00:00:03",
                SupplicantState::Waiting,
            ),
            (
                "eth0: CTRL-EVENT-EAP-SUCCESS EAP authentication completed successfully",
                SupplicantState::Authenticated,
            ),
            (
                "eth0: CTRL-EVENT-EAP-STARTED EAP authentication started",
                SupplicantState::Authenticated,
            ),
            (
                "eth0: EAP-MSCHAPV2: failure message: 'FAILED' (retry not allowed, error 691)",
                SupplicantState::Authenticated,
            ),
            (
                "eth0: CTRL-EVENT-EAP-FAILURE EAP authentication failed",
                SupplicantState::Failed(
                    "the server refuses name or password: 'FAILED' (retry not allowed, error 691)"
                        .into(),
                ),
            ),
            (
                "eth0: CTRL-EVENT-EAP-FAILURE EAP authentication failed",
                SupplicantState::Failed("the switch does not admit the unit".into()),
            ),
        ] {
            if let Some(next) = heard(line, &mut cause) {
                state = next;
            }
            assert_eq!(state, expect, "{line}");
        }
    }
}
