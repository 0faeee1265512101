//! Both nets together, ready to run.

use lpr_core::nets::{DetectRequest, Detector, Reader};
use lpr_core::{FrameSize, FrameView, GreyImage, MediaTime, Planes, UtcTime};

use crate::models::{DETECTOR, READER};
use crate::{Error, ModelCard, OnnxDetector, OnnxReader, Runtime};

/// How to open the nets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetsOptions {
    /// Threads of one net's run, 1..=64; the calling thread is one of them.
    pub threads: usize,
}

impl Default for NetsOptions {
    /// One thread: recognition shares the machine with the encoders.
    fn default() -> Self {
        Self { threads: 1 }
    }
}

/// The detector and the reader with their card. `Send`: hand it to the worker that owns it.
pub struct Nets {
    /// Finds plates.
    pub detector: OnnxDetector,
    /// Reads plates.
    pub reader: OnnxReader,
    /// Numbers that belong to the weights.
    pub card: ModelCard,
}

impl Nets {
    /// Loads the engine, opens the embedded nets and runs each once, so that the first frame is as
    /// fast as the others.
    ///
    /// # Errors
    /// [`Error::LibraryMissing`] and [`Error::Library`] for the engine, [`Error::Model`] and
    /// [`Error::Net`] for the nets.
    pub fn load(options: NetsOptions) -> Result<Self, Error> {
        let runtime = Runtime::load()?;
        let card = ModelCard::embedded()?;
        let threads = options.threads.clamp(1, 64);
        let detector = OnnxDetector::open(&runtime, DETECTOR, threads)?;
        let reader = OnnxReader::open(&runtime, READER, threads, card.reader.temperature)?;
        let mut nets = Self {
            detector,
            reader,
            card,
        };
        nets.warm_up()?;
        Ok(nets)
    }

    /// Runs both nets on a small empty picture.
    fn warm_up(&mut self) -> Result<(), Error> {
        let crop = GreyImage::filled(self.reader.crop_size(), 128);
        let size = crop.size();
        let planes = Planes::Grey {
            data: crop.data(),
            stride: size.width() as usize,
        };
        // The plane has exactly its size, so the view is always valid.
        if let Ok(frame) = FrameView::new(planes, size, UtcTime::EPOCH, MediaTime::default()) {
            let request = DetectRequest {
                region: size.rect(),
                max_input: warm_size(size),
                max_scale: 8.0,
                min_score: 0.99,
            };
            self.detector.detect(&frame, &request)?;
        }
        self.reader.read(&[crop])?;
        Ok(())
    }
}

/// The live input's size, which the engine plans its memory for.
fn warm_size(fallback: FrameSize) -> FrameSize {
    FrameSize::new(640, 384).unwrap_or(fallback)
}

const _: fn() = || {
    fn send<T: Send>() {}
    send::<Nets>();
};
