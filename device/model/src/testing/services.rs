use std::net::Ipv4Addr;

use parking_lot::Mutex;

use crate::{
    Error, Result,
    ports::{Gateway, MacAddress, Neighbour, Neighbours, SshControl, SshState},
};

/// An SSH server that only remembers; also `--host simulated`.
#[derive(Debug, Default)]
pub struct SimulatedSsh {
    on: Mutex<bool>,
    opened: Mutex<bool>,
    fixed: Mutex<Option<String>>,
}

impl SimulatedSsh {
    /// Refuses changes from now on.
    pub fn fix(&self, why: &str) {
        *self.fixed.lock() = Some(why.to_owned());
    }

    /// The machine starts it by itself.
    pub fn start(&self) {
        *self.on.lock() = true;
    }
}

fn changeable(fixed: &Mutex<Option<String>>) -> Result<()> {
    match fixed.lock().clone() {
        Some(why) => Err(Error::Unsupported(why)),
        None => Ok(()),
    }
}

impl SshControl for SimulatedSsh {
    fn changeable(&self) -> Result<()> {
        changeable(&self.fixed)
    }

    fn state(&self) -> SshState {
        let on = *self.on.lock();
        SshState {
            unit: Some("ssh.service".into()),
            running: on,
            enabled: on,
            error: None,
        }
    }

    fn set(&self, on: bool) -> Result<()> {
        self.changeable()?;
        let before = std::mem::replace(&mut *self.on.lock(), on);
        let mut opened = self.opened.lock();
        *opened = on && (*opened || !before);
        Ok(())
    }

    fn release(&self) -> Result<bool> {
        let opened = std::mem::take(&mut *self.opened.lock());
        if opened {
            *self.on.lock() = false;
        }
        Ok(opened)
    }
}

/// One gateway whose hardware address can be bound; also `--host simulated`.
#[derive(Debug, Default)]
pub struct SimulatedNeighbours {
    bound: Mutex<Option<MacAddress>>,
    fixed: Mutex<Option<String>>,
}

impl SimulatedNeighbours {
    /// Refuses changes from now on.
    pub fn fix(&self, why: &str) {
        *self.fixed.lock() = Some(why.to_owned());
    }
}

impl Neighbours for SimulatedNeighbours {
    fn changeable(&self) -> Result<()> {
        changeable(&self.fixed)
    }

    fn gateway(&self) -> Option<Gateway> {
        Some(Gateway {
            address: Ipv4Addr::new(192, 0, 2, 1),
            interface: "eth0".into(),
        })
    }

    fn look(&self, _: &Gateway) -> Result<Option<Neighbour>> {
        let bound = *self.bound.lock();
        let learnt = "02:00:5e:10:00:fe".parse().ok();
        Ok(bound.or(learnt).map(|mac| Neighbour {
            mac,
            permanent: bound.is_some(),
        }))
    }

    fn bind(&self, _: &Gateway, mac: MacAddress) -> Result<()> {
        self.changeable()?;
        *self.bound.lock() = Some(mac);
        Ok(())
    }

    fn release(&self, _: &Gateway) -> Result<()> {
        self.changeable()?;
        *self.bound.lock() = None;
        Ok(())
    }
}
