//! Fuse: a timer of the kernel's that ends this process, unless it is set anew in time. A process that was stopped, or whose threads
//! hang, can't close its lines, and its sockets stay open; when it is killed the kernel closes them.

use std::time::Duration;

/// Set until it is put out. One that can't be had is told once: what the threads do by themselves is left.
pub(super) struct Fuse(Option<libc::timer_t>);

// The id of a timer may be used by every thread of its process.
unsafe impl Send for Fuse {}

impl Fuse {
    pub fn new() -> Self {
        let mut timer: libc::timer_t = std::ptr::null_mut();
        // SAFETY: all zeroes are a valid value of this struct of numbers and pointers that may be null.
        let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
        event.sigev_notify = libc::SIGEV_SIGNAL;
        event.sigev_signo = libc::SIGKILL;
        // SAFETY: both structs live through the call, which fills the second.
        let made =
            unsafe { libc::timer_create(libc::CLOCK_BOOTTIME, &raw mut event, &raw mut timer) };
        if made != 0 {
            let error = std::io::Error::last_os_error();
            log::warn!(target: "switchboard::nodes", "the kernel gives no timer; a process that is stopped would keep its lines open cause=\"{error}\"");
            return Self(None);
        }
        Self(Some(timer))
    }

    /// The process ends after this time. Zero: it does not.
    pub fn set(&self, after: Duration) {
        let Some(timer) = self.0 else { return };
        let when = libc::itimerspec {
            it_interval: libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: libc::timespec {
                tv_sec: libc::time_t::try_from(after.as_secs()).unwrap_or(libc::time_t::MAX),
                tv_nsec: libc::c_long::from(after.subsec_nanos() as i32),
            },
        };
        // SAFETY: the timer is this process's own, and the struct lives through the call.
        unsafe {
            libc::timer_settime(timer, 0, &raw const when, std::ptr::null_mut());
        }
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        if let Some(timer) = self.0 {
            // SAFETY: it was made by us and is not used afterwards.
            unsafe {
                libc::timer_delete(timer);
            }
        }
    }
}
