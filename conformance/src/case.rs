//! What a case is, and how it ends.

use std::{borrow::Cow, time::Duration};

use crate::device::Device;

/// How a case stopped before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The device did not do what the case demands.
    Fail(String),
    /// The device has not what the case needs, and says so.
    NotApplicable(String),
    /// The runner could not or was not allowed to try.
    NotRun(String),
}

/// The end of a case: passed, or stopped.
pub type Outcome<T = ()> = Result<T, Stop>;

/// Fails the case unless the condition holds.
#[macro_export]
macro_rules! check {
    ($condition:expr, $($text:tt)+) => {{
        let holds: bool = $condition;
        if !holds {
            return Err($crate::case::Stop::Fail(format!($($text)+)));
        }
    }};
}

/// Fails the case.
#[macro_export]
macro_rules! fail {
    ($($text:tt)+) => {
        return Err($crate::case::Stop::Fail(format!($($text)+)))
    };
}

/// Ends the case: the device has not what it needs.
#[macro_export]
macro_rules! skip {
    ($($text:tt)+) => {
        return Err($crate::case::Stop::NotApplicable(format!($($text)+)))
    };
}

/// Takes what must be there.
pub trait Present<T> {
    /// The value, or a failure that names what is missing.
    ///
    /// # Errors
    /// [`Stop::Fail`].
    fn present(self, what: &str) -> Outcome<T>;
}

impl<T> Present<T> for Option<T> {
    fn present(self, what: &str) -> Outcome<T> {
        self.ok_or_else(|| Stop::Fail(format!("{what} is missing")))
    }
}

/// What a case needs before it applies. See [`crate::features`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The service of that prefix is listed by `GetServices`.
    Service(&'static str),
    /// A capability of a service is present and true: prefix, `Element@Attribute`.
    Flag(&'static str, &'static str),
    /// A capability is a number of at least that.
    AtLeast(&'static str, &'static str, u32),
    /// A capability's list has that word.
    Lists(&'static str, &'static str, &'static str),
    /// An element of a capability has that word as one of its values.
    Topic(&'static str),
    /// A media 2 encoder option of that encoding exists.
    Encoding(&'static str),
    /// The device answers on IPv6 and the runner reaches it there.
    Ipv6,
    /// The operator allows what interrupts the device (`--disruptive`).
    Disruptive,
    /// The operator allows changes of address and name in the network (`--network`).
    Network,
}

/// Profiles a case belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// Streaming.
    S,
    /// Advanced streaming.
    T,
    /// Metadata.
    M,
    /// Recording.
    G,
}

impl Profile {
    /// Its letter.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Profile::S => 'S',
            Profile::T => 'T',
            Profile::M => 'M',
            Profile::G => 'G',
        }
    }
}

impl std::str::FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_uppercase().as_str() {
            "S" => Ok(Profile::S),
            "T" => Ok(Profile::T),
            "M" => Ok(Profile::M),
            "G" => Ok(Profile::G),
            _ => Err(format!("{text}: S, T, M or G is wanted")),
        }
    }
}

/// What a case does.
#[derive(Clone, Copy)]
pub enum Run {
    /// A fixed procedure.
    Fixed(fn(&Device) -> Outcome),
    /// One procedure for many operations or services; the word says which.
    For(fn(&Device, &'static str) -> Outcome, &'static str),
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Run")
    }
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Identifier: that of ONVIF's public Device Test Specification 20.12, or one of the runner's own
    /// that begins with `X-`.
    pub id: String,
    /// What it is about.
    pub title: String,
    /// Letters of the profiles whose conformance it belongs to.
    pub profiles: &'static str,
    /// What it needs.
    pub needs: Cow<'static, [Need]>,
    /// What it does.
    pub run: Run,
    /// Time that it may take.
    pub limit: Duration,
}

/// Time for a case unless it says otherwise.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A case with the usual time.
#[must_use]
pub fn case(
    id: &str,
    title: &str,
    profiles: &'static str,
    needs: &'static [Need],
    run: fn(&Device) -> Outcome,
) -> Case {
    Case {
        id: id.into(),
        title: title.into(),
        profiles,
        needs: needs.into(),
        run: Run::Fixed(run),
        limit: LIMIT,
    }
}

impl Case {
    /// The same with another time.
    #[must_use]
    pub fn within(mut self, seconds: u64) -> Self {
        self.limit = Duration::from_secs(seconds);
        self
    }

    /// Whether it belongs to one of `profiles`; every case does when none is asked for.
    #[must_use]
    pub fn belongs(&self, profiles: &[Profile]) -> bool {
        profiles.is_empty() || profiles.iter().any(|p| self.profiles.contains(p.letter()))
    }

    /// Runs it.
    ///
    /// # Errors
    /// How it stopped.
    pub fn run(&self, device: &Device) -> Outcome {
        match self.run {
            Run::Fixed(run) => run(device),
            Run::For(run, word) => run(device, word),
        }
    }
}
