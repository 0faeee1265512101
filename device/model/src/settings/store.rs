use std::{collections::BTreeMap, fmt, sync::Arc};

use lpr_core::UtcTime;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use super::{
    CheckContext, Descriptor, NetIp, Section, VideoSensor, merge::merge_patch, preview::Previews,
    secrets, section::AnySection,
};
use crate::{
    Actor, Clock, Error, EventBus, EventKind, Result, Violations,
    ports::{
        AudioCapabilities, HostServices, ImageCapabilities, ListenProbe, Sealer, SettingsBackend,
        StoredSection, VideoCapabilities,
    },
    product::Product,
};

/// Counts the changes of one section; 0 means "never changed".
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// All sections at one moment; cheap to clone.
#[derive(Clone, Debug)]
pub struct Settings(pub(super) Arc<BTreeMap<&'static str, Held>>);

#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) section: AnySection,
    pub(super) revision: Revision,
    pub(super) changed_by: String,
    pub(super) changed_at: Option<UtcTime>,
}

impl Settings {
    /// The section `S`. A section that was never registered reads as its defaults.
    pub fn get<S: Section>(&self) -> Arc<S> {
        self.0
            .get(S::KEY)
            .and_then(|h| h.section.clone().downcast::<S>().ok())
            .unwrap_or_default()
    }

    /// Whether anybody but the device itself ever changed the section `S`. What nobody has decided leaves the
    /// machine below as it is.
    pub fn is_decided<S: Section>(&self) -> bool {
        let system = Actor::system().to_string();
        self.0
            .get(S::KEY)
            .is_some_and(|h| h.revision.0 > 0 && h.changed_by != system)
    }
}

/// A section as an adapter shows it.
#[derive(Clone, Debug, Serialize)]
pub struct SectionView {
    /// Its key.
    pub key: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Its page.
    pub page: &'static str,
    /// Pass back as `if_revision`.
    pub revision: Revision,
    /// Stored values.
    pub value: Value,
    /// What "Default" puts into the form (UI-4).
    pub defaults: Value,
    /// Who changed it last; empty when nobody did.
    pub changed_by: String,
    /// When.
    pub changed_at: Option<UtcTime>,
}

/// One wanted change.
#[derive(Clone, Debug)]
pub struct Patch {
    /// Section key.
    pub key: String,
    /// JSON merge patch (RFC 7396).
    pub value: Value,
    /// Refuse when the section is not at this revision any more.
    pub if_revision: Option<Revision>,
}

/// The one owner of all settings.
///
/// [`SettingsStore::apply`] is the only write (import and Restore end in the same step): it checks
/// permission, fields and cross rules, commits atomically through the [`SettingsBackend`], then
/// publishes. What it acknowledged survives kill -9.
///
/// A part that acts on settings holds a [`SettingsStore::watch`] and reads its sections from it; there is
/// no other way to be told. Who only tells others of a change takes `SettingsChanged` from the bus.
pub struct SettingsStore {
    pub(super) registry: BTreeMap<&'static str, Descriptor>,
    current: RwLock<Settings>,
    watch: watch::Sender<Settings>,
    pub(super) backend: Arc<dyn SettingsBackend>,
    sealer: Arc<dyn Sealer>,
    /// Writers queue here, so that check and commit are one step.
    writer: Mutex<()>,
    /// Which sections and fields there are, and how far numbers go.
    pub(super) product: RwLock<Arc<Product>>,
    video: RwLock<VideoCapabilities>,
    audio: RwLock<AudioCapabilities>,
    image: RwLock<ImageCapabilities>,
    listen: RwLock<Arc<dyn ListenProbe>>,
    network: RwLock<NetworkGate>,
    /// What is tried before it is saved.
    pub(super) previews: Previews,
    host: RwLock<Option<HostServices>>,
    bus: EventBus,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for SettingsStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettingsStore")
            .field("keys", &self.registry.keys())
            .finish_non_exhaustive()
    }
}

impl SettingsStore {
    /// Loads what is stored; sections never stored have their defaults, older versions are lifted.
    ///
    /// # Errors
    /// [`Error::Internal`] when the backend cannot be read or a stored section cannot be lifted:
    /// starting with other values than the owner's would be worse than not starting.
    pub fn load(
        sections: Vec<Descriptor>,
        backend: Arc<dyn SettingsBackend>,
        sealer: Arc<dyn Sealer>,
        bus: EventBus,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let registry: BTreeMap<_, _> = sections.into_iter().map(|d| (d.key, d)).collect();
        let mut stored: BTreeMap<String, StoredSection> = backend
            .load()?
            .into_iter()
            .map(|s| (s.key.clone(), s))
            .collect();
        let mut held = BTreeMap::new();
        for d in registry.values() {
            let h = match stored.remove(d.key) {
                Some(mut s) => {
                    secrets::open(d, &*sealer, &mut s.value)?;
                    lift(d, s)?
                }
                None => Held {
                    section: (d.default)(),
                    revision: Revision(0),
                    changed_by: String::new(),
                    changed_at: None,
                },
            };
            held.insert(d.key, h);
        }
        let settings = Settings(Arc::new(held));
        Ok(Self {
            registry,
            watch: watch::Sender::new(settings.clone()),
            current: RwLock::new(settings),
            backend,
            sealer,
            writer: Mutex::new(()),
            product: RwLock::default(),
            video: RwLock::new(VideoCapabilities::default()),
            audio: RwLock::default(),
            image: RwLock::default(),
            listen: RwLock::new(Arc::new(AnyPort)),
            network: RwLock::new(Arc::new(|_| Ok(()))),
            previews: Previews::default(),
            host: RwLock::default(),
            bus,
            clock,
        })
    }

    /// What the picture source and encoders can do; cross rules use it.
    pub fn set_video_capabilities(&self, video: VideoCapabilities) {
        *self.video.write() = video;
    }

    /// What the picture source and encoders can do.
    pub fn video_capabilities(&self) -> VideoCapabilities {
        self.video.read().clone()
    }

    /// What is heard, and how it can be encoded.
    pub fn set_audio_capabilities(&self, audio: AudioCapabilities) {
        *self.audio.write() = audio;
    }

    /// What is heard, and how it can be encoded.
    pub fn audio_capabilities(&self) -> AudioCapabilities {
        self.audio.read().clone()
    }

    /// What the picture source's sensor can be told; schemas and rules follow it.
    pub fn set_image_capabilities(&self, image: ImageCapabilities) {
        *self.image.write() = image;
    }

    /// What the picture source's sensor can be told.
    pub fn image_capabilities(&self) -> ImageCapabilities {
        self.image.read().clone()
    }

    /// Who knows whether a port may be listened on; until it is told, every port may.
    pub fn set_listen_probe(&self, probe: Arc<dyn ListenProbe>) {
        *self.listen.write() = probe;
    }

    /// Who knows whether the host's network can be changed; until it is told, it can.
    pub(crate) fn set_network_gate(&self, gate: NetworkGate) {
        *self.network.write() = gate;
    }

    /// Services of the machine, which may refuse to be switched.
    pub(crate) fn set_host_services(&self, host: HostServices) {
        *self.host.write() = Some(host);
    }

    /// All sections at this moment.
    pub fn snapshot(&self) -> Settings {
        self.current.read().clone()
    }

    /// The section `S` at this moment.
    pub fn get<S: Section>(&self) -> Arc<S> {
        self.current.read().get::<S>()
    }

    /// Follows all changes; the parts that act on settings hold one of these.
    pub fn watch(&self) -> watch::Receiver<Settings> {
        self.watch.subscribe()
    }

    /// The sections that this model has, in key order.
    pub fn sections(&self) -> impl Iterator<Item = &Descriptor> {
        let product = self.product();
        self.registry
            .values()
            .filter(move |d| product.meets(d.needs))
    }

    /// The JSON Schema of a section as this model has it, with `x-` hints for forms.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unsupported`], [`Error::Forbidden`].
    pub fn schema(&self, key: &str, actor: &Actor) -> Result<Value> {
        let d = self.descriptor(key)?;
        actor.require(d.read)?;
        let mut schema = (d.schema)();
        self.product().narrow_schema(d, &mut schema);
        if d.key == VideoSensor::KEY {
            self.image.read().narrow_schema(&mut schema);
        }
        Ok(schema)
    }

    /// A section with its revision, for showing.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unsupported`], [`Error::Forbidden`].
    pub fn read(&self, key: &str, actor: &Actor) -> Result<SectionView> {
        let d = self.descriptor(key)?;
        actor.require(d.read)?;
        let current = self.current.read();
        let held = current
            .0
            .get(d.key)
            .ok_or_else(|| Error::not_found("settings section", key))?;
        let shown = |section| {
            let mut value = (d.value)(section);
            secrets::mask(d, &mut value);
            value
        };
        Ok(SectionView {
            key: d.key,
            title: d.title,
            page: d.page,
            revision: held.revision,
            value: shown(&held.section),
            defaults: shown(&self.default_of(d)),
            changed_by: held.changed_by.clone(),
            changed_at: held.changed_at,
        })
    }

    /// Changes one section; see [`SettingsStore::apply`].
    ///
    /// # Errors
    /// As [`SettingsStore::apply`].
    pub fn patch(
        &self,
        key: &str,
        value: &Value,
        if_revision: Option<Revision>,
        actor: &Actor,
    ) -> Result<Revision> {
        let patch = Patch {
            key: key.to_owned(),
            value: value.clone(),
            if_revision,
        };
        let revisions = self.apply(&[patch], actor)?;
        revisions
            .first()
            .copied()
            .ok_or_else(|| Error::internal("apply returned no revision"))
    }

    /// Changes one section by its type, for adapters that speak in types (ONVIF).
    ///
    /// # Errors
    /// As [`SettingsStore::apply`].
    pub fn update<S: Section>(
        &self,
        actor: &Actor,
        change: impl FnOnce(&mut S),
    ) -> Result<Revision> {
        let mut section = (*self.get::<S>()).clone();
        change(&mut section);
        let value = serde_json::to_value(&section).map_err(Error::internal)?;
        self.patch(S::KEY, &value, None, actor)
    }

    /// Changes several sections in one step, all or nothing; returns the new revisions in order.
    ///
    /// Sections that follow a changed one ([`Section::follow`]) are stored and published in the same step.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the section's permission, [`Error::Unsupported`] for what this model does not
    /// have, [`Error::Conflict`] when `if_revision` is stale, [`Error::Invalid`] naming each field, [`Error::Internal`] when the commit failed
    /// (nothing changed then).
    pub fn apply(&self, patches: &[Patch], actor: &Actor) -> Result<Vec<Revision>> {
        self.change(actor, |after| self.edit(after, patches, actor))
    }

    /// All settings as [`SettingsStore::apply`] would leave them; nothing is stored.
    pub(super) fn would_be(&self, patches: &[Patch], actor: &Actor) -> Result<Settings> {
        self.try_change(actor, |after| self.edit(after, patches, actor))
    }

    fn edit(
        &self,
        after: &mut BTreeMap<&'static str, Held>,
        patches: &[Patch],
        actor: &Actor,
    ) -> Result<Vec<Descriptor>> {
        let now = self.clock.now();
        let mut touched = Vec::new();
        for p in patches {
            let d = self.descriptor(&p.key)?;
            actor.require(d.write)?;
            let held = after
                .get_mut(d.key)
                .ok_or_else(|| Error::not_found("settings section", &p.key))?;
            if let Some(expected) = p.if_revision.filter(|r| *r != held.revision) {
                return Err(Error::Conflict(format!(
                    "{} is at revision {}, not {expected}; last changed by {}",
                    d.key, held.revision, held.changed_by
                )));
            }
            let (mut value, mut patch) = ((d.value)(&held.section), p.value.clone());
            secrets::patch(d, &mut patch);
            merge_patch(&mut value, &patch);
            held.replace((d.parse)(&value)?, actor, now);
            touched.push(*d);
        }
        Ok(touched)
    }

    /// The one step that writes: `edit` changes the sections and names those it touched; then cross rules,
    /// commit and publication follow, or nothing does. Sections that follow them change in the same step. Returns the new revisions in the order of `edit`.
    pub(super) fn change(
        &self,
        actor: &Actor,
        edit: impl FnOnce(&mut BTreeMap<&'static str, Held>) -> Result<Vec<Descriptor>>,
    ) -> Result<Vec<Revision>> {
        let _one_writer = self.writer.lock();
        let before = self.snapshot();
        let mut after: BTreeMap<&'static str, Held> = (*before.0).clone();
        let mut touched = edit(&mut after)?;
        let asked = touched.len();
        settle(&before, &mut after, &touched);
        self.follow(&mut after, &mut touched, actor);
        let after = Settings(Arc::new(after));
        self.check(&before, &after, &touched, actor)?;
        let stored = touched
            .iter()
            .filter_map(|d| self.stored(&after, d).transpose())
            .collect::<Result<Vec<StoredSection>>>()?;
        self.backend.commit(&stored)?;
        *self.current.write() = after.clone();
        self.watch.send_replace(after.clone());
        let now = self.clock.now();
        let mut revisions = Vec::new();
        for s in &stored {
            revisions.push(s.revision);
            let Some(d) = self.registry.get(s.key.as_str()) else {
                continue;
            };
            self.bus.publish(
                now,
                EventKind::SettingsChanged {
                    key: d.key,
                    revision: s.revision,
                    fields: differing(&before, &after, d),
                    actor: actor.clone(),
                },
            );
        }
        revisions.truncate(asked);
        Ok(revisions)
    }

    /// Puts the sections as the model has them in the place of those that were loaded; nothing is stored.
    pub(super) fn replace_all(&self, settings: Settings) {
        *self.current.write() = settings.clone();
        self.watch.send_replace(settings);
    }

    /// Checks what [`SettingsStore::change`] would do, and does nothing but tell how all would be.
    pub(super) fn try_change(
        &self,
        actor: &Actor,
        edit: impl FnOnce(&mut BTreeMap<&'static str, Held>) -> Result<Vec<Descriptor>>,
    ) -> Result<Settings> {
        let before = self.snapshot();
        let mut after: BTreeMap<&'static str, Held> = (*before.0).clone();
        let mut touched = edit(&mut after)?;
        settle(&before, &mut after, &touched);
        self.follow(&mut after, &mut touched, actor);
        let after = Settings(Arc::new(after));
        self.check(&before, &after, &touched, actor)?;
        Ok(after)
    }

    /// A section as it is stored, secrets sealed.
    fn stored(&self, settings: &Settings, d: &Descriptor) -> Result<Option<StoredSection>> {
        let Some(held) = settings.0.get(d.key) else {
            return Ok(None);
        };
        let mut value = (d.value)(&held.section);
        secrets::seal(d, &*self.sealer, &mut value)?;
        Ok(Some(StoredSection {
            key: d.key.to_owned(),
            version: d.version,
            revision: held.revision,
            value,
            changed_by: held.changed_by.clone(),
            changed_at: held.changed_at,
        }))
    }

    /// The time, for changes.
    pub(super) fn now(&self) -> UtcTime {
        self.clock.now()
    }

    /// Lets the sections that are not being changed follow those that are.
    fn follow(
        &self,
        after: &mut BTreeMap<&'static str, Held>,
        touched: &mut Vec<Descriptor>,
        actor: &Actor,
    ) {
        let all = Settings(Arc::new(after.clone()));
        for d in self.sections() {
            let Some(held) = after.get_mut(d.key) else {
                continue;
            };
            if touched.iter().any(|t| t.key == d.key) {
                continue;
            }
            if let Some(section) = (d.follow)(&held.section, &all) {
                held.replace(section, actor, self.now());
                touched.push(*d);
            }
        }
    }

    /// Cross rules of every section that could be affected: the touched ones first, then the rest,
    /// because a rule may look at a section that it does not own.
    fn check(
        &self,
        before: &Settings,
        after: &Settings,
        touched: &[Descriptor],
        actor: &Actor,
    ) -> Result<()> {
        let (video, audio) = (self.video.read(), self.audio.read());
        let image = self.image.read();
        let listen = self.listen.read().clone();
        let network = self.network.read().clone();
        let host = self.host.read().clone();
        let mut violations = Violations::default();
        let cx = CheckContext {
            settings: after,
            before,
            video: &video,
            audio: &audio,
            image: &image,
            listen: &*listen,
            network: &*network,
            host: host.as_ref(),
            actor,
            touched,
        };
        for d in self.sections() {
            if let Some(held) = after.0.get(d.key) {
                (d.check)(&held.section, &cx, &mut violations);
            }
        }
        let product = self.product();
        for d in touched {
            if let (Some(old), Some(new)) = (before.0.get(d.key), after.0.get(d.key)) {
                let (old, new) = ((d.value)(&old.section), (d.value)(&new.section));
                product.check_section(d, &old, &new, &mut violations);
            }
        }
        violations.into_result()
    }

    pub(super) fn descriptor(&self, key: &str) -> Result<&Descriptor> {
        let d = self.registry.get(key);
        let d = d.ok_or_else(|| Error::not_found("settings section", key))?;
        self.product().require(d.needs)?;
        Ok(d)
    }
}

/// Says why the host's network cannot be made so.
pub(crate) type NetworkGate = Arc<dyn Fn(&NetIp) -> std::result::Result<(), String> + Send + Sync>;

/// Before the system can be asked.
struct AnyPort;

impl ListenProbe for AnyPort {
    fn probe(&self, _port: u16) -> std::result::Result<(), String> {
        Ok(())
    }
}

/// Lets each changed section do what its change entails within itself.
fn settle(before: &Settings, after: &mut BTreeMap<&'static str, Held>, touched: &[Descriptor]) {
    for d in touched {
        if let (Some(old), Some(held)) = (before.0.get(d.key), after.get_mut(d.key))
            && let Some(section) = (d.settle)(&held.section, &old.section)
        {
            held.section = section;
        }
    }
}

/// Names of the top-level fields of a section whose values differ.
fn differing(before: &Settings, after: &Settings, d: &Descriptor) -> Vec<String> {
    let value = |settings: &Settings| settings.0.get(d.key).map(|h| (d.value)(&h.section));
    let (Some(Value::Object(old)), Some(Value::Object(new))) = (value(before), value(after)) else {
        return Vec::new();
    };
    let changed = new.iter().filter(|(field, v)| old.get(*field) != Some(v));
    changed.map(|(field, _)| field.clone()).collect()
}

impl Held {
    /// The next revision.
    pub(super) fn replace(&mut self, section: AnySection, actor: &Actor, now: UtcTime) {
        self.section = section;
        self.revision = Revision(self.revision.0 + 1);
        self.changed_by = actor.to_string();
        self.changed_at = Some(now);
    }
}

fn lift(d: &Descriptor, s: StoredSection) -> Result<Held> {
    let broken =
        |why: String| Error::internal(format!("stored settings section '{}': {why}", d.key));
    let value = raise(d, s.version, s.value).map_err(broken)?;
    let section = (d.parse)(&value).map_err(|e| broken(e.to_string()))?;
    Ok(Held {
        section,
        revision: s.revision,
        changed_by: s.changed_by,
        changed_at: s.changed_at,
    })
}

/// Lifts a value of version `from` to today's form; fields that it lacks take their defaults.
///
/// # Errors
/// A text that says why it cannot be lifted.
pub(super) fn raise(
    d: &Descriptor,
    mut from: u32,
    mut value: Value,
) -> std::result::Result<Value, String> {
    if from > d.version {
        return Err(format!(
            "has version {from}, this firmware knows {}",
            d.version
        ));
    }
    while from < d.version {
        value = (d.migrate)(from, value)?;
        from += 1;
    }
    let mut whole = (d.value)(&(d.default)());
    merge_patch(&mut whole, &value);
    Ok(whole)
}
