//! Alarms: what raises them, and what follows from them (GEN-18, GEN-19, ALARM-1..16).

mod engine;
mod keep;
mod record;

pub use engine::{AlarmEngine, Trigger};
pub use keep::MailPace;
pub(crate) use record::output_names;
pub use record::{
    Alarm, AlarmId, AlarmKind, AlarmPage, AlarmQuery, MailState, NewAlarm, StoredAlarm,
};
