//! Supervisor: starts, watches and restarts accounts, each on its own.
//!
//! Receives: orders of `web` through [`SupervisorHandle`]; the last word of every account.
//! Sends:    `Stop`, `WakeFill`, `GetLink` to `account`; the states it decides about to `store`.
//! Promises: one account's end never touches another; what a person stopped stays stopped; restarts are bounded; a
//!           session that was given up is signed out at Telegram, however long that takes.
//! Does not: look into an account's work. A started account is built anew from stored state.

mod actor;
mod handle;
mod partings;
mod patience;
mod place;
mod policy;
mod qr;
mod sign_ins;

pub use actor::Supervisor;
pub use handle::{SupervisorError, SupervisorHandle};
pub use partings::{Partings, SignOutError};
pub use policy::{RestartHistory, RestartPolicy, Verdict};
pub use qr::draw as draw_qr;
pub use sign_ins::{SignInError, SignIns, Whose};
