//! Second pictures come to a record that may be uploaded already (SNAPRULE-4; docs/adr/0045).

use std::time::{Duration, Instant};

use platecam_model::{
    Error, Picture, Record, RecordKind, Result,
    settings::{LprRecognition, Settings, UploadServer},
};

use super::{Keeper, UploadState};

/// So long a second picture is waited for; it comes within seconds, or never.
const SECOND_WAIT: Duration = Duration::from_secs(30);

impl Keeper<'_> {
    /// Whether a record that is uploaded now may get a second picture.
    pub(super) fn may_get_second(&mut self, all: &Settings, record: &Record) -> bool {
        let kind = matches!(record.kind, RecordKind::Lpr | RecordKind::Unlicensed);
        let twice = all.get::<LprRecognition>().snapshot_quantity.get() > 1;
        let may = twice && kind && !record.has(Picture::Second);
        if may {
            self.passed.insert(record.id, Instant::now());
        }
        may
    }

    /// Uploads a second picture that came when its record was done. Tells whether another one may wait; `None` when none came.
    pub(super) async fn late_second(
        &mut self,
        settings: &UploadServer,
        all: &Settings,
    ) -> Result<Option<bool>> {
        let shared = self.shared;
        let kept = &shared.kept;
        let awaiting = kept.awaiting();
        self.passed.retain(|id, _| awaiting.contains(id));
        for id in awaiting {
            let record = match self.parts.records.get(id) {
                Ok(record) => Some(record),
                Err(Error::NotFound { .. }) => None,
                Err(e) => return Err(e),
            };
            let Some(record) = record else {
                kept.settle(id)?;
                continue;
            };
            if !record.has(Picture::Second) {
                // After a restart nobody has it any more.
                let passed = self.passed.get(&id);
                if passed.is_none_or(|at| at.elapsed() >= SECOND_WAIT) {
                    kept.settle(id)?;
                }
                continue;
            }
            if !self.readable(&record)? {
                kept.owe(id, true)?;
                kept.settle(id)?;
                continue;
            }
            self.state(UploadState::Uploading);
            let sent = self.send(settings, all, &record, &[Picture::Second], |kept| {
                kept.settle(id)
            });
            return sent.await.map(Some);
        }
        Ok(None)
    }
}
