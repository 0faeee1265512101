//! The machine's services follow the settings while the camera runs (SYS-30, SYS-35, SEC-13).

use std::{future::Future, time::Duration};

use platecam_model::{
    Actor, Device, Error, EventKind, LogKind, Result,
    log::{NewLogEntry, Severity},
    ports::{Gateway, MacAddress, SupplicantState},
    settings::{GatewayBinding, NetDot1x, NetIp, Settings, SshSwitch, SystemServices},
};

/// Makes SSH and the gateway's binding follow the settings until `stop` is ready. Every `look` the gateway is looked
/// at: another one may be in use, and a link that was down has lost its binding. What did not work is tried again.
pub async fn keep_services(device: Device, look: Duration, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    let mut settings = device.settings.watch();
    let mut keeper = Keeper {
        device,
        ssh: None,
        bound: None,
        admitted: false,
        told: Vec::new(),
    };
    loop {
        let now = settings.borrow_and_update().clone();
        keeper = keeper.follow(now).await;
        tokio::select! {
            changed = settings.changed() => if changed.is_err() { break },
            () = tokio::time::sleep(look) => {}
            () = &mut stop => break,
        }
    }
    // A program that begins anew in this process would not know of it.
    let supplicant = keeper.device.host.supplicant.clone();
    let ended = tokio::task::spawn_blocking(move || supplicant.apply(None)).await;
    if let Ok(Err(error)) = ended {
        tracing::warn!(?error, "802.1X was not ended");
    }
}

struct Keeper {
    device: Device,
    /// What the SSH server follows already.
    ssh: Option<SshSwitch>,
    /// The gateway that this run bound.
    bound: Option<Gateway>,
    /// The switch admitted the unit, and the log says so.
    admitted: bool,
    /// Failures that are in the log.
    told: Vec<String>,
}

impl Keeper {
    /// Asks programs of the machine: off the event loop.
    async fn follow(self, settings: Settings) -> Self {
        let device = self.device.clone();
        let done = tokio::task::spawn_blocking(move || {
            let mut keeper = self;
            keeper.follow_blocking(&settings);
            keeper
        });
        done.await.unwrap_or_else(|e| {
            tracing::error!(error = %e, "services of the machine");
            Self {
                device,
                ssh: None,
                bound: None,
                admitted: false,
                told: Vec::new(),
            }
        })
    }

    fn follow_blocking(&mut self, settings: &Settings) {
        let mut failed = Vec::new();
        let wanted = settings.get::<SystemServices>().ssh;
        if self.ssh != Some(wanted) {
            match self.switch_ssh(wanted) {
                Ok(()) => self.ssh = Some(wanted),
                Err(e) => failed.push(("SSH does not follow the settings", e)),
            }
        }
        let mac = settings.get::<GatewayBinding>().wanted();
        let decided = settings.is_decided::<GatewayBinding>();
        if let Err(e) = self.bind_gateway(mac, decided) {
            failed.push((
                "The gateway's hardware address does not follow the settings",
                e,
            ));
        }
        if let Err(e) = self.admit(settings) {
            failed.push(("802.1x: the switch does not admit the unit", e));
        }
        self.tell(failed);
    }

    /// 802.1X as the settings say (DOT1X-6): it tries again by itself.
    fn admit(&mut self, settings: &Settings) -> Result<()> {
        let supplicant = self.device.host.supplicant.clone();
        let interface = settings.get::<NetIp>().interface.clone();
        supplicant.apply(settings.get::<NetDot1x>().plan(&interface).as_ref())?;
        let state = supplicant.state();
        let admitted = state == SupplicantState::Authenticated;
        if admitted && !std::mem::replace(&mut self.admitted, admitted) {
            let what = "802.1x: the switch admitted the unit.";
            self.device.audit(LogKind::System, &Actor::system(), what);
        }
        match state {
            SupplicantState::Off | SupplicantState::Waiting | SupplicantState::Authenticated => {
                Ok(())
            }
            SupplicantState::Failed(why) => {
                self.admitted = false;
                Err(Error::internal(why))
            }
        }
    }

    fn switch_ssh(&self, wanted: SshSwitch) -> Result<()> {
        let ssh = &self.device.host.ssh;
        let what = match wanted {
            SshSwitch::Unmanaged => {
                if !ssh.release()? {
                    return Ok(());
                }
                "SSH stopped: the camera had started it, and the settings do not ask for it any more."
            }
            SshSwitch::On | SshSwitch::Off => {
                let on = wanted == SshSwitch::On;
                let before = ssh.state().running;
                ssh.set(on)?;
                if before == on {
                    return Ok(());
                }
                if on { "SSH started." } else { "SSH stopped." }
            }
        };
        self.device.audit(LogKind::System, &Actor::system(), what);
        Ok(())
    }

    fn bind_gateway(&mut self, mac: Option<MacAddress>, decided: bool) -> Result<()> {
        let neighbours = self.device.host.neighbours.clone();
        let gateway = neighbours.gateway();
        if let Some(old) = self
            .bound
            .take_if(|old| mac.is_none() || gateway.as_ref() != Some(old))
        {
            neighbours.release(&old)?;
        }
        let Some(gateway) = gateway else {
            return Ok(());
        };
        let known = neighbours.look(&gateway)?;
        match mac {
            Some(mac) => {
                if known.is_none_or(|k| k.mac != mac || !k.permanent) {
                    neighbours.bind(&gateway, mac)?;
                    if known.is_some_and(|k| k.mac != mac) {
                        tracing::warn!(gateway = %gateway.address, %mac, "another station had answered as the gateway");
                    }
                }
                self.bound = Some(gateway);
            }
            // Left over from a run before this one. What nobody decided here is the machine's own.
            None if decided && known.is_some_and(|k| k.permanent) => {
                neighbours.release(&gateway)?
            }
            None => {}
        }
        Ok(())
    }

    /// Tells each failure once until it is over. Whoever may not change the machine goes on without.
    fn tell(&mut self, failed: Vec<(&'static str, Error)>) {
        let mut told = Vec::new();
        for (what, error) in failed {
            if let Error::Unsupported(why) = &error {
                tracing::debug!("{what}: {why}");
                continue;
            }
            let text = format!("{what}; the service's own log says why.");
            if !self.told.contains(&text) {
                tracing::error!(?error, "{what}");
                let at = self.device.clock.now();
                let by = Actor::system();
                let entry =
                    NewLogEntry::new(at, LogKind::System, Severity::Error, &by, text.clone());
                self.device.bus.publish(at, EventKind::Log(entry));
            }
            told.push(text);
        }
        self.told = told;
    }
}

#[cfg(test)]
mod tests {
    use platecam_model::testing::{TestDevice, initialised};
    use serde_json::json;

    use super::*;

    /// Waits until `holds`.
    async fn until(what: &str, holds: impl Fn() -> bool) {
        let end = tokio::time::Instant::now() + Duration::from_secs(30);
        while !holds() {
            assert!(tokio::time::Instant::now() < end, "{what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn keep(t: &TestDevice) -> tokio::task::JoinHandle<()> {
        let look = Duration::from_millis(20);
        tokio::spawn(keep_services(
            t.device.clone(),
            look,
            std::future::pending(),
        ))
    }

    /// SYS-30, SYS-35: nothing is touched before somebody decides, then it follows at once.
    #[tokio::test]
    async fn ssh_follows_its_switch_and_nothing_else() {
        let t = initialised();
        let state = || t.device.host.ssh.state();
        let set = |value| {
            t.device
                .settings
                .patch("services", &value, None, &Actor::system())
                .unwrap();
        };
        t.ssh.start();
        let mut events = t.device.bus.subscribe();
        let _keeper = keep(&t);
        set(json!({"cgi": false}));
        set(json!({"ssh": "off"}));
        until("SSH stops", || !state().running).await;
        let told = |e: &EventKind| matches!(e, EventKind::Audit(a) if a.what == "SSH stopped.");
        let mut found = false;
        while let Ok(e) = events.recv().await {
            if told(&e.kind) {
                found = true;
                break;
            }
        }
        assert!(found);
        set(json!({"ssh": "on"}));
        until("SSH starts", || state().running).await;
        set(json!({"ssh": "unmanaged"}));
        until("what was opened is closed", || !state().running).await;
    }

    #[tokio::test]
    async fn the_installers_own_server_goes_on() {
        let t = initialised();
        t.ssh.start();
        let keeper = keep(&t);
        let set = |value| {
            t.device
                .settings
                .patch("net.gateway_binding", &value, None, &Actor::system())
                .unwrap();
        };
        // The keeper has looked at everything once the gateway is bound.
        set(json!({"enabled": true, "mac": "02:00:5e:10:00:01"}));
        let gateway = t.device.host.neighbours.gateway().unwrap();
        let bound = || t.device.host.neighbours.look(&gateway).unwrap().unwrap();
        until("the gateway is bound", || bound().permanent).await;
        assert_eq!(bound().mac.to_string(), "02:00:5e:10:00:01");
        assert!(t.device.host.ssh.state().running);
        // SEC-13: a link that was down has lost its binding.
        t.device.host.neighbours.release(&gateway).unwrap();
        until("it is bound again", || bound().permanent).await;
        set(json!({"enabled": false}));
        until("it is released", || !bound().permanent).await;
        assert!(!keeper.is_finished());
    }

    /// DOT1X-6: the supplicant follows its section; admission and refusal are in the log, each once.
    #[tokio::test]
    async fn the_supplicant_follows_its_section() {
        let t = initialised();
        let set = |value| {
            let by = Actor::system();
            t.device
                .settings
                .patch("net.dot1x", &value, None, &by)
                .unwrap();
        };
        let mut events = t.device.bus.subscribe();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let look = Duration::from_millis(20);
        let keeper = tokio::spawn(keep_services(t.device.clone(), look, async move {
            let _ = stopped.await;
        }));
        t.supplicant.refuse(Some("wrong password"));
        set(
            json!({"enabled": true, "identity": "camera", "password": "secret-1", "verify_server": false}),
        );
        let mut told = Vec::new();
        let mut texts = |wanted: usize| {
            while let Ok(event) = events.try_recv() {
                match &event.kind {
                    EventKind::Log(entry) => told.push(entry.text.clone()),
                    EventKind::Audit(audit) => told.push(audit.what.clone()),
                    _ => {}
                }
            }
            told.retain(|text| text.starts_with("802.1x"));
            (told.len() >= wanted).then(|| told.clone())
        };
        let end = tokio::time::Instant::now() + Duration::from_secs(30);
        while texts(1).is_none() {
            assert!(tokio::time::Instant::now() < end, "no refusal in the log");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let plan = t.supplicant.plan().unwrap();
        assert_eq!((plan.identity.as_str(), plan.ca), ("camera", None));
        t.supplicant.refuse(None);
        while texts(2).is_none() {
            assert!(tokio::time::Instant::now() < end, "no admission in the log");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let all = texts(2).unwrap();
        assert!(
            all[0].contains("does not admit") && all[1].contains("admitted"),
            "{all:?}"
        );
        assert_eq!(all.len(), 2, "{all:?}");
        set(json!({"enabled": false}));
        until("it stops", || t.supplicant.plan().is_none()).await;
        set(json!({"enabled": true}));
        until("it begins", || t.supplicant.plan().is_some()).await;
        stop.send(()).unwrap();
        keeper.await.unwrap();
        assert!(t.supplicant.plan().is_none(), "nothing is left behind");
    }
}
