//! One net: a session whose names and shapes were checked.

use lpr_core::NetError;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::{TensorElementType, TensorRef, ValueType};

use crate::{Error, Runtime};

/// What a net must look like; `-1` is a free dimension.
pub(crate) struct Contract {
    /// Name for messages.
    pub(crate) net: &'static str,
    /// Name and shape of the only input.
    pub(crate) input: (&'static str, [i64; 4]),
    /// Name and shape of the only output.
    pub(crate) output: (&'static str, &'static [i64]),
}

/// A loaded net.
pub(crate) struct Net {
    session: Session,
    contract: Contract,
}

impl Net {
    /// Opens `model` with `threads` threads and checks it against `contract`.
    pub(crate) fn open(
        runtime: &Runtime,
        model: &[u8],
        threads: usize,
        contract: Contract,
    ) -> Result<Self, Error> {
        let net = contract.net;
        let fail = |message: String| Error::Model { net, message };
        let session = Session::builder(runtime.environment())
            .map_err(|e| fail(e.to_string()))?
            .with_optimization_level(GraphOptimizationLevel::All)
            .map_err(|e| fail(e.to_string()))?
            .with_intra_threads(threads)
            .map_err(|e| fail(e.to_string()))?
            // Spinning threads would take the cores that encode video.
            .with_intra_op_spinning(false)
            .map_err(|e| fail(e.to_string()))?
            .commit_from_memory(model)
            .map_err(|e| fail(e.to_string()))?;
        check(
            net,
            "input",
            session.inputs(),
            contract.input.0,
            &contract.input.1,
        )?;
        check(
            net,
            "output",
            session.outputs(),
            contract.output.0,
            contract.output.1,
        )?;
        Ok(Self { session, contract })
    }

    /// Runs the net on `data` of `shape` and hands shape and values of its output to `then`.
    pub(crate) fn run<T>(
        &mut self,
        shape: [usize; 4],
        data: &[f32],
        then: impl FnOnce(&[i64], &[f32]) -> Result<T, NetError>,
    ) -> Result<T, NetError> {
        let net = self.contract.net;
        let fail = |e: ort::Error| NetError::new(net, e.to_string());
        let input = TensorRef::from_array_view((shape, data)).map_err(fail)?;
        let outputs = self
            .session
            .run(ort::inputs![self.contract.input.0 => input])
            .map_err(fail)?;
        let output = outputs.get(self.contract.output.0).ok_or_else(|| {
            NetError::new(net, format!("gave no output {:?}", self.contract.output.0))
        })?;
        let (shape, values) = output.try_extract_tensor::<f32>().map_err(fail)?;
        then(shape, values)
    }
}

/// Fails unless there is one outlet, of this name, of 32-bit floats, of this shape.
fn check(
    net: &'static str,
    kind: &str,
    found: &[ort::value::Outlet],
    name: &str,
    shape: &[i64],
) -> Result<(), Error> {
    let fail = |message: String| Err(Error::Model { net, message });
    let [outlet] = found else {
        return fail(format!(
            "has {} {kind}s, must have one, {name:?}",
            found.len()
        ));
    };
    if outlet.name() != name {
        return fail(format!(
            "{kind} is named {:?}, must be {name:?}",
            outlet.name()
        ));
    }
    let ValueType::Tensor {
        ty: TensorElementType::Float32,
        shape: got,
        ..
    } = outlet.dtype()
    else {
        return fail(format!(
            "{kind} {name:?} is {}, must be a tensor of f32",
            outlet.dtype()
        ));
    };
    // A free dimension of the contract must be free in the model too, and a fixed one may be free.
    let fits = got.len() == shape.len() && got.iter().zip(shape).all(|(g, s)| g == s || *g == -1);
    if fits {
        Ok(())
    } else {
        fail(format!(
            "{kind} {name:?} has shape {got:?}, must be {shape:?}"
        ))
    }
}
