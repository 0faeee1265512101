use bytes::Bytes;

use crate::{
    Result,
    alarm::{AlarmId, AlarmPage, AlarmQuery, MailState, NewAlarm, StoredAlarm},
};

/// Keeps alarms, their pictures, and the messages about them that are still to be sent. Bounded: the oldest alarms go
/// first, and old pictures before their alarms.
pub trait Alarms: Send + Sync {
    /// Stores an alarm; durable when it returns.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when the store cannot be written.
    fn insert(&self, new: NewAlarm) -> Result<StoredAlarm>;

    /// One page of a search, newest first.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn search(&self, query: &AlarmQuery) -> Result<AlarmPage>;

    /// The picture of an alarm, JPEG.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] without such an alarm or picture.
    fn picture(&self, id: AlarmId) -> Result<Bytes>;

    /// The alarms whose message is due, those that were tried least first, then the oldest.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn due(&self) -> Result<Vec<StoredAlarm>>;

    /// Notes what became of the message about an alarm; of one that is gone, nothing.
    ///
    /// # Errors
    /// [`crate::Error::Internal`].
    fn note_mail(&self, id: AlarmId, state: &MailState) -> Result<()>;
}
