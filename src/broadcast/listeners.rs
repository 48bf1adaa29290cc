//! Listeners: the WebSocket sessions that are open, and how they are woken.

use std::sync::atomic::Ordering;

use super::{Transient, Wake, actor::Subscribe};

/// So many are woken by whoever brings the news, without the detour over the actor.
const FEW: usize = 4;

#[derive(Default)]
pub struct Listeners(Vec<Subscribe>);

impl std::fmt::Debug for Listeners {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Listeners").field(&self.0.len()).finish()
    }
}

impl Listeners {
    pub const fn count(&self) -> usize {
        self.0.len()
    }

    pub const fn few(&self) -> bool {
        self.0.len() <= FEW
    }

    pub fn add(&mut self, listener: Subscribe) {
        self.0.push(listener);
    }

    /// Wakes everybody who is not about to look anyway, and forgets who is gone. `false`: a mailbox was full, so one of
    /// them is still to be woken.
    pub fn wake(&mut self) -> bool {
        let mut all = true;
        self.0.retain(|listener| {
            if !listener.recipient.connected() {
                return false;
            }
            if !listener.woken.swap(true, Ordering::AcqRel)
                && listener.recipient.try_send(Wake::News).is_err()
            {
                listener.woken.store(false, Ordering::Release);
                all = false;
            }
            true
        });
        all
    }

    pub fn whisper(&self, transient: &Transient) {
        for listener in &self.0 {
            // A listener whose mailbox is full has more important things to read.
            let _ = listener.transient.try_send(transient.clone());
        }
    }

    pub fn dismiss(&mut self) {
        for listener in self.0.drain(..) {
            // One that can't be told is cut when the server ends.
            let _ = listener.recipient.try_send(Wake::Closing);
        }
    }
}
