//! Configuration files (SYS-24): read from whoever has one.

use platecam_model::{Actor, Secret, testing::initialised};

use crate::Target;

/// An import; a dry run must not promise what the import then refuses, and the reverse.
pub(crate) fn config() -> Box<dyn Target> {
    let test = initialised();
    let password = Secret::new("Travel-2026");
    Box::new(move |input: &[u8]| {
        let by = Actor::system();
        for password in [None, Some(&password)] {
            let import = |dry_run| {
                let done = test.device.import_config(&by, input, password, dry_run);
                done.is_ok()
            };
            assert_eq!(import(true), import(false));
        }
    })
}
