//! Media 2: MEDIA2-1-x to MEDIA2-9-x.

use std::collections::BTreeSet;

use super::pullpoint::announces;
use crate::{
    case::{Case, LIMIT, Need, Outcome, Present, Run, case},
    check,
    device::{Auth, Device},
    fail, skip, soap,
    xml::{Element, escape},
};

const MEDIA2: Need = Need::Service("tr2");
const NO_CONFIG: &str = "Sender/InvalidArgVal/NoConfig";
const NO_PROFILE: &str = "Sender/InvalidArgVal/NoProfile";
const KINDS: &str = "ProfileCapabilities@ConfigurationsSupported";
const UNKNOWN: &str = "conformance-unknown";

/// What every kind of configuration goes through.
type Procedure = fn(&Device, &'static str) -> Outcome;

/// One kind of configuration and the cases that every kind has.
struct Kind {
    name: &'static str,
    needs: &'static [Need],
    profiles: &'static str,
    list: &'static str,
    equal: &'static str,
    unknown: &'static str,
    options: &'static str,
    set: &'static str,
}

const fn kind(
    name: &'static str,
    needs: &'static [Need],
    profiles: &'static str,
    [list, equal, unknown, options, set]: [&'static str; 5],
) -> Kind {
    Kind {
        name,
        needs,
        profiles,
        list,
        equal,
        unknown,
        options,
        set,
    }
}

const ALL: &[Kind] = &[
    kind(
        "VideoSource",
        &[MEDIA2, Need::Lists("tr2", KINDS, "VideoSource")],
        "TM",
        [
            "MEDIA2-2-2-2",
            "MEDIA2-2-2-4",
            "MEDIA2-2-2-6",
            "MEDIA2-2-2-1",
            "MEDIA2-2-2-5",
        ],
    ),
    kind(
        "VideoEncoder",
        &[MEDIA2, Need::Lists("tr2", KINDS, "VideoEncoder")],
        "TM",
        [
            "MEDIA2-2-3-1",
            "X-MEDIA2-EQUAL-VideoEncoder",
            "X-MEDIA2-UNKNOWN-VideoEncoder",
            "X-MEDIA2-OPTIONS-VideoEncoder",
            "X-MEDIA2-SET-VideoEncoder",
        ],
    ),
    kind(
        "AudioSource",
        &[MEDIA2, Need::Lists("tr2", KINDS, "AudioSource")],
        "T",
        [
            "MEDIA2-3-1-2",
            "MEDIA2-3-1-4",
            "MEDIA2-3-1-6",
            "MEDIA2-3-1-1",
            "MEDIA2-3-1-5",
        ],
    ),
    kind(
        "AudioEncoder",
        &[MEDIA2, Need::Lists("tr2", KINDS, "AudioEncoder")],
        "T",
        [
            "X-MEDIA2-LIST-AudioEncoder",
            "X-MEDIA2-EQUAL-AudioEncoder",
            "X-MEDIA2-UNKNOWN-AudioEncoder",
            "MEDIA2-3-2-3",
            "MEDIA2-3-2-1",
        ],
    ),
    kind(
        "AudioOutput",
        &[MEDIA2, Need::Lists("tr2", KINDS, "AudioOutput")],
        "T",
        [
            "MEDIA2-3-3-2",
            "MEDIA2-3-3-4",
            "MEDIA2-3-3-6",
            "MEDIA2-3-3-1",
            "MEDIA2-3-3-5",
        ],
    ),
    kind(
        "AudioDecoder",
        &[MEDIA2, Need::Lists("tr2", KINDS, "AudioDecoder")],
        "T",
        [
            "MEDIA2-3-4-2",
            "MEDIA2-3-4-3",
            "MEDIA2-3-4-5",
            "MEDIA2-3-4-1",
            "MEDIA2-3-4-4",
        ],
    ),
    kind(
        "Metadata",
        &[MEDIA2, Need::Lists("tr2", KINDS, "Metadata")],
        "TM",
        [
            "MEDIA2-8-1-2",
            "MEDIA2-8-1-3",
            "MEDIA2-8-1-4",
            "X-MEDIA2-OPTIONS-Metadata",
            "MEDIA2-8-1-1",
        ],
    ),
    kind(
        "Analytics",
        &[MEDIA2, Need::Lists("tr2", KINDS, "Analytics")],
        "TM",
        ["MEDIA2-9-1-1", "MEDIA2-9-1-2", "MEDIA2-9-1-3", "", ""],
    ),
];

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        case(
            "MEDIA2-1-1-1",
            "a profile with H.264 or H.265 for every video source",
            "T",
            &[MEDIA2],
            ready_to_use,
        ),
        case(
            "MEDIA2-1-1-2",
            "CreateProfile and DeleteProfile",
            "TM",
            &[MEDIA2],
            create_profile,
        )
        .within(120),
        case(
            "MEDIA2-1-1-3",
            "AddConfiguration and RemoveConfiguration of every kind",
            "TM",
            &[MEDIA2],
            add_and_remove,
        )
        .within(240),
        case(
            "MEDIA2-1-1-4",
            "GetProfiles by type",
            "TM",
            &[MEDIA2],
            profiles_by_type,
        ),
        case(
            "MEDIA2-1-1-5",
            "CreateProfile with a configuration of each source",
            "T",
            &[MEDIA2],
            create_with_source,
        ),
        case(
            "MEDIA2-1-1-6",
            "RemoveConfiguration of all, in a profile of the test",
            "TM",
            &[MEDIA2],
            remove_all,
        ),
        case(
            "MEDIA2-1-1-8",
            "a profile with metadata for every video source configuration",
            "M",
            &[MEDIA2],
            |d| in_some_profile(d, "Metadata"),
        ),
        case(
            "MEDIA2-1-1-9",
            "a profile with an encoder for every video source configuration",
            "M",
            &[MEDIA2],
            |d| in_some_profile(d, "VideoEncoder"),
        ),
        case(
            "X-MEDIA2-PROFILE",
            "GetProfiles of a token that does not exist",
            "TM",
            &[MEDIA2],
            |d| {
                d.refused(
                    "tr2:GetProfiles",
                    &format!("<tr2:Token>{UNKNOWN}</tr2:Token>"),
                    NO_PROFILE,
                )
            },
        ),
        case(
            "X-MEDIA2-DELETE",
            "DeleteProfile of a token that does not exist",
            "TM",
            &[MEDIA2],
            |d| {
                d.refused(
                    "tr2:DeleteProfile",
                    &format!("<tr2:Token>{UNKNOWN}</tr2:Token>"),
                    NO_PROFILE,
                )
            },
        ),
        case(
            "X-MEDIA2-FIXED",
            "DeleteProfile of a fixed profile",
            "TM",
            &[MEDIA2],
            |d| {
                let all = profiles(d)?;
                let Some(fixed) = all.iter().find(|p| p.attr("fixed") == Some("true")) else {
                    skip!("no fixed profile")
                };
                d.refused(
                    "tr2:DeleteProfile",
                    &format!("<tr2:Token>{}</tr2:Token>", token(fixed)?),
                    "Sender/Action/DeletionOfFixedProfile",
                )
            },
        ),
        case(
            "X-MEDIA2-STREAMURI",
            "GetStreamUri of a profile that does not exist",
            "TM",
            &[MEDIA2],
            |d| {
                d.refused("tr2:GetStreamUri", &format!("<tr2:Protocol>RtspUnicast</tr2:Protocol><tr2:ProfileToken>{UNKNOWN}</tr2:ProfileToken>"), NO_PROFILE)
            },
        ),
        case(
            "X-MEDIA2-SNAPSHOTURI",
            "GetSnapshotUri of a profile that does not exist",
            "T",
            &[MEDIA2, Need::Flag("tr2", "@SnapshotUri")],
            |d| {
                d.refused(
                    "tr2:GetSnapshotUri",
                    &format!("<tr2:ProfileToken>{UNKNOWN}</tr2:ProfileToken>"),
                    NO_PROFILE,
                )
            },
        ),
        case(
            "X-MEDIA2-SYNC",
            "SetSynchronizationPoint of a profile that does not exist",
            "TM",
            &[MEDIA2],
            |d| {
                d.refused(
                    "tr2:SetSynchronizationPoint",
                    &format!("<tr2:ProfileToken>{UNKNOWN}</tr2:ProfileToken>"),
                    NO_PROFILE,
                )
            },
        ),
        case(
            "X-MEDIA2-URI",
            "GetStreamUri: RTSP, at most 128 octets, the host of the request",
            "TM",
            &[MEDIA2],
            stream_uris,
        ),
        case(
            "MEDIA2-2-2-3",
            "video source configurations obey their options",
            "T",
            &[MEDIA2],
            source_options,
        ),
        case(
            "MEDIA2-2-2-7",
            "video source configurations in profiles obey their options",
            "T",
            &[MEDIA2],
            source_options,
        ),
        case(
            "MEDIA2-2-3-2",
            "encoder configurations obey their options",
            "TM",
            &[MEDIA2],
            |d| {
                for c in list(d, "VideoEncoder", "")? {
                    encoder_fits(d, &c)?;
                }
                Ok(())
            },
        ),
        case(
            "MEDIA2-2-3-3",
            "encoder configurations in profiles obey their options",
            "T",
            &[MEDIA2],
            |d| {
                for p in profiles(d)? {
                    for c in p.all("Configurations/VideoEncoder") {
                        encoder_fits(d, c)?;
                    }
                }
                Ok(())
            },
        ),
        case(
            "MEDIA2-2-3-4",
            "SetVideoEncoderConfiguration, smallest and largest of every option",
            "TM",
            &[MEDIA2],
            set_encoders,
        )
        .within(300),
        case(
            "X-MEDIA2-ENCODER-BAD",
            "SetVideoEncoderConfiguration outside the options is refused",
            "T",
            &[MEDIA2],
            bad_encoder,
        ),
        case(
            "MEDIA2-2-3-5",
            "encoder options: GOP lengths ordered, frame rates descending",
            "TM",
            &[MEDIA2],
            encoder_options,
        ),
        case(
            "MEDIA2-2-4-1",
            "GetVideoSourceModes",
            "T",
            &[MEDIA2, Need::Flag("tr2", "@VideoSourceMode")],
            |d| modes(d).map(drop),
        ),
        case(
            "X-MEDIA2-MODES",
            "GetVideoSourceModes of a source that does not exist",
            "T",
            &[MEDIA2, Need::Flag("tr2", "@VideoSourceMode")],
            |d| {
                d.refused(
                    "tr2:GetVideoSourceModes",
                    &format!("<tr2:VideoSourceToken>{UNKNOWN}</tr2:VideoSourceToken>"),
                    "Sender/InvalidArgVal/NoVideoSource",
                )
            },
        ),
        case(
            "MEDIA2-5-1-1",
            "GetSnapshotUri, and a JPEG is behind it",
            "T",
            &[MEDIA2, Need::Flag("tr2", "@SnapshotUri")],
            snapshot,
        ),
        case(
            "MEDIA2-5-1-2",
            "GetVideoEncoderInstances",
            "T",
            &[MEDIA2],
            |d| {
                for c in list(d, "VideoSource", "")? {
                    let a = d.call(
                        "tr2:GetVideoEncoderInstances",
                        &format!(
                            "<tr2:ConfigurationToken>{}</tr2:ConfigurationToken>",
                            token(&c)?
                        ),
                    )?;
                    check!(
                        a.number("Info/Total").unwrap_or(0.0) > 0.0,
                        "Total is not above 0"
                    );
                }
                Ok(())
            },
        ),
        case(
            "MEDIA2-7-1-1",
            "GetServiceCapabilities of media 2",
            "TM",
            &[MEDIA2],
            capabilities,
        ),
        case(
            "MEDIA2-6-1-1",
            "OSDs with text: create, read, delete",
            "T",
            &[MEDIA2, Need::Flag("tr2", "@OSD")],
            |d| text_osd(d, false),
        )
        .within(120),
        case(
            "MEDIA2-6-1-4",
            "OSDs with text: change",
            "T",
            &[MEDIA2, Need::Flag("tr2", "@OSD")],
            |d| text_osd(d, true),
        )
        .within(120),
        case(
            "MEDIA2-6-1-5",
            "GetOSDs, all and by source",
            "T",
            &[MEDIA2, Need::Flag("tr2", "@OSD")],
            |d| {
                let all: BTreeSet<String> =
                    osds(d, "")?.iter().map(token).collect::<Outcome<_>>()?;
                for c in list(d, "VideoSource", "")? {
                    let body = format!(
                        "<tr2:ConfigurationToken>{}</tr2:ConfigurationToken>",
                        token(&c)?
                    );
                    for o in osds(d, &body)? {
                        check!(
                            all.contains(&token(&o)?),
                            "{} is not in the whole list",
                            token(&o)?
                        );
                    }
                }
                Ok(())
            },
        ),
        case(
            "MEDIA2-6-1-6",
            "GetOSDOptions is consistent",
            "T",
            &[MEDIA2, Need::Flag("tr2", "@OSD")],
            osd_options,
        ),
        case(
            "X-OSD-UNKNOWN",
            "DeleteOSD of a token that does not exist",
            "T",
            &[MEDIA2, Need::Flag("tr2", "@OSD")],
            |d| {
                d.fault(
                    "tr2:DeleteOSD",
                    &format!("<tr2:OSDToken>{UNKNOWN}</tr2:OSDToken>"),
                )
                .map(drop)
            },
        ),
        case(
            "X-MASK-1",
            "masks: create, read, delete",
            "T",
            &[MEDIA2, Need::Flag("tr2", "@Mask")],
            mask,
        ),
        case(
            "X-MASK-2",
            "DeleteMask of a token that does not exist",
            "T",
            &[MEDIA2, Need::Flag("tr2", "@Mask")],
            |d| {
                d.fault(
                    "tr2:DeleteMask",
                    &format!("<tr2:Token>{UNKNOWN}</tr2:Token>"),
                )
                .map(drop)
            },
        ),
    ];
    for kind in ALL {
        let rows: [(&str, &str, Procedure); 5] = [
            (kind.list, "lists: all, by token, by profile", lists),
            (kind.equal, "in profiles equal those in the list", equal),
            (kind.unknown, "of a token that does not exist", unknown),
            (
                kind.options,
                "options: without token, by configuration, by profile",
                options,
            ),
            (kind.set, "set as read, and as the options allow", set),
        ];
        for (id, title, run) in rows {
            if !id.is_empty() {
                cases.push(Case {
                    id: id.into(),
                    title: format!("{} configurations {title}", kind.name),
                    profiles: kind.profiles,
                    needs: kind.needs,
                    run: Run::For(run, kind.name),
                    limit: LIMIT * 2,
                });
            }
        }
    }
    cases
}

/// The token attribute, fit for XML.
pub(super) fn token(e: &Element) -> Outcome<String> {
    Ok(escape(
        e.attr("token")
            .present(&format!("token of {}", e.name.name))?,
    ))
}

/// Every profile with its configurations.
pub(super) fn profiles(d: &Device) -> Outcome<Vec<Element>> {
    let a = d.call("tr2:GetProfiles", "<tr2:Type>All</tr2:Type>")?;
    Ok(a.all("Profiles").into_iter().cloned().collect())
}

fn profile(d: &Device, token: &str) -> Outcome<Element> {
    let a = d.call(
        "tr2:GetProfiles",
        &format!("<tr2:Token>{token}</tr2:Token><tr2:Type>All</tr2:Type>"),
    )?;
    let all = a.all("Profiles");
    check!(all.len() == 1, "{} profiles for one token", all.len());
    Ok(all[0].clone())
}

/// Configurations of a kind.
pub(super) fn list(d: &Device, kind: &str, body: &str) -> Outcome<Vec<Element>> {
    let a = d.call(&format!("tr2:Get{kind}Configurations"), body)?;
    Ok(a.all("Configurations").into_iter().cloned().collect())
}

fn by_token(d: &Device, kind: &str, token: &str) -> Outcome<Element> {
    let found = list(
        d,
        kind,
        &format!("<tr2:ConfigurationToken>{token}</tr2:ConfigurationToken>"),
    )?;
    check!(
        found.len() == 1,
        "{} {kind} configurations for one token",
        found.len()
    );
    Ok(found[0].clone())
}

fn lists(d: &Device, kind: &'static str) -> Outcome {
    let all = list(d, kind, "")?;
    check!(!all.is_empty(), "no {kind} configuration");
    let tokens: BTreeSet<String> = all.iter().map(token).collect::<Outcome<_>>()?;
    check!(tokens.len() == all.len(), "a token twice");
    for t in &tokens {
        check!(
            token(&by_token(d, kind, t)?)? == *t,
            "another token than asked for"
        );
    }
    for p in profiles(d)? {
        let body = format!("<tr2:ProfileToken>{}</tr2:ProfileToken>", token(&p)?);
        let compatible: BTreeSet<String> = list(d, kind, &body)?
            .iter()
            .map(token)
            .collect::<Outcome<_>>()?;
        check!(
            compatible.is_subset(&tokens),
            "{compatible:?} is no part of {tokens:?}"
        );
        for own in p.all(&format!("Configurations/{kind}")) {
            check!(
                compatible.contains(&token(own)?),
                "the profile's own {} is missing",
                token(own)?
            );
        }
    }
    Ok(())
}

/// Attributes, text and children, the element's own name and use counts left out.
fn same(a: &Element, b: &Element) -> bool {
    let kept = |e: &Element| -> Vec<Element> {
        e.children
            .iter()
            .filter(|c| c.name.name != "UseCount")
            .cloned()
            .collect()
    };
    let (x, y) = (kept(a), kept(b));
    a.text.trim() == b.text.trim()
        && a.attributes == b.attributes
        && x.len() == y.len()
        && x.iter()
            .zip(&y)
            .all(|(a, b)| a.name == b.name && same(a, b))
}

fn equal(d: &Device, kind: &'static str) -> Outcome {
    for p in profiles(d)? {
        for own in p.all(&format!("Configurations/{kind}")) {
            let alone = by_token(d, kind, &token(own)?)?;
            check!(
                same(own, &alone),
                "{kind} {} differs between profile and list",
                token(own)?
            );
        }
    }
    Ok(())
}

fn unknown(d: &Device, kind: &'static str) -> Outcome {
    let body = format!("<tr2:ConfigurationToken>{UNKNOWN}</tr2:ConfigurationToken>");
    d.refused(&format!("tr2:Get{kind}Configurations"), &body, NO_CONFIG)
}

fn options(d: &Device, kind: &'static str) -> Outcome {
    let operation = format!("tr2:Get{kind}ConfigurationOptions");
    let mut answers = vec![d.call(&operation, "")?];
    for c in list(d, kind, "")? {
        answers.push(d.call(
            &operation,
            &format!(
                "<tr2:ConfigurationToken>{}</tr2:ConfigurationToken>",
                token(&c)?
            ),
        )?);
    }
    for p in profiles(d)? {
        if p.find(&format!("Configurations/{kind}")).is_some() {
            answers.push(d.call(
                &operation,
                &format!("<tr2:ProfileToken>{}</tr2:ProfileToken>", token(&p)?),
            )?);
        }
    }
    for a in answers {
        check!(!a.all("Options").is_empty(), "no Options");
        ranges(&a)?;
    }
    Ok(())
}

/// Every element with Min and Max has them in order.
pub(super) fn ranges(e: &Element) -> Outcome {
    for part in e.walk() {
        if let (Some(min), Some(max)) = (part.number("Min"), part.number("Max")) {
            check!(min <= max, "{}: Min {min} above Max {max}", part.name.name);
        }
    }
    Ok(())
}

pub(super) fn write(d: &Device, kind: &str, configuration: &Element) -> Outcome {
    let body = configuration
        .clone()
        .named(soap::ns("tr2"), "Configuration")
        .to_xml();
    d.call(&format!("tr2:Set{kind}Configuration"), &body)
        .map(drop)
}

/// Sets a configuration, demands the event, and reads it back.
fn set_and_read(d: &Device, kind: &str, configuration: &Element) -> Outcome<Element> {
    let t = token(configuration)?;
    announces(
        d,
        "Media/ConfigurationChanged",
        |_: &()| t.clone(),
        || write(d, kind, configuration),
    )?;
    by_token(d, kind, &t)
}

fn set(d: &Device, kind: &'static str) -> Outcome {
    for before in list(d, kind, "")? {
        let t = token(&before)?;
        // As it is: no event is due.
        write(d, kind, &before)?;
        check!(
            same(&by_token(d, kind, &t)?, &before),
            "set as read, and it changed"
        );
        let judged = (|| {
            for wanted in variants(d, kind, &before)? {
                let now = by_token(d, kind, &t)?;
                if same(&now, &wanted) {
                    continue;
                }
                let read = set_and_read(d, kind, &wanted)?;
                check!(
                    same(&read, &wanted),
                    "{kind} {t}: another configuration is read than was set"
                );
            }
            Ok(())
        })();
        write(d, kind, &before)?;
        judged?;
    }
    Ok(())
}

/// Configurations that the options allow, other than the one that is there.
fn variants(d: &Device, kind: &str, before: &Element) -> Outcome<Vec<Element>> {
    let body = format!(
        "<tr2:ConfigurationToken>{}</tr2:ConfigurationToken>",
        token(before)?
    );
    let a = d.call(&format!("tr2:Get{kind}ConfigurationOptions"), &body)?;
    let o = a.find("Options").present("Options")?;
    let bound = |path: &str, end: &str| o.text_of(&format!("{path}/{end}")).map(str::to_owned);
    let mut found = Vec::new();
    match kind {
        "VideoSource" => {
            for end in ["Min", "Max"] {
                let mut c = before.clone();
                if let Some(bounds) = c.find_mut("Bounds") {
                    for (name, range) in [("width", "WidthRange"), ("height", "HeightRange")] {
                        let value = bound(&format!("BoundsRange/{range}"), end);
                        for (n, v) in &mut bounds.attributes {
                            if n.name == name
                                && let Some(value) = &value
                            {
                                v.clone_from(value);
                            }
                        }
                    }
                }
                found.push(c);
            }
        }
        "AudioOutput" => {
            for end in ["Min", "Max"] {
                if let Some(level) = bound("OutputLevelRange", end) {
                    found.push(before.clone().with("OutputLevel", &level));
                }
            }
        }
        "AudioDecoder" => found.push(before.clone().with("Name", "conformance")),
        "AudioEncoder" => {
            let same = a
                .all("Options")
                .into_iter()
                .find(|o| o.text_of("Encoding") == before.text_of("Encoding"));
            let rates = same
                .map(|o| o.texts("BitrateList/Items"))
                .unwrap_or_default();
            found.extend(
                rates
                    .first()
                    .into_iter()
                    .chain(rates.last())
                    .map(|r| before.clone().with("Bitrate", r)),
            );
        }
        "Metadata" => {
            for on in ["true", "false"] {
                found.push(before.clone().with("Analytics", on));
            }
        }
        _ => {}
    }
    Ok(found)
}

fn ready_to_use(d: &Device) -> Outcome {
    let all = profiles(d)?;
    let mut sources: BTreeSet<String> = list(d, "VideoSource", "")?
        .iter()
        .filter_map(|c| c.text_of("SourceToken").map(str::to_owned))
        .collect();
    check!(!sources.is_empty(), "no video source");
    for p in &all {
        let encoding = p
            .text_of("Configurations/VideoEncoder/Encoding")
            .unwrap_or_default();
        if encoding == "H264" || encoding == "H265" {
            sources.remove(
                p.text_of("Configurations/VideoSource/SourceToken")
                    .unwrap_or_default(),
            );
        }
    }
    check!(sources.is_empty(), "no ready profile for {sources:?}");
    Ok(())
}

fn in_some_profile(d: &Device, kind: &str) -> Outcome {
    let all = profiles(d)?;
    for c in list(d, "VideoSource", "")? {
        let t = c.attr("token");
        let there = all.iter().any(|p| {
            p.find("Configurations/VideoSource")
                .and_then(|v| v.attr("token"))
                == t
                && p.find(&format!("Configurations/{kind}")).is_some()
        });
        check!(there, "no profile with {t:?} and {kind}");
    }
    Ok(())
}

/// A profile of the test; gone afterwards.
pub(super) fn with_profile(d: &Device, body: &str, steps: impl FnOnce(&str) -> Outcome) -> Outcome {
    let create = || {
        let a = d.call(
            "tr2:CreateProfile",
            &format!("<tr2:Name>conformance</tr2:Name>{body}"),
        )?;
        Ok(escape(a.text_of("Token").present("Token")?))
    };
    let room = d
        .features()
        .number("tr2", "ProfileCapabilities@MaximumNumberOfProfiles")
        .unwrap_or(u32::MAX);
    if profiles(d)?.len() >= room as usize {
        skip!("the device has its most profiles ({room})");
    }
    let t = announces(d, "Media/ProfileChanged", String::clone, create)?;
    let judged = steps(&t);
    d.call("tr2:DeleteProfile", &format!("<tr2:Token>{t}</tr2:Token>"))?;
    judged
}

fn configuration(kind: &str, token: &str) -> String {
    format!(
        "<tr2:Configuration><tr2:Type>{kind}</tr2:Type><tr2:Token>{token}</tr2:Token></tr2:Configuration>"
    )
}

fn create_profile(d: &Device) -> Outcome {
    let source = list(d, "VideoSource", "")?;
    let source = token(source.first().present("a video source configuration")?)?;
    let mut created = String::new();
    with_profile(d, &configuration("VideoSource", &source), |t| {
        created = t.to_owned();
        let p = profile(d, t)?;
        let own = p
            .find("Configurations/VideoSource")
            .present("VideoSource in the profile")?;
        check!(token(own)? == source, "another video source configuration");
        check!(p.attr("fixed") != Some("true"), "the new profile is fixed");
        Ok(())
    })?;
    d.refused(
        "tr2:GetProfiles",
        &format!("<tr2:Token>{created}</tr2:Token>"),
        NO_PROFILE,
    )
}

fn supported(d: &Device, kind: &str) -> bool {
    d.features()
        .capability("tr2", KINDS)
        .is_some_and(|l| l.split_whitespace().any(|k| k == kind))
}

fn add_and_remove(d: &Device) -> Outcome {
    with_profile(d, "", |t| {
        for (source, followers) in [
            (
                "VideoSource",
                &["VideoEncoder", "Analytics", "Metadata"][..],
            ),
            ("AudioSource", &["AudioEncoder"]),
            ("AudioOutput", &["AudioDecoder"]),
        ] {
            if !supported(d, source) {
                continue;
            }
            let all = list(d, source, "")?;
            let first = token(all.first().present(source)?)?;
            change(d, "Add", t, source, &first)?;
            for kind in followers.iter().filter(|k| supported(d, k)) {
                let body = format!("<tr2:ProfileToken>{t}</tr2:ProfileToken>");
                let compatible = list(d, kind, &body)?;
                check!(
                    *kind != "VideoEncoder" || !compatible.is_empty(),
                    "no compatible encoder"
                );
                if let Some(c) = compatible.first() {
                    change(d, "Add", t, kind, &token(c)?)?;
                    change(d, "Remove", t, kind, &token(c)?)?;
                }
            }
            change(d, "Remove", t, source, &first)?;
        }
        Ok(())
    })
}

/// Adds or removes one configuration, with the event, and looks.
fn change(
    d: &Device,
    verb: &str,
    profile_token: &str,
    kind: &str,
    configuration_token: &str,
) -> Outcome {
    let body = format!(
        "<tr2:ProfileToken>{profile_token}</tr2:ProfileToken>{}",
        configuration(kind, configuration_token)
    );
    announces(
        d,
        "Media/ProfileChanged",
        |_: &()| profile_token.to_owned(),
        || d.call(&format!("tr2:{verb}Configuration"), &body).map(drop),
    )?;
    let there = profile(d, profile_token)?
        .find(&format!("Configurations/{kind}"))
        .is_some();
    check!(
        there == (verb == "Add"),
        "after {verb}Configuration {kind} is there: {there}"
    );
    Ok(())
}

fn profiles_by_type(d: &Device) -> Outcome {
    let all = profiles(d)?;
    let tokens: Vec<String> = all.iter().map(token).collect::<Outcome<_>>()?;
    let bare = d.call("tr2:GetProfiles", "")?;
    check!(
        bare.all("Profiles").len() == all.len(),
        "another number of profiles without Type"
    );
    for p in bare.all("Profiles") {
        check!(
            p.find("Configurations")
                .is_none_or(|c| c.children.is_empty()),
            "Configurations although no Type was asked for"
        );
    }
    for kind in ["VideoSource", "VideoEncoder", "Analytics", "Metadata"] {
        let a = d.call("tr2:GetProfiles", &format!("<tr2:Type>{kind}</tr2:Type>"))?;
        let found = a.all("Profiles");
        let own: Vec<String> = found.iter().map(|p| token(p)).collect::<Outcome<_>>()?;
        check!(own == tokens, "{kind}: other profiles: {own:?}");
        for (p, full) in found.iter().zip(&all) {
            for c in p.all("Configurations").iter().flat_map(|c| &c.children) {
                check!(
                    c.name.name == kind,
                    "{} although {kind} was asked for",
                    c.name.name
                );
                let whole = full.find(&format!("Configurations/{kind}")).present(kind)?;
                check!(same(c, whole), "{kind} differs from that in All");
            }
        }
    }
    Ok(())
}

fn create_with_source(d: &Device) -> Outcome {
    for kind in ["VideoSource", "AudioSource", "AudioOutput"]
        .into_iter()
        .filter(|k| supported(d, k))
    {
        let all = list(d, kind, "")?;
        let first = token(all.first().present(kind)?)?;
        with_profile(d, &configuration(kind, &first), |t| {
            let p = profile(d, t)?;
            let own = p.find(&format!("Configurations/{kind}")).present(kind)?;
            check!(token(own)? == first, "another configuration");
            Ok(())
        })?;
    }
    Ok(())
}

fn remove_all(d: &Device) -> Outcome {
    let all = list(d, "VideoSource", "")?;
    let first = token(all.first().present("a video source configuration")?)?;
    with_profile(d, &configuration("VideoSource", &first), |t| {
        let body = format!(
            "<tr2:ProfileToken>{t}</tr2:ProfileToken><tr2:Configuration><tr2:Type>All</tr2:Type></tr2:Configuration>"
        );
        d.call("tr2:RemoveConfiguration", &body)?;
        let p = profile(d, t)?;
        check!(
            p.find("Configurations")
                .is_none_or(|c| c.children.is_empty()),
            "something is left"
        );
        Ok(())
    })
}

fn stream_uris(d: &Device) -> Outcome {
    for p in profiles(d)? {
        if p.find("Configurations/VideoEncoder").is_none() {
            continue;
        }
        for protocol in ["RtspUnicast", "RTSP"] {
            let body = format!(
                "<tr2:Protocol>{protocol}</tr2:Protocol><tr2:ProfileToken>{}</tr2:ProfileToken>",
                token(&p)?
            );
            let a = d.call("tr2:GetStreamUri", &body)?;
            let uri = a.text_of("Uri").present("Uri")?;
            check!(uri.len() <= 128, "{} octets: {uri}", uri.len());
            let Ok(url) = url::Url::parse(uri) else {
                fail!("{uri:?} is no URL")
            };
            check!(url.scheme() == "rtsp", "{uri} is no rtsp URL");
            check!(
                url.host_str() == d.target().device_service.host_str(),
                "another host: {uri}"
            );
        }
    }
    Ok(())
}

fn within(range: Option<&Element>, value: f64) -> bool {
    range.is_some_and(|r| {
        r.number("Min").is_some_and(|m| m <= value) && r.number("Max").is_some_and(|m| m >= value)
    })
}

fn source_options(d: &Device) -> Outcome {
    for c in list(d, "VideoSource", "")? {
        let a = d.call(
            "tr2:GetVideoSourceConfigurationOptions",
            &format!(
                "<tr2:ConfigurationToken>{}</tr2:ConfigurationToken>",
                token(&c)?
            ),
        )?;
        let o = a.find("Options").present("Options")?;
        let source = c.text_of("SourceToken").present("SourceToken")?.to_owned();
        check!(
            o.texts("VideoSourceTokensAvailable").contains(&source),
            "{source} is not available"
        );
        let bounds = c.find("Bounds").present("Bounds")?;
        for (attribute, range) in [
            ("x", "XRange"),
            ("y", "YRange"),
            ("width", "WidthRange"),
            ("height", "HeightRange"),
        ] {
            let value = bounds
                .attr(attribute)
                .and_then(|v| v.parse().ok())
                .present(attribute)?;
            check!(
                within(o.find(&format!("BoundsRange/{range}")), value),
                "{attribute} {value} is outside {range}"
            );
        }
    }
    Ok(())
}

pub(super) fn encoder_options_of(d: &Device, t: &str) -> Outcome<Vec<Element>> {
    let a = d.call(
        "tr2:GetVideoEncoderConfigurationOptions",
        &format!("<tr2:ConfigurationToken>{t}</tr2:ConfigurationToken>"),
    )?;
    Ok(a.all("Options").into_iter().cloned().collect())
}

fn numbers(text: Option<&str>) -> Vec<f64> {
    text.unwrap_or_default()
        .split_whitespace()
        .filter_map(|n| n.parse().ok())
        .collect()
}

fn misfit(c: &Element, o: &Element) -> Option<String> {
    if c.text_of("Encoding") != o.text_of("Encoding") {
        return Some("Encoding".into());
    }
    let size = |e: &Element| (e.number("Width"), e.number("Height"));
    let own = c.find("Resolution").map(size)?;
    if !o
        .all("ResolutionsAvailable")
        .into_iter()
        .any(|r| size(r) == own)
    {
        return Some(format!("Resolution {own:?}"));
    }
    if !within(
        o.find("QualityRange"),
        c.number("Quality").unwrap_or(f64::NAN),
    ) {
        return Some("Quality".into());
    }
    let rates = numbers(o.attr("FrameRatesSupported"));
    if let Some(rate) = c.number("RateControl/FrameRateLimit")
        && !rates.is_empty()
        && !rates.iter().any(|r| (r - rate).abs() < 0.01)
    {
        return Some(format!("FrameRateLimit {rate}"));
    }
    if let (Some(rate), Some(range)) =
        (c.number("RateControl/BitrateLimit"), o.find("BitrateRange"))
        && !within(Some(range), rate)
    {
        return Some(format!("BitrateLimit {rate}"));
    }
    let gops = numbers(o.attr("GovLengthRange"));
    if let (Some(gop), [min, max]) = (
        c.attr("GovLength").and_then(|v| v.parse::<f64>().ok()),
        &gops[..],
    ) && !(*min..=*max).contains(&gop)
    {
        return Some(format!("GovLength {gop}"));
    }
    if let (Some(profile), Some(list)) = (c.attr("Profile"), o.attr("ProfilesSupported"))
        && !list.split_whitespace().any(|p| p == profile)
    {
        return Some(format!("Profile {profile}"));
    }
    None
}

fn encoder_fits(d: &Device, c: &Element) -> Outcome {
    let options = encoder_options_of(d, &token(c)?)?;
    let misfits: Vec<String> = options.iter().filter_map(|o| misfit(c, o)).collect();
    check!(
        misfits.len() < options.len(),
        "{} fits no option: {misfits:?}",
        token(c)?
    );
    Ok(())
}

fn encoder_options(d: &Device) -> Outcome {
    let mut all = d
        .call("tr2:GetVideoEncoderConfigurationOptions", "")?
        .all("Options")
        .into_iter()
        .cloned()
        .collect::<Vec<_>>();
    for c in list(d, "VideoEncoder", "")? {
        all.extend(encoder_options_of(d, &token(&c)?)?);
    }
    for o in &all {
        let gops = numbers(o.attr("GovLengthRange"));
        check!(
            gops.is_empty() || (gops.len() == 2 && gops[0] <= gops[1]),
            "GovLengthRange {gops:?}"
        );
        let rates = numbers(o.attr("FrameRatesSupported"));
        check!(
            rates.windows(2).all(|w| w[0] > w[1]),
            "FrameRatesSupported is not descending: {rates:?}"
        );
        ranges(o)?;
    }
    Ok(())
}

/// The configuration with the smallest or largest values of an option.
pub(super) fn extreme(c: &Element, o: &Element, largest: bool) -> Element {
    let pick = |list: Vec<f64>| {
        let fold = if largest { f64::max } else { f64::min };
        list.into_iter().reduce(fold)
    };
    let range = |path: &str| {
        o.text_of(&format!("{path}/{}", if largest { "Max" } else { "Min" }))
            .map(str::to_owned)
    };
    let mut new = c
        .clone()
        .with("Encoding", o.text_of("Encoding").unwrap_or_default());
    let sizes = o.all("ResolutionsAvailable");
    let area = |e: &&Element| {
        (e.number("Width").unwrap_or(0.0) * e.number("Height").unwrap_or(0.0)) as u64
    };
    let size = if largest {
        sizes.into_iter().max_by_key(area)
    } else {
        sizes.into_iter().min_by_key(area)
    };
    if let Some(size) = size {
        new = new
            .with(
                "Resolution/Width",
                size.text_of("Width").unwrap_or_default(),
            )
            .with(
                "Resolution/Height",
                size.text_of("Height").unwrap_or_default(),
            );
    }
    if let Some(quality) = range("QualityRange") {
        new = new.with("Quality", &quality);
    }
    if let Some(rate) = pick(numbers(o.attr("FrameRatesSupported"))) {
        new = new.with("RateControl/FrameRateLimit", &rate.to_string());
    }
    if let Some(rate) = range("BitrateRange") {
        new = new.with("RateControl/BitrateLimit", &rate);
    }
    new.attributes
        .retain(|(n, _)| n.name != "GovLength" && n.name != "Profile");
    if let Some(gop) = pick(numbers(o.attr("GovLengthRange"))) {
        new.attributes
            .push((crate::xml::QName::new("", "GovLength"), gop.to_string()));
    }
    let profiles: Vec<&str> = o
        .attr("ProfilesSupported")
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    if let Some(profile) = if largest {
        profiles.last()
    } else {
        profiles.first()
    } {
        new.attributes
            .push((crate::xml::QName::new("", "Profile"), (*profile).to_owned()));
    }
    new
}

fn set_encoders(d: &Device) -> Outcome {
    for before in list(d, "VideoEncoder", "")? {
        let judged = (|| {
            for o in encoder_options_of(d, &token(&before)?)? {
                for largest in [false, true] {
                    let wanted = extreme(&before, &o, largest);
                    let read = set_and_read(d, "VideoEncoder", &wanted)?;
                    for path in ["Encoding", "Resolution/Width", "Resolution/Height"] {
                        check!(
                            read.text_of(path) == wanted.text_of(path),
                            "{path}: {:?} where {:?} was set",
                            read.text_of(path),
                            wanted.text_of(path)
                        );
                    }
                    for path in [
                        "Quality",
                        "RateControl/FrameRateLimit",
                        "RateControl/BitrateLimit",
                    ] {
                        let (is, was) = (read.number(path), wanted.number(path));
                        check!(
                            was.is_none() || is == was,
                            "{path}: {is:?} where {was:?} was set"
                        );
                    }
                    for name in ["GovLength", "Profile"] {
                        check!(
                            wanted.attr(name).is_none() || read.attr(name) == wanted.attr(name),
                            "{name}: {:?} where {:?} was set",
                            read.attr(name),
                            wanted.attr(name)
                        );
                    }
                }
            }
            Ok(())
        })();
        write(d, "VideoEncoder", &before)?;
        judged?;
    }
    Ok(())
}

fn bad_encoder(d: &Device) -> Outcome {
    let all = list(d, "VideoEncoder", "")?;
    let before = all.first().present("an encoder configuration")?;
    let bad = before
        .clone()
        .with("Resolution/Width", "3")
        .with("Resolution/Height", "1");
    let body = bad.named(soap::ns("tr2"), "Configuration").to_xml();
    d.refused(
        "tr2:SetVideoEncoderConfiguration",
        &body,
        "Sender/InvalidArgVal/ConfigModify",
    )?;
    check!(
        same(&by_token(d, "VideoEncoder", &token(before)?)?, before),
        "it changed all the same"
    );
    Ok(())
}

fn modes(d: &Device) -> Outcome<usize> {
    let mut count = 0;
    for c in list(d, "VideoSource", "")? {
        let source = escape(c.text_of("SourceToken").unwrap_or_default());
        let a = d.call(
            "tr2:GetVideoSourceModes",
            &format!("<tr2:VideoSourceToken>{source}</tr2:VideoSourceToken>"),
        )?;
        let all = a.all("VideoSourceModes");
        check!(!all.is_empty(), "no mode");
        let enabled = all
            .iter()
            .filter(|m| m.attr("Enabled") == Some("true") || m.text_of("Enabled") == Some("true"))
            .count();
        check!(enabled == 1, "{enabled} modes are enabled");
        for m in &all {
            check!(
                m.text_of("Encodings").is_some_and(|e| !e.is_empty()),
                "a mode without Encodings"
            );
        }
        count += all.len();
    }
    Ok(count)
}

fn snapshot(d: &Device) -> Outcome {
    for p in profiles(d)? {
        if p.find("Configurations/VideoEncoder").is_none() {
            continue;
        }
        let a = d.call(
            "tr2:GetSnapshotUri",
            &format!("<tr2:ProfileToken>{}</tr2:ProfileToken>", token(&p)?),
        )?;
        let uri = a.text_of("Uri").present("Uri")?.to_owned();
        jpeg(d, &uri)?;
    }
    Ok(())
}

/// A JPEG is behind the URI, for the administrator only.
pub(super) fn jpeg(d: &Device, uri: &str) -> Outcome {
    let answer = d.http(&d.administrator(), "GET", uri, "snapshot", None)?;
    check!(answer.status == 200, "{uri}: HTTP {}", answer.status);
    check!(
        answer.content_type.starts_with("image/jpeg"),
        "Content-Type {}",
        answer.content_type
    );
    check!(
        answer.body.starts_with(&[0xff, 0xd8]) && answer.body.ends_with(&[0xff, 0xd9]),
        "{} bytes that are no JPEG",
        answer.body.len()
    );
    let answer = d.http(&Auth::None, "GET", uri, "snapshot", None)?;
    check!(
        answer.status == 401,
        "without credentials: HTTP {}",
        answer.status
    );
    Ok(())
}

fn capabilities(d: &Device) -> Outcome {
    let a = d.call("tr2:GetServiceCapabilities", "")?;
    let c = a.find("Capabilities").present("Capabilities")?;
    let p = c
        .find("ProfileCapabilities")
        .present("ProfileCapabilities")?;
    p.attr("MaximumNumberOfProfiles")
        .present("MaximumNumberOfProfiles")?;
    let kinds: Vec<&str> = p
        .attr("ConfigurationsSupported")
        .present("ConfigurationsSupported")?
        .split_whitespace()
        .collect();
    check!(
        !kinds.is_empty() && !kinds.contains(&"All"),
        "ConfigurationsSupported {kinds:?}"
    );
    let features = d.features();
    check!(
        kinds.contains(&"PTZ") == features.services.contains_key("tptz"),
        "PTZ and the PTZ service disagree"
    );
    if let Some(uri) = c
        .find("StreamingCapabilities")
        .and_then(|s| s.attr("RTSPWebSocketUri"))
    {
        check!(
            uri.starts_with("ws://") || uri.starts_with("wss://"),
            "RTSPWebSocketUri {uri}"
        );
    }
    Ok(())
}

fn osds(d: &Device, body: &str) -> Outcome<Vec<Element>> {
    let a = d.call("tr2:GetOSDs", body)?;
    Ok(a.all("OSDs").into_iter().cloned().collect())
}

fn osd_body(t: &str, source: &str, text: &str) -> String {
    format!(
        "<tr2:OSD token=\"{t}\"><tt:VideoSourceConfigurationToken>{source}</tt:VideoSourceConfigurationToken><tt:Type>Text</tt:Type>\
         <tt:Position><tt:Type>UpperLeft</tt:Type></tt:Position><tt:TextString><tt:Type>Plain</tt:Type><tt:PlainText>{text}</tt:PlainText></tt:TextString></tr2:OSD>"
    )
}

fn text_osd(d: &Device, changed: bool) -> Outcome {
    let all = list(d, "VideoSource", "")?;
    let source = token(all.first().present("a video source configuration")?)?;
    let body = format!("<tr2:ConfigurationToken>{source}</tr2:ConfigurationToken>");
    let o = d.call("tr2:GetOSDOptions", &body)?;
    if !o
        .texts("OSDOptions/TextOption/Type")
        .contains(&"Plain".into())
    {
        skip!("no plain text OSDs");
    }
    let before = osds(d, "")?;
    let most = o
        .find("OSDOptions/MaximumNumberOfOSDs")
        .and_then(|m| m.attr("Total")?.parse().ok())
        .unwrap_or(usize::MAX);
    if before.len() >= most {
        skip!("the device has its most OSDs ({most})");
    }
    let a = d.call("tr2:CreateOSD", &osd_body("", &source, "ONE"))?;
    let t = escape(a.text_of("OSDToken").present("OSDToken")?);
    let judged = (|| {
        check!(
            before.iter().all(|o| o.attr("token") != Some(&t)),
            "the token was there before"
        );
        let mut wanted = "ONE";
        if changed {
            wanted = "TWO 2";
            d.call("tr2:SetOSD", &osd_body(&t, &source, wanted))?;
        }
        let read = osds(d, &format!("<tr2:OSDToken>{t}</tr2:OSDToken>"))?;
        check!(read.len() == 1, "{} OSDs for one token", read.len());
        check!(
            read[0].text_of("TextString/PlainText") == Some(wanted),
            "{:?} where {wanted} was set",
            read[0].text_of("TextString/PlainText")
        );
        Ok(())
    })();
    d.call(
        "tr2:DeleteOSD",
        &format!("<tr2:OSDToken>{t}</tr2:OSDToken>"),
    )?;
    judged?;
    check!(
        osds(d, "")?.iter().all(|o| o.attr("token") != Some(&t)),
        "the OSD is still there"
    );
    Ok(())
}

fn osd_options(d: &Device) -> Outcome {
    for c in list(d, "VideoSource", "")? {
        let a = d.call(
            "tr2:GetOSDOptions",
            &format!(
                "<tr2:ConfigurationToken>{}</tr2:ConfigurationToken>",
                token(&c)?
            ),
        )?;
        let o = a.find("OSDOptions").present("OSDOptions")?;
        let types = o.texts("Type");
        check!(
            types.contains(&"Text".into()) == o.find("TextOption").is_some(),
            "Type Text and TextOption disagree"
        );
        check!(
            types.contains(&"Image".into()) == o.find("ImageOption").is_some(),
            "Type Image and ImageOption disagree"
        );
        let texts = o.texts("TextOption/Type");
        for (kind, needs) in [
            ("Date", &["DateFormat"][..]),
            ("Time", &["TimeFormat"]),
            ("DateAndTime", &["DateFormat", "TimeFormat"]),
        ] {
            if texts.contains(&kind.into()) {
                for need in needs {
                    check!(
                        o.find(&format!("TextOption/{need}")).is_some(),
                        "{kind} without {need}"
                    );
                }
            }
        }
        ranges(o)?;
    }
    Ok(())
}

fn mask(d: &Device) -> Outcome {
    let all = list(d, "VideoSource", "")?;
    let source = token(all.first().present("a video source configuration")?)?;
    let by_source = format!("<tr2:ConfigurationToken>{source}</tr2:ConfigurationToken>");
    let o = d.call("tr2:GetMaskOptions", &by_source)?;
    let kinds = o.texts("Options/Types");
    let kind = kinds.first().present("a mask type")?;
    let colour = if kind == "Color" {
        let c = o
            .find("Options/Color/ColorList")
            .map(|c| (c.attr("X"), c.attr("Y"), c.attr("Z"), c.attr("Colorspace")));
        match c {
            Some((Some(x), Some(y), Some(z), space)) => {
                let space = space.map(|s| format!(" Colorspace=\"{s}\"")).unwrap_or_default();
                format!("<tt:Color X=\"{x}\" Y=\"{y}\" Z=\"{z}\"{space}/>")
            }
            _ => "<tt:Color X=\"0\" Y=\"128\" Z=\"128\" Colorspace=\"http://www.onvif.org/ver10/colorspace/YCbCr\"/>".into(),
        }
    } else {
        String::new()
    };
    let points = [
        ("-0.5", "-0.5"),
        ("0.5", "-0.5"),
        ("0.5", "0.5"),
        ("-0.5", "0.5"),
    ]
    .map(|(x, y)| format!("<tt:Point x=\"{x}\" y=\"{y}\"/>"))
    .concat();
    let body = format!(
        "<tr2:Mask token=\"\"><tr2:ConfigurationToken>{source}</tr2:ConfigurationToken><tr2:Polygon>{points}</tr2:Polygon><tr2:Type>{kind}</tr2:Type>{}<tr2:Enabled>false</tr2:Enabled></tr2:Mask>",
        colour.replace("tt:Color", "tr2:Color")
    );
    let a = d.call("tr2:CreateMask", &body)?;
    let t = escape(a.text_of("Token").present("Token")?);
    let read = d.call("tr2:GetMasks", &format!("<tr2:Token>{t}</tr2:Token>"));
    d.call("tr2:DeleteMask", &format!("<tr2:Token>{t}</tr2:Token>"))?;
    let read = read?;
    let m = read.find("Masks").present("the mask")?;
    check!(
        m.all("Polygon/Point").len() == 4,
        "{} points where 4 were set",
        m.all("Polygon/Point").len()
    );
    check!(
        d.call("tr2:GetMasks", "")?
            .all("Masks")
            .iter()
            .all(|m| m.attr("token") != Some(&t)),
        "the mask is still there"
    );
    Ok(())
}
