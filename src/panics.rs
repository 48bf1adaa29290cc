//! Panics: one line in the log at once, the backtrace after it from a thread of its own.
//!
//! Finding the names of a backtrace takes a tenth of a second. The thread that panicked carries other accounts too,
//! and they don't wait for that.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    panic, thread,
};

/// From here on panics are told this way. A backtrace is told only where `RUST_BACKTRACE` asks for one.
pub fn tell_beside() {
    panic::set_hook(Box::new(|panic| {
        let backtrace = Backtrace::capture();
        let thread = thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        let place = panic
            .location()
            .map_or_else(String::new, |place| format!(" at {place}"));
        let what = panic.payload_as_str().unwrap_or("no text");
        log::error!(target: "switchboard", "thread={thread} panicked{place}: {what}");
        if backtrace.status() == BacktraceStatus::Captured {
            let telling = thread::Builder::new().name("backtrace".to_owned());
            // A machine that has no thread left gets the line above.
            let _ = telling
                .spawn(move || log::error!(target: "switchboard", "backtrace:\n{backtrace}"));
        }
    }));
}
