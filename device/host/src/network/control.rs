use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use parking_lot::Mutex;
use platecam_model::{
    Error, Result,
    ports::{Lease, NetworkControl, NetworkPlan},
};

use super::{
    command::{on_the_bus, run},
    linux, manager, networkd, probe,
};
use crate::{HostMode, state_dir::write_atomic};

/// Where the machine keeps what belongs to its network; Debian's places by default.
#[derive(Clone, Debug)]
pub struct NetworkPaths {
    /// Folder of networkd's files of the machine.
    pub networkd: PathBuf,
    /// networkd's leases.
    pub leases: PathBuf,
    /// The machine's name.
    pub hostname: PathBuf,
}

impl Default for NetworkPaths {
    fn default() -> Self {
        Self {
            networkd: "/etc/systemd/network".into(),
            leases: "/run/systemd/netif/leases".into(),
            hostname: "/etc/hostname".into(),
        }
    }
}

/// This machine: systemd-networkd or NetworkManager, whichever is found to have the interface.
#[derive(Debug)]
pub struct LinuxNetworkControl {
    mode: HostMode,
    paths: NetworkPaths,
    /// One change at a time.
    turn: Mutex<()>,
}

/// Who sets addresses here.
enum Daemon {
    Networkd,
    NetworkManager,
}

impl LinuxNetworkControl {
    /// Changes the machine only in [`HostMode::System`].
    pub fn new(mode: HostMode, paths: NetworkPaths) -> Self {
        Self {
            mode,
            paths,
            turn: Mutex::default(),
        }
    }

    /// Finds who sets addresses, whether or not this program may ask for it; the error is for people.
    fn find(&self) -> Result<Daemon, String> {
        let interface = self.default_interface();
        if on_the_bus("org.freedesktop.NetworkManager")
            && interface.as_deref().is_none_or(manager::has)
        {
            return Ok(Daemon::NetworkManager);
        }
        if on_the_bus("org.freedesktop.network1") {
            return Ok(Daemon::Networkd);
        }
        Err("neither systemd-networkd nor NetworkManager has the network of this machine".into())
    }

    /// Who sets addresses here, for people; `platecam doctor` shows it.
    ///
    /// # Errors
    /// That there is nobody, and what to do.
    pub fn daemon(&self) -> Result<&'static str, String> {
        self.find().map(|d| match d {
            Daemon::Networkd => "systemd-networkd",
            Daemon::NetworkManager => "NetworkManager",
        })
    }

    fn allowed(&self) -> Result<()> {
        if self.mode == HostMode::System {
            return Ok(());
        }
        let why = "the network belongs to this machine; start with --host system to let the camera set it";
        Err(Error::Unsupported(why.into()))
    }

    fn networkd(&self) -> networkd::Networkd<'_> {
        networkd::Networkd {
            folder: &self.paths.networkd,
        }
    }
}

impl NetworkControl for LinuxNetworkControl {
    fn changeable(&self) -> Result<String> {
        self.allowed()?;
        let daemon = self.daemon().map_err(Error::Unsupported)?;
        Ok(daemon.to_owned())
    }

    fn default_interface(&self) -> Option<String> {
        // The one that is ours already: without it, a change of the route would change the interface.
        self.networkd().interface().or_else(linux::main_interface)
    }

    fn apply(&self, plan: Option<&NetworkPlan>) -> Result<()> {
        self.allowed()?;
        let daemon = self.find().map_err(Error::Unsupported)?;
        let _turn = self.turn.lock();
        let Some(plan) = plan else {
            return match daemon {
                Daemon::Networkd => self.networkd().release(),
                Daemon::NetworkManager => manager::release(),
            }
            .map_err(Error::internal);
        };
        let interface = match plan.interface.as_str() {
            "" => self.default_interface(),
            name => Some(name.to_owned()),
        };
        let there = |name: &String| Path::new("/sys/class/net").join(name).exists();
        let interface = interface
            .filter(there)
            .ok_or_else(|| Error::not_found("network interface", plan.interface.as_str()))?;
        match daemon {
            Daemon::Networkd => self.networkd().apply(&interface, plan),
            Daemon::NetworkManager => manager::apply(&interface, plan),
        }
        .map_err(Error::internal)
    }

    fn set_hostname(&self, name: &str) -> Result<()> {
        self.allowed()?;
        let bus = "org.freedesktop.hostname1";
        let ask = |method| {
            let path = "/org/freedesktop/hostname1";
            run(
                "busctl",
                &["call", bus, path, bus, method, "sb", name, "false"],
            )
            .map(drop)
        };
        // The name of every boot, and that of now.
        ask("SetStaticHostname")
            .and_then(|()| ask("SetHostname"))
            .or_else(|said| {
                // Without systemd-hostnamed root does it.
                let line = format!("{name}\n");
                write_atomic(&self.paths.hostname, line.as_bytes(), 0o644)
                    .and_then(|()| Ok(rustix::system::sethostname(name.as_bytes())?))
                    .map_err(|e| Error::internal(format!("{said}; {e}")))
            })
    }

    fn used_by(&self, interface: &str, address: Ipv4Addr) -> Result<Option<String>> {
        probe::used_by(interface, address).map_err(Error::Unsupported)
    }

    fn lease(&self, interface: &str) -> Option<Lease> {
        let index = fs::read_to_string(format!("/sys/class/net/{interface}/ifindex")).ok()?;
        let file = self.paths.leases.join(index.trim());
        match fs::read_to_string(file) {
            Ok(text) => Some(networkd::lease(&text)),
            Err(_) => manager::lease(interface),
        }
    }
}
