//! Regions of interest: where a stream's bits go (ROI-1 to ROI-5).
//!
//! No encoder of our order takes a quantiser for each region through GStreamer, so bits are moved by what the encoder
//! is given: fine detail is taken out of the areas that matter less, in the picture that the encoder gets and nobody
//! else. At the same bit rate what it saves goes to the rest of the picture (docs/adr/0031).

use std::ops::Range;
use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;
use lpr_core::NormRect;
use parking_lot::Mutex;
use platecam_model::settings::{RegionOfInterest, RoiQuality};

use super::soften::{Band, Component, Soften};

/// Edges of a region are moved outward to whole blocks of an encoder.
const BLOCK: usize = 16;

/// The regions of one stream; what is set holds from the next picture on.
#[derive(Clone, Default)]
pub(crate) struct Regions(Arc<Mutex<Arc<[RegionOfInterest]>>>);

impl Regions {
    pub(crate) fn set(&self, regions: Arc<[RegionOfInterest]>) {
        *self.0.lock() = regions;
    }

    /// Prepares the pictures that leave `pad`. Without regions a picture goes by untouched.
    pub(crate) fn prepare(&self, pad: &gst::Pad) {
        let regions = self.clone();
        let mut format: Option<gst_video::VideoInfo> = None;
        let mut plan: Option<Plan> = None;
        let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
        // The probe is called by one thread at a time, and wants its state in a cell all the same.
        let state = Mutex::new(move |pad: &gst::Pad, info: &mut gst::PadProbeInfo<'_>| {
            match &mut info.data {
                Some(gst::PadProbeData::Event(event)) => {
                    if let gst::EventView::Caps(caps) = event.view() {
                        format = gst_video::VideoInfo::from_caps(caps.caps()).ok();
                        plan = None;
                    }
                }
                Some(gst::PadProbeData::Buffer(buffer)) => {
                    let wanted = regions.0.lock().clone();
                    if !matters(&wanted) {
                        return;
                    }
                    let Some(format) = &format else { return };
                    let plan = match &mut plan {
                        Some(plan) if Arc::ptr_eq(&plan.regions, &wanted) => plan,
                        stale => stale.insert(Plan::new(wanted, format)),
                    };
                    if let Err(e) = plan.apply(buffer.make_mut(), format) {
                        tracing::warn!(pad = %pad.name(), error = %e, "regions of interest are left out of a picture");
                    }
                }
                _ => {}
            }
        });
        pad.add_probe(kinds, move |pad, info| {
            (state.lock())(pad, info);
            gst::PadProbeReturn::Ok
        });
    }
}

/// Whether regions change a picture: those of medium quality alone do not.
pub(crate) fn matters(regions: &[RegionOfInterest]) -> bool {
    regions.iter().any(|r| r.quality != RoiQuality::Medium)
}

/// What is done to pictures of one format.
struct Plan {
    regions: Arc<[RegionOfInterest]>,
    /// For each component: how far columns of it are apart in bytes, and what is softened.
    components: Vec<(usize, Vec<Band>)>,
    soften: Soften,
}

impl Plan {
    fn new(regions: Arc<[RegionOfInterest]>, format: &gst_video::VideoInfo) -> Self {
        let components = (0..u8::try_from(format.n_components()).unwrap_or(0)).map(|c| {
            let size = (
                format.comp_width(c) as usize,
                format.comp_height(c) as usize,
            );
            let block = (BLOCK * size.0)
                .div_ceil(format.width().max(1) as usize)
                .max(1);
            let step = usize::try_from(format.comp_pstride(c)).unwrap_or(1);
            (step, bands(&regions, size, block))
        });
        Self {
            components: components.collect(),
            regions,
            soften: Soften::default(),
        }
    }

    fn apply(
        &mut self,
        buffer: &mut gst::BufferRef,
        format: &gst_video::VideoInfo,
    ) -> Result<(), gst::glib::BoolError> {
        let mut frame = gst_video::VideoFrameRef::from_buffer_ref_writable(buffer, format)?;
        for (c, (step, bands)) in (0u8..).zip(&self.components) {
            let stride = usize::try_from(frame.comp_stride(u32::from(c))).unwrap_or(0);
            let (width, height) = (
                frame.comp_width(u32::from(c)) as usize,
                frame.comp_height(u32::from(c)) as usize,
            );
            let offset = usize::try_from(format.comp_poffset(c)).unwrap_or(0);
            let plane = format.comp_plane(c);
            let data = frame.plane_data_mut(plane)?;
            let Some(data) = data.get_mut(offset..) else {
                continue;
            };
            let mut picture = Component {
                data,
                stride,
                step: *step,
                width,
                height,
            };
            self.soften.run(&mut picture, bands, |b| &b.once);
            for _ in 0..2 {
                self.soften.run(&mut picture, bands, |b| &b.twice);
            }
        }
        Ok(())
    }
}

/// Cuts a component into bands between the regions' edges. Where regions overlap the better quality counts.
fn bands(regions: &[RegionOfInterest], (width, height): (usize, usize), block: usize) -> Vec<Band> {
    let high = regions.iter().any(|r| r.quality == RoiQuality::High);
    let areas: Vec<(RoiQuality, Range<usize>, Range<usize>)> = regions
        .iter()
        .map(|r| {
            let (columns, rows) = pixels(&r.area, width, height, block);
            (r.quality, columns, rows)
        })
        .collect();
    let rows = cuts(areas.iter().map(|a| &a.2), height);
    let columns = cuts(areas.iter().map(|a| &a.1), width);
    let ranges =
        |cuts: &[usize]| -> Vec<Range<usize>> { cuts.windows(2).map(|w| w[0]..w[1]).collect() };
    let mut found = Vec::new();
    for rows in ranges(&rows) {
        let mut band = Band {
            rows,
            once: Vec::new(),
            twice: Vec::new(),
        };
        for cell in ranges(&columns) {
            let here = areas
                .iter()
                .filter(|(_, c, r)| c.contains(&cell.start) && r.contains(&band.rows.start));
            let list = match here.map(|a| a.0).max() {
                None if high => &mut band.once,
                Some(RoiQuality::Low) => &mut band.twice,
                _ => continue,
            };
            match list.last_mut() {
                Some(last) if last.end == cell.start => last.end = cell.end,
                _ => list.push(cell),
            }
        }
        found.push(band);
    }
    found
}

/// Columns and rows of a region, to whole blocks.
fn pixels(
    area: &NormRect,
    width: usize,
    height: usize,
    block: usize,
) -> (Range<usize>, Range<usize>) {
    // `as` saturates at 0, and the upper bound is cut.
    let down = |n: f32, of: usize| ((n * of as f32) as usize).min(of) / block * block;
    let up = |n: f32, of: usize| {
        ((n * of as f32).ceil() as usize)
            .div_ceil(block)
            .saturating_mul(block)
            .min(of)
    };
    let (left, right) = ((area.left + 1.0) / 2.0, (area.right + 1.0) / 2.0);
    let (top, bottom) = ((1.0 - area.top) / 2.0, (1.0 - area.bottom) / 2.0);
    (
        down(left, width)..up(right, width),
        down(top, height)..up(bottom, height),
    )
}

fn cuts<'a>(ranges: impl Iterator<Item = &'a Range<usize>>, end: usize) -> Vec<usize> {
    let mut all: Vec<usize> = ranges
        .flat_map(|r| [r.start, r.end])
        .chain([0, end])
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(
        left: f32,
        top: f32,
        right: f32,
        bottom: f32,
        quality: RoiQuality,
    ) -> RegionOfInterest {
        let area = NormRect {
            left,
            top,
            right,
            bottom,
        };
        RegionOfInterest { quality, area }
    }

    #[test]
    fn the_rest_is_softened_only_beside_high_quality() {
        let low = region(-1.0, 1.0, 0.0, 0.0, RoiQuality::Low);
        let medium = region(-1.0, 1.0, 0.0, 0.0, RoiQuality::Medium);
        let high = region(-0.5, 0.5, 0.5, -0.5, RoiQuality::High);
        assert!(!matters(&[medium]) && matters(&[low]) && matters(&[high]));
        let touched = |regions: &[RegionOfInterest], column: usize, row: usize| {
            let all = bands(regions, (64, 64), 16);
            let band = all.iter().find(|b| b.rows.contains(&row)).unwrap();
            let within = |list: &[Range<usize>]| list.iter().any(|r| r.contains(&column));
            (within(&band.once), within(&band.twice))
        };
        // A region of low quality alone: only it.
        assert_eq!(touched(&[low], 5, 5), (false, true));
        assert_eq!(touched(&[low], 40, 5), (false, false));
        // One of high quality: all but it; where they overlap the better one counts.
        let both = [low, high];
        assert_eq!(touched(&both, 5, 5), (false, true));
        assert_eq!(touched(&both, 20, 20), (false, false));
        assert_eq!(touched(&both, 60, 60), (true, false));
        // One of medium quality stays what it is.
        assert_eq!(touched(&[medium, high], 5, 5), (false, false));
    }

    #[test]
    fn edges_are_moved_outward_to_blocks() {
        let area = NormRect {
            left: -0.99,
            top: 0.99,
            right: 0.01,
            bottom: -0.01,
        };
        assert_eq!(pixels(&area, 160, 160, 16), (0..96, 0..96));
        assert_eq!(pixels(&NormRect::FULL, 100, 50, 16), (0..100, 0..50));
    }

    proptest::proptest! {
        /// Any regions on any size: nothing outside of the picture is touched, nothing panics.
        #[test]
        fn any_regions_are_taken(
            width in 1usize..70, height in 1usize..40, step in 1usize..3,
            edges in proptest::collection::vec((-1f32..=1.0, -1f32..=1.0, -1f32..=1.0, -1f32..=1.0, 0u8..3), 0..4),
        ) {
            let regions: Vec<_> = edges.into_iter().map(|(a, b, c, d, q)| {
                let quality = [RoiQuality::Low, RoiQuality::Medium, RoiQuality::High][usize::from(q)];
                region(a.min(b), c.max(d), a.max(b), c.min(d), quality)
            }).collect();
            let bands = bands(&regions, (width, height), 16);
            proptest::prop_assert_eq!(bands.iter().map(|b| b.rows.len()).sum::<usize>(), height);
            let stride = width * step;
            let mut data = vec![99u8; stride * height];
            let mut c = Component { data: &mut data, stride, step, width, height };
            let mut soften = Soften::default();
            soften.run(&mut c, &bands, |b| &b.once);
            soften.run(&mut c, &bands, |b| &b.twice);
            proptest::prop_assert!(data.iter().all(|b| *b == 99));
        }
    }
}
