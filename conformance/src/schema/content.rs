//! Matches child elements with a content model.
//!
//! Backtracking; elements take as much as they can, wildcards as little, so that an element declaration
//! goes before a wildcard (XSD 1.1 §3.8.6.4).

use std::{cell::Cell, collections::BTreeSet};

use super::model::{Element, Particle, Schemas, Term, Wildcard};
use crate::xml::{self, QName};

/// How a child was matched.
#[derive(Clone, Copy, Debug)]
pub(super) enum Match<'a> {
    Element(&'a Element),
    Any(&'a Wildcard),
}

/// What stood in the way.
#[derive(Debug)]
pub(super) struct Mismatch {
    /// The first child that fits nowhere; the number of children when something is missing at the end.
    pub(super) at: usize,
    /// Names that would have fitted there.
    pub(super) expected: BTreeSet<String>,
}

/// Steps after which a content model is called too ambiguous.
const MAX_STEPS: u32 = 2_000_000;

struct Matcher<'a> {
    schemas: &'a Schemas,
    children: &'a [xml::Element],
    found: Vec<Option<Match<'a>>>,
    furthest: usize,
    expected: BTreeSet<String>,
    steps: Cell<u32>,
}

type Next<'k, 'a> = &'k mut dyn FnMut(&mut Matcher<'a>, usize) -> bool;

/// Matches all `children` with `models` one after another.
///
/// # Errors
/// The furthest place that was reached.
pub(super) fn assign<'a>(
    schemas: &'a Schemas,
    models: &[&'a Particle],
    children: &'a [xml::Element],
) -> Result<Vec<Match<'a>>, Mismatch> {
    let mut matcher = Matcher {
        schemas,
        children,
        found: vec![None; children.len()],
        furthest: 0,
        expected: BTreeSet::new(),
        steps: Cell::new(0),
    };
    let all = children.len();
    let done = matcher.models(models, 0, &mut |m, at| {
        if at < all {
            m.wanted(at, None);
        }
        at == all
    });
    if done {
        return Ok(matcher.found.into_iter().flatten().collect());
    }
    Err(Mismatch {
        at: matcher.furthest,
        expected: matcher.expected,
    })
}

impl<'a> Matcher<'a> {
    fn wanted(&mut self, at: usize, name: Option<&QName>) {
        if at > self.furthest {
            self.furthest = at;
            self.expected.clear();
        }
        if at == self.furthest {
            self.expected.extend(name.map(|n| n.name.clone()));
        }
    }

    fn models(&mut self, models: &[&'a Particle], at: usize, next: Next<'_, 'a>) -> bool {
        match models.split_first() {
            None => next(self, at),
            Some((first, rest)) => self.repeat(first, 0, at, &mut |m, at| m.models(rest, at, next)),
        }
    }

    fn repeat(
        &mut self,
        particle: &'a Particle,
        times: u32,
        at: usize,
        next: Next<'_, 'a>,
    ) -> bool {
        let steps = self.steps.get();
        if steps > MAX_STEPS {
            return false;
        }
        self.steps.set(steps + 1);
        let may_stop = times >= particle.min;
        let may_go = particle.max.is_none_or(|max| times < max);
        let lazy = matches!(particle.term, Term::Any(_));
        if lazy && may_stop && next(self, at) {
            return true;
        }
        if may_go
            && self.once(particle, at, &mut |m, after| {
                // Nothing consumed: another turn would not end.
                if after == at && times >= particle.min {
                    return false;
                }
                m.repeat(particle, times + 1, after, next)
            })
        {
            return true;
        }
        !lazy && may_stop && next(self, at)
    }

    fn once(&mut self, particle: &'a Particle, at: usize, next: Next<'_, 'a>) -> bool {
        match &particle.term {
            Term::Local(element) => self.element(element, at, next),
            Term::Global(name) => match self.schemas.elements.get(name) {
                Some(element) => self.element(element, at, next),
                None => false,
            },
            Term::Any(wildcard) => match self.children.get(at) {
                Some(child) if wildcard.admits(&child.name.ns) => {
                    self.found[at] = Some(Match::Any(wildcard));
                    next(self, at + 1)
                }
                _ => false,
            },
            Term::Sequence(parts) => {
                let parts: Vec<&Particle> = parts.iter().collect();
                self.models(&parts, at, next)
            }
            Term::Choice(parts) => parts.iter().any(|p| self.repeat(p, 0, at, next)),
            Term::All(parts) => {
                let parts: Vec<&Particle> = parts.iter().collect();
                self.all(&parts, at, next)
            }
        }
    }

    fn element(&mut self, element: &'a Element, at: usize, next: Next<'_, 'a>) -> bool {
        match self.children.get(at) {
            Some(child) if child.name == element.name && !element.is_abstract => {
                self.found[at] = Some(Match::Element(element));
                next(self, at + 1)
            }
            _ => {
                self.wanted(at, Some(&element.name));
                false
            }
        }
    }

    fn all(&mut self, parts: &[&'a Particle], at: usize, next: Next<'_, 'a>) -> bool {
        for (n, part) in parts.iter().enumerate() {
            let mut rest = parts.to_vec();
            rest.remove(n);
            if self.once(part, at, &mut |m, after| m.all(&rest, after, next)) {
                return true;
            }
        }
        parts.iter().all(|p| p.min == 0) && next(self, at)
    }
}
