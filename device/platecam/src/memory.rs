//! How the C library hands out memory: the one place of this binary with `unsafe`.

#![allow(unsafe_code)]

/// Blocks from this size on are given back to the system as soon as they are freed. A raw 1080p frame
/// has 3 MB; without a fixed threshold glibc keeps frames in the arenas of two dozen threads.
const GIVE_BACK_FROM: libc::c_int = 256 * 1024;
const ARENAS: libc::c_int = 2;

/// Keeps resident memory near what is in use.
///
/// Measured on a starved machine with the bundled clip and no viewer, one minute after the start:
/// 1159 MB before, about 300 MB with this. GStreamer and ONNX Runtime allocate through the C library,
/// so an allocator of Rust's would change nothing.
pub(crate) fn tame_allocator() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt(3) takes two integers, touches only the allocator's own parameters under its
    // lock, and is called before any other thread exists. A refused value changes nothing.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, GIVE_BACK_FROM);
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
    }
    // x264 asks for huge pages and fills them by half: 43 MB of them with both streams, some 5 MB of it never used.
    // SAFETY: prctl(2) with integers only; a refusal changes nothing.
    unsafe {
        libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0);
    }
}
