//! What every port has: operations, access classes, lookup.

use onvif_xml::soap::{Body, Fault};
use onvif_xml::{Ns, Value, Writer};

/// Access class of an operation (ONVIF Core Specification, default access policy).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessClass {
    /// Open to everyone.
    PreAuth,
    /// Reads settings of little worth to others.
    ReadSystem,
    /// Reads settings that identify persons or the installation.
    ReadSystemSensitive,
    /// Reads secrets and logs.
    ReadSystemSecret,
    /// Changes settings.
    WriteSystem,
    /// Does what cannot be undone.
    Unrecoverable,
    /// Reads media, events and recordings.
    ReadMedia,
    /// Changes what the device does without changing its set-up.
    Actuate,
}

/// One operation of a port type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Place in the port's table.
    pub index: usize,
    /// The contract's name.
    pub name: &'static str,
    /// Namespace of the request element.
    pub ns: Ns,
    /// Local name of the request element.
    pub element: &'static str,
    /// The response element; none for a one-way operation.
    pub response: Option<(Ns, &'static str)>,
    /// SOAP action of the request.
    pub action: &'static str,
    /// SOAP action of the response.
    pub response_action: &'static str,
    /// Who may call it.
    pub access: AccessClass,
    /// Whether it may wait before it answers; such an operation is not for the synchronous dispatch.
    pub waits: bool,
}

/// The operation with this request element.
#[must_use]
pub fn find(operations: &'static [Operation], ns: Ns, element: &str) -> Option<&'static Operation> {
    operations
        .iter()
        .find(|op| op.element == element && op.ns == ns)
}

/// Reads a request.
///
/// # Errors
/// The fault that tells the sender what is wrong with it.
pub fn parse<T: Value>(body: Body<'_>) -> Result<T, Fault> {
    body.read_as().map_err(Fault::from)
}

/// Writes a response's element.
///
/// # Errors
/// None: the type is that of a dispatch arm.
pub fn written<T: Value>(value: &T, ns: Ns, name: &'static str) -> Result<Writer, Fault> {
    let mut w = Writer::new();
    value.write(&mut w, ns, name);
    Ok(w)
}

/// The answer to a one-way operation: none.
pub(crate) fn empty() -> Result<Writer, Fault> {
    Ok(Writer::new())
}

/// The fault for an operation that is not implemented.
#[must_use]
pub fn unsupported(operation: &str) -> Fault {
    Fault::action_not_supported(operation)
}
