//! What the contracts say, ready to be written as Rust.

/// How often a part occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurs {
    /// Exactly once.
    One,
    /// At most once.
    Optional,
    /// Any number of times.
    Many,
    /// At least once.
    Some,
    /// Exactly once, and may be nil.
    Nillable,
}

/// The Rust type of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// A type of `onvif_xml` or the standard library.
    Builtin {
        /// As written in a field.
        rust: String,
        /// Whether white space around the text is not part of it.
        collapse: bool,
    },
    /// A generated enumeration.
    Enum {
        /// Prefix of its namespace.
        module: String,
        /// Its name.
        name: String,
    },
    /// A generated struct.
    Complex {
        /// Prefix of its namespace.
        module: String,
        /// Its name.
        name: String,
    },
}

/// A child element or attribute of a struct.
#[derive(Clone, Debug)]
pub struct Field {
    /// Rust name.
    pub rust: String,
    /// Local name in XML.
    pub xml: String,
    /// Prefix of its namespace; empty for none.
    pub ns: String,
    /// How often.
    pub occurs: Occurs,
    /// What.
    pub ty: Type,
}

/// A part between the tags, in the order of the contract.
#[derive(Clone, Debug)]
pub enum Part {
    /// A child element.
    Element(Field),
    /// Open content that is kept.
    Any,
    /// An unbounded choice.
    Choice {
        /// Name of the generated enumeration.
        name: String,
        /// Its alternatives.
        options: Vec<Field>,
    },
}

/// What is between the tags.
#[derive(Clone, Debug)]
pub enum Body {
    /// Child elements.
    Parts(Vec<Part>),
    /// Text of a simple type, in the field of this name.
    Text(String, Type),
    /// Text and elements mixed.
    Mixed,
}

/// A generated struct.
#[derive(Clone, Debug)]
pub struct Struct {
    /// Rust name.
    pub name: String,
    /// What it is in the contract, for the doc comment.
    pub doc: String,
    /// Attributes.
    pub attributes: Vec<Field>,
    /// Content.
    pub body: Body,
}

/// A generated enumeration.
#[derive(Clone, Debug)]
pub struct Enumeration {
    /// Rust name.
    pub name: String,
    /// What it is in the contract, for the doc comment.
    pub doc: String,
    /// Variant and text.
    pub variants: Vec<(String, String)>,
}

/// Types of one file of one namespace.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    /// Structs in the order of the contract.
    pub structs: Vec<Struct>,
    /// Enumerations in the order of the contract.
    pub enums: Vec<Enumeration>,
    /// Struct, and the element that is its own.
    pub elements: Vec<(String, String)>,
    /// Another name for a struct: the element's.
    pub aliases: Vec<(String, String)>,
}

/// One operation of a port.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The contract's name.
    pub name: String,
    /// Rust name.
    pub method: String,
    /// Prefix and local name of the request element.
    pub request: (String, String),
    /// Prefix and local name of the response element; none for a one-way operation.
    pub response: Option<(String, String)>,
    /// Rust type of the request, with module.
    pub request_type: String,
    /// Rust type of the response, with module.
    pub response_type: Option<String>,
    /// SOAP action of the request.
    pub action: String,
    /// SOAP action of the response.
    pub response_action: String,
    /// Access class.
    pub access: String,
    /// Whether it may wait before it answers.
    pub waits: bool,
}

/// One port type.
#[derive(Clone, Debug)]
pub struct Port {
    /// Rust name of the trait.
    pub name: String,
    /// Module.
    pub module: String,
    /// The contract's name with prefix.
    pub contract: String,
    /// Operations in the contract's order.
    pub operations: Vec<Operation>,
}
