//! Harden: the process leaves no memory behind for others to read.
//!
//! Sessions are open in memory while accounts are connected, so the memory itself is kept private. Root can
//! still read it; that is the limit of what a process can do for itself.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// No core dumps, and no debugger or `/proc/<pid>/environ` reader of the same user. Call it first thing in `main`.
///
/// # Errors
/// When the kernel refuses; the caller warns and goes on.
pub fn harden_process() -> std::io::Result<()> {
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}
