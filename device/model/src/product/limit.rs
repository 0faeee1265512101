use std::ops::RangeInclusive;

/// A number that a model may bound further than this program does (GEN-24). Its name stands in model files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// User accounts (USER-15).
    Users,
    /// People who watch or work at a time (GEN-5).
    Viewers,
    /// Video streams: the main stream alone, or the sub stream as well (VIDEO-2).
    Streams,
    /// Alarm inputs (HW-3).
    AlarmInputs,
    /// Alarm outputs (HW-2).
    AlarmOutputs,
    /// Serial ports (HW-4).
    SerialPorts,
    /// Event brokers (MQTT).
    EventBrokers,
    /// Wiegand outputs (HW-5).
    WiegandOutputs,
    /// Motorised lenses (HW-11).
    Lenses,
}

impl Limit {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Users,
        Self::Viewers,
        Self::Streams,
        Self::AlarmInputs,
        Self::AlarmOutputs,
        Self::SerialPorts,
        Self::EventBrokers,
        Self::WiegandOutputs,
        Self::Lenses,
    ];

    /// Its name, as model files write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Viewers => "viewers",
            Self::Streams => "streams",
            Self::AlarmInputs => "alarm-inputs",
            Self::AlarmOutputs => "alarm-outputs",
            Self::SerialPorts => "serial-ports",
            Self::EventBrokers => "event-brokers",
            Self::WiegandOutputs => "wiegand-outputs",
            Self::Lenses => "lenses",
        }
    }

    /// One of them, for sentences.
    pub const fn what(self) -> &'static str {
        match self {
            Self::Users => "user",
            Self::Viewers => "viewer",
            Self::Streams => "video stream",
            Self::AlarmInputs => "alarm input",
            Self::AlarmOutputs => "alarm output",
            Self::SerialPorts => "serial port",
            Self::EventBrokers => "event broker",
            Self::WiegandOutputs => "Wiegand output",
            Self::Lenses => "motorised lens",
        }
    }

    /// What a model may say. The upper end is what this program can do, and what a model has that says nothing; ten
    /// users and ten viewers are the manual's floor.
    pub const fn range(self) -> RangeInclusive<u32> {
        match self {
            Self::Users => 10..=256,
            Self::Viewers => 10..=4096,
            Self::Streams => 1..=2,
            Self::WiegandOutputs | Self::Lenses => 0..=1,
            Self::AlarmInputs | Self::AlarmOutputs | Self::SerialPorts | Self::EventBrokers => {
                0..=2
            }
        }
    }
}
