use std::str::FromStr;

/// How much of the machine belongs to the product. Every port that changes the host is chosen by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostMode {
    /// The machine is the camera: network, clock, services, reboot are really changed. The systemd unit of the
    /// package runs so.
    System,
    /// The machine is somebody's: it is read, never changed; what would change it answers
    /// [`platecam_model::Error::Unsupported`] and says so. A reboot restarts the process only.
    #[default]
    Observe,
    /// In memory, for tests and demonstrations: changes succeed and are read back, the machine stays as it is.
    Simulated,
}

impl HostMode {
    /// The words of the command line, in the order of the variants.
    pub const WORDS: [&'static str; 3] = ["system", "observe", "simulated"];
}

impl FromStr for HostMode {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "system" => Ok(Self::System),
            "observe" => Ok(Self::Observe),
            "simulated" => Ok(Self::Simulated),
            other => Err(format!(
                "'{other}' is not one of {}",
                Self::WORDS.join(", ")
            )),
        }
    }
}
