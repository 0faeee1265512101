//! The plate detector and reader on ONNX Runtime: the only crate that knows the engine.
//!
//! The nets are part of the program (`lpr-core/models`, embedded); the engine is a shared library
//! found when the program starts ([`Runtime::load`]). [`Nets::load`] opens both nets, checks their
//! inputs and outputs against the contract in `lpr-core/models/README.md` and warms them up. Everything
//! here is `Send`: one worker thread owns the nets and runs one frame after the other.

#![forbid(unsafe_code)]

mod detector;
mod error;
mod models;
mod nets;
mod reader;
mod runtime;
mod session;

pub use detector::OnnxDetector;
pub use error::Error;
pub use models::{DetectorCard, ModelCard, ReaderCard};
pub use nets::{Nets, NetsOptions};
pub use reader::OnnxReader;
pub use runtime::Runtime;
