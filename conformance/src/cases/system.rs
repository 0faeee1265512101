//! System of the device service: DEVICE-3-1-x, DEVICE-6-1-x, DEVICE-8-1-1, and the plain reads.

use crate::{
    case::{Case, LIMIT, Need, Outcome, Present, Run, case},
    check,
    device::{Auth, Device, Reply},
    fail, skip, soap,
    xml::{Element, escape},
};

const SETS_CLOCK: Need = Need::Disruptive;

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        case("DEVICE-3-1-1", "GetSystemDateAndTime", "STMG", &[], |d| {
            let a = date_and_time(d)?;
            a.text_of("DateTimeType").present("DateTimeType")?;
            a.text_of("DaylightSavings").present("DaylightSavings")?;
            if let Some(zone) = a.text_of("TimeZone/TZ") {
                check!(
                    posix_zone(zone),
                    "time zone {zone:?} is not of POSIX's form"
                );
            }
            let manual = a.text_of("DateTimeType") == Some("Manual");
            check!(
                !manual || a.find("UTCDateTime").is_some() || a.find("LocalDateTime").is_some(),
                "no time"
            );
            Ok(())
        }),
        case(
            "DEVICE-3-1-11",
            "SetSystemDateAndTime, manual",
            "STG",
            &[SETS_CLOCK],
            set_clock,
        ),
        case(
            "DEVICE-3-1-4",
            "SetSystemDateAndTime with a time zone that is none",
            "STG",
            &[],
            |d| {
                let body = "<tds:DateTimeType>Manual</tds:DateTimeType><tds:DaylightSavings>false</tds:DaylightSavings><tds:TimeZone><tt:TZ>INVALIDTIMEZONE</tt:TZ></tds:TimeZone>";
                d.refused(
                    "tds:SetSystemDateAndTime",
                    body,
                    "Sender/InvalidArgVal/InvalidTimeZone",
                )?;
                let a = date_and_time(d)?;
                check!(
                    a.text_of("TimeZone/TZ") != Some("INVALIDTIMEZONE"),
                    "it was taken"
                );
                a.find("UTCDateTime").present("UTCDateTime")?;
                Ok(())
            },
        ),
        case(
            "DEVICE-3-1-5",
            "SetSystemDateAndTime with a moment that is none",
            "STG",
            &[],
            |d| {
                let body = clock_body("Manual", None, &[2026, 14, 40, 25, 70, 70]);
                d.refused(
                    "tds:SetSystemDateAndTime",
                    &body,
                    "Sender/InvalidArgVal/InvalidDateTime",
                )?;
                date_and_time(d)?
                    .find("UTCDateTime")
                    .present("UTCDateTime")?;
                Ok(())
            },
        ),
        case("DEVICE-3-1-9", "GetDeviceInformation", "STMG", &[], |d| {
            let a = d.call("tds:GetDeviceInformation", "")?;
            for part in [
                "Manufacturer",
                "Model",
                "FirmwareVersion",
                "SerialNumber",
                "HardwareId",
            ] {
                check!(
                    !a.text_of(part).unwrap_or_default().is_empty(),
                    "{part} is empty"
                );
            }
            Ok(())
        }),
        case(
            "DEVICE-3-1-10",
            "GetSystemLog",
            "STG",
            &[Need::Flag("tds", "System@SystemLogging")],
            logs,
        ),
        case(
            "DEVICE-3-1-13",
            "GetSystemUris, each URI is fetched",
            "STG",
            &[],
            uris,
        ),
        case(
            "X-SUPPORT",
            "GetSystemSupportInformation",
            "STG",
            &[],
            |d| match d.reply("tds:GetSystemSupportInformation", "")? {
                Reply::Answer(a, _) => {
                    a.find("SupportInformation").present("SupportInformation")?;
                    Ok(())
                }
                Reply::Fault(f)
                    if f.chain().contains("ActionNotSupported")
                        || f.chain().contains("SupportInformationUnavailable") =>
                {
                    skip!("{}", f.chain())
                }
                other => fail!("{other:?}"),
            },
        ),
        case(
            "X-SCOPES",
            "GetScopes has the mandatory scopes",
            "STMG",
            &[],
            |d| {
                let scopes = d.call("tds:GetScopes", "")?.texts("Scopes/ScopeItem");
                for kind in ["type", "location", "hardware", "name"] {
                    let start = format!("onvif://www.onvif.org/{kind}");
                    check!(
                        scopes.iter().any(|s| s.starts_with(&start)),
                        "no scope {start}"
                    );
                }
                Ok(())
            },
        ),
        case(
            "X-SCOPES-ADD",
            "AddScopes and RemoveScopes, read back",
            "STMG",
            &[],
            scopes,
        ),
        case(
            "X-SCOPES-FIXED",
            "RemoveScopes refuses a fixed scope",
            "STMG",
            &[],
            fixed_scope,
        ),
        case(
            "X-SCOPES-UNKNOWN",
            "RemoveScopes of a scope that is not there",
            "STMG",
            &[],
            |d| {
                let body =
                    "<tds:ScopeItem>onvif://www.onvif.org/conformance/unknown</tds:ScopeItem>";
                d.refused("tds:RemoveScopes", body, "Sender/InvalidArgVal/NoScope")
            },
        ),
        case(
            "X-DISCOVERY-MODE",
            "SetDiscoveryMode, read back",
            "STG",
            &[],
            discovery_mode,
        ),
        case(
            "X-ENDPOINT",
            "GetEndpointReference is a URN that stays",
            "ST",
            &[],
            |d| {
                let a = d.call("tds:GetEndpointReference", "")?;
                let first = a.text_of("GUID").present("GUID")?.to_owned();
                check!(!first.is_empty(), "empty");
                let again = d.call("tds:GetEndpointReference", "")?;
                check!(
                    again.text_of("GUID") == Some(&first),
                    "another one the second time"
                );
                Ok(())
            },
        ),
        case(
            "DEVICE-3-1-12",
            "SetSystemDateAndTime by NTP",
            "STG",
            &[Need::AtLeast("tds", "Network@NTP", 1), SETS_CLOCK],
            clock_by_ntp,
        ),
        case(
            "DEVICE-8-1-1",
            "SendAuxiliaryCommand, each announced command",
            "T",
            &[Need::Disruptive],
            auxiliary,
        ),
        case(
            "X-AUXILIARY",
            "SendAuxiliaryCommand with an unknown command",
            "T",
            &[],
            |d| {
                d.fault(
                    "tds:SendAuxiliaryCommand",
                    "<tds:AuxiliaryCommand>conformance:Unknown</tds:AuxiliaryCommand>",
                )?;
                Ok(())
            },
        ),
        case(
            "X-GEO",
            "SetGeoLocation, read back",
            "T",
            &[Need::AtLeast("tds", "System@GeoLocationEntries", 1)],
            geo_location,
        ),
    ];
    for (id, style) in [
        ("DEVICE-6-1-1", "tag"),
        ("DEVICE-6-1-2", "parent"),
        ("DEVICE-6-1-3", "odd"),
        ("DEVICE-6-1-4", "several"),
        ("DEVICE-6-1-5", "one"),
    ] {
        cases.push(Case {
            id: id.into(),
            title: format!("namespaces declared in an unusual way: {style}"),
            profiles: "STMG",
            needs: std::borrow::Cow::Borrowed(&[]),
            run: Run::For(namespaces, style),
            limit: LIMIT,
        });
    }
    cases
}

fn date_and_time(d: &Device) -> Outcome<Element> {
    let a = d.call("tds:GetSystemDateAndTime", "")?;
    Ok(a.find("SystemDateAndTime")
        .present("SystemDateAndTime")?
        .clone())
}

/// POSIX 1003.1 §8.3, its outline: name, offset, and perhaps a rule.
fn posix_zone(zone: &str) -> bool {
    let rest = if let Some(quoted) = zone.strip_prefix('<') {
        match quoted.split_once('>') {
            Some((_, rest)) => rest,
            None => return false,
        }
    } else {
        let name = zone.chars().take_while(char::is_ascii_alphabetic).count();
        if name < 3 {
            return false;
        }
        &zone[name..]
    };
    let offset = rest.trim_start_matches(['+', '-']);
    offset.starts_with(|c: char| c.is_ascii_digit())
}

/// Year, month, day, hour, minute, second.
fn clock_body(kind: &str, zone: Option<&str>, at: &[i64; 6]) -> String {
    let zone = zone
        .map(|z| format!("<tds:TimeZone><tt:TZ>{}</tt:TZ></tds:TimeZone>", escape(z)))
        .unwrap_or_default();
    let [y, m, d, h, min, s] = at;
    format!(
        "<tds:DateTimeType>{kind}</tds:DateTimeType><tds:DaylightSavings>false</tds:DaylightSavings>{zone}\
         <tds:UTCDateTime><tt:Time><tt:Hour>{h}</tt:Hour><tt:Minute>{min}</tt:Minute><tt:Second>{s}</tt:Second></tt:Time>\
         <tt:Date><tt:Year>{y}</tt:Year><tt:Month>{m}</tt:Month><tt:Day>{d}</tt:Day></tt:Date></tds:UTCDateTime>"
    )
}

fn now() -> [i64; 6] {
    use chrono::{Datelike, Timelike};
    let t = chrono::Utc::now();
    [
        t.year().into(),
        t.month().into(),
        t.day().into(),
        t.hour().into(),
        t.minute().into(),
        t.second().into(),
    ]
}

fn restore_clock(d: &Device, before: &Element) -> Outcome {
    let kind = before.text_of("DateTimeType").unwrap_or("Manual");
    let body = clock_body(kind, before.text_of("TimeZone/TZ"), &now());
    d.call("tds:SetSystemDateAndTime", &body)?;
    Ok(())
}

fn set_clock(d: &Device) -> Outcome {
    let before = date_and_time(d)?;
    let zone = "CET-1CEST,M3.5.0/2,M10.5.0/3";
    let judged = (|| {
        d.call(
            "tds:SetSystemDateAndTime",
            &clock_body("Manual", Some(zone), &now()),
        )?;
        let a = date_and_time(d)?;
        check!(a.text_of("DateTimeType") == Some("Manual"), "not Manual");
        check!(a.text_of("TimeZone/TZ") == Some(zone), "another time zone");
        let year = a.text_of("UTCDateTime/Date/Year").unwrap_or_default();
        check!(year == now()[0].to_string(), "the year is {year}");
        Ok(())
    })();
    restore_clock(d, &before)?;
    judged
}

fn clock_by_ntp(d: &Device) -> Outcome {
    let before = date_and_time(d)?;
    let body =
        "<tds:DateTimeType>NTP</tds:DateTimeType><tds:DaylightSavings>false</tds:DaylightSavings>";
    d.call("tds:SetSystemDateAndTime", body)?;
    let read = date_and_time(d);
    restore_clock(d, &before)?;
    check!(read?.text_of("DateTimeType") == Some("NTP"), "not NTP");
    Ok(())
}

fn logs(d: &Device) -> Outcome {
    for (kind, unavailable) in [
        ("System", "SystemlogUnavailable"),
        ("Access", "AccesslogUnavailable"),
    ] {
        match d.reply(
            "tds:GetSystemLog",
            &format!("<tds:LogType>{kind}</tds:LogType>"),
        )? {
            Reply::Answer(a, _) => {
                a.find("SystemLog").present("SystemLog")?;
            }
            Reply::Fault(f) if f.chain() == format!("Sender/InvalidArgs/{unavailable}") => {}
            other => fail!("{kind}: {other:?}"),
        }
    }
    Ok(())
}

fn uris(d: &Device) -> Outcome {
    let features = d.features().clone();
    let wanted = [
        ("HttpSystemLogging", "SystemLogUris/SystemLog/Uri"),
        ("HttpSupportInformation", "SupportInfoUri"),
        ("HttpSystemBackup", "SystemBackupUri"),
    ];
    if !wanted
        .iter()
        .any(|(flag, _)| features.flag("tds", &format!("System@{flag}")))
    {
        skip!("none of HttpSystemLogging, HttpSupportInformation, HttpSystemBackup is true");
    }
    let a = d.call("tds:GetSystemUris", "")?;
    for (flag, path) in wanted {
        if !features.flag("tds", &format!("System@{flag}")) {
            continue;
        }
        let found = a.texts(path);
        check!(
            !found.is_empty() && found.iter().all(|u| !u.is_empty()),
            "{flag} is true, but there is no {path}"
        );
        for uri in found {
            let answer = d.http(&d.administrator(), "GET", &uri, flag, None)?;
            check!(
                answer.status == 200 && !answer.body.is_empty(),
                "{uri}: HTTP {}, {} bytes",
                answer.status,
                answer.body.len()
            );
            let answer = d.http(&Auth::None, "GET", &uri, flag, None)?;
            check!(
                answer.status == 401,
                "{uri} without credentials: HTTP {}",
                answer.status
            );
        }
    }
    Ok(())
}

fn scopes(d: &Device) -> Outcome {
    let scope = "onvif://www.onvif.org/location/conformance/test";
    let body = format!("<tds:ScopeItem>{scope}</tds:ScopeItem>");
    d.call("tds:AddScopes", &body)?;
    let added = d.call("tds:GetScopes", "");
    let removed = d.call("tds:RemoveScopes", &body)?;
    check!(
        added?.texts("Scopes/ScopeItem").contains(&scope.into()),
        "the scope was not added"
    );
    check!(
        removed.texts("ScopeItem").contains(&scope.into()),
        "RemoveScopes does not answer what it removed"
    );
    let after = d.call("tds:GetScopes", "")?.texts("Scopes/ScopeItem");
    check!(!after.contains(&scope.into()), "the scope is still there");
    Ok(())
}

fn fixed_scope(d: &Device) -> Outcome {
    let a = d.call("tds:GetScopes", "")?;
    let fixed = a
        .all("Scopes")
        .into_iter()
        .find(|s| s.text_of("ScopeDef") == Some("Fixed"));
    let Some(fixed) = fixed.and_then(|s| s.text_of("ScopeItem")) else {
        skip!("no fixed scope");
    };
    let body = format!("<tds:ScopeItem>{}</tds:ScopeItem>", escape(fixed));
    d.refused(
        "tds:RemoveScopes",
        &body,
        "Sender/OperationProhibited/FixedScope",
    )
}

fn discovery_mode(d: &Device) -> Outcome {
    let before = d.call("tds:GetDiscoveryMode", "")?;
    let was = before.text_of("DiscoveryMode").present("DiscoveryMode")?;
    let other = if was == "Discoverable" {
        "NonDiscoverable"
    } else {
        "Discoverable"
    };
    let set = |mode: &str| {
        d.call(
            "tds:SetDiscoveryMode",
            &format!("<tds:DiscoveryMode>{mode}</tds:DiscoveryMode>"),
        )
    };
    set(other)?;
    let read = d.call("tds:GetDiscoveryMode", "");
    set(was)?;
    check!(
        read?.text_of("DiscoveryMode") == Some(other),
        "{other} was not kept"
    );
    Ok(())
}

fn auxiliary(d: &Device) -> Outcome {
    let list = d
        .features()
        .capability("tds", "Misc@AuxiliaryCommands")
        .unwrap_or_default()
        .to_owned();
    let known = ["tt:Wiper", "tt:Washer", "tt:WashingProcedure", "tt:IRLamp"];
    let commands: Vec<&str> = list
        .split_whitespace()
        .filter(|c| known.iter().any(|k| c.starts_with(k)))
        .collect();
    if commands.is_empty() {
        skip!("Misc/AuxiliaryCommands has none of {known:?}");
    }
    for command in commands {
        d.call(
            "tds:SendAuxiliaryCommand",
            &format!(
                "<tds:AuxiliaryCommand>{}</tds:AuxiliaryCommand>",
                escape(command)
            ),
        )?;
    }
    Ok(())
}

fn geo_location(d: &Device) -> Outcome {
    let before = d.call("tds:GetGeoLocation", "")?;
    let tds = soap::ns("tds");
    let body = "<tds:Location Entity=\"Device\"><tt:GeoLocation lon=\"11.5\" lat=\"48.1\" elevation=\"520\"/></tds:Location>";
    d.call("tds:SetGeoLocation", body)?;
    let read = d.call("tds:GetGeoLocation", "");
    let old: String = before
        .all("Location")
        .iter()
        .map(|l| (*l).clone().named(tds, "Location").to_xml())
        .collect();
    if old.is_empty() {
        let now = read.clone()?;
        let all: String = now
            .all("Location")
            .iter()
            .map(|l| (*l).clone().named(tds, "Location").to_xml())
            .collect();
        d.call("tds:DeleteGeoLocation", &all)?;
    } else {
        d.call("tds:SetGeoLocation", &old)?;
    }
    let read = read?;
    let point = read.find("Location/GeoLocation").present("GeoLocation")?;
    let near = |name: &str, value: f64| {
        point
            .attr(name)
            .and_then(|v| v.parse::<f64>().ok())
            .is_some_and(|v| (v - value).abs() < 1e-4)
    };
    check!(
        near("lon", 11.5) && near("lat", 48.1),
        "{:?}",
        point.attributes
    );
    Ok(())
}

/// The same request with namespaces declared in unusual but right ways.
fn namespaces(d: &Device, style: &'static str) -> Outcome {
    let env = soap::ENVELOPE;
    let (tds, tt) = (soap::ns("tds"), soap::ns("tt"));
    let text = match style {
        "tag" => format!(
            "<Envelope xmlns=\"{env}\"><Body xmlns=\"{env}\"><GetServices xmlns=\"{tds}\"><IncludeCapability xmlns=\"{tds}\">false</IncludeCapability></GetServices></Body></Envelope>"
        ),
        "parent" => format!(
            "<s:Envelope xmlns:s=\"{env}\" xmlns=\"{tds}\"><s:Body><GetServices><IncludeCapability>false</IncludeCapability></GetServices></s:Body></s:Envelope>"
        ),
        "odd" => format!(
            "<tt:Envelope xmlns:tt=\"{env}\" xmlns:env=\"{tds}\"><tt:Body><env:GetServices><env:IncludeCapability>false</env:IncludeCapability></env:GetServices></tt:Body></tt:Envelope>"
        ),
        "several" => format!(
            "<a:Envelope xmlns:a=\"{env}\" xmlns:b=\"{env}\" xmlns:c=\"{tds}\" xmlns:d=\"{tds}\"><b:Body><c:GetServices><d:IncludeCapability>false</d:IncludeCapability></c:GetServices></b:Body></a:Envelope>"
        ),
        _ => format!(
            "<x:Envelope xmlns:x=\"{env}\"><x:Body><x:GetServices xmlns:x=\"{tds}\"><x:IncludeCapability>false</x:IncludeCapability></x:GetServices></x:Body><!-- {tt} --></x:Envelope>"
        ),
    };
    let url = d.address("tds")?;
    match d.send_text(&Auth::None, &url, "tds:GetServices", &text)? {
        Reply::Answer(a, _) => {
            check!(!a.all("Service").is_empty(), "no service");
            Ok(())
        }
        other => fail!("{other:?}"),
    }
}
