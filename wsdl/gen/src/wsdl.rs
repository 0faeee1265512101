//! From WSDL to ports and operations.

use std::collections::HashMap;
use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use onvif_xml::Ns;

use crate::access::Access;
use crate::dom::{Node, WSDL};
use crate::emit::type_path;
use crate::model::{Operation, Port};
use crate::names::{snake, type_name};
use crate::schema::Schemas;

type Name = (String, String);

/// All WSDL files.
#[derive(Debug, Default)]
pub struct Definitions {
    /// Message to the element of its only part.
    messages: HashMap<Name, Name>,
    /// Port type and operation to SOAP action.
    actions: HashMap<(Name, String), String>,
    ports: Vec<(String, Rc<Node>)>,
}

impl Definitions {
    /// Takes in one `wsdl:definitions`.
    ///
    /// # Errors
    /// A message does not have exactly one part with an element.
    pub fn add(&mut self, root: &Rc<Node>) -> Result<()> {
        let uri = root
            .attr("targetNamespace")
            .context("definitions without targetNamespace")?;
        for message in root.wsdl("message") {
            let name = message.attr("name").context("message without name")?;
            let part = message.wsdl("part").next();
            let element = part
                .and_then(|p| p.qname("element"))
                .with_context(|| format!("message {name}"))?;
            self.messages
                .insert((uri.to_owned(), name.to_owned()), element);
        }
        for port in root.wsdl("portType") {
            self.ports.push((uri.to_owned(), Rc::clone(port)));
        }
        for binding in root.wsdl("binding") {
            let port = binding.qname("type").context("binding without type")?;
            for operation in binding.wsdl("operation") {
                let name = operation.attr("name").unwrap_or("").to_owned();
                let soap = operation
                    .children
                    .iter()
                    .find(|c| c.uri != WSDL && c.name == "operation");
                if let Some(action) = soap.and_then(|s| s.attr("soapAction")) {
                    self.actions.insert((port.clone(), name), action.to_owned());
                }
            }
        }
        Ok(())
    }

    /// The ports of every contract.
    ///
    /// # Errors
    /// A message, element or access class is missing.
    pub fn ports(&self, schemas: &Schemas, access: &mut Access) -> Result<Vec<Port>> {
        let mut ports = Vec::new();
        for (uri, node) in &self.ports {
            let prefix = Ns::of(uri).prefix();
            ensure!(
                !prefix.is_empty(),
                "namespace {uri} is not in onvif_xml::ns"
            );
            let contract = node.attr("name").context("port type without name")?;
            let mut port = Port {
                name: type_name(contract),
                module: snake(contract),
                contract: format!("{prefix}:{contract}"),
                operations: Vec::new(),
            };
            for operation in node.wsdl("operation") {
                let built = self.operation(uri, contract, operation, schemas, access);
                port.operations
                    .push(built.with_context(|| format!("port {contract}"))?);
            }
            ports.push(port);
        }
        Ok(ports)
    }

    fn operation(
        &self,
        uri: &str,
        port: &str,
        node: &Node,
        schemas: &Schemas,
        access: &mut Access,
    ) -> Result<Operation> {
        let name = node.attr("name").context("operation without name")?;
        let prefix = Ns::of(uri).prefix();
        let element = |direction: &str| -> Result<Option<Name>> {
            let Some(part) = node.wsdl(direction).next() else {
                return Ok(None);
            };
            let message = part
                .qname("message")
                .with_context(|| format!("{name}: {direction} without message"))?;
            let found = self
                .messages
                .get(&message)
                .with_context(|| format!("{name}: no message {message:?}"))?;
            Ok(Some(found.clone()))
        };
        let addressing = |direction: &str| {
            node.wsdl(direction)
                .next()
                .and_then(|p| p.attr_any("Action"))
                .map(str::to_owned)
        };
        let request = element("input")?.with_context(|| format!("{name} has no input"))?;
        let response = element("output")?;
        let bound = self
            .actions
            .get(&((uri.to_owned(), port.to_owned()), name.to_owned()))
            .cloned();
        let action = addressing("input")
            .or(bound)
            .unwrap_or_else(|| format!("{uri}/{port}/{name}Request"));
        let response_action =
            addressing("output").unwrap_or_else(|| match action.strip_suffix("Request") {
                Some(stem) => format!("{stem}Response"),
                None => format!("{action}Response"),
            });
        let (class, waits) = access.take(prefix, name)?;
        let path =
            |key: &Name| -> Result<String> { Ok(type_path("", &schemas.element_type(key)?)) };
        let local = |key: &Name| (Ns::of(&key.0).prefix().to_owned(), key.1.clone());
        Ok(Operation {
            name: name.to_owned(),
            method: snake(name),
            request_type: path(&request)?,
            response_type: response.as_ref().map(path).transpose()?,
            request: local(&request),
            response: response.as_ref().map(local),
            action,
            response_action,
            access: class,
            waits,
        })
    }
}
