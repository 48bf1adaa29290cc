//! Memory: how the allocator treats large blocks.

/// Blocks from this size on are mapped one by one and given back when freed.
#[cfg(target_env = "gnu")]
const MAPPED_BYTES: libc::c_int = 512 * 1024;
/// What may lie free at the end of a heap before it is given back at once.
#[cfg(target_env = "gnu")]
const KEPT_BYTES: libc::c_int = 4 * 1024 * 1024;

/// Each connection of grammers has buffers of a megabyte, of which an idle account touches a few kilobytes.
///
/// glibc raises its limit for mapped blocks with every large block that is freed; from then on such buffers come
/// from the heap and are cleared by hand, which makes all of each resident: 800 KiB an account instead of 80.
pub fn map_large_blocks() {
    // With the one limit set by hand glibc no longer raises the other (128 KiB) either, and a busy heap would give its
    // end back and ask for it again with every batch.
    // SAFETY: mallopt takes two numbers, keeps no pointer, and is called before any other thread runs.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES);
    }
}

/// Gives free memory back to the system. After a wave, freed blocks lie between others in glibc's heaps, which keeps
/// them resident; this takes some milliseconds, so call it where blocking is allowed.
pub fn give_back() {
    // SAFETY: malloc_trim takes a number and may be called at any time, from any thread.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}
