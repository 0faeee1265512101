use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bytes::Bytes;
use lpr_core::UtcTime;
use parking_lot::Mutex;

use crate::{
    Error, Result, Secret,
    broadcast::{Manner, Sound},
    ports::{
        BundleFile, ClipFiles, LastRun, Loudspeaker, Machine, Moment, Moments, Power,
        ProcessFigures, ProcessorTimes, Reach, RelayOutputs, RestartNote, StorageFigures, Voice,
    },
    upkeep::{Counters, Upkeep},
};

/// A switch that only remembers; also `--host simulated`.
#[derive(Debug, Default)]
pub struct SimulatedPower {
    /// What was remembered, in order, with the scheduled moments served.
    pub notes: Mutex<Vec<(RestartNote, Option<UtcTime>)>>,
    /// Makes the memory fail.
    pub fail: Mutex<bool>,
}

impl Power for SimulatedPower {
    fn reach(&self) -> Reach {
        Reach::Simulated
    }

    fn last_run(&self) -> LastRun {
        LastRun::None
    }

    fn last_scheduled(&self) -> Option<UtcTime> {
        self.notes.lock().iter().rev().find_map(|(_, s)| *s)
    }

    fn remember(&self, note: &RestartNote, scheduled: Option<UtcTime>) -> Result<()> {
        if *self.fail.lock() {
            return Err(Error::internal("disk full"));
        }
        self.notes.lock().push((note.clone(), scheduled));
        Ok(())
    }

    fn reboot_machine(&self) -> Result<()> {
        Err(Error::Unsupported("there is no machine".into()))
    }
}

/// Round figures; bundles are the files one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimulatedMachine;

impl Machine for SimulatedMachine {
    fn process(&self) -> ProcessFigures {
        ProcessFigures {
            cpu_seconds: 12.5,
            resident_bytes: 200 << 20,
            open_files: 40,
            threads: 30,
        }
    }

    fn processors(&self) -> ProcessorTimes {
        ProcessorTimes {
            busy: 25.0,
            all: 100.0,
        }
    }

    fn storage(&self) -> StorageFigures {
        StorageFigures {
            free: 50 << 30,
            total: 100 << 30,
            database: 1 << 20,
        }
    }

    fn report(&self) -> Vec<BundleFile> {
        vec![BundleFile {
            name: "system/kernel.txt".into(),
            content: b"Linux".to_vec(),
        }]
    }

    fn pack(&self, files: &[BundleFile], password: Option<&Secret>) -> Result<Bytes> {
        let mut out = Vec::new();
        if password.is_some() {
            out.extend_from_slice(b"encrypted\n");
        }
        for file in files {
            out.extend_from_slice(format!("{}\n", file.name).as_bytes());
            out.extend_from_slice(&file.content);
        }
        Ok(out.into())
    }
}

/// Outputs that only remember; also `--host simulated`.
#[derive(Debug)]
pub struct SimulatedOutputs {
    count: usize,
    /// What was said.
    pub said: Mutex<Vec<String>>,
    /// What was played, and how loud.
    pub played: Mutex<Vec<(Sound, Option<u8>)>>,
    contacts: Mutex<[bool; 2]>,
    fail: Mutex<bool>,
}

impl Default for SimulatedOutputs {
    fn default() -> Self {
        Self::of(2)
    }
}

impl SimulatedOutputs {
    /// So many of them, two at most.
    #[must_use]
    pub fn of(count: usize) -> Self {
        Self {
            count: count.min(2),
            said: Mutex::default(),
            played: Mutex::default(),
            contacts: Mutex::default(),
            fail: Mutex::default(),
        }
    }

    /// The contacts, true where they are closed.
    pub fn contacts(&self) -> [bool; 2] {
        *self.contacts.lock()
    }

    /// Makes the lines not follow, or follow again.
    pub fn fail(&self, fail: bool) {
        *self.fail.lock() = fail;
    }
}

impl Voice for SimulatedOutputs {
    fn unavailable(&self) -> Option<String> {
        None
    }

    fn speak(&self, text: &str, _manner: Manner) -> Result<Sound> {
        self.said.lock().push(text.to_owned());
        Ok(Sound {
            rate: 8_000,
            samples: vec![0; text.len()],
        })
    }
}

impl Loudspeaker for SimulatedOutputs {
    fn unavailable(&self) -> Option<String> {
        None
    }

    fn play(&self, sound: &Sound, level: Option<u8>, go_on: &dyn Fn() -> bool) -> Result<bool> {
        if !go_on() {
            return Ok(false);
        }
        self.played.lock().push((sound.clone(), level));
        Ok(true)
    }
}

impl RelayOutputs for SimulatedOutputs {
    fn count(&self) -> usize {
        self.count
    }

    fn set(&self, index: usize, closed: bool) -> Result<()> {
        if *self.fail.lock() {
            return Err(Error::internal("the line does not follow"));
        }
        let mut contacts = self.contacts.lock();
        let contact = contacts.get_mut(index);
        *contact.ok_or_else(|| Error::not_found("relay output", index.to_string()))? = closed;
        Ok(())
    }
}

/// Uploaded sounds in memory.
#[derive(Debug, Default)]
struct MemoryClips(Mutex<BTreeMap<String, Vec<u8>>>);

impl ClipFiles for MemoryClips {
    fn put(&self, token: &str, file: &[u8]) -> Result<()> {
        self.0.lock().insert(token.into(), file.into());
        Ok(())
    }

    fn get(&self, token: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.0.lock().get(token).cloned())
    }

    fn remove(&self, token: &str) -> Result<()> {
        self.0.lock().remove(token);
        Ok(())
    }

    fn tokens(&self) -> Result<Vec<String>> {
        Ok(self.0.lock().keys().cloned().collect())
    }
}

/// Moments in memory.
#[derive(Debug, Default)]
struct MemoryMoments(Mutex<HashMap<Moment, UtcTime>>);

impl Moments for MemoryMoments {
    fn note(&self, what: Moment, at: UtcTime) -> Result<()> {
        self.0.lock().insert(what, at);
        Ok(())
    }

    fn last(&self, what: Moment) -> Result<Option<UtcTime>> {
        Ok(self.0.lock().get(&what).copied())
    }
}

/// Everything of maintenance in memory, without slots.
pub fn simulated_upkeep(power: Arc<dyn Power>) -> Upkeep {
    let outputs = Arc::new(SimulatedOutputs::default());
    Upkeep {
        power,
        upgrades: None,
        machine: Arc::new(SimulatedMachine),
        voice: outputs.clone(),
        loudspeaker: outputs,
        clips: Arc::new(MemoryClips::default()),
        counters: Arc::new(Counters::default()),
        storage: Arc::default(),
        conditions: Arc::default(),
        moments: Arc::new(MemoryMoments::default()),
    }
}
