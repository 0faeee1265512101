//! Fragments with the constructs that generators get wrong: read, look, write, compare.

use onvif_contracts::{tan, tds, tev, tr2, trt, tt, wsnt};
use onvif_xml::{
    AbsoluteOrRelative, Any, Duration, Element, Limits, Mixed, Ns, QName, canonical, from_document,
    ns, to_document,
};

const PREFIXES: &str = r#"xmlns:a="http://www.onvif.org/ver10/schema" xmlns:n="http://docs.oasis-open.org/wsn/b-2"
    xmlns:e="http://www.onvif.org/ver10/events/wsdl" xmlns:m="http://www.onvif.org/ver10/media/wsdl"
    xmlns:m2="http://www.onvif.org/ver20/media/wsdl" xmlns:an="http://www.onvif.org/ver20/analytics/wsdl"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:top="http://www.onvif.org/ver10/topics""#;

/// Puts the declarations, with prefixes that are not ours, on the root.
fn with_prefixes(xml: &str) -> String {
    let at = xml.find([' ', '>', '/']).unwrap();
    let at = if xml[at..].starts_with('/') {
        xml.find("/>").unwrap()
    } else {
        at
    };
    format!("{} {PREFIXES}{}", &xml[..at], &xml[at..])
}

/// Reads the fragment, checks that writing it again loses nothing, and gives the value.
#[track_caller]
fn check<T: Element + PartialEq + std::fmt::Debug>(xml: &str) -> T {
    let xml = with_prefixes(xml);
    let value: T = from_document(&xml, Limits::default()).unwrap_or_else(|e| panic!("{e}\n{xml}"));
    let written = to_document(&value);
    let again: T =
        from_document(&written, Limits::default()).unwrap_or_else(|e| panic!("{e}\n{written}"));
    assert_eq!(again, value, "{written}");
    assert_eq!(
        canonical(&written, Limits::default()).unwrap(),
        canonical(&xml, Limits::default()).unwrap(),
        "{written}"
    );
    value
}

#[test]
fn fields_of_a_base_type_come_first() {
    let response: trt::GetVideoSourceConfigurationResponse = check(
        r#"<m:GetVideoSourceConfigurationResponse><m:Configuration token="v1" ViewMode="a:Original">
            <a:Name>front</a:Name><a:UseCount>2</a:UseCount><a:SourceToken>s</a:SourceToken>
            <a:Bounds x="0" y="0" width="1920" height="1080"/>
        </m:Configuration></m:GetVideoSourceConfigurationResponse>"#,
    );
    let c = response.configuration;
    assert_eq!(
        (c.name.as_str(), c.use_count, c.token.as_str()),
        ("front", 2, "v1")
    );
    let own = to_document(&trt::GetVideoSourceConfigurationResponse { configuration: c });
    assert!(
        own.find("<tt:Name>") < own.find("<tt:SourceToken>"),
        "{own}"
    );
}

#[test]
fn unbounded_choices_keep_their_order() {
    let stream: tt::MetadataStream = check(
        r#"<a:MetadataStream>
            <a:Event><n:NotificationMessage><n:Topic Dialect="d">top:Device</n:Topic>
                <n:Message><a:Message UtcTime="2026-01-02T03:04:05.678Z" PropertyOperation="Changed"/></n:Message>
            </n:NotificationMessage></a:Event>
            <a:VideoAnalytics><a:Frame UtcTime="2026-01-02T03:04:05Z"/></a:VideoAnalytics>
            <a:Event/>
            <a:PTZ/>
        </a:MetadataStream>"#,
    );
    let names: Vec<&str> = stream
        .items
        .iter()
        .map(|i| match i {
            tt::MetadataStreamItem::Event(_) => "event",
            tt::MetadataStreamItem::VideoAnalytics(_) => "video",
            tt::MetadataStreamItem::PTZ(_) => "ptz",
            _ => "other",
        })
        .collect();
    assert_eq!(names, ["event", "video", "event", "ptz"]);
}

#[test]
fn a_plate_in_a_frame_loses_nothing() {
    let frame: tt::MetadataStream = check(
        r#"<a:MetadataStream><a:VideoAnalytics><a:Frame UtcTime="2026-01-02T03:04:05.5Z" Source="v">
            <a:Object ObjectId="12" Parent="7"><a:Appearance>
                <a:Shape><a:BoundingBox left="-0.5" top="0.25" right="0" bottom="-1"/><a:CenterOfGravity x="0" y="0"/></a:Shape>
                <a:Class><a:Type Likelihood="0.9">LicensePlate</a:Type></a:Class>
                <a:LicensePlateInfo><a:PlateNumber Likelihood="0.87">7ABC123</a:PlateNumber>
                    <a:PlateType Likelihood="0.5">Normal</a:PlateType>
                    <a:CountryCode>US</a:CountryCode></a:LicensePlateInfo>
            </a:Appearance><a:Behaviour><a:Speed>13.5</a:Speed></a:Behaviour></a:Object>
        </a:Frame></a:VideoAnalytics></a:MetadataStream>"#
            .replace(".5Z", ".500Z")
            .as_str(),
    );
    let tt::MetadataStreamItem::VideoAnalytics(video) = &frame.items[0] else {
        panic!("{frame:?}")
    };
    let tt::VideoAnalyticsStreamItem::Frame(frame) = &video.items[0] else {
        panic!("{video:?}")
    };
    let plate = frame.object[0]
        .appearance
        .as_ref()
        .unwrap()
        .license_plate_info
        .as_ref()
        .unwrap();
    assert_eq!(
        (
            plate.plate_number.value.as_str(),
            plate.plate_number.likelihood
        ),
        ("7ABC123", Some(0.87))
    );
    assert_eq!(frame.object[0].parent, Some(7));
}

#[test]
fn topics_and_filters_keep_the_scope_of_their_prefixes() {
    let request: tev::CreatePullPointSubscription = check(
        r#"<e:CreatePullPointSubscription><e:Filter>
            <n:TopicExpression Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">top:RuleEngine//.|top:VideoSource</n:TopicExpression>
            <n:MessageContent Dialect="x">boolean(//a:SimpleItem[@Name="IsMotion"])</n:MessageContent>
        </e:Filter><e:InitialTerminationTime>PT1M30.5S</e:InitialTerminationTime></e:CreatePullPointSubscription>"#,
    );
    let filter = request.filter.unwrap();
    assert_eq!(
        filter.any[0].name(),
        (ns::WSNT, "TopicExpression".to_owned())
    );
    let topic: wsnt::TopicExpressionType = filter.any[0].read_as().unwrap();
    assert_eq!(topic.content.text(), "top:RuleEngine//.|top:VideoSource");
    assert_eq!(topic.content.resolve("top"), Some(ns::TNS1.uri()));
    assert_eq!(topic.content.resolve("nope"), None);
    let content: wsnt::QueryExpressionType = filter.any[1].read_as().unwrap();
    assert_eq!(content.content.resolve("a"), Some(ns::TT.uri()));
    let Some(AbsoluteOrRelative::Relative(d)) = request.initial_termination_time else {
        panic!()
    };
    assert_eq!(
        d,
        Duration {
            seconds: 90,
            nanos: 500_000_000,
            ..Duration::default()
        }
    );
}

#[test]
fn nil_is_absent_and_a_required_nil_is_written() {
    let absent: tev::CreatePullPointSubscription = from_document(
        &with_prefixes(r#"<e:CreatePullPointSubscription><e:InitialTerminationTime xsi:nil="true"/></e:CreatePullPointSubscription>"#),
        Limits::default(),
    )
    .unwrap();
    assert_eq!(absent.initial_termination_time, None);
    let renew: wsnt::Renew = check(r#"<n:Renew><n:TerminationTime xsi:nil="true"/></n:Renew>"#);
    assert_eq!(renew.termination_time, None);
    let renew: wsnt::Renew =
        check("<n:Renew><n:TerminationTime>2026-12-31T23:59:59Z</n:TerminationTime></n:Renew>");
    assert!(matches!(
        renew.termination_time,
        Some(AbsoluteOrRelative::Absolute(_))
    ));
}

#[test]
fn names_in_content_are_resolved_not_compared_as_text() {
    let request: tan::CreateRules = check_value(
        r#"<an:CreateRules xmlns:v="urn:vendor"><an:ConfigurationToken>c</an:ConfigurationToken>
            <an:Rule Name="r" Type="a:LineDetector"><a:Parameters>
                <a:SimpleItem Name="Sensitivity" Value="&lt;5&gt; &quot;x&quot;"/>
                <a:ElementItem Name="Area"><a:Polygon><a:Point x="-1" y="1"/><a:Point x="1" y="1"/><a:Point x="0" y="0"/></a:Polygon></a:ElementItem>
            </a:Parameters></an:Rule>
            <an:Rule Name="s" Type="v:Special"><a:Parameters/></an:Rule>
        </an:CreateRules>"#,
    );
    assert!(request.rule[0].r#type.is(ns::TT, "LineDetector"));
    assert_eq!(
        request.rule[1].r#type,
        QName::with_uri("urn:vendor", "Special")
    );
    assert_eq!(request.rule[1].r#type.ns(), Ns::OTHER);
    let parameters = &request.rule[0].parameters;
    assert_eq!(parameters.simple_item[0].value, "<5> \"x\"");
    let polygon: tt::Polygon = parameters.element_item[0].any[0]
        .read_if()
        .unwrap()
        .unwrap();
    assert_eq!(polygon.point.len(), 3);
    assert_eq!(polygon.point[0].x, -1.0);
}

/// As [`check`] without comparing the text: prefixes in attribute values may change.
#[track_caller]
fn check_value<T: Element + PartialEq + std::fmt::Debug>(xml: &str) -> T {
    let value: T = from_document(&with_prefixes(xml), Limits::default()).unwrap();
    let again: T = from_document(&to_document(&value), Limits::default()).unwrap();
    assert_eq!(again, value);
    value
}

#[test]
fn a_known_prefix_without_declaration_is_ours() {
    let xml = r#"<q:DeleteRules xmlns:q="http://www.onvif.org/ver20/analytics/wsdl"/>"#;
    let error = from_document::<tan::DeleteRules>(xml, Limits::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`ConfigurationToken` is missing"),
        "{error}"
    );
    let xml = r#"<q:GetRuleOptions xmlns:q="http://www.onvif.org/ver20/analytics/wsdl"><q:RuleType>tt:LineDetector</q:RuleType><q:ConfigurationToken>c</q:ConfigurationToken></q:GetRuleOptions>"#;
    let request: tan::GetRuleOptions = from_document(xml, Limits::default()).unwrap();
    assert!(request.rule_type.unwrap().is(ns::TT, "LineDetector"));
}

#[test]
fn lists_and_unknown_enumeration_texts_survive() {
    let response: tr2::GetVideoEncoderConfigurationOptionsResponse = check(
        r#"<m2:GetVideoEncoderConfigurationOptionsResponse><m2:Options GovLengthRange="25 150" FrameRatesSupported="1 12.5 25"
            ProfilesSupported="Main High" ConstantBitRateSupported="true">
            <a:Encoding>H266</a:Encoding><a:QualityRange><a:Min>0</a:Min><a:Max>INF</a:Max></a:QualityRange>
            <a:ResolutionsAvailable><a:Width>1920</a:Width><a:Height>1080</a:Height></a:ResolutionsAvailable>
            <a:BitrateRange><a:Min>64</a:Min><a:Max>16000</a:Max></a:BitrateRange>
        </m2:Options></m2:GetVideoEncoderConfigurationOptionsResponse>"#,
    );
    let o = &response.options[0];
    assert_eq!(o.gov_length_range.as_ref().unwrap().0, [25, 150]);
    assert_eq!(
        o.frame_rates_supported.as_ref().unwrap().0,
        [1.0, 12.5, 25.0]
    );
    assert_eq!(o.quality_range.max, f32::INFINITY);
    assert_eq!(
        tt::VideoEncoding::from("H265"),
        tt::VideoEncoding::Other("H265".to_owned())
    );
}

#[test]
fn unknown_elements_and_attributes_are_passed_over() {
    let xml = r#"<a:GetHostnameResponse xmlns:a="http://www.onvif.org/ver10/device/wsdl" xmlns:v="urn:v" v:x="1" Unknown="2">
        <v:Extra><v:Deep a="b">text</v:Deep></v:Extra>loose text<a:NotThere/>
        <a:HostnameInformation v:y="2"><FromDHCP xmlns="http://www.onvif.org/ver10/schema">1</FromDHCP></a:HostnameInformation>
        </a:GetHostnameResponse>"#;
    let response: tds::GetHostnameResponse = from_document(xml, Limits::default()).unwrap();
    assert!(response.hostname_information.from_dhcp);
    let error = from_document::<tt::Message>(
        r#"<Message xmlns="http://www.onvif.org/ver10/schema" UtcTime="yesterday"/>"#,
        Limits::default(),
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("`yesterday`") && error.path == "Message/@UtcTime",
        "{error}"
    );
}

#[test]
fn a_topic_we_write_carries_its_declaration() {
    let message = wsnt::NotificationMessageHolderType {
        topic: Some(Box::new(wsnt::TopicExpressionType {
            content: Mixed::new("tns1:RuleEngine/Recognition/LicensePlate", &[ns::TNS1]),
            dialect: "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet".to_owned(),
        })),
        message: wsnt::NotificationMessageHolderTypeMessage {
            any: vec![Any::of(&tt::Message::default())],
        },
        ..Default::default()
    };
    let xml = to_document(&message);
    assert_eq!(xml.matches("xmlns:tns1=").count(), 1, "{xml}");
    assert_eq!(xml.matches("xmlns:tt=").count(), 1, "{xml}");
    let read: wsnt::NotificationMessageHolderType = from_document(&xml, Limits::default()).unwrap();
    assert_eq!(
        read.topic.unwrap().content.resolve("tns1"),
        Some(ns::TNS1.uri())
    );
    assert_eq!(read.message, message.message);
}
