/// Asks the system whether a TCP port may be listened on, before a setting says so (NET-13..17).
pub trait ListenProbe: Send + Sync {
    /// Whether `port` can be had now. A port on which this device listens itself is free: its listener
    /// moves on.
    ///
    /// # Errors
    /// The system's reason, in words.
    fn probe(&self, port: u16) -> Result<(), String>;
}
