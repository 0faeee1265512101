//! Envelopes as clients send them, dispatch, answers and faults.

use onvif_contracts::port::{AccessClass, Operation, find};
use onvif_contracts::ports::{self, device::Device};
use onvif_contracts::{tds, tev, tt};
use onvif_xml::soap::{Fault, Message, Password, Reply, Version, envelope, fault_envelope};
use onvif_xml::{Limits, Value, canonical, ns};

struct Nothing;
impl Device for Nothing {}

struct Named;
impl Device for Named {
    fn get_hostname(&self, _: tds::GetHostname) -> Result<tds::GetHostnameResponse, Fault> {
        let hostname_information = tt::HostnameInformation {
            from_dhcp: false,
            name: Some("gate <1>".to_owned()),
            ..Default::default()
        };
        Ok(tds::GetHostnameResponse {
            hostname_information,
        })
    }

    fn set_hostname(&self, request: tds::SetHostname) -> Result<tds::SetHostnameResponse, Fault> {
        Err(Fault::sender(
            &["InvalidArgVal", "InvalidHostname"],
            format!("`{}` is no name", request.name),
        ))
    }
}

fn parse(xml: &str) -> Message<'_> {
    Message::parse(xml.as_bytes(), Limits::default()).unwrap_or_else(|e| panic!("{e}\n{xml}"))
}

fn call(port: &dyn Device, xml: &str) -> Result<String, Fault> {
    let message = Message::parse(xml.as_bytes(), Limits::default())?;
    let op = find(
        &ports::device::OPERATIONS,
        message.body.ns,
        message.body.name,
    )
    .ok_or_else(|| Fault::action_not_supported(message.body.name))?;
    let header = message.header.clone();
    let version = message.version;
    let body = ports::device::dispatch(port, op, message.body)?;
    let bytes = envelope(
        &Reply::to_header(version, &header, op.response_action),
        body,
    );
    Ok(String::from_utf8(bytes).unwrap())
}

const SET: &str = "<tds:SetHostname xmlns:tds='http://www.onvif.org/ver10/device/wsdl'>";

#[test]
fn envelopes_of_every_fashion_are_read() {
    let body12 = "http://www.w3.org/2003/05/soap-envelope";
    let body11 = "http://schemas.xmlsoap.org/soap/envelope/";
    let ok = [
        // prefixes of gSOAP, of .NET, of zeep; default namespaces; none of ours
        format!(
            "<SOAP-ENV:Envelope xmlns:SOAP-ENV='{body12}'><SOAP-ENV:Body><t:GetHostname xmlns:t='{}'/></SOAP-ENV:Body></SOAP-ENV:Envelope>",
            ns::TDS.uri()
        ),
        format!(
            "<Envelope xmlns=\"{body12}\"><Header/><Body><GetHostname xmlns=\"{}\"></GetHostname></Body></Envelope>",
            ns::TDS.uri()
        ),
        format!(
            "\u{FEFF}<?xml version='1.0' encoding='utf-8'?>\r\n<soap11:Envelope xmlns:soap11='{body11}'>\n <soap11:Body>\n<x:GetHostname xmlns:x = '{}' />\n</soap11:Body></soap11:Envelope>\n",
            ns::TDS.uri()
        ),
        format!(
            "<!-- hello --><s:Envelope xmlns:s='{body12}' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'><s:Body xsi:x=''><!-- c --><GetHostname xmlns='{}'/></s:Body></s:Envelope>",
            ns::TDS.uri()
        ),
    ];
    for xml in &ok {
        let message = parse(xml);
        assert_eq!(
            (message.body.ns, message.body.name),
            (ns::TDS, "GetHostname"),
            "{xml}"
        );
        message.body.read::<tds::GetHostname>().unwrap();
    }
    assert_eq!(parse(&ok[2]).version, Version::Soap11);
}

#[test]
fn text_in_pieces_is_one_text() {
    let xml = format!(
        "<e:Envelope xmlns:e='{}'><e:Body>{SET}<tds:Name>a<![CDATA[<b>]]>&amp;&#x63;<!-- no -->d</tds:Name></tds:SetHostname></e:Body></e:Envelope>",
        ns::SOAP12.uri()
    );
    let request: tds::SetHostname = parse(&xml).body.read().unwrap();
    assert_eq!(request.name, "a<b>&cd");
}

#[test]
fn headers_are_understood() {
    let xml = format!(
        r#"<s:Envelope xmlns:s="{}" xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header>
        <a:Action s:mustUnderstand="1">http://www.onvif.org/ver10/device/wsdl/GetHostname</a:Action>
        <a:MessageID>urn:uuid:1</a:MessageID><a:ReplyTo><a:Address>http://anonymous</a:Address></a:ReplyTo><a:To>http://dev</a:To>
        <w:Security s:mustUnderstand="1" xmlns:w="{}"><w:UsernameToken><w:Username> admin </w:Username>
        <w:Password Type="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest">AQID</w:Password>
        <w:Nonce EncodingType="x#Base64Binary">/w==</w:Nonce><Created xmlns="{}">2026-01-01T00:00:00.000Z</Created></w:UsernameToken></w:Security>
        <v:Strange xmlns:v="urn:v" s:mustUnderstand="true">x<v:y/></v:Strange>
        </s:Header><s:Body/></s:Envelope>"#,
        ns::SOAP12.uri(),
        ns::WSSE.uri(),
        ns::WSU.uri()
    );
    let message = parse(&xml);
    let h = &message.header;
    assert_eq!(h.addressing, Some(ns::WSA));
    assert_eq!(h.message_id.as_deref(), Some("urn:uuid:1"));
    assert_eq!(h.reply_to.as_deref(), Some("http://anonymous"));
    assert_eq!(h.to.as_deref(), Some("http://dev"));
    let token = h.username_token.as_ref().unwrap();
    assert_eq!(token.username, "admin");
    assert_eq!(token.password, Password::Digest(vec![1, 2, 3]));
    assert_eq!(token.nonce.as_deref(), Some(&[0xFF][..]));
    assert_eq!(token.created_at().unwrap().unix_millis(), 1_767_225_600_000);
    assert!(h.other[0].must_understand && h.other[0].uri == "urn:v" && h.other[0].text == "x");
    assert_eq!(message.body.name, "");
    assert!(message.body.read_as::<tds::GetHostname>().is_err());
}

#[test]
fn dispatch_answers_and_faults() {
    let request = |v: &str, inner: &str| {
        format!(
            "<e:Envelope xmlns:e='{v}'><e:Header><MessageID xmlns='http://www.w3.org/2005/08/addressing'>m1</MessageID></e:Header><e:Body>{inner}</e:Body></e:Envelope>"
        )
    };
    let get = "<GetHostname xmlns='http://www.onvif.org/ver10/device/wsdl'/>";
    let answer = call(&Named, &request(ns::SOAP12.uri(), get)).unwrap();
    let expect = format!(
        "<E:Envelope xmlns:E='{}' xmlns:w='{}' xmlns:d='{}' xmlns:t='{}'><E:Header><w:Action>http://www.onvif.org/ver10/device/wsdl/GetHostnameResponse</w:Action><w:RelatesTo>m1</w:RelatesTo></E:Header><E:Body><d:GetHostnameResponse><d:HostnameInformation><t:FromDHCP>false</t:FromDHCP><t:Name>gate &lt;1></t:Name></d:HostnameInformation></d:GetHostnameResponse></E:Body></E:Envelope>",
        ns::SOAP12.uri(),
        ns::WSA.uri(),
        ns::TDS.uri(),
        ns::TT.uri()
    );
    let limits = Limits::default();
    assert_eq!(
        canonical(&answer, limits).unwrap(),
        canonical(&expect, limits).unwrap(),
        "{answer}"
    );
    let answer11 = call(&Named, &request(ns::SOAP11.uri(), get)).unwrap();
    assert!(
        answer11.contains(&format!("xmlns:s=\"{}\"", ns::SOAP11.uri())),
        "{answer11}"
    );

    let fault =
        |port: &dyn Device, inner: &str| call(port, &request(ns::SOAP12.uri(), inner)).unwrap_err();
    assert!(fault(&Nothing, get).has_subcode("ActionNotSupported"));
    assert!(fault(&Nothing, "<x:GetHostname xmlns:x='urn:x'/>").has_subcode("ActionNotSupported"));
    assert!(
        fault(
            &Named,
            &format!("{SET}<tds:Name>!</tds:Name></tds:SetHostname>")
        )
        .has_subcode("InvalidHostname")
    );
    let missing = fault(&Named, &format!("{SET}</tds:SetHostname>"));
    assert!(
        missing.has_subcode("InvalidArgs") && missing.reason.contains("`Name`"),
        "{missing}"
    );
    let after = format!("{SET}<tds:Name>x</tds:Name></tds:SetHostname>");
    let cut = call(
        &Named,
        request(ns::SOAP12.uri(), &after)
            .strip_suffix("</e:Envelope>")
            .unwrap(),
    )
    .unwrap_err();
    assert!(cut.has_subcode("WellFormed"), "{cut}");
}

#[test]
fn faults_are_written_in_both_versions() {
    let fault = Fault::sender(&["InvalidArgVal", "NoProfile"], "no profile `<x>`");
    let limits = Limits::default();
    let text = |version| {
        let reply = Reply {
            version,
            ..Reply::default()
        };
        String::from_utf8(fault_envelope(&reply, &fault)).unwrap()
    };
    let expect12 = format!(
        "<s:Envelope xmlns:s='{}' xmlns:ter='{}'><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:InvalidArgVal</s:Value><s:Subcode><s:Value>ter:NoProfile</s:Value></s:Subcode></s:Subcode></s:Code><s:Reason><s:Text xml:lang='en'>no profile `&lt;x>`</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>",
        ns::SOAP12.uri(),
        ns::TER.uri()
    );
    let text12 = text(Version::Soap12);
    assert_eq!(
        canonical(&text12, limits).unwrap(),
        canonical(&expect12, limits).unwrap(),
        "{text12}"
    );
    assert!(text12.contains("xmlns:ter="), "{text12}");
    let text11 = text(Version::Soap11);
    let expect11 = format!(
        "<s:Envelope xmlns:s='{}'><s:Body><s:Fault><faultcode>ter:NoProfile</faultcode><faultstring>no profile `&lt;x>`</faultstring></s:Fault></s:Body></s:Envelope>",
        ns::SOAP11.uri(),
    );
    assert_eq!(
        canonical(&text11, limits).unwrap(),
        canonical(&expect11, limits).unwrap(),
        "{text11}"
    );
    assert_eq!(fault.http_status(), 400);
    assert_eq!(Fault::not_authorized("no").http_status(), 401);
    assert_eq!(Fault::action_not_supported("X").http_status(), 500);
}

/// Stands for any response type when only the element's place matters.
fn operation(port: &[Operation], name: &str) -> Operation {
    *port
        .iter()
        .find(|op| op.name == name)
        .unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn every_operation_is_found_by_its_request() {
    let mut count = 0;
    for (port, operations) in ports::ALL {
        for (i, op) in operations.iter().enumerate() {
            assert_eq!(op.index, i);
            let found = find(operations, op.ns, op.element).unwrap();
            assert_eq!(
                found.index, i,
                "{port} {} shares its request with {}",
                op.name, found.name
            );
            assert!(op.action.starts_with("http://"), "{port} {}", op.name);
            assert_eq!(op.waits, op.name == "PullMessages");
            if op.name == "GetServiceCapabilities" {
                assert_eq!(op.access, AccessClass::PreAuth, "{port}");
            }
        }
        count += operations.len();
    }
    assert!(count > 500, "{count} operations");
}

#[test]
fn access_classes_are_those_of_the_specification() {
    use AccessClass as A;
    for (port, name, class) in [
        (
            &ports::device::OPERATIONS[..],
            "GetSystemDateAndTime",
            A::PreAuth,
        ),
        (&ports::device::OPERATIONS, "GetServices", A::PreAuth),
        (
            &ports::device::OPERATIONS,
            "GetDeviceInformation",
            A::ReadSystem,
        ),
        (&ports::device::OPERATIONS, "GetUsers", A::ReadSystemSecret),
        (&ports::device::OPERATIONS, "CreateUsers", A::WriteSystem),
        (&ports::device::OPERATIONS, "SystemReboot", A::Unrecoverable),
        (&ports::media2::OPERATIONS, "GetProfiles", A::ReadMedia),
        (
            &ports::media2::OPERATIONS,
            "SetVideoEncoderConfiguration",
            A::Actuate,
        ),
        (
            &ports::event_port_type::OPERATIONS,
            "CreatePullPointSubscription",
            A::ReadMedia,
        ),
        (&ports::keystore::OPERATIONS, "DeleteKey", A::Unrecoverable),
    ] {
        assert_eq!(operation(port, name).access, class, "{name}");
    }
}

#[test]
fn actions_are_those_that_clients_send() {
    let pull = operation(&ports::pull_point_subscription::OPERATIONS, "PullMessages");
    assert_eq!(
        pull.action,
        "http://www.onvif.org/ver10/events/wsdl/PullPointSubscription/PullMessagesRequest"
    );
    assert_eq!(
        pull.response_action,
        "http://www.onvif.org/ver10/events/wsdl/PullPointSubscription/PullMessagesResponse"
    );
    let services = operation(&ports::device::OPERATIONS, "GetServices");
    assert_eq!(
        services.action,
        "http://www.onvif.org/ver10/device/wsdl/GetServices"
    );
    assert_eq!(
        services.response_action,
        "http://www.onvif.org/ver10/device/wsdl/GetServicesResponse"
    );
    let renew = operation(&ports::subscription_manager::OPERATIONS, "Renew");
    assert_eq!((renew.ns, renew.element), (ns::WSNT, "Renew"));
    let relay = operation(&ports::device_io_port::OPERATIONS, "GetRelayOutputs");
    assert_eq!(
        relay.ns,
        ns::TDS,
        "device IO uses the device service's messages"
    );
}

#[test]
fn a_waiting_operation_can_be_read_and_written_by_hand() {
    let xml = format!(
        "<s:Envelope xmlns:s='{}'><s:Body><PullMessages xmlns='{}'><Timeout>PT5S</Timeout><MessageLimit>10</MessageLimit></PullMessages></s:Body></s:Envelope>",
        ns::SOAP12.uri(),
        ns::TEV.uri()
    );
    let request: tev::PullMessages = onvif_contracts::port::parse(parse(&xml).body).unwrap();
    assert_eq!(request.timeout.to_std().as_secs(), 5);
    let mut w = onvif_xml::Writer::new();
    tev::PullMessagesResponse::default().write(&mut w, ns::TEV, "PullMessagesResponse");
    assert_eq!(
        w.as_str(),
        "<tev:PullMessagesResponse><tev:CurrentTime>1970-01-01T00:00:00Z</tev:CurrentTime><tev:TerminationTime>1970-01-01T00:00:00Z</tev:TerminationTime></tev:PullMessagesResponse>"
    );
}
