//! Runs the plate detector and reader through ONNX Runtime.
