//! Imaging, device IO and relays, and the monitoring events: IMAGING-x, DEVICEIO-x, DEVICE-5-x, DEVICE-9-x.

use super::{
    media2::ranges,
    pullpoint::{PullPoint, item, operation, topic, topic_filter},
};
use crate::{
    case::{Case, LIMIT, Need, Outcome, Present, Run, case},
    check,
    device::Device,
    fail, skip, soap,
    xml::{Element, escape},
};

const IMAGING: &[Need] = &[Need::Service("timg")];
const IO: &[Need] = &[Need::Service("tmd")];
const RELAYS: &[Need] = &[
    Need::Service("tmd"),
    Need::AtLeast("tmd", "@RelayOutputs", 1),
];
const INPUTS: &[Need] = &[
    Need::Service("tmd"),
    Need::AtLeast("tmd", "@DigitalInputs", 1),
];
const NO_SOURCE: &str = "Sender/InvalidArgVal/NoSource";
const NO_RELAY: &str = "Sender/InvalidArgVal/RelayToken";
const UNKNOWN: &str = "conformance-unknown";

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        case(
            "IMAGING-1-1-1",
            "GetImagingSettings of every source",
            "TM",
            IMAGING,
            |d| each_source(d, |d, t| settings(d, t).map(drop)),
        ),
        case(
            "IMAGING-1-1-3",
            "GetOptions: ranges in order",
            "TM",
            IMAGING,
            |d| each_source(d, |d, t| ranges(&options(d, t)?)),
        ),
        case(
            "IMAGING-1-1-8",
            "SetImagingSettings out of range is refused",
            "TM",
            IMAGING,
            |d| each_source(d, out_of_range),
        ),
        case(
            "IMAGING-1-1-10",
            "GetImagingSettings of a source that does not exist",
            "TM",
            IMAGING,
            |d| d.refused("timg:GetImagingSettings", &source(UNKNOWN), NO_SOURCE),
        ),
        case(
            "IMAGING-1-1-11",
            "GetOptions of a source that does not exist",
            "TM",
            IMAGING,
            |d| d.refused("timg:GetOptions", &source(UNKNOWN), NO_SOURCE),
        ),
        case(
            "IMAGING-1-1-12",
            "SetImagingSettings of a source that does not exist",
            "TM",
            IMAGING,
            |d| {
                d.refused(
                    "timg:SetImagingSettings",
                    &format!("{}<timg:ImagingSettings/>", source(UNKNOWN)),
                    NO_SOURCE,
                )
            },
        ),
        case(
            "IMAGING-1-1-14",
            "SetImagingSettings changes each setting alone",
            "TM",
            IMAGING,
            |d| each_source(d, change_each),
        )
        .within(120),
        case(
            "IMAGING-1-1-16",
            "settings lie inside their options",
            "TM",
            IMAGING,
            |d| each_source(d, inside),
        ),
        case("IMAGING-2-1-11", "GetStatus", "T", IMAGING, |d| {
            each_source(d, |d, t| d.call("timg:GetStatus", &source(t)).map(drop))
        }),
        case(
            "IMAGING-2-1-15",
            "GetMoveOptions of a source that does not exist",
            "T",
            IMAGING,
            |d| d.refused("timg:GetMoveOptions", &source(UNKNOWN), NO_SOURCE),
        ),
        case(
            "IMAGING-3-1-1",
            "GetServiceCapabilities of imaging",
            "TM",
            IMAGING,
            |d| {
                d.call("timg:GetServiceCapabilities", "")?
                    .find("Capabilities")
                    .present("Capabilities")?;
                Ok(())
            },
        ),
        case(
            "DEVICEIO-1-1-1",
            "GetRelayOutputs, as many as announced",
            "T",
            RELAYS,
            |d| count(d, "tds:GetRelayOutputs", "RelayOutputs", "@RelayOutputs"),
        ),
        case(
            "DEVICEIO-1-1-3",
            "GetRelayOutputOptions",
            "T",
            RELAYS,
            |d| {
                for r in relays(d)? {
                    relay_options(d, &r)?;
                }
                Ok(())
            },
        ),
        case(
            "DEVICEIO-1-1-4",
            "SetRelayOutputSettings of each mode, read back",
            "T",
            RELAYS,
            set_relays,
        ),
        case(
            "DEVICEIO-1-1-5",
            "SetRelayOutputSettings of a relay that does not exist",
            "T",
            RELAYS,
            |d| {
                d.refused(
                    "tmd:SetRelayOutputSettings",
                    &relay_body("OnvifTest123", "Bistable", "PT1S", "open"),
                    NO_RELAY,
                )
            },
        ),
        case(
            "DEVICEIO-1-2-1",
            "SetRelayOutputState, bistable, with its event",
            "T",
            RELAYS,
            relay_event,
        ),
        case(
            "DEVICEIO-2-1-1",
            "the state of a digital input comes as an event",
            "ST",
            &[
                Need::Service("tmd"),
                Need::AtLeast("tmd", "@DigitalInputs", 1),
                Need::Topic("Device/Trigger/DigitalInput"),
            ],
            |d| {
                state_of(
                    d,
                    "Device/Trigger/DigitalInput",
                    "InputToken",
                    "LogicalState",
                )
            },
        ),
        case(
            "DEVICEIO-2-1-2",
            "the state of a relay comes as an event",
            "T",
            &[
                Need::Service("tmd"),
                Need::AtLeast("tmd", "@RelayOutputs", 1),
                Need::Topic("Device/Trigger/Relay"),
            ],
            |d| state_of(d, "Device/Trigger/Relay", "RelayToken", "LogicalState"),
        ),
        case("DEVICEIO-3-1-1", "GetDigitalInputs", "T", INPUTS, |d| {
            check!(
                !d.call("tmd:GetDigitalInputs", "")?
                    .all("DigitalInputs")
                    .is_empty(),
                "no input"
            );
            Ok(())
        }),
        case(
            "DEVICEIO-3-1-2",
            "GetDigitalInputs, as many as announced",
            "T",
            INPUTS,
            |d| count(d, "tmd:GetDigitalInputs", "DigitalInputs", "@DigitalInputs"),
        ),
        case(
            "DEVICEIO-3-1-3",
            "GetDigitalInputConfigurationOptions",
            "T",
            &[
                Need::Service("tmd"),
                Need::Flag("tmd", "@DigitalInputOptions"),
            ],
            |d| {
                let a = d.call("tmd:GetDigitalInputConfigurationOptions", "")?;
                check!(
                    !a.texts("DigitalInputOptions/IdleState").is_empty(),
                    "no IdleState"
                );
                Ok(())
            },
        ),
        case(
            "DEVICEIO-3-1-4",
            "SetDigitalInputConfigurations of each idle state",
            "T",
            &[
                Need::Service("tmd"),
                Need::Flag("tmd", "@DigitalInputOptions"),
            ],
            set_inputs,
        ),
        case(
            "DEVICEIO-4-1-1",
            "GetAudioSources",
            "T",
            &[
                Need::Service("tmd"),
                Need::AtLeast("tmd", "@AudioSources", 1),
            ],
            |d| count(d, "tmd:GetAudioSources", "Token", "@AudioSources"),
        ),
        case(
            "DEVICEIO-5-1-1",
            "device IO and media name the same video sources",
            "S",
            &[Need::Service("tmd"), Need::Service("trt")],
            |d| {
                let io = d.call("tmd:GetVideoSources", "")?.texts("Token");
                let media = d.call("trt:GetVideoSources", "")?;
                let media: Vec<String> = media
                    .all("VideoSources")
                    .iter()
                    .filter_map(|s| s.attr("token").map(str::to_owned))
                    .collect();
                check!(io == media, "{io:?} and {media:?}");
                Ok(())
            },
        ),
        case(
            "DEVICEIO-7-1-1",
            "GetVideoSources, as many as announced",
            "TM",
            IO,
            |d| count(d, "tmd:GetVideoSources", "Token", "@VideoSources"),
        ),
        case(
            "DEVICEIO-8-1-1",
            "GetAudioOutputs, as many as announced",
            "T",
            &[
                Need::Service("tmd"),
                Need::AtLeast("tmd", "@AudioOutputs", 1),
            ],
            |d| count(d, "tmd:GetAudioOutputs", "Token", "@AudioOutputs"),
        ),
        case(
            "DEVICEIO-6-1-1",
            "GetSerialPorts, as many as announced",
            "T",
            &[
                Need::Service("tmd"),
                Need::AtLeast("tmd", "@SerialPorts", 1),
            ],
            |d| count(d, "tmd:GetSerialPorts", "SerialPort", "@SerialPorts"),
        ),
        case(
            "DEVICE-5-1-1",
            "GetRelayOutputs of the device service",
            "S",
            &[Need::AtLeast("tmd", "@RelayOutputs", 1)],
            |d| {
                let a = d.call("tds:GetRelayOutputs", "")?;
                let n = a.all("RelayOutputs").len();
                let announced = d.features().number("tmd", "@RelayOutputs").unwrap_or(0) as usize;
                check!(n == announced, "{n} relays, {announced} announced");
                Ok(())
            },
        ),
        case(
            "DEVICE-5-1-4",
            "SetRelayOutputSettings of an unknown relay, device service",
            "S",
            &[Need::AtLeast("tmd", "@RelayOutputs", 1)],
            |d| {
                let body = format!(
                    "<tds:RelayOutputToken>{UNKNOWN}</tds:RelayOutputToken><tds:Properties><tt:Mode>Bistable</tt:Mode><tt:DelayTime>PT1S</tt:DelayTime><tt:IdleState>open</tt:IdleState></tds:Properties>"
                );
                d.refused("tds:SetRelayOutputSettings", &body, NO_RELAY)
            },
        ),
        case(
            "DEVICE-5-1-11",
            "SetRelayOutputState of an unknown relay, device service",
            "S",
            &[Need::AtLeast("tmd", "@RelayOutputs", 1)],
            |d| {
                let body = format!(
                    "<tds:RelayOutputToken>{UNKNOWN}</tds:RelayOutputToken><tds:LogicalState>active</tds:LogicalState>"
                );
                d.refused("tds:SetRelayOutputState", &body, NO_RELAY)
            },
        ),
    ];
    // Case, topic, source item, data item, profiles; the source is empty where there is none.
    for (id, words, needs, profiles) in [
        (
            "IMAGING-4-1-1",
            "VideoSource/ImageTooBlurry/ImagingService Source State",
            &[Need::Topic("VideoSource/ImageTooBlurry/ImagingService")],
            "T",
        ),
        (
            "IMAGING-4-1-2",
            "VideoSource/ImageTooDark/ImagingService Source State",
            &[Need::Topic("VideoSource/ImageTooDark/ImagingService")],
            "T",
        ),
        (
            "IMAGING-4-1-3",
            "VideoSource/ImageTooBright/ImagingService Source State",
            &[Need::Topic("VideoSource/ImageTooBright/ImagingService")],
            "T",
        ),
        (
            "IMAGING-4-1-4",
            "VideoSource/GlobalSceneChange/ImagingService Source State",
            &[Need::Topic("VideoSource/GlobalSceneChange/ImagingService")],
            "T",
        ),
        (
            "IMAGING-4-1-5",
            "VideoSource/MotionAlarm Source State",
            &[Need::Topic("VideoSource/MotionAlarm")],
            "TM",
        ),
        (
            "X-SCENE-ANALYTICS",
            "VideoSource/GlobalSceneChange/AnalyticsService Source State",
            &[Need::Topic(
                "VideoSource/GlobalSceneChange/AnalyticsService",
            )],
            "T",
        ),
        (
            "X-SIGNAL-LOSS",
            "VideoSource/SignalLoss Source State",
            &[Need::Topic("VideoSource/SignalLoss")],
            "T",
        ),
        (
            "DEVICE-9-1-1",
            "Monitoring/ProcessorUsage Token Value",
            &[Need::Topic("Monitoring/ProcessorUsage")],
            "T",
        ),
        (
            "DEVICE-9-1-2",
            "Monitoring/OperatingTime/LastReset - Status",
            &[Need::Topic("Monitoring/OperatingTime/LastReset")],
            "T",
        ),
        (
            "DEVICE-9-1-3",
            "Monitoring/OperatingTime/LastReboot - Status",
            &[Need::Topic("Monitoring/OperatingTime/LastReboot")],
            "T",
        ),
        (
            "DEVICE-9-1-5",
            "Monitoring/OperatingTime/LastClockSynchronization - Status",
            &[Need::Topic(
                "Monitoring/OperatingTime/LastClockSynchronization",
            )],
            "T",
        ),
        (
            "DEVICE-9-1-8",
            "Monitoring/Backup/Last - Status",
            &[Need::Topic("Monitoring/Backup/Last")],
            "T",
        ),
        (
            "DEVICE-9-1-9",
            "Device/HardwareFailure/FanFailure Token Failed",
            &[Need::Topic("Device/HardwareFailure/FanFailure")],
            "T",
        ),
        (
            "DEVICE-9-1-10",
            "Device/HardwareFailure/PowerSupplyFailure Token Failed",
            &[Need::Topic("Device/HardwareFailure/PowerSupplyFailure")],
            "T",
        ),
        (
            "DEVICE-9-1-11",
            "Device/HardwareFailure/StorageFailure Token Failed",
            &[Need::Topic("Device/HardwareFailure/StorageFailure")],
            "T",
        ),
        (
            "DEVICE-9-1-12",
            "Device/HardwareFailure/TemperatureCritical - Critical",
            &[Need::Topic("Device/HardwareFailure/TemperatureCritical")],
            "T",
        ),
    ] {
        cases.push(Case {
            id: id.into(),
            title: format!(
                "the state of {} comes as an event",
                words.split(' ').next().unwrap_or_default()
            ),
            profiles,
            needs: needs.into(),
            run: Run::For(monitored, words),
            limit: LIMIT,
        });
    }
    cases
}

fn monitored(d: &Device, words: &'static str) -> Outcome {
    let parts: Vec<&str> = words.split(' ').collect();
    let [path, source, data] = parts[..] else {
        fail!("{words}")
    };
    state_of(d, path, source, data)
}

/// An Initialized message of a topic with these items.
fn state_of(d: &Device, path: &str, source: &str, data: &str) -> Outcome {
    let mut point = PullPoint::create(d, &topic_filter(&format!("tns1:{path}")), Some("PT60S"))?;
    let m = point.until(path, |m| {
        check!(
            topic(m) == path,
            "{} although only {path} was asked for",
            topic(m)
        );
        Ok(operation(m) == Some("Initialized"))
    })?;
    if source != "-" {
        item(&m, "Source", source).present(&format!("Source item {source}"))?;
    }
    item(&m, "Data", data).present(&format!("Data item {data}"))?;
    Ok(())
}

fn source(t: &str) -> String {
    format!("<timg:VideoSourceToken>{t}</timg:VideoSourceToken>")
}

fn each_source(d: &Device, steps: impl Fn(&Device, &str) -> Outcome) -> Outcome {
    let sources: Vec<String> = if d.features().services.contains_key("tmd") {
        d.call("tmd:GetVideoSources", "")?.texts("Token")
    } else {
        let a = d.call("trt:GetVideoSources", "")?;
        a.all("VideoSources")
            .iter()
            .filter_map(|s| s.attr("token").map(str::to_owned))
            .collect()
    };
    check!(!sources.is_empty(), "no video source");
    sources.iter().try_for_each(|s| steps(d, &escape(s)))
}

fn settings(d: &Device, t: &str) -> Outcome<Element> {
    let a = d.call("timg:GetImagingSettings", &source(t))?;
    Ok(a.find("ImagingSettings")
        .present("ImagingSettings")?
        .clone())
}

fn options(d: &Device, t: &str) -> Outcome<Element> {
    let a = d.call("timg:GetOptions", &source(t))?;
    Ok(a.find("ImagingOptions").present("ImagingOptions")?.clone())
}

const LEVELS: [&str; 4] = ["Brightness", "ColorSaturation", "Contrast", "Sharpness"];

fn set(d: &Device, t: &str, s: &Element) -> Outcome {
    let body = format!(
        "{}{}",
        source(t),
        s.clone()
            .named(soap::ns("timg"), "ImagingSettings")
            .to_xml()
    );
    d.call("timg:SetImagingSettings", &body).map(drop)
}

fn out_of_range(d: &Device, t: &str) -> Outcome {
    let (before, o) = (settings(d, t)?, options(d, t)?);
    let level = LEVELS
        .into_iter()
        .find(|l| before.find(l).is_some() && o.number(&format!("{l}/Max")).is_some());
    let Some(level) = level else {
        skip!("no level with a range")
    };
    let above = o.number(&format!("{level}/Max")).unwrap_or(0.0) + 1.0;
    let bad = before
        .clone()
        .with(level, &above.to_string())
        .named(soap::ns("timg"), "ImagingSettings");
    d.fault(
        "timg:SetImagingSettings",
        &format!("{}{}", source(t), bad.to_xml()),
    )?;
    check!(
        settings(d, t)? == before,
        "the settings changed all the same"
    );
    Ok(())
}

fn change_each(d: &Device, t: &str) -> Outcome {
    let (before, o) = (settings(d, t)?, options(d, t)?);
    let mut changed = 0;
    let judged = (|| {
        for level in LEVELS {
            let (Some(now), Some(min), Some(max)) = (
                before.number(level),
                o.number(&format!("{level}/Min")),
                o.number(&format!("{level}/Max")),
            ) else {
                continue;
            };
            let other = if (now - min).abs() > f64::EPSILON {
                min
            } else {
                max
            };
            if (now - other).abs() < f64::EPSILON {
                continue;
            }
            set(d, t, &before.clone().with(level, &other.to_string()))?;
            let read = settings(d, t)?;
            check!(
                read.number(level) == Some(other),
                "{level}: {:?} where {other} was set",
                read.number(level)
            );
            changed += 1;
        }
        for (path, list) in [
            ("IrCutFilter", "IrCutFilterModes"),
            ("BacklightCompensation/Mode", "BacklightCompensation/Mode"),
            ("WideDynamicRange/Mode", "WideDynamicRange/Mode"),
            ("WhiteBalance/Mode", "WhiteBalance/Mode"),
        ] {
            let Some(now) = before.text_of(path) else {
                continue;
            };
            let Some(other) = o.texts(list).into_iter().find(|m| m != now) else {
                continue;
            };
            set(d, t, &before.clone().with(path, &other))?;
            let read = settings(d, t)?;
            check!(
                read.text_of(path) == Some(&other),
                "{path}: {:?} where {other} was set",
                read.text_of(path)
            );
            changed += 1;
        }
        Ok(())
    })();
    set(d, t, &before)?;
    judged?;
    check!(
        settings(d, t)? == before,
        "the old settings are not read back"
    );
    if changed == 0 {
        skip!("no setting has a choice");
    }
    Ok(())
}

fn inside(d: &Device, t: &str) -> Outcome {
    let (s, o) = (settings(d, t)?, options(d, t)?);
    for level in LEVELS {
        let Some(now) = s.number(level) else { continue };
        let (min, max) = (
            o.number(&format!("{level}/Min")),
            o.number(&format!("{level}/Max")),
        );
        check!(
            min.is_some_and(|m| m <= now) && max.is_some_and(|m| m >= now),
            "{level} {now} is outside {min:?}..{max:?}"
        );
    }
    for (path, list) in [
        ("IrCutFilter", "IrCutFilterModes"),
        ("Exposure/Mode", "Exposure/Mode"),
        ("WhiteBalance/Mode", "WhiteBalance/Mode"),
    ] {
        let Some(now) = s.text_of(path) else { continue };
        check!(
            o.texts(list).iter().any(|m| m == now),
            "{path} {now} is not among the options"
        );
    }
    Ok(())
}

fn count(d: &Device, operation: &str, element: &str, capability: &str) -> Outcome {
    let a = d.call(operation, "")?;
    let n = a.all(element).len();
    let announced = d.features().number("tmd", capability).unwrap_or(0) as usize;
    check!(n == announced && n > 0, "{n} found, {announced} announced");
    Ok(())
}

fn relays(d: &Device) -> Outcome<Vec<Element>> {
    // Device I/O takes the elements of the device service here.
    let a = d.call("tds:GetRelayOutputs", "")?;
    Ok(a.all("RelayOutputs").into_iter().cloned().collect())
}

fn relay_options(d: &Device, relay: &Element) -> Outcome<Element> {
    let t = relay.attr("token").present("token")?;
    let a = d.call(
        "tmd:GetRelayOutputOptions",
        &format!("<tmd:RelayOutputToken>{}</tmd:RelayOutputToken>", escape(t)),
    )?;
    let all = a.all("RelayOutputOptions");
    check!(
        all.len() == 1 && all[0].attr("token") == Some(t),
        "{} options for one relay",
        all.len()
    );
    Ok(all[0].clone())
}

fn relay_body(t: &str, mode: &str, delay: &str, idle: &str) -> String {
    format!(
        "<tmd:RelayOutput token=\"{t}\"><tt:Properties><tt:Mode>{mode}</tt:Mode><tt:DelayTime>{delay}</tt:DelayTime><tt:IdleState>{idle}</tt:IdleState></tt:Properties></tmd:RelayOutput>"
    )
}

fn restore_relay(d: &Device, relay: &Element) -> Outcome {
    d.call(
        "tmd:SetRelayOutputSettings",
        &relay.clone().named(soap::ns("tmd"), "RelayOutput").to_xml(),
    )
    .map(drop)
}

fn set_relays(d: &Device) -> Outcome {
    for relay in relays(d)? {
        let t = escape(relay.attr("token").unwrap_or_default());
        let o = relay_options(d, &relay)?;
        let modes = o.texts("Mode");
        check!(!modes.is_empty(), "no Mode");
        let judged = (|| {
            for mode in &modes {
                for idle in ["open", "closed"] {
                    let delay = o
                        .text_of("DelayTimes")
                        .and_then(|l| l.split_whitespace().last())
                        .map_or("PT5S".to_owned(), |n| format!("PT{n}S"));
                    match d.reply(
                        "tmd:SetRelayOutputSettings",
                        &relay_body(&t, mode, &delay, idle),
                    )? {
                        crate::device::Reply::Answer(..) => {}
                        crate::device::Reply::Fault(_) if idle == "closed" => continue,
                        other => fail!("{mode} {idle}: {other:?}"),
                    }
                    let all = relays(d)?;
                    let read = all
                        .iter()
                        .find(|r| r.attr("token") == relay.attr("token"))
                        .present("the relay")?;
                    check!(
                        read.text_of("Properties/Mode") == Some(mode)
                            && read.text_of("Properties/IdleState") == Some(idle),
                        "{mode} {idle} was not kept"
                    );
                }
            }
            Ok(())
        })();
        restore_relay(d, &relay)?;
        judged?;
    }
    Ok(())
}

fn relay_event(d: &Device) -> Outcome {
    let path = "Device/Trigger/Relay";
    for relay in relays(d)? {
        let t = escape(relay.attr("token").unwrap_or_default());
        if !relay_options(d, &relay)?
            .texts("Mode")
            .contains(&"Bistable".into())
        {
            continue;
        }
        let judged = (|| {
            d.call(
                "tmd:SetRelayOutputSettings",
                &relay_body(&t, "Bistable", "PT1S", "open"),
            )?;
            let mut point =
                PullPoint::create(d, &topic_filter(&format!("tns1:{path}")), Some("PT60S"))?;
            for state in ["active", "inactive"] {
                let body = format!(
                    "<tds:RelayOutputToken>{t}</tds:RelayOutputToken><tds:LogicalState>{state}</tds:LogicalState>"
                );
                d.call("tds:SetRelayOutputState", &body)?;
                point.until(&format!("{path} {t} {state}"), |m| {
                    Ok(item(m, "Source", "RelayToken") == Some(&t)
                        && item(m, "Data", "LogicalState") == Some(state))
                })?;
            }
            Ok(())
        })();
        restore_relay(d, &relay)?;
        return judged;
    }
    skip!("no bistable relay")
}

fn set_inputs(d: &Device) -> Outcome {
    let a = d.call("tmd:GetDigitalInputs", "")?;
    for input in a.all("DigitalInputs") {
        let t = escape(input.attr("token").unwrap_or_default());
        let o = d.call(
            "tmd:GetDigitalInputConfigurationOptions",
            &format!("<tmd:Token>{t}</tmd:Token>"),
        )?;
        let set = |idle: &str| {
            d.call(
                "tmd:SetDigitalInputConfigurations",
                &format!("<tmd:DigitalInputs token=\"{t}\" IdleState=\"{idle}\"/>"),
            )
        };
        let judged = (|| {
            for idle in o.texts("DigitalInputOptions/IdleState") {
                set(&idle)?;
                let all = d.call("tmd:GetDigitalInputs", "")?;
                let read = all
                    .all("DigitalInputs")
                    .into_iter()
                    .find(|i| i.attr("token") == input.attr("token"))
                    .and_then(|i| i.attr("IdleState"))
                    .map(str::to_owned);
                check!(
                    read.as_deref() == Some(&idle),
                    "{read:?} where {idle} was set"
                );
            }
            Ok(())
        })();
        if let Some(before) = input.attr("IdleState") {
            set(before)?;
        }
        judged?;
    }
    Ok(())
}
