//! Media 2: MEDIA2-1-x to MEDIA2-9-x.

mod configurations;
mod drawn;
mod encoders;
mod kinds;
mod pictures;
mod profiles;

use std::collections::BTreeSet;

use super::pullpoint::announces;
use crate::{
    case::{Case, LIMIT, Need, Outcome, Present, Run, case},
    check,
    device::{Auth, Device},
    fail, skip, soap,
    xml::{Element, escape},
};

pub(super) use self::{configurations::*, encoders::*, pictures::*, profiles::*};
use self::{drawn::*, kinds::*};

const MEDIA2: Need = Need::Service("tr2");
const NO_CONFIG: &str = "Sender/InvalidArgVal/NoConfig";
const NO_PROFILE: &str = "Sender/InvalidArgVal/NoProfile";
const KINDS: &str = "ProfileCapabilities@ConfigurationsSupported";
const UNKNOWN: &str = "conformance-unknown";

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
                    needs: kind.needs.into(),
                    run: Run::For(run, kind.name),
                    limit: LIMIT * 2,
                });
            }
        }
    }
    cases
}
