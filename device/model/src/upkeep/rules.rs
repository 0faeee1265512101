//! The rules of the check for abnormal configuration (COMM-6): what is wrong, how bad it is, and where it is mended.

use std::time::Duration;

use lpr_core::WatchKind;

use super::{Facts, FindingSeverity};
use crate::{
    SourceState,
    ports::{CardState, StorageFigures, StreamId},
    settings::{
        AlarmInputs, DeviceGeneral, DiscoveryMode, LprRecognition, NetDdns, NetDot1x, OnvifService,
        TimeSettings, VideoMain, VideoSub,
    },
    time::in_bounds,
};

/// One thing to look at.
pub(super) struct Rule {
    /// Its word; the pages have a text for it.
    pub(super) id: &'static str,
    pub(super) severity: FindingSeverity,
    /// Route of the page that mends it; empty when none does.
    pub(super) page: &'static str,
    /// It begins and ends by itself: every page shows it while it holds.
    pub(super) live: bool,
    /// What is wrong, if it is.
    pub(super) look: fn(&Facts) -> Option<String>,
}

/// Free space below this share of the disk is nearly full, percent.
const NEARLY_FULL: u64 = 5;
/// A certificate that ends within this time should be renewed.
const RENEW: Duration = Duration::from_secs(30 * 24 * 3600);
/// Plates span at most about this share of the picture's width; a larger least width reads nothing.
const WIDEST_SHARE: u32 = 2;

/// A stream with less than this share of the pictures that it could have is short of them.
const ENOUGH: f32 = 0.7;

/// Pictures that an encoder leaves out: what is given up next after frames for recognition.
fn encoder_slow(f: &Facts) -> Option<String> {
    let SourceState::Running { .. } = f.media.state else {
        return None;
    };
    let short = |stream: StreamId| {
        let (name, wanted) = match stream {
            StreamId::Main => ("Main", f.settings.get::<VideoMain>().frame_rate),
            StreamId::Sub => ("Sub", f.settings.get::<VideoSub>().frame_rate),
        };
        let wanted = (wanted.get() as f32).min(f.media.capture_fps);
        let status = f.media.streams.iter().find(|s| s.stream == stream)?;
        let got = status.fps;
        // None at all: it is off, or nobody watches it.
        (status.enabled && got > 0.0 && got < ENOUGH * wanted).then(|| {
            format!("{name}stream: {got:.1} pictures a second, {wanted:.1} are wanted: the processor is short.")
        })
    };
    short(StreamId::Main).or_else(|| short(StreamId::Sub))
}

pub(super) const RULES: &[Rule] = {
    use FindingSeverity::{Error, Notice, Warning};
    &[
        Rule {
            id: "source-failing",
            severity: Error,
            page: "",
            live: true,
            look: |f| match &f.media.state {
                SourceState::Failed { reason, .. } => {
                    Some(format!("There is no picture: {reason}."))
                }
                SourceState::Connecting | SourceState::Running { .. } => None,
            },
        },
        Rule {
            id: "recognition-off",
            severity: Warning,
            page: "/setting/lpr/scene",
            live: false,
            look: |f| {
                let lpr = f.settings.get::<LprRecognition>();
                if !lpr.enabled {
                    return Some("Plate recognition is switched off.".into());
                }
                let silent = "Plates are followed but nobody is told and nothing is recorded: Report Plates is off.";
                (!lpr.report).then(|| silent.into())
            },
        },
        Rule {
            id: "recognition-failing",
            severity: Error,
            page: "",
            live: true,
            look: |f| {
                let why = f.media.recognition_error.as_ref()?;
                f.settings
                    .get::<LprRecognition>()
                    .enabled
                    .then(|| format!("Plate recognition does not run: {why}."))
            },
        },
        Rule {
            id: "plate-width",
            severity: Warning,
            page: "/setting/lpr/scene",
            live: false,
            look: |f| {
                let SourceState::Running { width, .. } = f.media.state else {
                    return None;
                };
                let least = f.settings.get::<LprRecognition>().min_plate_width.get();
                (least * WIDEST_SHARE > width).then(|| {
                    format!("Minimum Plate Width is {least} pixels, the picture is {width} pixels wide: hardly any plate will be read.")
                })
            },
        },
        Rule {
            id: "analysis-slow",
            severity: Notice,
            page: "/setting/lpr/scene",
            live: false,
            look: |f| {
                let wanted = f.settings.get::<LprRecognition>().analysis_rate.get() as f32;
                let got = f.media.analysed_fps;
                (got > 0.0 && got * 2.0 < wanted).then(|| {
                    format!("{got:.1} frames a second are analysed, {wanted} are wanted: the processor is short.")
                })
            },
        },
        Rule {
            id: "encoder-slow",
            severity: Warning,
            page: "/setting/video/stream",
            live: false,
            look: encoder_slow,
        },
        Rule {
            id: "stream-larger-than-source",
            severity: Notice,
            page: "/setting/video/stream",
            live: false,
            look: |f| {
                let SourceState::Running { width, height, .. } = f.media.state else {
                    return None;
                };
                let wanted = f.settings.get::<VideoMain>().resolution;
                (!wanted.fits_in(width, height)).then(|| {
                    format!(
                        "The main stream wants {}×{}, the source has {width}×{height}.",
                        wanted.width(),
                        wanted.height()
                    )
                })
            },
        },
        Rule {
            id: "clock-implausible",
            severity: Error,
            page: "/setting/system/time",
            live: true,
            look: |f| {
                (!in_bounds(f.now))
                    .then(|| format!("The clock reads {}: set it or use NTP.", f.now))
            },
        },
        Rule {
            id: "ntp-off",
            severity: Notice,
            page: "/setting/system/time",
            live: false,
            look: |f| {
                let off = !f.settings.get::<TimeSettings>().ntp_enabled && !f.ntp.synchronised;
                off.then(|| "Nothing keeps the clock right: NTP is off.".into())
            },
        },
        Rule {
            id: "ntp-failing",
            severity: Warning,
            page: "/setting/system/time",
            live: true,
            look: |f| {
                let on = f.settings.get::<TimeSettings>().ntp_enabled;
                (on && !f.ntp.synchronised).then(|| match &f.ntp.error {
                    Some(why) => format!("NTP does not set the clock: {why}."),
                    None => "NTP has not set the clock yet.".into(),
                })
            },
        },
        Rule {
            id: "certificate-ends",
            severity: Warning,
            page: "/setting/network/https",
            live: true,
            look: |f| {
                let ends = f.certificate_ends?;
                (ends < f.now + RENEW).then(|| format!("The certificate of HTTPS ends at {ends}."))
            },
        },
        Rule {
            id: "dot1x-unverified",
            severity: Warning,
            page: "/setting/network/802-1x",
            live: false,
            look: |f| {
                let s = f.settings.get::<NetDot1x>();
                (s.enabled && !s.verify_server)
                    .then(|| "802.1x proves the unit to any server: Verify Server is off.".into())
            },
        },
        Rule {
            id: "ddns-readable",
            severity: Warning,
            page: "/setting/network/ddns",
            live: false,
            look: |f| {
                let s = f.settings.get::<NetDdns>();
                s.is_readable().then(|| {
                    "DDNS sends its password unencrypted: the address begins with http://.".into()
                })
            },
        },
        Rule {
            id: "storage-failing",
            severity: Error,
            page: "",
            live: true,
            look: |f| {
                let why = f.storage_failure.as_ref()?;
                Some(format!("Records cannot be stored: {why}."))
            },
        },
        Rule {
            id: "disk-nearly-full",
            severity: Error,
            page: "",
            live: true,
            look: |f| {
                let StorageFigures { free, total, .. } = f.storage;
                let full =
                    total > 0 && free.saturating_mul(100) < total.saturating_mul(NEARLY_FULL);
                full.then(|| {
                    format!(
                        "{} MiB of {} MiB are free: records will be lost.",
                        free >> 20,
                        total >> 20
                    )
                })
            },
        },
        Rule {
            id: "card-unformatted",
            severity: Warning,
            page: "/setting/storage/local",
            live: true,
            look: |f| {
                (f.card.state == CardState::Unformatted)
                    .then(|| "The memory card must be formatted.".to_owned())
            },
        },
        Rule {
            id: "card-failing",
            severity: Error,
            page: "/setting/storage/local",
            live: true,
            look: |f| match f.card.state {
                CardState::ReadOnly => Some("The memory card is write-protected.".to_owned()),
                CardState::Damaged => {
                    Some("The file system of the memory card is damaged.".to_owned())
                }
                CardState::Failed => Some("The memory card cannot be used.".to_owned()),
                _ if f.card.pulled => Some("The memory card was removed.".to_owned()),
                _ => None,
            },
        },
        Rule {
            id: "view-disturbed",
            severity: Warning,
            page: "/setting/event/picture",
            live: true,
            look: |f| {
                let why = match f.view.as_ref()? {
                    WatchKind::Motion => return None,
                    WatchKind::TooDark => "it is almost black",
                    WatchKind::TooBright => "it is almost white",
                    WatchKind::TooBlurry => "nothing in it is sharp",
                    WatchKind::SceneChange => {
                        "it shows another scene: the camera was turned, or its view is covered"
                    }
                };
                Some(format!("The picture is disturbed: {why}."))
            },
        },
        Rule {
            id: "alarm-input",
            severity: Notice,
            page: "/setting/event/alarm",
            live: true,
            look: |f| {
                // A vehicle on its loop is nothing to look after.
                let lpr = f.settings.get::<LprRecognition>();
                let is_loop = |i| lpr.loop_inputs().any(|input| input == i);
                let all = f.inputs.iter().enumerate();
                let mut others = all.filter(|(i, active)| **active && !is_loop(*i));
                let active = others.next()?.0;
                Some(format!("Alarm input {} is active.", active + 1))
            },
        },
        Rule {
            id: "loop-raises-alarms",
            severity: Notice,
            page: "/setting/event/alarm",
            live: true,
            look: |f| {
                let alarms = f.settings.get::<AlarmInputs>();
                let mut loops = f.settings.get::<LprRecognition>().loop_inputs();
                let both = loops.find(|i| alarms.inputs().get(*i).is_some_and(|a| a.enabled))?;
                let n = both + 1;
                Some(format!(
                    "Alarm input {n} is a detection loop and raises alarms as well: each vehicle is one."
                ))
            },
        },
        Rule {
            id: "default-name",
            severity: Notice,
            page: "/setting/system/general",
            live: false,
            look: |f| {
                let default =
                    f.settings.get::<DeviceGeneral>().name == DeviceGeneral::default().name;
                default.then(|| "The unit has its first name: units cannot be told apart.".into())
            },
        },
        Rule {
            id: "not-discoverable",
            severity: Notice,
            page: "/setting/system/services",
            live: false,
            look: |f| {
                let hidden =
                    f.settings.get::<OnvifService>().discovery == DiscoveryMode::NonDiscoverable;
                hidden.then(|| {
                    "Recorders do not find this unit by themselves: discovery is off.".into()
                })
            },
        },
        Rule {
            id: "no-upgrade-key",
            severity: Notice,
            page: "/setting/system/maintenance",
            live: false,
            look: |f| {
                let nobody = f.upgrade_trust == Some(false);
                nobody.then(|| "No key is trusted for upgrades: none can be installed.".into())
            },
        },
    ]
};
