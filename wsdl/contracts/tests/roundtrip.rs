//! `read(write(x)) == x`.

use chrono::DateTime as Chrono;
use onvif_contracts::{tan, tev, tt, wsnt};
use onvif_xml::{
    AbsoluteOrRelative, Any, Base64, DateTime, Duration, Element, Limits, List, Mixed, QName,
    from_document, ns, to_document,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

/// Any text that XML can carry, with much of what must be escaped.
fn text() -> impl Strategy<Value = String> {
    "[ -~\u{A0}-\u{2FF}\u{4E00}\u{1F697}<>&\"'\n\t\r]{0,12}"
}

/// Text without white space at its ends, for types that collapse it.
fn token() -> impl Strategy<Value = String> {
    "[!-~]{1,8}( [!-~]{1,4})?"
}

fn number() -> impl Strategy<Value = f32> {
    prop_oneof![
        -1.0f32..1.0,
        proptest::num::f32::ANY.prop_filter("NaN is not itself", |f| !f.is_nan())
    ]
}

fn time() -> impl Strategy<Value = DateTime> {
    (-60_000_000_000_000i64..250_000_000_000_000)
        .prop_map(|ms| DateTime::from(Chrono::from_timestamp_millis(ms).unwrap()))
}

fn duration() -> impl Strategy<Value = Duration> {
    (
        any::<bool>(),
        0u32..5000,
        0u64..10_000_000_000,
        0u32..1_000_000_000,
    )
        .prop_map(|(negative, months, seconds, nanos)| Duration {
            negative,
            months,
            seconds,
            nanos,
        })
}

fn qname() -> impl Strategy<Value = QName> {
    prop_oneof![
        "[A-Za-z_][A-Za-z0-9._-]{0,8}".prop_map(|l| QName::new(ns::TT, l)),
        ("urn:[a-z]{1,3}", "[A-Z]{1,4}").prop_map(|(u, l)| QName::with_uri(u, l)),
    ]
}

fn vector() -> impl Strategy<Value = tt::Vector> {
    (number(), number()).prop_map(|(x, y)| tt::Vector { x, y })
}

fn items() -> impl Strategy<Value = tt::ItemList> {
    let simple = (text(), text()).prop_map(|(name, value)| tt::ItemListSimpleItem { name, value });
    let element = (text(), vec(vector(), 3..5)).prop_map(|(name, point)| tt::ItemListElementItem {
        name,
        any: vec![Any::of(&tt::Polygon { point })],
    });
    (vec(simple, 0..3), vec(element, 0..2)).prop_map(|(simple_item, element_item)| tt::ItemList {
        simple_item,
        element_item,
        ..Default::default()
    })
}

fn message() -> impl Strategy<Value = tt::Message> {
    (
        of(items()),
        of(items()),
        time(),
        of("Initialized|Changed|Deleted|[!-~]{1,6}"),
    )
        .prop_map(|(source, data, utc_time, op)| tt::Message {
            source: source.map(Box::new),
            data: data.map(Box::new),
            utc_time,
            property_operation: op.map(|o| tt::PropertyOperation::from(o.as_str())),
            ..Default::default()
        })
}

fn notification() -> impl Strategy<Value = wsnt::NotificationMessageHolderType> {
    (message(), "[A-Za-z/]{0,12}").prop_map(|(message, topic)| {
        wsnt::NotificationMessageHolderType {
            topic: Some(Box::new(wsnt::TopicExpressionType {
                content: Mixed::new(format!("tns1:{topic}"), &[ns::TNS1]),
                dialect: "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet".to_owned(),
            })),
            message: wsnt::NotificationMessageHolderTypeMessage {
                any: vec![Any::of(&message)],
            },
            ..Default::default()
        }
    })
}

fn likely() -> impl Strategy<Value = tt::StringLikelihood> {
    (text(), of(number()))
        .prop_map(|(value, likelihood)| tt::StringLikelihood { value, likelihood })
}

fn object() -> impl Strategy<Value = tt::Object> {
    let plate = (likely(), of(likely())).prop_map(|(plate_number, country)| tt::LicensePlateInfo {
        plate_number,
        country_code: country.map(Box::new),
        ..Default::default()
    });
    let image = vec(any::<u8>(), 0..40).prop_map(Base64);
    (
        of(any::<i64>()),
        of(plate),
        vector(),
        of(image),
        of(token()),
    )
        .prop_map(|(object_id, plate, center, image, uri)| tt::Object {
            object_id,
            appearance: Some(Box::new(tt::Appearance {
                shape: Some(Box::new(tt::ShapeDescriptor {
                    center_of_gravity: center,
                    ..Default::default()
                })),
                license_plate_info: plate.map(Box::new),
                image,
                image_ref: uri,
                ..Default::default()
            })),
            ..Default::default()
        })
}

fn stream() -> impl Strategy<Value = tt::MetadataStream> {
    let frame = (time(), vec(object(), 0..3)).prop_map(|(utc_time, object)| {
        let frame = tt::Frame {
            utc_time,
            object,
            ..Default::default()
        };
        let items = vec![tt::VideoAnalyticsStreamItem::Frame(Box::new(frame))];
        tt::MetadataStreamItem::VideoAnalytics(Box::new(tt::VideoAnalyticsStream { items }))
    });
    let event = vec(notification(), 0..2).prop_map(|all| {
        let items = all
            .into_iter()
            .map(|n| tt::EventStreamItem::NotificationMessage(Box::new(n)))
            .collect();
        tt::MetadataStreamItem::Event(Box::new(tt::EventStream { items }))
    });
    vec(prop_oneof![frame, event], 0..4).prop_map(|items| tt::MetadataStream { items })
}

#[track_caller]
fn same<T: Element + PartialEq + std::fmt::Debug>(value: &T) -> Result<(), TestCaseError> {
    let xml = to_document(value);
    let read: T = from_document(&xml, Limits::default())
        .map_err(|e| TestCaseError::fail(format!("{e}\n{xml}")))?;
    prop_assert_eq!(&read, value, "{}", xml);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn messages(m in message()) {
        same(&m)?;
    }

    #[test]
    fn metadata(s in stream()) {
        same(&s)?;
    }

    #[test]
    fn notifications(messages in vec(notification(), 0..3), now in time(), end in time()) {
        same(&tev::PullMessagesResponse { current_time: now, termination_time: end, notification_message: messages })?;
    }

    #[test]
    fn rules(name in text(), kind in qname(), other in qname(), parameters in items()) {
        let rule = |r#type| tt::Config { name: name.clone(), r#type, parameters: parameters.clone() };
        same(&tan::CreateRules { configuration_token: name.clone(), rule: vec![rule(kind), rule(other)] })?;
    }

    #[test]
    fn subscriptions(d in duration(), t in time(), relative in any::<bool>(), topic in "[a-z]{1,8}") {
        let when = if relative { AbsoluteOrRelative::Relative(d) } else { AbsoluteOrRelative::Absolute(t) };
        let expression = wsnt::TopicExpressionType {
            content: Mixed::new(format!("tns1:{topic}//."), &[ns::TNS1]),
            dialect: "d".to_owned(),
        };
        let filter = Any::written(|w| onvif_xml::Value::write(&expression, w, ns::WSNT, "TopicExpression"));
        same(&tev::CreatePullPointSubscription {
            filter: Some(Box::new(wsnt::FilterType { any: vec![filter] })),
            initial_termination_time: Some(when),
            ..Default::default()
        })?;
    }

    #[test]
    fn simple_values(d in duration(), t in time(), f in number(), list in vec(any::<i32>(), 0..5)) {
        prop_assert_eq!(Duration::parse(&d.to_string()), Some(d));
        prop_assert_eq!(DateTime::parse(&t.to_string()), Some(t));
        same(&onvif_contracts::tds::GetSystemDateAndTimeResponse::default())?;
        same(&onvif_contracts::tr2::GetVideoEncoderConfigurationOptionsResponse {
            options: vec![tt::VideoEncoder2ConfigurationOptions {
                quality_range: tt::FloatRange { min: f, max: f },
                resolutions_available: vec![Default::default()],
                gov_length_range: Some(List(list)),
                ..Default::default()
            }],
        })?;
    }
}
