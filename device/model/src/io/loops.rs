//! Edges of inputs that are detection loops (SNAPRULE-13..18).

use std::time::Duration;

use lpr_core::{LoopPass, LoopWatch, UtcTime};

use crate::settings::LprRecognition;

/// The loops of this unit; nothing while loops do not capture.
#[derive(Debug, Default)]
pub(super) struct Loops(Option<LoopWatch>);

impl Loops {
    /// Input `index` is seen active or at rest, which is no edge.
    pub(super) fn seen(&mut self, lpr: &LprRecognition, index: usize, active: bool) {
        let no = lpr.loop_inputs().position(|input| input == index);
        if let (Some(watch), Some(no)) = (&mut self.0, no) {
            watch.seen(no, active);
        }
    }

    /// Input `index` became active or went back, at this wall-clock and this monotonic time: whom that captures.
    pub(super) fn edge(
        &mut self,
        lpr: &LprRecognition,
        index: usize,
        active: bool,
        (at, now): (UtcTime, Duration),
    ) -> Option<LoopPass> {
        if !lpr.capture_mode.has_loops() {
            self.0 = None;
            return None;
        }
        let rules = lpr.loops.rules();
        let watch = self.0.get_or_insert_with(|| LoopWatch::new(rules));
        watch.set_rules(rules);
        let no = lpr.loop_inputs().position(|input| input == index)?;
        let capture = watch.edge(no, active, now)?;
        Some(LoopPass {
            vehicle: capture.vehicle,
            arrived: at - now.saturating_sub(capture.arrived),
            at,
            speed_mps: capture.speed_mps,
        })
    }
}
