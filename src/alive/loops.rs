//! Loops: the threads that everything runs on. One that is held by something that does not come back is found, since it does not
//! come round.

use std::time::Duration;

use actix::ArbiterHandle;
use tokio::{runtime::Handle, sync::oneshot, time::timeout};

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Loops {
    arbiters: Vec<(String, ArbiterHandle)>,
    /// The one that links to Telegram run on.
    telegram: Handle,
}

impl Loops {
    #[must_use]
    pub const fn new(arbiters: Vec<(String, ArbiterHandle)>, telegram: Handle) -> Self {
        Self { arbiters, telegram }
    }

    /// The names of those that did not come round within `limit`; each is given as long.
    pub async fn stuck(&self, limit: Duration) -> Vec<String> {
        let mut rounds: Vec<(&str, oneshot::Receiver<()>)> = Vec::new();
        for (name, arbiter) in &self.arbiters {
            let (done, round) = oneshot::channel();
            // One that has ended drops it, which is found below.
            arbiter.spawn_fn(move || {
                let _ = done.send(());
            });
            rounds.push((name, round));
        }
        let (done, round) = oneshot::channel();
        self.telegram.spawn(async move {
            let _ = done.send(());
        });
        rounds.push(("telegram", round));
        let looks = rounds.into_iter().map(|(name, round)| async move {
            let came = timeout(limit, round).await;
            (!matches!(came, Ok(Ok(())))).then(|| name.to_owned())
        });
        let found = futures_util::future::join_all(looks).await;
        found.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use actix::Arbiter;

    use super::*;

    /// Protects accounts whose thread is held: it is found and named, the others are not, and it is well again afterwards.
    #[actix::test]
    async fn a_loop_that_is_held_is_named() {
        let generous = Duration::from_secs(60);
        let (held, free) = (Arbiter::new(), Arbiter::new());
        let named = vec![
            ("held".to_owned(), held.handle()),
            ("free".to_owned(), free.handle()),
        ];
        let loops = Loops::new(named, Handle::current());
        assert_eq!(loops.stuck(generous).await, [""; 0]);
        let (go_on, wait) = mpsc::channel::<()>();
        held.spawn_fn(move || {
            let _ = wait.recv();
        });
        assert_eq!(loops.stuck(Duration::from_secs(2)).await, ["held"]);
        drop(go_on);
        assert_eq!(loops.stuck(generous).await, [""; 0]);
        free.stop();
        free.join().unwrap();
        assert_eq!(loops.stuck(generous).await, ["free"]);
        held.stop();
    }
}
