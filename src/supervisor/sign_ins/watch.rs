//! Watch: sign-ins that move by themselves (QR), and those that nobody finishes.

use std::sync::Arc;

use super::{
    QR_PAUSE, SignIns,
    running::{Entry, Running},
};
use crate::{
    domain::{AttemptOutcome, Timestamp},
    telegram::{LoginError, SignInStep},
};

impl SignIns {
    /// Follows a sign-in that moves by itself (QR), and ends one that nobody finishes.
    pub(super) fn watch(&self, running: &Arc<Running>) {
        let sign_ins = self.clone();
        let running = Arc::clone(running);
        actix::spawn(async move {
            let left = running.expires_at.until(Timestamp::now());
            tokio::select! {
                () = running.over.cancelled() => return,
                // Whoever ends everything of the account may have come before this one was to be found.
                () = running.using.ended() => {
                    if sign_ins.is_current(&running) {
                        sign_ins.let_go(running.account_id);
                    }
                    return;
                }
                () = sign_ins.follow(&running) => return,
                () = tokio::time::sleep(left) => {}
            }
            if sign_ins.is_current(&running) {
                let id = running.account_id;
                let why = "nobody finished the sign-in in time".to_owned();
                sign_ins
                    .record_outcome(running.attempt, AttemptOutcome::Timeout, Some(why))
                    .await;
                sign_ins.drop_running(id).await;
                sign_ins.back_to_rest(id).await;
                sign_ins.announce(id, None).await;
            }
        });
    }

    pub(super) async fn follow(&self, running: &Arc<Running>) {
        while self.is_current(running) {
            if !matches!(running.sign_in.state(), SignInStep::Scan { .. }) {
                // A person has to act now; the deadline outside goes on.
                return std::future::pending().await;
            }
            match running.sign_in.wait_scan().await {
                Ok(step) if self.is_current(running) => {
                    if let Err(error) = self.advance(running, step).await {
                        log::warn!(target: "switchboard::account", "account={} the sign-in could not go on: {error}", running.account_id);
                        return;
                    }
                }
                Ok(_) => return,
                // The person can't do anything about it, so it goes on by itself; the deadline outside bounds it.
                Err(LoginError::FloodWait(wait)) => tokio::time::sleep(wait).await,
                Err(LoginError::Network(why)) => {
                    log::warn!(target: "switchboard::account", "account={} a QR code could not be renewed, asked again in {} s: {why}", running.account_id, QR_PAUSE.as_secs());
                    tokio::time::sleep(QR_PAUSE).await;
                }
                Err(error) => {
                    // The refusal itself is told by the record and by the missing sign-in.
                    let _ = self.answered(running, Err(error)).await;
                    return;
                }
            }
        }
    }

    pub(super) fn is_current(&self, running: &Arc<Running>) -> bool {
        matches!(self.entry(running.account_id), Some(Entry::Running(current)) if Arc::ptr_eq(&current, running))
    }
}
