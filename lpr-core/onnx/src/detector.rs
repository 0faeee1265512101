//! The plate detector.

use lpr_core::cells::{CHANNELS, STRIDE, plates};
use lpr_core::letterbox::Letterbox;
use lpr_core::{DetectRequest, Detector, FrameView, NetError, PlateDetection};

use crate::session::{Contract, Net};
use crate::{Error, Runtime};

/// The detector net with its input buffer.
pub struct OnnxDetector {
    net: Net,
    letterbox: Letterbox,
}

impl OnnxDetector {
    /// Opens `model`, an ONNX file as `lpr-core/models/README.md` section 1 describes, on `threads` threads.
    ///
    /// # Errors
    /// [`Error::Model`] when the engine refuses the model or it is not as described.
    pub fn open(runtime: &Runtime, model: &[u8], threads: usize) -> Result<Self, Error> {
        let contract = Contract {
            net: "detector",
            input: ("image", [-1, 3, -1, -1]),
            output: ("cells", &[-1, CHANNELS as i64, -1, -1]),
        };
        Ok(Self {
            net: Net::open(runtime, model, threads, contract)?,
            letterbox: Letterbox::default(),
        })
    }
}

impl Detector for OnnxDetector {
    fn detect(
        &mut self,
        frame: &FrameView<'_>,
        request: &DetectRequest,
    ) -> Result<Vec<PlateDetection>, NetError> {
        let at = self
            .letterbox
            .fill(frame, request.region, request.max_input, request.max_scale);
        let (w, h) = (at.input.width() as usize, at.input.height() as usize);
        let step = STRIDE as usize;
        self.net
            .run([1, 3, h, w], self.letterbox.data(), |shape, cells| {
                let expect = [1, CHANNELS as i64, (h / step) as i64, (w / step) as i64];
                if shape != expect {
                    return Err(NetError::new(
                        "detector",
                        format!("output has shape {shape:?}, must be {expect:?}"),
                    ));
                }
                Ok(plates(cells, &at, frame.size(), request.min_score))
            })
    }
}
