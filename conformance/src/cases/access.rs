//! Who may call what: every operation of the contracts by the default access policy (Core §7.9.4).
//!
//! Requests are the smallest that the contract allows and name nothing that exists. Levels that the
//! policy denies are tried on every operation; levels that it allows only where nothing can change.

use super::{
    access_classes::OPERATIONS,
    users::{denied, user},
};
use crate::{
    auth::Credentials,
    case::{Case, LIMIT, Need, Outcome, Run},
    check,
    device::{Auth, Device, Reply},
    skip, soap,
};

/// Names of the helpers; the password obeys strict policies.
const USER: &str = "OnvifTest1";
const OPERATOR: &str = "OnvifTest2";
const PASSWORD: &str = "OnvifTest123-Gate-7319";

/// What the specification calls an access class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    PreAuth,
    ReadSystem,
    ReadSystemSecret,
    WriteSystem,
    Unrecoverable,
    ReadMedia,
    Actuate,
}

impl Class {
    fn users(self) -> bool {
        matches!(self, Class::PreAuth | Class::ReadSystem | Class::ReadMedia)
    }

    fn operators(self) -> bool {
        self.users() || self == Class::Actuate
    }
}

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (class, operations) in OPERATIONS {
        for operation in *operations {
            let (prefix, name) = operation.split_once(':').unwrap_or_default();
            cases.push(Case {
                id: format!("X-ACCESS-{prefix}-{name}"),
                title: format!("{class:?}: who may call {operation}"),
                profiles: "STM",
                needs: service(prefix).into(),
                run: Run::For(access, operation),
                limit: LIMIT,
            });
        }
    }
    cases
}

fn service(prefix: &str) -> &'static [Need] {
    match prefix {
        "trt" => &[Need::Service("trt")],
        "tr2" => &[Need::Service("tr2")],
        "tev" | "wsnt" => &[Need::Service("tev")],
        "timg" => &[Need::Service("timg")],
        "tan" => &[Need::Service("tan")],
        "tmd" => &[Need::Service("tmd")],
        "tas" => &[Need::Service("tas")],
        _ => &[],
    }
}

fn class_of(operation: &str) -> Class {
    OPERATIONS
        .iter()
        .find(|(_, all)| all.contains(&operation))
        .map_or(Class::Unrecoverable, |(class, _)| *class)
}

/// The two helpers, made when first needed.
fn helpers(d: &Device) -> Outcome<[Auth; 2]> {
    let both = [
        Credentials::new(USER, PASSWORD),
        Credentials::new(OPERATOR, PASSWORD),
    ];
    if !d.has_helpers() {
        let body = user(USER, "User", PASSWORD) + &user(OPERATOR, "Operator", PASSWORD);
        d.call("tds:CreateUsers", &body)?;
        d.set_helpers(true);
    }
    Ok(both.map(|c| d.sign(&c)))
}

/// Deletes the helpers; called at the end of a run.
pub(crate) fn dismiss(d: &Device) -> Outcome {
    if d.has_helpers() {
        let body =
            format!("<tds:Username>{USER}</tds:Username><tds:Username>{OPERATOR}</tds:Username>");
        d.call("tds:DeleteUsers", &body)?;
        d.set_helpers(false);
    }
    Ok(())
}

/// Whether a call with enough rights changes nothing.
fn harmless(class: Class, operation: &str) -> bool {
    let name = operation.split(':').next_back().unwrap_or_default();
    match class {
        Class::PreAuth | Class::ReadSystem | Class::ReadSystemSecret => name.starts_with("Get"),
        Class::ReadMedia => {
            name.starts_with("Get")
                || matches!(name, "PullMessages" | "Renew" | "Unsubscribe" | "Seek")
        }
        // Each names a token or an address that does not exist.
        Class::Actuate => !name.starts_with("Create") && !name.starts_with("Send"),
        Class::WriteSystem | Class::Unrecoverable => false,
    }
}

fn access(d: &Device, operation: &'static str) -> Outcome {
    let class = class_of(operation);
    let name = soap::operation(operation);
    let element = d.schemas().sample(&name);
    let Some(element) = element else {
        skip!("the contracts declare no {name}")
    };
    let prefix = operation.split(':').next().unwrap_or_default();
    let url = d.address(prefix)?;
    let header = if matches!(prefix, "tev" | "wsnt") {
        format!("<wsa:Action>{}</wsa:Action>", soap::action(operation))
    } else {
        String::new()
    };
    let call = |auth: &Auth| d.send_envelope(auth, &url, &header, operation, &element);
    let nobody = call(&Auth::None)?;
    if missing(&nobody) {
        skip!("the device does not have the operation");
    }
    if class == Class::PreAuth {
        check!(!denied(&nobody), "nobody is refused");
    } else {
        check!(denied(&nobody), "nobody is let in: {}", told(&nobody));
    }
    let [user, operator] = helpers(d)?;
    for (level, auth, allowed) in [
        ("a user", &user, class.users()),
        ("an operator", &operator, class.operators()),
    ] {
        if !allowed {
            let reply = call(auth)?;
            if missing(&reply) {
                skip!("the device does not have the operation");
            }
            check!(denied(&reply), "{level} is let in: {}", told(&reply));
        } else if harmless(class, operation) {
            let reply = call(auth)?;
            check!(!denied(&reply), "{level} is refused: {}", told(&reply));
        }
    }
    if harmless(class, operation) && class != Class::Actuate {
        let reply = call(&d.administrator())?;
        check!(
            !denied(&reply),
            "the administrator is refused: {}",
            told(&reply)
        );
    }
    Ok(())
}

fn missing(reply: &Reply) -> bool {
    matches!(reply, Reply::Fault(f) if f.chain().contains("ActionNotSupported"))
}

fn told(reply: &Reply) -> String {
    match reply {
        Reply::Answer(a, _) => format!("answered {}", a.name.name),
        Reply::Fault(f) => format!("fault {}: {}", f.chain(), f.reason),
        Reply::Unauthorized => "HTTP 401".into(),
    }
}
