//! Broadcast: committed events, on their way to whoever listens.
//!
//! Receives: committed events from `store` (`publish`), `Subscribe` and `Announce` from `web` and `account`.
//! Sends:    `Wake` to subscribers; they take frames at their own pace.
//! Promises: frames are handed out in commit order; memory is bounded by the ring, whoever listens or not.
//! Does not: wait for a listener, or read the store: who is behind the ring reads the event log.

mod actor;
mod frame;
mod handle;
mod listeners;
mod ring;

pub use actor::{BroadcastActor, Transient, Wake};
pub use frame::Frame;
pub use handle::{BroadcastHandle, Subscription};
pub use ring::Since;
