//! A small world of plates for tests of the pipeline: vehicles by script, nets that know the script.
//!
//! Each plate is painted into the frame as a flat patch whose grey value names the vehicle; the fake
//! detector finds it by the frame's time, the fake reader by the grey value in the middle of the crop.
#![allow(dead_code, reason = "each test file uses its part")]

use std::time::Duration;

use lpr_core::nets::{ALPHABET, BLANK, CLASSES};
use lpr_core::{
    DetectRequest, Detector, Error, FrameSize, FrameView, GreyImage, MediaTime, NetError, Output,
    Pipeline, Planes, PlateCapture, PlateDetection, PxQuad, PxRect, ReadOutput, Reader,
    RecognitionSettings, Tuning, UtcTime,
};

pub(crate) const SIZE: (u32, u32) = (640, 360);
/// Grey of the first vehicle's patch; the next are `STEP` apart.
const FIRST: u8 = 60;
const STEP: u8 = 25;

/// One vehicle's plate on its way from one box to another.
#[derive(Clone, Debug)]
pub(crate) struct Vehicle {
    pub(crate) text: String,
    pub(crate) from_ms: u64,
    pub(crate) until_ms: u64,
    pub(crate) start: PxRect,
    pub(crate) end: PxRect,
}

impl Vehicle {
    /// Box at `ms`, while the vehicle is there.
    pub(crate) fn rect_at(&self, ms: u64) -> Option<PxRect> {
        let there = (self.from_ms..=self.until_ms).contains(&ms);
        let f =
            (ms.saturating_sub(self.from_ms)) as f32 / (self.until_ms - self.from_ms).max(1) as f32;
        let mix = |a: f32, b: f32| a + (b - a) * f;
        let (s, e) = (self.start, self.end);
        there.then(|| {
            PxRect::new(
                mix(s.x, e.x),
                mix(s.y, e.y),
                mix(s.width, e.width),
                mix(s.height, e.height),
            )
        })
    }
}

/// How imperfect the nets are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Noise {
    /// Chance in 100 that a plate is missed in a frame.
    pub(crate) missed: u64,
    /// Chance in 100 that a frame's read has one wrong character.
    pub(crate) misread: u64,
    /// From when on plates are found with a score of 0.25 instead of 0.9.
    pub(crate) weak_from_ms: Option<u64>,
    /// Plates narrower than this many pixels of the net's input are not found.
    pub(crate) least_net_px: f32,
    /// Most pixels a box is off, each way.
    pub(crate) jitter: f32,
    /// Time of the frame on which the detector fails.
    pub(crate) broken_at_ms: Option<u64>,
}

/// Splitmix64: the same numbers for the same seed.
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }

    fn offset(&mut self, most: f32) -> f32 {
        (self.roll(2001) as f32 / 1000.0 - 1.0) * most
    }
}

pub(crate) struct FakeDetector {
    pub(crate) vehicles: Vec<Vehicle>,
    pub(crate) noise: Noise,
    pub(crate) dice: Dice,
}

impl Detector for FakeDetector {
    fn detect(
        &mut self,
        frame: &FrameView<'_>,
        request: &DetectRequest,
    ) -> Result<Vec<PlateDetection>, NetError> {
        let ms = frame.captured_at.as_millis() as u64;
        if self.noise.broken_at_ms == Some(ms) {
            return Err(NetError::new("detector", "broken for the test"));
        }
        let mut found = Vec::new();
        for v in &self.vehicles {
            let Some(r) = v.rect_at(ms) else { continue };
            let weak = self.noise.weak_from_ms.is_some_and(|from| ms >= from);
            let score = if weak { 0.25 } else { 0.9 };
            let scale = request.max_input.width() as f32 / request.region.width;
            let seen = r.width * scale.min(request.max_scale) >= self.noise.least_net_px
                && score >= request.min_score;
            if self.dice.roll(100) < self.noise.missed
                || !seen
                || !request.region.contains(r.center())
            {
                continue;
            }
            let j = self.noise.jitter;
            let rect = r.moved(self.dice.offset(j), self.dice.offset(j));
            found.push(PlateDetection {
                rect,
                quad: PxQuad::from(rect),
                score,
            });
        }
        Ok(found)
    }
}

pub(crate) struct FakeReader {
    pub(crate) texts: Vec<String>,
    pub(crate) noise: Noise,
    pub(crate) dice: Dice,
}

impl Reader for FakeReader {
    fn read(&mut self, crops: &[GreyImage]) -> Result<Vec<ReadOutput>, NetError> {
        crops.iter().map(|c| self.one(c)).collect()
    }

    fn crop_size(&self) -> FrameSize {
        FrameSize::new(128, 64).unwrap()
    }
}

impl FakeReader {
    fn one(&mut self, crop: &GreyImage) -> Result<ReadOutput, NetError> {
        let grey = crop.data()[32 * 128 + 64];
        let index = usize::from(grey.saturating_sub(FIRST - STEP / 2) / STEP);
        let known = self.texts.get(index).filter(|_| grey >= FIRST - STEP / 2);
        let mut text: Vec<u8> = known.map(|t| t.bytes().collect()).unwrap_or_default();
        let mut sure = vec![0.92; text.len()];
        if !text.is_empty() && self.dice.roll(100) < self.noise.misread {
            let at = self.dice.roll(text.len() as u64) as usize;
            text[at] = ALPHABET[self.dice.roll(36) as usize];
            sure[at] = 0.6;
        }
        // Two steps a character, a blank between, blanks to the end.
        let mut probs = Vec::new();
        for (sign, p) in text.iter().zip(&sure) {
            let class = ALPHABET.iter().position(|a| a == sign).unwrap();
            for (class, p) in [(class, *p), (class, *p), (BLANK, 0.99)] {
                let mut step = [(1.0 - p) / (CLASSES - 1) as f32; CLASSES];
                step[class] = p;
                probs.extend(step);
            }
        }
        let mut blank = [0.0; CLASSES];
        blank[BLANK] = 1.0;
        probs.extend(blank);
        ReadOutput::from_probs(probs)
    }
}

pub(crate) type FakePipeline = Pipeline<FakeDetector, FakeReader>;

pub(crate) fn settings() -> RecognitionSettings {
    RecognitionSettings {
        region: lpr_core::Region::Any,
        detection_interval_ms: 0,
        ..RecognitionSettings::default()
    }
}

pub(crate) fn pipeline(
    vehicles: &[Vehicle],
    noise: Noise,
    seed: u64,
    settings: RecognitionSettings,
) -> FakePipeline {
    let detector = FakeDetector {
        vehicles: vehicles.to_vec(),
        noise,
        dice: Dice(seed),
    };
    let texts = vehicles.iter().map(|v| v.text.clone()).collect();
    let reader = FakeReader {
        texts,
        noise,
        dice: Dice(seed ^ 0xABCD),
    };
    Pipeline::new(detector, reader, settings, Tuning::default(), 1).unwrap()
}

/// The frame of the world at `ms`, painted over `back`.
pub(crate) fn paint(vehicles: &[Vehicle], ms: u64, back: u8) -> Vec<u8> {
    let (w, h) = (SIZE.0 as usize, SIZE.1 as usize);
    let mut data = vec![back; w * h];
    for (i, v) in vehicles.iter().enumerate() {
        let Some(r) = v.rect_at(ms) else { continue };
        let r = r
            .grown(12.0, 8.0)
            .clipped(FrameSize::new(SIZE.0, SIZE.1).unwrap());
        for row in data
            .chunks_exact_mut(w)
            .take(r.bottom() as usize)
            .skip(r.y as usize)
        {
            row[r.x as usize..(r.right() as usize).min(w)].fill(FIRST + STEP * i as u8);
        }
    }
    data
}

pub(crate) fn step(pipeline: &mut FakePipeline, vehicles: &[Vehicle], ms: u64) -> Output {
    step_over(pipeline, vehicles, ms, 20)
}

/// One frame with another background than the usual one.
pub(crate) fn step_over(
    pipeline: &mut FakePipeline,
    vehicles: &[Vehicle],
    ms: u64,
    back: u8,
) -> Output {
    try_step(pipeline, vehicles, ms, back).unwrap()
}

/// One frame on which a net may fail.
pub(crate) fn try_step(
    p: &mut FakePipeline,
    vehicles: &[Vehicle],
    ms: u64,
    back: u8,
) -> Result<Output, Error> {
    let data = paint(vehicles, ms, back);
    let size = FrameSize::new(SIZE.0, SIZE.1).unwrap();
    let planes = Planes::Grey {
        data: &data,
        stride: SIZE.0 as usize,
    };
    let at = UtcTime::EPOCH + Duration::from_millis(ms);
    p.process(&FrameView::new(planes, size, at, MediaTime::default()).unwrap())
}

/// A vehicle in lane `lane` of 4 that comes (`approaching`) or goes between two plate widths.
pub(crate) fn vehicle(
    text: &str,
    lane: u32,
    from_ms: u64,
    lasts_ms: u64,
    widths: (f32, f32),
) -> Vehicle {
    let rect = |w: f32| {
        let depth = (w - 50.0) / 90.0;
        PxRect::new(
            lane as f32 * 155.0 + 10.0,
            30.0 + 240.0 * depth.clamp(0.0, 1.2),
            w,
            w / 3.0,
        )
    };
    Vehicle {
        text: text.to_owned(),
        from_ms,
        until_ms: from_ms + lasts_ms,
        start: rect(widths.0),
        end: rect(widths.1),
    }
}

pub(crate) fn texts(reads: &[PlateCapture]) -> Vec<&str> {
    reads.iter().map(|c| c.read.plate_number.as_str()).collect()
}

/// Runs the world over the frames at `times`, then ends it; all reads in order.
#[allow(dead_code, reason = "each test takes what it needs")]
pub(crate) fn run(
    pipeline: &mut FakePipeline,
    vehicles: &[Vehicle],
    times: impl Iterator<Item = u64>,
) -> Vec<PlateCapture> {
    let mut reads = Vec::new();
    for ms in times {
        reads.extend(step(pipeline, vehicles, ms).reads);
    }
    reads.extend(pipeline.flush());
    reads
}
