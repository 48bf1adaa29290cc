//! Goodbye: how a node leaves the others.

use std::{sync::PoisonError, time::Duration};

use super::{Books, end};
use crate::{domain::AccountId, nodes::clock};

impl Books {
    /// Ends everything, lets go of each account as soon as its line is closed, and says that this node is no more.
    pub(super) fn goodbye(mut self) {
        let all = {
            let mut state = self.shared.state();
            let all: Vec<AccountId> = state.held.keys().copied().collect();
            state.put_away(all)
        };
        end(&self.shared, self.lines.as_ref(), all);
        let until = clock::now() + self.terms.goodbye;
        self.let_go_of_all(until);
        for account in self.shared.state().ending.keys() {
            log::warn!(target: "switchboard::nodes", "account={account} did not end in time, and is taken when its lease is over");
        }
        self.until_it_may_leave(until);
        if let Ok(book) = self.book()
            && let Err(error) = book.leave()
        {
            log::warn!(target: "switchboard::nodes", "the other nodes could not be told: {error}");
        }
        let mut state = self.shared.state();
        state.over = true;
        if let Some(stopped) = state.stopped.take() {
            let _ = stopped.send(());
        }
    }

    fn let_go_of_all(&mut self, until: Duration) {
        loop {
            let (ended, left) = {
                let state = self.shared.state();
                let patience = until.saturating_sub(clock::now());
                let (mut state, _) = self
                    .shared
                    .wake
                    .wait_timeout_while(state, patience, |state| {
                        state.ended.is_empty() && !state.ending.is_empty()
                    })
                    .unwrap_or_else(PoisonError::into_inner);
                (std::mem::take(&mut state.ended), state.ending.len())
            };
            let told = match ended.is_empty() {
                true => Ok(()),
                false => self.book().and_then(|book| book.release(&ended)),
            };
            if let Err(error) = told {
                log::warn!(target: "switchboard::nodes", "accounts={} could not be handed over, and are taken when their leases are over: {error}", ended.len());
                self.open = None;
            }
            if left == 0 || clock::now() >= until {
                return;
            }
        }
    }

    /// What else ends with this node has ended, or its time is over.
    fn until_it_may_leave(&self, until: Duration) {
        let state = self.shared.state();
        let patience = until.saturating_sub(clock::now());
        let waited = self
            .shared
            .wake
            .wait_timeout_while(state, patience, |state| !state.may_leave && !state.over);
        drop(waited);
    }
}
