//! Alive: do the loops of this process still turn, and who is told so: `/health/live`, and systemd's watchdog.
//!
//! What the loops' work is worth is not asked here: that is `/health/ready`.

mod loops;
mod notify;

pub use loops::Loops;
pub use notify::Notify;
