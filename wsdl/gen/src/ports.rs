//! From ports to Rust source.

use std::fmt::Write as _;

use crate::emit::{HEADER, ns_path};
use crate::model::{Operation, Port};

/// Source of one port: trait, operation table, dispatch.
#[must_use]
pub fn port(p: &Port) -> String {
    let mut out = format!("//! Port type `{}`.\n\n{HEADER}\n", p.contract);
    out.push_str("use crate::port::{self as p, AccessClass, Operation};\n");
    out.push_str("use onvif_xml::soap::{Body, Fault};\nuse onvif_xml::{Writer, ns};\n\n");
    let _ = writeln!(
        out,
        "/// Port type `{}`: one method per operation. What is not implemented answers\n/// `ter:ActionNotSupported`.\npub trait {} {{",
        p.contract, p.name
    );
    for (i, op) in p.operations.iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        method(&mut out, op);
    }
    out.push_str("}\n\n");
    let _ = writeln!(
        out,
        "/// Operations of `{}`, in the order of the contract.\npub static OPERATIONS: [Operation; {}] = [",
        p.contract,
        p.operations.len()
    );
    for (i, op) in p.operations.iter().enumerate() {
        row(&mut out, i, op);
    }
    out.push_str("];\n\n");
    dispatch(&mut out, p);
    out
}

fn method(out: &mut String, op: &Operation) {
    let response = op.response_type.as_deref().unwrap_or("()");
    let _ = writeln!(
        out,
        "    /// `{}`, access class `{}`.\n    ///\n    /// # Errors\n    /// The fault that is sent.\n    fn {}(&self, request: {}) -> Result<{response}, Fault> {{\n        let _ = request;\n        Err(p::unsupported({:?}))\n    }}",
        op.name, op.access, op.method, op.request_type, op.name
    );
}

fn row(out: &mut String, index: usize, op: &Operation) {
    let response = op.response.as_ref().map_or_else(
        || "None".to_owned(),
        |(ns, name)| format!("Some(({}, {name:?}))", ns_path(ns)),
    );
    let _ = writeln!(
        out,
        "    Operation {{\n        index: {index},\n        name: {:?},\n        ns: {},\n        element: {:?},\n        response: {response},\n        action: {:?},\n        response_action: {:?},\n        access: AccessClass::{},\n        waits: {},\n    }},",
        op.name,
        ns_path(&op.request.0),
        op.request.1,
        op.action,
        op.response_action,
        op.access,
        op.waits,
    );
}

fn dispatch(out: &mut String, p: &Port) {
    let _ = writeln!(
        out,
        "/// Reads the request of `operation`, calls its method, and writes the response's element.\n///\n/// # Errors\n/// The request cannot be read, or the method's fault.\npub fn dispatch(port: &dyn {}, operation: &Operation, body: Body<'_>) -> Result<Writer, Fault> {{\n    match operation.index {{",
        p.name
    );
    for (i, op) in p.operations.iter().enumerate() {
        let _ = match &op.response {
            Some((ns, name)) => writeln!(
                out,
                "        {i} => p::written(&port.{}(p::parse(body)?)?, {}, {name:?}),",
                op.method,
                ns_path(ns)
            ),
            None => writeln!(
                out,
                "        {i} => {{\n            port.{}(p::parse(body)?)?;\n            p::empty()\n        }}",
                op.method
            ),
        };
    }
    out.push_str("        _ => Err(p::unsupported(operation.name)),\n    }\n}\n");
}
