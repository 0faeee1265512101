//! The target named by `PLATECAM_FUZZ_TARGET`.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use platecam_fuzz::{Target, target};

thread_local! {
    static TARGET: RefCell<Box<dyn Target>> = RefCell::new(target(
        &std::env::var("PLATECAM_FUZZ_TARGET").expect("PLATECAM_FUZZ_TARGET names a target"),
    ));
}

fuzz_target!(|data: &[u8]| TARGET.with_borrow_mut(|target| target.run(data)));
