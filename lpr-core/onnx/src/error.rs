//! Why the nets cannot be used.

use std::path::PathBuf;

/// Loading the engine or the nets failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No shared library was found.
    #[error(
        "ONNX Runtime's shared library was not found: {variable} is not set and none of these exists: {}",
        paths(tried)
    )]
    LibraryMissing {
        /// The environment variable that names the library.
        variable: &'static str,
        /// Where it was looked for, in order.
        tried: Vec<PathBuf>,
    },
    /// The library is there, but cannot be used.
    #[error("ONNX Runtime's shared library {} cannot be loaded ({origin}): {message}", path.display())]
    Library {
        /// The file.
        path: PathBuf,
        /// Where the path came from: the environment variable or the search.
        origin: &'static str,
        /// The loader's message.
        message: String,
    },
    /// The engine refused a model, or the model is not as its contract says.
    #[error("{net} model: {message}")]
    Model {
        /// Which net: `detector`, `reader`, or `card` for their description.
        net: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A net failed while it was warmed up.
    #[error(transparent)]
    Net(#[from] lpr_core::NetError),
}

/// The paths with commas.
fn paths(tried: &[PathBuf]) -> String {
    tried
        .iter()
        .map(|p| p.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
