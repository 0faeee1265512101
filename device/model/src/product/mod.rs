//! The model table (GEN-24): which functions this model of the camera has, and where its limits are.
//!
//! Everybody who shows or does something that a model may lack asks here: the settings store (sections and fields), the
//! web server (routes), ONVIF (services, operations, capabilities), the binary (lines of the machine). What the machine
//! lacks is taken off as well, so that there is one answer.

mod function;
mod limit;
mod table;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fmt};

pub use function::Function;
pub use limit::Limit;

use crate::{Error, Result};

/// What something needs of the model to be there at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// This function.
    Function(Function),
    /// At least so many of these.
    AtLeast(Limit, u32),
    /// One of these.
    AnyOf(&'static [Need]),
}

/// A model of the camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    name: String,
    without: BTreeSet<Function>,
    limits: [u32; Limit::ALL.len()],
}

impl Default for Product {
    /// The model that has everything this program can do.
    fn default() -> Self {
        Self {
            name: Self::DEFAULT_NAME.into(),
            without: BTreeSet::new(),
            limits: Limit::ALL.map(|limit| *limit.range().end()),
        }
    }
}

impl Product {
    /// Name of the model that has everything.
    pub const DEFAULT_NAME: &'static str = "Platecam";

    /// The model's name: part of the unit's identity, and what upgrade packages are made for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the model has it.
    pub fn has(&self, function: Function) -> bool {
        !self.without.contains(&function)
    }

    /// The functions that the model lacks.
    pub fn lacks(&self) -> impl Iterator<Item = Function> + '_ {
        self.without.iter().copied()
    }

    /// The bound.
    pub fn limit(&self, limit: Limit) -> u32 {
        self.limits[limit as usize]
    }

    /// The same with no more than `most` of them, because the machine has no more.
    #[must_use]
    pub fn at_most(mut self, limit: Limit, most: usize) -> Self {
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        let now = &mut self.limits[limit as usize];
        *now = (*now).min(most);
        self
    }

    /// Whether what needs this is there.
    pub fn meets(&self, need: Option<Need>) -> bool {
        match need {
            None => true,
            Some(Need::Function(function)) => self.has(function),
            Some(Need::AtLeast(limit, n)) => self.limit(limit) >= n,
            Some(Need::AnyOf(needs)) => needs.iter().any(|n| self.meets(Some(*n))),
        }
    }

    /// Refuses what the model does not have.
    ///
    /// # Errors
    /// [`Error::Unsupported`] naming the model and what it lacks.
    pub fn require(&self, need: Option<Need>) -> Result<()> {
        match need {
            Some(lacking) if !self.meets(need) => Err(Error::Unsupported(format!(
                "the model {} has no {lacking}",
                self.name
            ))),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function(function) => f.write_str(function.what()),
            Self::AtLeast(limit, 1) => f.write_str(limit.what()),
            Self::AtLeast(limit, n) => write!(f, "{} number {n}", limit.what()),
            Self::AnyOf(needs) => {
                for (i, need) in needs.iter().enumerate() {
                    let or = if i == 0 { "" } else { " or " };
                    write!(f, "{or}{need}")?;
                }
                Ok(())
            }
        }
    }
}
