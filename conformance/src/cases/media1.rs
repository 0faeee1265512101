//! Media 1, which the specification of 20.12 has no document for: cases of our own, and the restart.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::media2::{jpeg, ranges, token};
use crate::{
    case::{Case, LIMIT, Need, Outcome, Present, Run, case},
    check,
    device::Device,
    fail, skip, soap,
    xml::{Element, escape},
};

const MEDIA: &[Need] = &[Need::Service("trt")];
const UNKNOWN: &str = "conformance-unknown";
const NO_PROFILE: &str = "Sender/InvalidArgVal/NoProfile";
const NO_CONFIG: &str = "Sender/InvalidArgVal/NoConfig";

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        case("X-MEDIA1-SOURCES", "GetVideoSources", "S", MEDIA, |d| {
            let a = d.call("trt:GetVideoSources", "")?;
            let all = a.all("VideoSources");
            check!(!all.is_empty(), "no video source");
            for s in all {
                token(s)?;
                check!(
                    s.number("Resolution/Width").unwrap_or(0.0) > 0.0,
                    "no Resolution"
                );
            }
            Ok(())
        }),
        case(
            "X-MEDIA1-PROFILES",
            "GetProfiles and GetProfile agree",
            "S",
            MEDIA,
            |d| {
                for p in profiles(d)? {
                    let a = d.call(
                        "trt:GetProfile",
                        &format!("<trt:ProfileToken>{}</trt:ProfileToken>", token(&p)?),
                    )?;
                    let one = a.find("Profile").present("Profile")?;
                    check!(
                        one.attributes == p.attributes && one.children.len() == p.children.len(),
                        "{} differs",
                        token(&p)?
                    );
                }
                Ok(())
            },
        ),
        case(
            "X-MEDIA1-READY",
            "a profile with video source and encoder is ready",
            "S",
            MEDIA,
            |d| {
                let ready = profiles(d)?.iter().any(|p| {
                    p.find("VideoSourceConfiguration").is_some()
                        && p.find("VideoEncoderConfiguration").is_some()
                });
                check!(ready, "none");
                Ok(())
            },
        ),
        case(
            "X-MEDIA1-PROFILE",
            "CreateProfile, AddVideoSourceConfiguration, DeleteProfile",
            "S",
            MEDIA,
            create,
        ),
        case(
            "X-MEDIA1-FIXED",
            "DeleteProfile of a fixed profile",
            "S",
            MEDIA,
            |d| {
                let all = profiles(d)?;
                let Some(fixed) = all.iter().find(|p| p.attr("fixed") == Some("true")) else {
                    skip!("no fixed profile")
                };
                d.refused(
                    "trt:DeleteProfile",
                    &profile(&token(fixed)?),
                    "Sender/Action/DeletionOfFixedProfile",
                )
            },
        ),
        case(
            "X-MEDIA1-SNAPSHOT",
            "GetSnapshotUri, and a JPEG is behind it",
            "S",
            &[Need::Service("trt"), Need::Flag("trt", "@SnapshotUri")],
            |d| {
                for p in profiles(d)?
                    .iter()
                    .filter(|p| p.find("VideoEncoderConfiguration").is_some())
                {
                    let a = d.call("trt:GetSnapshotUri", &profile(&token(p)?))?;
                    jpeg(d, a.text_of("MediaUri/Uri").present("Uri")?)?;
                }
                Ok(())
            },
        ),
        case(
            "X-MEDIA1-INSTANCES",
            "GetGuaranteedNumberOfVideoEncoderInstances",
            "S",
            MEDIA,
            |d| {
                for c in list(d, "VideoSource")? {
                    let a = d.call(
                        "trt:GetGuaranteedNumberOfVideoEncoderInstances",
                        &by_token(&token(&c)?),
                    )?;
                    check!(
                        a.number("TotalNumber").unwrap_or(0.0) > 0.0,
                        "TotalNumber is not above 0"
                    );
                }
                Ok(())
            },
        ),
        case(
            "X-MEDIA1-ENCODER",
            "SetVideoEncoderConfiguration of another resolution, read back",
            "S",
            MEDIA,
            encoder,
        )
        .within(120),
        case(
            "X-MEDIA1-OPTIONS",
            "GetVideoEncoderConfigurationOptions: ranges in order",
            "S",
            MEDIA,
            |d| {
                ranges(&d.call("trt:GetVideoEncoderConfigurationOptions", "")?)?;
                for c in list(d, "VideoEncoder")? {
                    ranges(&d.call(
                        "trt:GetVideoEncoderConfigurationOptions",
                        &by_token(&token(&c)?),
                    )?)?;
                }
                Ok(())
            },
        ),
        case(
            "X-MEDIA1-PROFILES-SAME",
            "media 1 and media 2 have the same profiles",
            "ST",
            &[Need::Service("trt"), Need::Service("tr2")],
            |d| {
                let one: BTreeSet<String> =
                    profiles(d)?.iter().map(token).collect::<Outcome<_>>()?;
                let two: BTreeSet<String> = super::media2::profiles(d)?
                    .iter()
                    .map(token)
                    .collect::<Outcome<_>>()?;
                // Profiles with H.265 may be hidden from media 1.
                check!(one.is_subset(&two), "{one:?} is no part of {two:?}");
                Ok(())
            },
        ),
        case(
            "X-MEDIA1-STREAM-BAD",
            "GetStreamUri of a profile that does not exist",
            "S",
            MEDIA,
            |d| {
                let setup = "<trt:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport><tt:Protocol>RTSP</tt:Protocol></tt:Transport></trt:StreamSetup>";
                d.refused(
                    "trt:GetStreamUri",
                    &format!("{setup}{}", profile(UNKNOWN)),
                    NO_PROFILE,
                )
            },
        ),
        case(
            "DEVICE-3-1-8",
            "SystemReboot: the device comes back",
            "STMG",
            &[Need::Disruptive],
            reboot,
        )
        .within(240),
    ];
    for kind in ["VideoSource", "VideoEncoder", "Metadata", "VideoAnalytics"] {
        for (what, run) in [
            ("LIST", lists as fn(&Device, &'static str) -> Outcome),
            ("COMPATIBLE", compatible),
            ("UNKNOWN", unknown),
        ] {
            cases.push(Case {
                id: format!("X-MEDIA1-{what}-{kind}"),
                title: format!("{kind} configurations of media 1: {}", what.to_lowercase()),
                profiles: "S",
                needs: MEDIA.into(),
                run: Run::For(run, kind),
                limit: LIMIT,
            });
        }
    }
    for (operation, id) in [
        ("trt:GetProfile", "X-MEDIA1-NO-GetProfile"),
        ("trt:DeleteProfile", "X-MEDIA1-NO-DeleteProfile"),
        ("trt:GetSnapshotUri", "X-MEDIA1-NO-GetSnapshotUri"),
        (
            "trt:SetSynchronizationPoint",
            "X-MEDIA1-NO-SetSynchronizationPoint",
        ),
        (
            "trt:RemoveVideoEncoderConfiguration",
            "X-MEDIA1-NO-RemoveVideoEncoderConfiguration",
        ),
    ] {
        cases.push(Case {
            id: id.into(),
            title: format!("{operation} of a profile that does not exist"),
            profiles: "S",
            needs: MEDIA.into(),
            run: Run::For(
                |d, operation| d.refused(operation, &profile(UNKNOWN), NO_PROFILE),
                operation,
            ),
            limit: LIMIT,
        });
    }
    cases
}

fn profile(t: &str) -> String {
    format!("<trt:ProfileToken>{t}</trt:ProfileToken>")
}

fn by_token(t: &str) -> String {
    format!("<trt:ConfigurationToken>{t}</trt:ConfigurationToken>")
}

fn profiles(d: &Device) -> Outcome<Vec<Element>> {
    let a = d.call("trt:GetProfiles", "")?;
    Ok(a.all("Profiles").into_iter().cloned().collect())
}

fn list(d: &Device, kind: &str) -> Outcome<Vec<Element>> {
    let a = d.call(&format!("trt:Get{kind}Configurations"), "")?;
    Ok(a.all("Configurations").into_iter().cloned().collect())
}

fn lists(d: &Device, kind: &'static str) -> Outcome {
    let all = list(d, kind)?;
    let tokens: BTreeSet<String> = all.iter().map(token).collect::<Outcome<_>>()?;
    check!(tokens.len() == all.len(), "a token twice");
    for c in &all {
        let a = d.call(
            &format!("trt:Get{kind}Configuration"),
            &by_token(&token(c)?),
        )?;
        let one = a.find("Configuration").present("Configuration")?;
        check!(
            one.attr("token") == c.attr("token"),
            "another configuration than asked for"
        );
    }
    Ok(())
}

fn compatible(d: &Device, kind: &'static str) -> Outcome {
    let all: BTreeSet<String> = list(d, kind)?.iter().map(token).collect::<Outcome<_>>()?;
    for p in profiles(d)? {
        let a = d.call(
            &format!("trt:GetCompatible{kind}Configurations"),
            &profile(&token(&p)?),
        )?;
        let found: BTreeSet<String> = a
            .all("Configurations")
            .into_iter()
            .map(token)
            .collect::<Outcome<_>>()?;
        check!(found.is_subset(&all), "{found:?} is no part of {all:?}");
        for own in p.all(&format!("{kind}Configuration")) {
            check!(
                found.contains(&token(own)?),
                "the profile's own {} is missing",
                token(own)?
            );
        }
    }
    Ok(())
}

fn unknown(d: &Device, kind: &'static str) -> Outcome {
    d.refused(
        &format!("trt:Get{kind}Configuration"),
        &by_token(UNKNOWN),
        NO_CONFIG,
    )
}

fn create(d: &Device) -> Outcome {
    let most = d
        .features()
        .number("trt", "ProfileCapabilities@MaximumNumberOfProfiles")
        .unwrap_or(u32::MAX);
    if profiles(d)?.len() >= most as usize {
        skip!("the device has its most profiles ({most})");
    }
    let a = d.call("trt:CreateProfile", "<trt:Name>conformance</trt:Name>")?;
    let t = token(a.find("Profile").present("Profile")?)?;
    let judged = (|| {
        let all = list(d, "VideoSource")?;
        let c = token(all.first().present("a video source configuration")?)?;
        d.call(
            "trt:AddVideoSourceConfiguration",
            &format!("{}{}", profile(&t), by_token(&c)),
        )?;
        let a = d.call("trt:GetProfile", &profile(&t))?;
        check!(
            a.find("Profile/VideoSourceConfiguration").is_some(),
            "the configuration was not added"
        );
        d.call("trt:RemoveVideoSourceConfiguration", &profile(&t))?;
        let a = d.call("trt:GetProfile", &profile(&t))?;
        check!(
            a.find("Profile/VideoSourceConfiguration").is_none(),
            "the configuration was not removed"
        );
        Ok(())
    })();
    d.call("trt:DeleteProfile", &profile(&t))?;
    judged?;
    d.refused("trt:GetProfile", &profile(&t), NO_PROFILE)
}

fn encoder(d: &Device) -> Outcome {
    let mut tried = false;
    for before in list(d, "VideoEncoder")? {
        let t = token(&before)?;
        let encoding = before.text_of("Encoding").present("Encoding")?;
        let o = d.call("trt:GetVideoEncoderConfigurationOptions", &by_token(&t))?;
        let now = (
            before.text_of("Resolution/Width"),
            before.text_of("Resolution/Height"),
        );
        let sizes = o.all(&format!("Options/{encoding}/ResolutionsAvailable"));
        let Some(other) = sizes
            .into_iter()
            .find(|r| (r.text_of("Width"), r.text_of("Height")) != now)
        else {
            continue;
        };
        tried = true;
        let write = |c: &Element| {
            let body = c.clone().named(soap::ns("trt"), "Configuration").to_xml();
            d.call(
                "trt:SetVideoEncoderConfiguration",
                &format!("{body}<trt:ForcePersistence>true</trt:ForcePersistence>"),
            )
        };
        let wanted = before
            .clone()
            .with(
                "Resolution/Width",
                other.text_of("Width").unwrap_or_default(),
            )
            .with(
                "Resolution/Height",
                other.text_of("Height").unwrap_or_default(),
            );
        write(&wanted)?;
        let read = d.call("trt:GetVideoEncoderConfiguration", &by_token(&t));
        write(&before)?;
        let read = read?;
        let read = read.find("Configuration").present("Configuration")?;
        for path in [
            "Encoding",
            "Resolution/Width",
            "Resolution/Height",
            "RateControl/FrameRateLimit",
            "RateControl/BitrateLimit",
        ] {
            check!(
                read.text_of(path) == wanted.text_of(path),
                "{path}: {:?} where {:?} was set",
                read.text_of(path),
                wanted.text_of(path)
            );
        }
    }
    if !tried {
        skip!("no encoder has another resolution");
    }
    Ok(())
}

fn reboot(d: &Device) -> Outcome {
    let a = d.call("tds:SystemReboot", "")?;
    check!(
        !a.text_of("Message").unwrap_or_default().is_empty(),
        "no Message"
    );
    let end = Instant::now() + d.options().reboot_timeout;
    // It must go before it can come back.
    d.wait(Duration::from_secs(5))?;
    let url = escape(d.target().device_service.as_str());
    while Instant::now() < end {
        if d.call("tds:GetSystemDateAndTime", "").is_ok() {
            return Ok(());
        }
        d.wait(Duration::from_secs(1))?;
    }
    fail!(
        "{url} does not answer after {:?}",
        d.options().reboot_timeout
    )
}
