//! The validator on schemas of its own.

use super::{compile, model::Schemas};
use crate::xml::{self, QName};

const SCHEMA: &str = r###"
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t" elementFormDefault="qualified">
  <xs:simpleType name="Name"><xs:restriction base="xs:string"><xs:maxLength value="4"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="Mode"><xs:restriction base="xs:string"><xs:enumeration value="On"/><xs:enumeration value="Off"/></xs:restriction></xs:simpleType>
  <xs:complexType name="Base"><xs:sequence><xs:element name="A" type="xs:int"/></xs:sequence><xs:attribute name="token" type="t:Name" use="required"/></xs:complexType>
  <xs:complexType name="More"><xs:complexContent><xs:extension base="t:Base"><xs:sequence>
    <xs:element name="B" type="t:Mode" minOccurs="0"/>
    <xs:any namespace="##any" processContents="lax" minOccurs="0" maxOccurs="unbounded"/>
    <xs:element name="C" type="xs:boolean" minOccurs="0"/>
  </xs:sequence></xs:extension></xs:complexContent></xs:complexType>
  <xs:element name="R"><xs:complexType><xs:sequence>
    <xs:element name="One" type="t:Base" maxOccurs="unbounded"/>
    <xs:choice minOccurs="0"><xs:element name="X" type="xs:dateTime"/><xs:element name="Y" type="xs:duration"/></xs:choice>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>"###;

fn schemas() -> Schemas {
    let mut schemas = Schemas::default();
    compile::add(&mut schemas, &xml::parse(SCHEMA).unwrap());
    schemas
}

/// Violations of a document, in one line.
fn judged(inner: &str) -> String {
    let text = format!(
        r#"<R xmlns="urn:t" xmlns:t="urn:t" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{inner}</R>"#
    );
    schemas().violations(&xml::parse(&text).unwrap()).join("; ")
}

#[test]
fn strict_and_tolerated() {
    for good in [
        r#"<One token="a"><A>1</A></One>"#,
        r#"<One token="a"><A>1</A></One><One token="b"><A>-2</A></One><Y>PT1S</Y>"#,
        r#"<One token="a" xsi:type="t:More"><A>1</A><B>On</B><C>true</C></One>"#,
        r#"<One token="a" xsi:type="t:More"><A>1</A><x xmlns="urn:v"/><C>true</C></One>"#,
    ] {
        assert_eq!(judged(good), "", "{good}");
    }
}

#[test]
fn refused_with_place_and_reason() {
    for (bad, part) in [
        (
            r#"<One token="a"><A>x</A></One>"#,
            r#"R/One/A: "x" is no int"#,
        ),
        (r#"<One><A>1</A></One>"#, "attribute token is missing"),
        (
            r#"<One token="toolong"><A>1</A></One>"#,
            "length 7, at most 4",
        ),
        (
            r#"<One token="a" k="v"><A>1</A></One>"#,
            "attribute k is not allowed",
        ),
        (r#"<One token="a"/>"#, "the end where A is due"),
        (
            r#"<One token="a"><A>1</A></One><Z/>"#,
            "{urn:t}Z where One or X or Y is due",
        ),
        (
            r#"<One token="a" xsi:type="t:More"><A>1</A><B>on</B></One>"#,
            "none of On, Off",
        ),
        // The declaration goes before the wildcard that matches as well.
        (
            r#"<One token="a" xsi:type="t:More"><A>1</A><C>perhaps</C></One>"#,
            "is no boolean",
        ),
        (
            r#"<One token="a" xsi:type="t:Mode"/>"#,
            "is not derived from",
        ),
        (r#"<One token="a" xsi:type="t:None"/>"#, "does not exist"),
        (r#"text<One token="a"><A>1</A></One>"#, "beside elements"),
        ("", "the end where One is due"),
    ] {
        let said = judged(bad);
        assert!(said.contains(part), "{bad}: {said}");
    }
}

#[test]
fn a_generated_request_is_valid() {
    let schemas = schemas();
    let text = schemas.sample(&QName::new("urn:t", "R")).unwrap();
    // The unknown token is longer than this schema's names may be.
    let text = text.replace(super::sample::UNKNOWN, "none");
    let violations = schemas.violations(&xml::parse(&text).unwrap());
    assert!(violations.is_empty(), "{text} {violations:?}");
}
