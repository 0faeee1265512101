//! Where the lens rested, as a fact: Default keeps it, as it does not move the lens.

use platecam_model::{
    Error, Result,
    ports::{KeptPosition, LensMemory},
};

use crate::Database;

const FACT: &str = "lens";

impl LensMemory for Database {
    fn keep(&self, positions: &[KeptPosition]) -> Result<()> {
        let text = serde_json::to_string(positions).map_err(Error::internal)?;
        self.set_fact(FACT, &text)
    }

    fn kept(&self) -> Result<Vec<KeptPosition>> {
        let Some(text) = self.known_fact(FACT)? else {
            return Ok(Vec::new());
        };
        serde_json::from_str(&text).map_err(|e| Error::internal(format!("fact {FACT}: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use platecam_model::ports::Motor;

    use super::*;

    /// LPRCFG-14.
    #[test]
    fn the_position_of_the_lens_is_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let rested = |at| KeptPosition {
            motor: Motor::Zoom,
            at,
            travel: 1000,
            moves: at.into(),
        };
        {
            let db = Database::open(&path).unwrap();
            assert_eq!(db.kept().unwrap(), []);
            for at in [4, 750] {
                db.keep(&[rested(at)]).unwrap();
            }
        }
        assert_eq!(
            Database::open(&path).unwrap().kept().unwrap(),
            [rested(750)]
        );
    }
}
