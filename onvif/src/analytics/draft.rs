//! The settings behind rules and modules, changed together and stored in one step.

use platecam_model::{
    Error,
    settings::{
        LprAreas, LprIntelligence, LprRecognition, LprTracks, MotionRegions, Patch, Section,
        Settings,
    },
};

use crate::call::Call;

/// The sections as they are, or as they are to be.
#[derive(Clone, PartialEq)]
pub(super) struct Draft {
    pub(super) lpr: LprRecognition,
    pub(super) areas: LprAreas,
    pub(super) tracks: LprTracks,
    pub(super) intelligence: LprIntelligence,
    pub(super) motion: MotionRegions,
}

impl Draft {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            lpr: (*settings.get::<LprRecognition>()).clone(),
            areas: (*settings.get::<LprAreas>()).clone(),
            intelligence: (*settings.get::<LprIntelligence>()).clone(),
            tracks: (*settings.get::<LprTracks>()).clone(),
            motion: (*settings.get::<MotionRegions>()).clone(),
        }
    }

    /// Stores what differs from `before`, all or nothing.
    ///
    /// # Errors
    /// As the settings store refuses.
    pub(super) fn store(&self, before: &Self, call: &Call<'_>) -> Result<(), Error> {
        let mut patches = Vec::new();
        add(&before.lpr, &self.lpr, &mut patches)?;
        add(&before.areas, &self.areas, &mut patches)?;
        add(&before.tracks, &self.tracks, &mut patches)?;
        add(&before.intelligence, &self.intelligence, &mut patches)?;
        add(&before.motion, &self.motion, &mut patches)?;
        if patches.is_empty() {
            return Ok(());
        }
        call.device().settings.apply(&patches, call.actor).map(drop)
    }
}

fn add<S: Section>(before: &S, after: &S, patches: &mut Vec<Patch>) -> Result<(), Error> {
    if before != after {
        patches.push(Patch {
            key: S::KEY.to_owned(),
            value: serde_json::to_value(after).map_err(Error::internal)?,
            if_revision: None,
        });
    }
    Ok(())
}
