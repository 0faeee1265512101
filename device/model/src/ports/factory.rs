use crate::Result;

/// How much goes back to factory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetScope {
    /// Settings, users and what belongs to them.
    Configuration,
    /// Records and pictures too.
    Everything,
}

/// Empties the store, at the next start.
pub trait Factory: Send + Sync {
    /// Notes that the next start begins with an empty store; durable when it returns.
    ///
    /// # Errors
    /// [`crate::Error::Internal`]; nothing is noted then.
    fn request(&self, scope: ResetScope) -> Result<()>;
}
