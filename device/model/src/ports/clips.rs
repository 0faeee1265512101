use crate::Result;

/// Sounds that were uploaded (AUDIO-4), by their tokens: letters, digits and the signs _ -.
pub trait ClipFiles: Send + Sync {
    /// Keeps a sound, so that it survives a power cut; an older one of the token is replaced.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when it cannot be written.
    fn put(&self, token: &str, file: &[u8]) -> Result<()>;

    /// The sound, if there is one.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when it cannot be read.
    fn get(&self, token: &str) -> Result<Option<Vec<u8>>>;

    /// Removes a sound; one that is not there is no error.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn remove(&self, token: &str) -> Result<()>;

    /// Tokens of all that are there.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn tokens(&self) -> Result<Vec<String>>;
}
