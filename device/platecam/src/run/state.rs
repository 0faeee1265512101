//! What survives a restart: opens the state directory and loads settings and users.

use std::{
    fmt::Display,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

use platecam_host::{
    AlarmLimits, AlarmStore, CARD_PATIENCE, CardParts, CardSlot, CertificateStore, ClipFolder,
    Database, DdnsPace, DdnsParts, DdnsUpdater, DeviceKey, EspeakVoice, Forwarder, HostMode,
    HostPower, LinuxCard, LinuxMachine, LinuxNeighbours, LinuxNetwork, LinuxNetworkControl,
    LinuxSerial, LinuxSsh, LinuxTime, LogDatabase, MqttBrokers, NetworkPaths, Pace, PicturePlaces,
    RecordLimits, RecordStore, SmtpMailer, StateDir, StoreParts, TimePaths, Tpm, TpmChoice,
    UploadPace, UploadParts, Uploader, WiredSupplicant, picture_key, upgrade::HostUpgrades,
};
use platecam_media::Loudspeaker;
use platecam_model::{
    Actor, Clock, EventBus, Identity, Origin, Secret, Subscription, SystemClock,
    auth::Accounts,
    network::Networking,
    ports::{HostServices, Mailer, Network, NetworkControl, RemoteLog, TimeControl, Voice},
    product::Product,
    settings::{LogRemote, NetPorts, SettingsStore, TimeSettings, all_sections},
    testing::{
        LoopbackSerial, SimulatedNeighbours, SimulatedNetwork, SimulatedSsh, SimulatedSupplicant,
        SimulatedTime, simulated_upkeep,
    },
    upkeep::Upkeep,
    watermark::Watermark,
};
use serde_json::json;

use crate::{
    Failure,
    cli::{RunArgs, exit},
    launch::Launched,
    run::{io::Lines, rtsp::loudspeaker},
};

/// Initialises a device without users and is ignored afterwards.
const INITIAL_PASSWORD: &str = "PLATECAM_INITIAL_PASSWORD";
/// The fact that this state directory had an administrator at some start.
const INITIALISED: &str = "initialised";
/// Ports of a state directory that was just made: no privilege is needed for them. A device image
/// sets 80, 443 and 554 in its settings.
const FIRST_PORTS: (u16, u16, u16, u16) = (8080, 8443, 8554, 8322);

/// The opened state.
pub(crate) struct State {
    /// Locked as long as this lives.
    pub(crate) dir: StateDir,
    pub(crate) bus: EventBus,
    pub(crate) clock: Arc<SystemClock>,
    pub(crate) settings: Arc<SettingsStore>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) records: Arc<RecordStore>,
    pub(crate) alarms: Arc<AlarmStore>,
    pub(crate) network: Arc<dyn Network>,
    pub(crate) networking: Networking,
    pub(crate) identity: Identity,
    pub(crate) certificates: Arc<CertificateStore>,
    pub(crate) power: Arc<HostPower>,
    pub(crate) factory: Arc<Database>,
    pub(crate) log: Arc<LogDatabase>,
    /// Everything from the start on, for the log.
    pub(crate) log_events: Option<Subscription>,
    pub(crate) remote_log: Arc<dyn RemoteLog>,
    pub(crate) brokers: Arc<MqttBrokers>,
    pub(crate) mail: Arc<dyn Mailer>,
    pub(crate) ddns: Arc<DdnsUpdater>,
    pub(crate) uploads: Arc<Uploader>,
    pub(crate) watermark: Watermark,
    pub(crate) card: Arc<LinuxCard>,
    pub(crate) time: Arc<dyn TimeControl>,
    pub(crate) host: HostServices,
    pub(crate) upgrades: HostUpgrades,
    pub(crate) upkeep: Upkeep,
    pub(crate) loudspeaker: Arc<Loudspeaker>,
    pub(crate) io: Lines,
}

impl State {
    /// Opens everything under `path`.
    ///
    /// # Errors
    /// [`Failure`] with [`exit::STATE`]; a wrong initial password is [`exit::USAGE`].
    pub(crate) fn open(args: &RunArgs, launched: &Launched) -> Result<Self, Failure> {
        let dir = StateDir::open(&args.state_dir).map_err(|e| Failure::new(exit::STATE, e))?;
        let power = Arc::new(HostPower::open(&dir, args.host)?);
        let db = Database::open(&dir.join("platecam.db"))?;
        let now = SystemClock::default().now();
        if db.finish_reset(&dir.join("pictures"), now)? {
            tracing::info!("back to factory: the configuration was deleted");
        }
        let key = Arc::new(device_key(&dir, args, launched)?);
        let (bus, clock) = (EventBus::default(), Arc::new(SystemClock::default()));
        let log_events = Some(bus.subscribe());
        let backend = Arc::new(db.clone());
        let settings = Arc::new(SettingsStore::load(
            all_sections(),
            backend.clone(),
            key.clone(),
            bus.clone(),
            clock.clone(),
        )?);
        let time: Arc<dyn TimeControl> = match args.host {
            HostMode::Simulated => Arc::new(SimulatedTime::new(clock.clone())),
            HostMode::System | HostMode::Observe => {
                Arc::new(LinuxTime::new(args.host, TimePaths::default()))
            }
        };
        settings.set_product(model_table(args.model.as_deref())?);
        first_ports(&settings)?;
        first_zone(&settings, &*time)?;
        let log = {
            let settings = settings.clone();
            let queued = move |e: &_| settings.get::<LogRemote>().wants(e);
            Arc::new(LogDatabase::open(
                db.clone(),
                key.clone(),
                clock.now(),
                queued,
            )?)
        };
        let factory = backend.clone();
        let accounts = Accounts::load(
            backend,
            key.clone(),
            settings.clone(),
            bus.clone(),
            clock.clone(),
        )?;
        first_password(&db, &accounts)?;
        let product = settings.product();
        let identity = identity(&db, launched, &product)?;
        let card = Arc::new(memory_card(args, &dir, &bus, clock.clone())?);
        let records = RecordStore::open(db.clone(), dir.join("pictures"), RecordLimits::default())?
            .with_places(PicturePlaces::new(
                card.clone(),
                settings.clone(),
                &identity.serial,
            ));
        let alarms = AlarmStore::open(
            db.clone(),
            dir.join("pictures").join("alarms"),
            AlarmLimits::default(),
        )?;
        let (network, control) = network(args.host);
        let networking = Networking::new(control, factory.clone(), &settings, &bus)?;
        let ddns = DdnsUpdater::start(
            DdnsParts {
                db: db.clone(),
                settings: settings.clone(),
                network: network.clone(),
                bus: bus.clone(),
                clock: clock.clone(),
            },
            DdnsPace::default(),
        )?;
        let remote_log = Forwarder::start(
            log.clone(),
            settings.clone(),
            bus.clone(),
            clock.clone(),
            network.hostname(),
            Pace::default(),
        )?;
        let mail = Arc::new(SmtpMailer::new(settings.clone()));
        let brokers = MqttBrokers::start(
            &db,
            settings.clone(),
            bus.clone(),
            clock.clone(),
            &identity.serial,
        )?;
        let records = Arc::new(records);
        let uploads = Uploader::start(
            UploadParts {
                db: db.clone(),
                records: records.clone(),
                card: card.clone(),
                settings: settings.clone(),
                bus: bus.clone(),
                clock: clock.clone(),
                serial: identity.serial.clone(),
            },
            UploadPace::default(),
        )?;
        let signer = picture_key(&dir.join("watermark.key"), &*key)?;
        let watermark = Watermark::new(Arc::new(signer), &identity.serial);
        let certificates = Arc::new(CertificateStore::open(StoreParts {
            db: db.clone(),
            sealer: key,
            bus: bus.clone(),
            clock: clock.clone(),
            serial: &identity.serial,
            names: &names(&*network),
            legacy: &dir.join("tls"),
        })?);
        let chain = certificates.video_certificate(&watermark.key(), &identity.serial)?;
        let watermark = watermark.with_chain(&chain);
        let upgrades = launched.upgrades(&identity.model, &args.upgrade_keys, clock.now())?;
        let loudspeaker = Arc::new(loudspeaker(args, &dir, &settings));
        let mut upkeep = upkeep(args, &dir, power.clone(), upgrades.clone());
        upkeep.loudspeaker = loudspeaker.clone();
        upkeep.clips = Arc::new(ClipFolder::new(dir.join("clips")));
        upkeep.moments = factory.clone();
        let io = Lines::open(args, &product, dir.path())?;
        let host = host_services(args, &dir, &certificates, &io);
        Ok(Self {
            dir,
            bus,
            clock,
            settings,
            accounts: Arc::new(accounts),
            records,
            alarms: Arc::new(alarms),
            network,
            networking,
            identity,
            certificates,
            power,
            factory,
            log,
            log_events,
            remote_log: Arc::new(remote_log),
            brokers: Arc::new(brokers),
            mail,
            ddns: Arc::new(ddns),
            uploads: Arc::new(uploads),
            watermark,
            card,
            time,
            host,
            upkeep,
            loudspeaker,
            io,
            upgrades,
        })
    }
}

/// Who the unit of this database is; a new one gets its uuid and serial number.
///
/// # Errors
/// [`Failure`] with [`exit::STATE`].
pub(crate) fn identity(
    db: &Database,
    launched: &Launched,
    product: &Product,
) -> Result<Identity, Failure> {
    let uuid = db.fact("uuid", || uuid::Uuid::new_v4().to_string())?;
    let uuid = uuid::Uuid::parse_str(&uuid)
        .map_err(|e| Failure::new(exit::STATE, format!("stored uuid: {e}")))?;
    let serial = db.fact("serial", || {
        format!("PC{}", &uuid.simple().to_string().to_uppercase()[..10])
    })?;
    Ok(Identity {
        manufacturer: "Platecam".into(),
        model: product.name().into(),
        firmware: launched.version.to_string(),
        build_date: env!("PLATECAM_BUILD_DATE").into(),
        onvif_version: platecam_onvif::onvif_version(),
        serial,
        hardware_id: std::env::consts::ARCH.into(),
        uuid,
    })
}

/// Where a device image keeps its model file.
const MODEL_FILE: &str = "/etc/platecam/model.json";

/// The model table (GEN-24): of the file named, of this machine's image, or the one that lacks nothing.
///
/// # Errors
/// [`Failure`] with [`exit::USAGE`] naming the file and everything that is wrong in it.
pub(crate) fn model_table(named: Option<&Path>) -> Result<Product, Failure> {
    let file = named.unwrap_or(Path::new(MODEL_FILE));
    let wrong = |e: &dyn Display| {
        let why = format!("model file {}: {e}", file.display());
        Failure::new(exit::USAGE, why)
    };
    match std::fs::read(file) {
        Ok(text) => Product::parse(&text).map_err(|e| wrong(&e)),
        Err(e) if named.is_none() && e.kind() == ErrorKind::NotFound => Ok(Product::default()),
        Err(e) => Err(wrong(&e)),
    }
}

/// The network as it is, and the way to change it.
fn network(mode: HostMode) -> (Arc<dyn Network>, Arc<dyn NetworkControl>) {
    match mode {
        HostMode::Simulated => {
            let simulated = Arc::new(SimulatedNetwork::over(Arc::new(LinuxNetwork)));
            (simulated.clone(), simulated)
        }
        HostMode::System | HostMode::Observe => {
            let control = LinuxNetworkControl::new(mode, NetworkPaths::default());
            (Arc::new(LinuxNetwork), Arc::new(control))
        }
    }
}

/// The machine's services; in the simulated mode they only remember.
fn host_services(
    args: &RunArgs,
    dir: &StateDir,
    certificates: &Arc<CertificateStore>,
    lines: &Lines,
) -> HostServices {
    let mode = args.host;
    match mode {
        HostMode::Simulated => HostServices {
            ssh: Arc::new(SimulatedSsh::default()),
            neighbours: Arc::new(SimulatedNeighbours::default()),
            supplicant: Arc::new(SimulatedSupplicant::default()),
            serial: Arc::new(LoopbackSerial::default()),
            wiegand: lines.wiegand.clone(),
        },
        HostMode::System | HostMode::Observe => HostServices {
            ssh: Arc::new(LinuxSsh::new(mode, dir.join("ssh-opened"))),
            neighbours: Arc::new(LinuxNeighbours::new(mode)),
            supplicant: Arc::new(WiredSupplicant::new(
                mode,
                runtime_dir(dir).join("dot1x"),
                certificates.clone(),
            )),
            serial: Arc::new(LinuxSerial::new(&args.serial)),
            wiegand: lines.wiegand.clone(),
        },
    }
}

/// The slot of the memory card. A machine that is somebody's lends a card only where it is named.
fn memory_card(
    args: &RunArgs,
    dir: &StateDir,
    bus: &EventBus,
    clock: Arc<dyn Clock>,
) -> Result<LinuxCard, Failure> {
    let slot = match (&args.card, args.host) {
        (CardSlot::Auto, HostMode::Observe) => CardSlot::Off,
        (CardSlot::Auto, HostMode::Simulated) => {
            CardSlot::At(dir.path().join("simulated").join("card"))
        }
        (named, _) => named.clone(),
    };
    Ok(LinuxCard::start(CardParts {
        slot,
        may_mount: args.host == HostMode::System,
        mounts: runtime_dir(dir).join("card"),
        patience: CARD_PATIENCE,
        bus: bus.clone(),
        clock,
    })?)
}

/// Where files lie that need not outlive this run: systemd's folder for them, which is in memory.
fn runtime_dir(dir: &StateDir) -> PathBuf {
    let own = std::env::var_os("RUNTIME_DIRECTORY").map(PathBuf::from);
    own.filter(|p| p.is_absolute())
        .unwrap_or_else(|| dir.path().to_owned())
}

/// The parts of maintenance and commission; in the simulated mode a voice that is not installed is a silent one.
fn upkeep(args: &RunArgs, dir: &StateDir, power: Arc<HostPower>, upgrades: HostUpgrades) -> Upkeep {
    let mut upkeep = simulated_upkeep(power);
    upkeep.upgrades = Some(Arc::new(upgrades));
    upkeep.machine = Arc::new(LinuxMachine::new(dir.path()));
    let voice = EspeakVoice::default();
    if args.host != HostMode::Simulated || voice.unavailable().is_none() {
        upkeep.voice = Arc::new(voice);
    }
    upkeep
}

fn first_ports(settings: &SettingsStore) -> Result<(), Failure> {
    let view = settings.read("net.ports", &Actor::system())?;
    if view.revision.0 == 0 {
        let (http, https, rtsp, rtsps) = FIRST_PORTS;
        let ports = json!({"http": http, "https": https, "rtsp": rtsp, "rtsps": rtsps});
        settings.patch("net.ports", &ports, Some(view.revision), &Actor::system())?;
    }
    debug_assert!(settings.get::<NetPorts>().http.get() > 0);
    Ok(())
}

/// A new unit shows the time as its machine does.
fn first_zone(settings: &SettingsStore, time: &dyn TimeControl) -> Result<(), Failure> {
    let view = settings.read("time", &Actor::system())?;
    let zone = time.host_zone();
    if view.revision.0 == 0 && zone != TimeSettings::default().time_zone {
        let dst = zone.dst.is_some();
        let first =
            json!({"zone_name": "", "time_zone": zone, "dst_enabled": dst, "dst_rule": "zone"});
        settings.patch("time", &first, Some(view.revision), &Actor::system())?;
    }
    Ok(())
}

fn first_password(db: &Database, accounts: &Accounts) -> Result<(), Failure> {
    // Once initialised it is ignored for good: after Default a person sets the password (INIT-7).
    let known = db.known_fact(INITIALISED)?.is_some();
    if known || accounts.is_initialised() {
        db.fact(INITIALISED, || "yes".into())?;
        return Ok(());
    }
    let Ok(password) = std::env::var(INITIAL_PASSWORD) else {
        return Ok(());
    };
    let by = Actor::anonymous(Origin::Local, None);
    accounts
        .initialise(Secret::new(password), None, &by)
        .map_err(|e| Failure::new(exit::USAGE, format!("{INITIAL_PASSWORD}: {e}")))?;
    db.fact(INITIALISED, || "yes".into())?;
    Ok(())
}

/// Names and addresses under which the device is reached, for its certificate.
fn names(network: &dyn Network) -> Vec<String> {
    let host = network.hostname();
    let addresses = network
        .interfaces()
        .into_iter()
        .flat_map(|i| i.addresses)
        .map(|(a, _)| a.to_string());
    [host.clone(), format!("{host}.local"), "localhost".into()]
        .into_iter()
        .chain(addresses)
        .collect()
}

/// The key of this state directory, with the TPM where one is meant and found. A version on trial moves no key: the one
/// before it might not know how to ask the TPM.
fn device_key(dir: &StateDir, args: &RunArgs, launched: &Launched) -> Result<DeviceKey, Failure> {
    let path = dir.join("device.key");
    let tpm = match &args.tpm {
        TpmChoice::Auto if launched.trial_seconds.is_some() => None,
        TpmChoice::Auto if args.host == HostMode::System => Tpm::of_this_machine(),
        TpmChoice::Auto | TpmChoice::Off => None,
        TpmChoice::This(tpm) => Some(tpm.clone()),
    };
    Ok(match tpm {
        Some(tpm) => DeviceKey::open_in(&path, &tpm)?,
        None => DeviceKey::open(&path)?,
    })
}
