//! Keeps what is in memory out of files: no core dumps, and no other process of the same user may look in (SEC-18).

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Forbids core dumps of this process and of those it starts. Call it before anything secret is read.
///
/// The limit alone would not do: a `core_pattern` with a pipe ignores it, but heeds that a process is not dumpable.
pub(crate) fn forbid_core_dumps() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    if let Err(e) = setrlimit(Resource::Core, none) {
        tracing::warn!(error = %e, "core dumps could not be limited");
    }
    if let Err(e) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(error = %e, "core dumps could not be forbidden");
    }
}
