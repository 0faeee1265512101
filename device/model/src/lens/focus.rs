//! One automatic focus: the camera's own, or a search for the sharpest picture.

use std::time::Duration;

use lpr_core::{NormRect, UtcTime};

use super::{drive::Drive, search::Search};
use crate::{
    Error, Result,
    ports::{Lens, Media},
};

/// The camera's own focus has ended when the motor has rested for so long.
const STILL: Duration = Duration::from_millis(1500);
/// It is taken as it is after this.
const LONGEST: Duration = Duration::from_secs(10);
/// Without a new picture for so long there is nothing to focus by.
const NO_PICTURE: Duration = Duration::from_secs(3);
/// Pictures that pass after the motor rests before one is measured: the first may have been taken on the way.
const PASSED: u8 = 2;

/// An automatic focus that runs.
#[derive(Debug)]
pub(super) struct Focusing {
    /// A person asked for it: nothing else moves the lens meanwhile (LPRCFG-10).
    pub(super) by_hand: bool,
    area: NormRect,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Camera {
        since: Duration,
        still: Duration,
        at: u32,
    },
    Search {
        search: Search,
        /// Pictures since the motor rests; `None` before it was sent anywhere.
        look: Option<Look>,
    },
    /// On the way to the sharpest position.
    Return,
}

#[derive(Debug)]
struct Look {
    since: Duration,
    newest: Option<UtcTime>,
    passed: u8,
}

impl Focusing {
    /// Begins. The camera's own focus knows no areas.
    pub(super) fn begin(
        area: Option<NormRect>,
        by_hand: bool,
        focus: &Drive,
        lens: &dyn Lens,
        now: Duration,
    ) -> Result<Self> {
        let stage = if area.is_none() && lens.has_auto_focus() {
            lens.set_auto_focus(true)?;
            Stage::Camera {
                since: now,
                still: now,
                at: focus.at,
            }
        } else {
            Stage::Search {
                search: Search::new(focus.travel, focus.at),
                look: None,
            }
        };
        Ok(Self {
            by_hand,
            area: area.unwrap_or(NormRect::FULL),
            stage,
        })
    }

    /// Goes on; the motor rests. Says whether it is done.
    pub(super) fn step(
        &mut self,
        focus: &mut Drive,
        lens: &dyn Lens,
        media: &dyn Media,
        now: Duration,
    ) -> Result<bool> {
        match &mut self.stage {
            Stage::Camera { since, still, at } => {
                let seen = focus.follow(lens)?;
                if seen != *at {
                    (*at, *still) = (seen, now);
                }
                let rested = now.saturating_sub(*still) >= STILL;
                if !rested && now.saturating_sub(*since) < LONGEST {
                    return Ok(false);
                }
                lens.set_auto_focus(false)?;
                focus.follow(lens)?;
                Ok(true)
            }
            Stage::Search { search, look } => {
                if let Some(waits) = look {
                    let Some(sharpness) = waits.measure(self.area, media, now)? else {
                        return Ok(false);
                    };
                    search.saw(focus.at, sharpness);
                }
                if let Some(next) = search.next() {
                    focus.go(next, now);
                    *look = Some(Look {
                        since: now,
                        newest: None,
                        passed: 0,
                    });
                    return Ok(false);
                }
                let (best, sharpness) = search.best();
                if sharpness <= 0.0 {
                    let why = "nothing to focus by: there are no edges in the picture";
                    return Err(Error::Unsupported(why.into()));
                }
                focus.go(best, now);
                self.stage = Stage::Return;
                Ok(false)
            }
            Stage::Return => Ok(true),
        }
    }

    /// It failed: the lens goes to the best position that was seen, or back to where it was.
    pub(super) fn give_up(&self, focus: &mut Drive, now: Duration) {
        if let Stage::Search { search, .. } = &self.stage {
            focus.go(search.best().0, now);
        }
    }

    /// Ends it before its time.
    pub(super) fn abort(&self, lens: &dyn Lens) -> Result<()> {
        match self.stage {
            Stage::Camera { .. } => lens.set_auto_focus(false),
            Stage::Search { .. } | Stage::Return => Ok(()),
        }
    }
}

impl Look {
    /// How sharp the first picture is that was wholly taken here; `None` before it came.
    fn measure(&mut self, area: NormRect, media: &dyn Media, now: Duration) -> Result<Option<f32>> {
        let none = || Error::Unsupported("nothing to focus by: there is no picture".into());
        let late = now.saturating_sub(self.since) >= NO_PICTURE;
        let (picture, taken) = match media.newest_picture() {
            Ok(newest) => newest,
            Err(_) if !late => return Ok(None),
            Err(_) => return Err(none()),
        };
        if self.newest == Some(taken) {
            return if late { Err(none()) } else { Ok(None) };
        }
        self.since = now;
        if self.newest.replace(taken).is_some() {
            self.passed += 1;
        }
        if self.passed < PASSED {
            return Ok(None);
        }
        let view = picture.view(taken).ok_or_else(none)?;
        let rect = area.to_px(view.size());
        Ok(Some(lpr_core::watch::cells::sharpness(&view, rect)))
    }
}
