//! What hostile peers send: refused with a reason, in bounded time and memory, never a panic.

use onvif_contracts::{tds, tev, tt};
use onvif_xml::soap::Message;
use onvif_xml::{Any, Error, ErrorKind, Limits, canonical, from_document, ns};
use proptest::prelude::*;

fn read(bytes: &[u8]) -> Result<tds::SetHostname, Error> {
    Message::parse(bytes, Limits::default())?.body.read_as()
}

fn envelope(body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s='{}' xmlns:tds='{}'><s:Header/><s:Body>{body}</s:Body></s:Envelope>",
        ns::SOAP12.uri(),
        ns::TDS.uri()
    )
}

fn with_name(inner: &str) -> String {
    envelope(&format!(
        "<tds:SetHostname><tds:Name>{inner}</tds:Name></tds:SetHostname>"
    ))
}

#[test]
fn bombs_are_refused() {
    let attributes: String = (0..65).map(|i| format!(" a{i}='1'")).collect();
    let nested = format!("{}{}", "<x>".repeat(10_000), "</x>".repeat(10_000));
    let bomb = "<!DOCTYPE l [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]>";
    let declarations = |from: usize| -> String {
        (from..from + 60)
            .map(|i| format!(" xmlns:p{i}='u'"))
            .collect()
    };
    let scopes: String = (0..5)
        .map(|i| format!("<x{}>", declarations(i * 60)))
        .collect();
    let rows: [(&str, String, &str); 20] = [
        (
            "many declarations in scope",
            envelope(&scopes),
            "namespace declarations in scope: more than 256",
        ),
        (
            "deep nesting",
            envelope(&nested),
            "nested elements: more than 64",
        ),
        (
            "many elements",
            envelope(&format!("<w>{}</w>", "<x/>".repeat(20_001))),
            "elements: more than 20000",
        ),
        (
            "many attributes",
            envelope(&format!("<x{attributes}/>")),
            "attributes: more than 64",
        ),
        (
            "a huge attribute",
            envelope(&format!("<x a='{}'/>", "y".repeat(1 << 20))),
            "document bytes: more than 1048576",
        ),
        (
            "huge text",
            with_name(&"y".repeat(1 << 20)),
            "document bytes: more than",
        ),
        (
            "an entity bomb",
            format!("{bomb}{}", with_name("&b;")),
            "document type declaration is not accepted",
        ),
        (
            "an external entity",
            format!("<!DOCTYPE l SYSTEM 'file:///etc/passwd'>{}", with_name("x")),
            "document type",
        ),
        (
            "an undefined entity",
            with_name("&xxe;"),
            "entity that XML does not define",
        ),
        (
            "an undefined entity in a skipped part",
            envelope("<x>&xxe;</x>"),
            "entity",
        ),
        (
            "an entity in an attribute",
            envelope("<x a='&xxe;'/>"),
            "not well-formed",
        ),
        ("NUL by reference", with_name("&#0;"), "not well-formed"),
        (
            "a control character by reference",
            with_name("&#x1F;"),
            "control character",
        ),
        (
            "a control character",
            with_name("\u{1}"),
            "control character",
        ),
        (
            "a control character in an attribute",
            envelope("<x a='\u{2}'/>"),
            "control character",
        ),
        (
            "a doubled attribute",
            envelope("<x a='1' a='2'/>"),
            "not well-formed",
        ),
        (
            "tags that cross",
            envelope("<x><y></x></y>"),
            "not well-formed",
        ),
        (
            "an undeclared prefix",
            envelope("<no:x/>"),
            "prefix `no` is not declared",
        ),
        (
            "a second root",
            format!("{}<x/>", with_name("x")),
            "second root",
        ),
        (
            "an element twice",
            envelope(
                "<tds:SetHostname><tds:Name>a</tds:Name><tds:Name>b</tds:Name></tds:SetHostname>",
            ),
            "more than once",
        ),
    ];
    for (what, xml, expect) in rows {
        let error = read(xml.as_bytes()).expect_err(what).to_string();
        assert!(error.contains(expect), "{what}: {error}");
    }
    assert_eq!(read(with_name("ok").as_bytes()).unwrap().name, "ok");
}

#[test]
fn what_is_no_envelope_is_refused() {
    for bytes in [
        &b""[..],
        b" ",
        b"<",
        b"<a",
        b"<a/>",
        b"GET / HTTP/1.1",
        b"{}",
        b"\xFF\xFE<\0",
        b"<?xml?>",
        b"<s:Envelope/>",
    ] {
        assert!(read(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
    }
    let no_body = format!("<Envelope xmlns='{}'/>", ns::SOAP12.uri());
    assert_eq!(
        read(no_body.as_bytes()).unwrap_err().kind,
        ErrorKind::Missing("Body")
    );
    let other = envelope("<tds:GetHostname/>");
    let message = Message::parse(other.as_bytes(), Limits::default()).unwrap();
    let error = message.body.read::<tds::SetHostname>().unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Unexpected { .. }));
}

#[test]
fn a_document_cut_anywhere_is_refused() {
    let xml = envelope(
        "<tds:SetHostname a='b'><!-- c --><tds:Name><![CDATA[x]]>&amp;y</tds:Name><z><q/></z></tds:SetHostname>",
    );
    assert_eq!(read(xml.as_bytes()).unwrap().name, "x&y");
    for cut in 0..xml.len() {
        assert!(
            read(&xml.as_bytes()[..cut]).is_err(),
            "cut at {cut}: {}",
            &xml[..cut]
        );
    }
}

#[test]
fn an_error_names_the_place_and_cuts_the_value() {
    let frame = format!(
        "<Frame xmlns='{}' UtcTime='{}'/>",
        ns::TT.uri(),
        "9".repeat(500)
    );
    let error = Any::parse(&frame, Limits::default())
        .unwrap()
        .read_as::<tt::Frame>()
        .unwrap_err();
    assert_eq!(error.path, "Frame/@UtcTime");
    assert!(error.to_string().len() < 200, "{error}");
    let deep = format!(
        "<a:PullMessages xmlns:a='{}'><a:Timeout>PT1S</a:Timeout><a:MessageLimit> 5x </a:MessageLimit></a:PullMessages>",
        ns::TEV.uri()
    );
    let error = from_document::<tev::PullMessages>(&deep, Limits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "` 5x ` is not an integer of 32 bits (at PullMessages/MessageLimit)"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
        let _ = onvif_xml::discovery::Envelope::parse(&bytes);
    }

    #[test]
    fn no_markup_makes_it_panic(text in "[<>/!\\[\\]&;#x0-9a-c:'\"= \\-?]{0,80}") {
        let _ = read(envelope(&text).as_bytes());
        let _ = Any::parse(&text, Limits::default()).map(|a| (a.to_xml(), a.name()));
        let _ = canonical(&text, Limits::default());
    }

    #[test]
    fn a_changed_byte_is_read_or_refused(at in 0usize..400, byte in any::<u8>()) {
        let mut bytes = envelope(
            "<tds:SetHostname a='b'><tds:Name><![CDATA[x]]>&amp;y</tds:Name><z xmlns:p='u'><p:q/></z></tds:SetHostname>",
        ).into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = read(&bytes);
    }

    #[test]
    fn what_is_captured_can_be_written_again(text in "[a-z<>&;:'\"= ]{0,40}") {
        let xml = format!("<p:r xmlns:p='urn:p' xmlns='urn:d'><p:c x='1'>{text}</p:c></p:r>");
        if let Ok(any) = Any::parse(&xml, Limits::default()) {
            let again = Any::parse(&any.to_xml(), Limits::default()).unwrap();
            prop_assert_eq!(canonical(&again.to_xml(), Limits::default()), canonical(&xml, Limits::default()));
        }
    }
}
