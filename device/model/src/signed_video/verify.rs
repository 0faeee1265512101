//! Says which parts of a signed stream are as they were signed.

use std::{collections::VecDeque, ops::Range, time::Duration};

use lpr_core::UtcTime;

use super::{
    Certified, Hash, Trust, hash,
    nal::{Coding, Kind},
    sei::{self, Gop, Sei, Vendor},
    signer::LONGEST,
    timeline::{Span, Timeline, Verdict},
};

/// Slices that wait for their signature at most; a signed part has far fewer.
const MAX_PENDING: usize = 20_000;
/// Pictures behind the last signature that a recording can end with: a part that is not over, and the pictures until the next one.
const LONGEST_TAIL: Duration = LONGEST.saturating_mul(2);
/// Most different certificates and texts that are told.
const MAX_TOLD: usize = 16;

const GENUINE: &str = "";
const NO_SIGNATURE: &str = "no signature covers it";
const TAIL: &str = "ends before its signature";
const ALTERED: &str = "is not what was signed";
const BAD_SIGNATURE: &str = "the signature does not fit";
const STRANGER: &str = "signed by another unit";
const NOT_THERE: &str = "signed pictures are not there";
const ANEW: &str = "the signed stream does not go on here";

/// What was found of a stream.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order of the stream.
    pub spans: Vec<Span>,
    /// Certificates that it was signed with.
    pub certificates: Vec<Certified>,
    /// Watermark texts, of genuine parts alone.
    pub texts: Vec<String>,
    /// What the unit says of itself, from a genuine part.
    pub vendor: Option<Vendor>,
    /// First and last moment of the genuine parts, as the unit's clock had it.
    pub taken: Option<(UtcTime, UtcTime)>,
}

impl Report {
    /// Whether all is genuine. Pictures behind the last signature cannot be proven and are passed over here: every recording ends with some.
    #[must_use]
    pub fn is_genuine(&self) -> bool {
        let tail = self.spans.last().filter(|s| s.reason == TAIL).is_some();
        let proven = &self.spans[..self.spans.len() - usize::from(tail)];
        !proven.is_empty() && proven.iter().all(|s| s.verdict == Verdict::Genuine)
    }

    /// Whether there is any signature in it.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.spans.iter().any(|s| s.verdict != Verdict::Unsigned)
    }
}

/// A slice, or a SEI without a signature, that waits for the one that covers it.
#[derive(Debug)]
struct Item {
    at: Duration,
    own: Hash,
    starts_group: bool,
    /// Hashed by itself.
    alone: bool,
    text: Option<Vec<u8>>,
}

impl Item {
    fn hash(&self, anchor: &Hash) -> Hash {
        match self.alone || self.starts_group {
            true => self.own,
            false => hash(&[anchor, &self.own]),
        }
    }
}

/// The signed part before.
#[derive(Debug)]
struct Before {
    counter: u32,
    first: Option<Hash>,
}

impl Before {
    const fn of(gop: &Gop, first: Option<Hash>) -> Self {
        Self {
            counter: gop.counter,
            first,
        }
    }
}

/// Takes a stream unit by unit.
#[derive(Debug)]
pub struct Verifier {
    coding: Coding,
    trust: Trust,
    pending: VecDeque<Item>,
    before: Option<Before>,
    anchor: Hash,
    /// Of the SEI that came last with one.
    leaf: Option<(String, Option<Certified>)>,
    timeline: Timeline,
    report: Report,
}

impl Verifier {
    /// Of a stream that is to be signed by whom `trust` says.
    #[must_use]
    pub fn new(coding: Coding, trust: Trust) -> Self {
        Self {
            coding,
            trust,
            pending: VecDeque::new(),
            before: None,
            anchor: Hash::default(),
            leaf: None,
            timeline: Timeline::default(),
            report: Report::default(),
        }
    }

    /// Takes the next NAL unit, without start code; `at` is the time of its picture.
    pub fn push(&mut self, nal: &[u8], at: Duration) {
        // Some files have zeros behind the stop bit.
        let zeros = nal.iter().rev().take_while(|b| **b == 0).count();
        let nal = &nal[..nal.len() - zeros];
        match self.coding.kind(nal) {
            Kind::Other => {}
            kind @ Kind::Slice { .. } => self.wait(Item {
                at,
                own: hash(&[nal]),
                starts_group: kind.starts_group(),
                alone: false,
                text: None,
            }),
            Kind::Sei => match sei::read(self.coding, nal) {
                Ok(None) => {}
                Ok(Some(sei)) if sei.signature.is_none() => self.wait(Item {
                    at,
                    own: hash(&[&sei.document]),
                    starts_group: false,
                    alone: true,
                    text: sei.data,
                }),
                Ok(Some(sei)) => self.signed(&sei, at),
                Err(sei::Malformed) => self.all_pending(Verdict::Changed, BAD_SIGNATURE),
            },
        }
    }

    fn wait(&mut self, item: Item) {
        if self.pending.len() >= MAX_PENDING {
            self.all_pending(Verdict::Unsigned, NO_SIGNATURE);
        }
        self.pending.push_back(item);
    }

    fn all_pending(&mut self, verdict: Verdict, reason: &'static str) {
        for item in self.pending.drain(..) {
            if !item.alone {
                self.timeline.slice(item.at, verdict, reason);
            }
        }
    }

    /// Whose key the SEI is to be checked with: that of its certificate, or of the last one.
    fn leaf(&mut self, sei: &Sei) -> Option<Certified> {
        if let Some(chain) = &sei.chain
            && self.leaf.as_ref().is_none_or(|(known, _)| known != chain)
        {
            self.leaf = Some((chain.clone(), Certified::of(chain, &self.trust)));
        }
        self.leaf.as_ref()?.1.clone()
    }

    fn signed(&mut self, sei: &Sei, at: Duration) {
        let leaf = self.leaf(sei).filter(|leaf| {
            let signature = sei.signature.as_deref().unwrap_or_default();
            leaf.signed(&sei.document, signature)
        });
        // Without a part it proves certificates alone.
        let Some(gop) = &sei.gop else { return };
        let listed = sei.hashes.is_empty() || hash(&[sei.hashes.as_flattened()]) == gop.hash;
        let Some(leaf) = leaf.filter(|_| listed && sei.sha256 != Some(false)) else {
            self.before = None;
            return self.all_pending(Verdict::Changed, BAD_SIGNATURE);
        };
        let trusted = leaf.trusted;
        if !self.report.certificates.contains(&leaf) && self.report.certificates.len() < MAX_TOLD {
            self.report.certificates.push(leaf);
        }
        if !trusted {
            self.before = None;
            return self.all_pending(Verdict::Foreign, STRANGER);
        }
        let opening = self.before.is_none();
        let (mut lost, follows) = self.lost(gop);
        let found = find(self.pending.make_contiguous(), sei, &self.anchor);
        if opening && found.fitting == 0 {
            // What it signs came before the first picture, or all of it is gone and its link shows what was before it.
            if self
                .pending
                .iter()
                .any(|item| item.starts_group && item.own == gop.link)
            {
                self.all_pending(Verdict::Unsigned, NO_SIGNATURE);
                self.timeline.missing(at, NOT_THERE);
            }
            self.before = Some(Before::of(gop, sei.hashes.first().copied()));
            return;
        }
        for item in self.pending.drain(..found.range.start) {
            if item.starts_group {
                lost = lost.saturating_sub(1);
            }
            if !item.alone {
                self.timeline
                    .slice(item.at, Verdict::Unsigned, NO_SIGNATURE);
            }
        }
        let items: Vec<Item> = self.pending.drain(..found.range.len()).collect();
        if !follows {
            self.timeline
                .missing(items.first().map_or(at, |i| i.at), ANEW);
        }
        let first = match sei.hashes.first() {
            Some(first) => Some(*first),
            None => items.first().map(|item| item.hash(&found.anchor)),
        };
        let whole = match sei.hashes.is_empty() {
            true => self.as_one(&items, found.fitting > 0),
            false => self.one_by_one(&items, &sei.hashes, &found.anchor, [opening, lost > 0], at),
        };
        if whole {
            let (from, to) = self.report.taken.unwrap_or((gop.start, gop.end));
            self.report.taken = Some((from.min(gop.start), to.max(gop.end)));
            self.report.vendor = sei.vendor.clone().or(self.report.vendor.take());
        }
        self.anchor = found.anchor;
        self.before = Some(Before::of(gop, first));
    }

    /// Parts between the one before and this, and whether they belong together at all.
    fn lost(&self, gop: &Gop) -> (u32, bool) {
        let Some(before) = &self.before else {
            return (0, true);
        };
        match gop.counter.wrapping_sub(before.counter) {
            1 => (0, before.first.is_none_or(|first| first == gop.link)),
            n @ 2..=0x7fff_ffff => (n - 1, true),
            _ => (0, false),
        }
    }

    /// A part without a list stands or falls as one.
    fn as_one(&mut self, items: &[Item], fits: bool) -> bool {
        let (verdict, reason) = match fits {
            true => (Verdict::Genuine, GENUINE),
            false => (Verdict::Changed, ALTERED),
        };
        for item in items {
            self.judge(item, verdict, reason);
        }
        fits
    }

    /// Compares with the list in order; whether all was there and as it was.
    fn one_by_one(
        &mut self,
        items: &[Item],
        listed: &[Hash],
        anchor: &Hash,
        [opening, lost]: [bool; 2],
        at: Duration,
    ) -> bool {
        let mut next = 0;
        let mut strange: Vec<&Item> = Vec::new();
        let mut whole = true;
        let ends = items.iter().map(Some).chain([None]);
        for item in ends {
            let skipped = match item {
                Some(item) => {
                    let own = item.hash(anchor);
                    match listed[next..].iter().position(|hash| *hash == own) {
                        Some(skipped) => skipped,
                        None => {
                            strange.push(item);
                            continue;
                        }
                    }
                }
                None => listed.len() - next,
            };
            let begins = next == 0;
            // Where a signature got lost, what is before the first that fits is its part.
            let (verdict, reason) = match begins && lost {
                true => (Verdict::Unsigned, NO_SIGNATURE),
                false => (Verdict::Changed, ALTERED),
            };
            for item in &strange {
                self.judge(item, verdict, reason);
            }
            whole &= strange.is_empty();
            // The begin of a file may lie within a part.
            if skipped > strange.len() && !(begins && opening) {
                self.timeline.missing(item.map_or(at, |i| i.at), NOT_THERE);
                whole = false;
            } else if begins && lost && strange.is_empty() {
                self.timeline.missing(item.map_or(at, |i| i.at), NOT_THERE);
            }
            strange.clear();
            if let Some(item) = item {
                self.judge(item, Verdict::Genuine, GENUINE);
            }
            next += skipped + 1;
        }
        whole
    }

    fn judge(&mut self, item: &Item, verdict: Verdict, reason: &'static str) {
        if !item.alone {
            return self.timeline.slice(item.at, verdict, reason);
        }
        if verdict != Verdict::Genuine {
            return self.timeline.slice(item.at, verdict, reason);
        }
        let text = item.text.as_deref().map(String::from_utf8_lossy);
        if let Some(text) = text
            && self.report.texts.len() < MAX_TOLD
            && !self.report.texts.iter().any(|t| *t == text)
        {
            self.report.texts.push(text.into_owned());
        }
    }

    /// The stream has ended.
    #[must_use]
    pub fn finish(mut self) -> Report {
        let last = self.pending.iter().rposition(|item| item.starts_group);
        let all = self.pending.len();
        let tail = match self.before {
            Some(_) => last.unwrap_or_default(),
            None => all,
        };
        // Longer than that no part waits for its signature.
        let end = self.pending.back().map(|item| item.at);
        let begin = self.pending.get(tail).map(|item| item.at);
        let lasts = end.zip(begin).map(|(end, begin)| end.saturating_sub(begin));
        let tail = if lasts > Some(LONGEST_TAIL) {
            all
        } else {
            tail
        };
        for (n, item) in self.pending.iter().enumerate() {
            let reason = if n < tail { NO_SIGNATURE } else { TAIL };
            if !item.alone {
                self.timeline.slice(item.at, Verdict::Unsigned, reason);
            }
        }
        self.report.spans = self.timeline.finish();
        self.report
    }
}

/// The pictures that a SEI most likely speaks of.
struct Found {
    range: Range<usize>,
    /// Units of them that fit.
    fitting: usize,
    anchor: Hash,
}

/// Looks through the groups that wait. Of those that fit alike the last counts: signers put the SEI behind what it signs.
fn find(pending: &[Item], sei: &Sei, known: &Hash) -> Found {
    let Some(gop) = &sei.gop else {
        return Found::nothing(*known);
    };
    let begins = pending.iter().enumerate().skip(1);
    let begins = begins.filter(|(_, item)| item.starts_group).map(|(n, _)| n);
    let begins: Vec<usize> = [0]
        .into_iter()
        .chain(begins)
        .chain([pending.len()])
        .collect();
    let mut best = Found::nothing(*known);
    for pair in begins.windows(2) {
        let group = &pending[pair[0]..pair[1]];
        let own = group.first().filter(|i| i.starts_group).map(|i| i.own);
        let anchors = [sei.hashes.first().copied(), own, Some(*known)];
        for anchor in anchors.into_iter().flatten() {
            let (fitting, end) = match sei.hashes.is_empty() {
                true => as_hashed(group, gop, &anchor),
                false => as_listed(group, &sei.hashes, &anchor),
            };
            // A group that was not left in one piece may go on behind this part.
            let end = match gop.partial {
                true => end.max(usize::from(gop.units).min(group.len())),
                false => group.len(),
            };
            if fitting > best.fitting || (fitting == 0 && best.fitting == 0) {
                best = Found {
                    range: pair[0]..pair[0] + end,
                    fitting,
                    anchor,
                };
            }
        }
    }
    best
}

impl Found {
    const fn nothing(anchor: Hash) -> Self {
        Self {
            range: 0..0,
            fitting: 0,
            anchor,
        }
    }
}

/// How many of the group are in the list in its order, and the end of the last of them.
fn as_listed(group: &[Item], listed: &[Hash], anchor: &Hash) -> (usize, usize) {
    let (mut next, mut fitting, mut end) = (0, 0, 0);
    for (n, item) in group.iter().enumerate() {
        let own = item.hash(anchor);
        if let Some(skipped) = listed[next..].iter().position(|hash| *hash == own) {
            next += skipped + 1;
            (fitting, end) = (fitting + 1, n + 1);
        }
    }
    (fitting, end)
}

/// The same where there is no list: all or none.
fn as_hashed(group: &[Item], gop: &Gop, anchor: &Hash) -> (usize, usize) {
    let units = match gop.partial {
        true => usize::from(gop.units).min(group.len()),
        false => group.len(),
    };
    let hashes: Vec<Hash> = group[..units].iter().map(|i| i.hash(anchor)).collect();
    match hash(&[hashes.as_flattened()]) == gop.hash {
        true => (units, units),
        false => (0, 0),
    }
}
