//! Pictures of the plates that are in sight: what a frame of the metadata stream refers to (Profile M 8.3).

use std::collections::VecDeque;

use parking_lot::Mutex;
use platecam_model::{Picture, Record, RecordId};

use crate::{pictures::record_path, service::Inner};

/// So many tracks are remembered: more vehicles are not in sight between the record of one and its leaving.
const KEPT: usize = 64;

/// Records with a cut-out of the plate, by the number of the followed object.
#[derive(Debug, Default)]
pub(crate) struct PlatePictures(Mutex<VecDeque<(u64, RecordId)>>);

impl PlatePictures {
    /// Takes a new record.
    pub(crate) fn stored(&self, record: &Record) {
        if !record.has_plate {
            return;
        }
        let mut all = self.0.lock();
        all.retain(|(track, _)| *track != record.track_id);
        if all.len() >= KEPT {
            all.pop_front();
        }
        all.push_back((record.track_id, record.id));
    }

    fn of(&self, track: u64) -> Option<RecordId> {
        let all = self.0.lock();
        let found = all.iter().rev().find(|(t, _)| *t == track);
        found.map(|(_, id)| *id)
    }
}

impl Inner {
    /// Address of the picture of a followed plate, once its record is stored. Nobody asked for it, so it is at the
    /// unit's own address.
    pub(crate) fn plate_picture(&self, track: u64) -> Option<String> {
        let id = self.plate_pictures.of(track)?;
        Some(self.own_base().url(&record_path(id, Picture::Plate)))
    }
}

#[cfg(test)]
mod tests {
    use platecam_model::testing::{initialised, new_record};

    use super::*;

    #[test]
    fn the_newest_tracks_are_remembered() {
        let test = initialised();
        let new = new_record("ABC123", lpr_core::UtcTime::from_millis(0));
        let blank = test.device.records.insert(new).unwrap();
        let pictures = PlatePictures::default();
        let stored = |id, track_id, has_plate| {
            let mut r = blank.clone();
            (r.id, r.track_id, r.has_plate) = (RecordId(id), track_id, has_plate);
            pictures.stored(&r);
        };
        stored(1, 7, false);
        assert_eq!(pictures.of(7), None, "there is no cut-out");
        stored(2, 7, true);
        stored(3, 7, true);
        assert_eq!(pictures.of(7), Some(RecordId(3)));
        for n in 0..KEPT as u64 {
            stored(10, 100 + n, true);
        }
        assert_eq!(pictures.of(7), None, "{KEPT} others came");
        assert_eq!(pictures.0.lock().len(), KEPT);
    }
}
