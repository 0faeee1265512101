//! Distinguished names: the named fields of `tas:DistinguishedName` by their identifiers (X.520).

use onvif_contracts::tas;
use platecam_model::ports::{DistinguishedName, NameAttribute};

fn attribute(oid: &str, value: &str) -> NameAttribute {
    NameAttribute {
        oid: oid.into(),
        value: value.trim().into(),
    }
}

/// Country first, common name after the organisation, as certificates are commonly written.
pub(super) fn of(name: &tas::DistinguishedName) -> DistinguishedName {
    let mut all = Vec::new();
    let fields = [
        ("2.5.4.6", &name.country),
        ("2.5.4.8", &name.state_or_province_name),
        ("2.5.4.7", &name.locality),
        ("2.5.4.10", &name.organization),
        ("2.5.4.11", &name.organizational_unit),
        ("2.5.4.3", &name.common_name),
        ("2.5.4.5", &name.serial_number),
        ("2.5.4.46", &name.distinguished_name_qualifier),
        ("2.5.4.12", &name.title),
        ("2.5.4.4", &name.surname),
        ("2.5.4.42", &name.given_name),
        ("2.5.4.43", &name.initials),
        ("2.5.4.65", &name.pseudonym),
        ("2.5.4.44", &name.generation_qualifier),
    ];
    for (oid, values) in fields {
        all.extend(values.iter().map(|v| vec![attribute(oid, v)]));
    }
    let others = name.generic_attribute.iter();
    all.extend(others.map(|a| vec![attribute(&a.r#type, &a.value)]));
    for relative in &name.multi_valued_rdn {
        let attributes = relative.attribute.iter();
        all.push(attributes.map(|a| attribute(&a.r#type, &a.value)).collect());
    }
    if let Some(more) = &name.any_attribute {
        let of = |v: &String| vec![attribute("0.9.2342.19200300.100.1.25", v)];
        all.extend(more.domain_component.iter().map(of));
    }
    DistinguishedName(all)
}
