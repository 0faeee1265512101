//! The kinds of configurations of media 2 and their cases.

use super::*;

/// What every kind of configuration goes through.
pub(in crate::cases) type Procedure = fn(&Device, &'static str) -> Outcome;

/// One kind of configuration and the cases that every kind has.
pub(in crate::cases) struct Kind {
    pub(super) name: &'static str,
    pub(super) needs: &'static [Need],
    pub(super) profiles: &'static str,
    pub(super) list: &'static str,
    pub(super) equal: &'static str,
    pub(super) unknown: &'static str,
    pub(super) options: &'static str,
    pub(super) set: &'static str,
}

pub(in crate::cases) const fn kind(
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

pub(in crate::cases) const ALL: &[Kind] = &[
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
