//! Stated: the newest state that was stated of each account. One that can't be stored for now is shown all the same, until
//! it is stored: a dead account must not look online for as long as the database is in trouble.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::domain::{Account, AccountId, StateChange, Timestamp};

/// A state, as it was stated.
#[derive(Clone, Debug)]
pub struct Statement {
    pub account_id: AccountId,
    pub change: StateChange,
    at: Timestamp,
    /// Rises with each one: a later one is never written over by an earlier one that had to wait.
    number: u64,
}

#[derive(Clone, Default)]
pub(super) struct Stated(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    number: u64,
    newest: HashMap<AccountId, Newest>,
}

struct Newest {
    number: u64,
    /// Shown in place of what is stored.
    unsaid: Option<(StateChange, Timestamp)>,
    /// Those who listen know that this one waits.
    told: bool,
}

impl Stated {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Each method leaves it whole: a panic elsewhere can't leave it half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn state(&self, account_id: AccountId, change: StateChange) -> Statement {
        let mut inner = self.inner();
        inner.number += 1;
        let (number, at) = (inner.number, Timestamp::now());
        let before = inner.newest.remove(&account_id);
        // While the database is in trouble this one is as much in force as the one before it.
        let unsaid = before
            .and_then(|before| before.unsaid)
            .map(|_| (change.clone(), at));
        let newest = Newest {
            number,
            unsaid,
            told: false,
        };
        inner.newest.insert(account_id, newest);
        Statement {
            account_id,
            change,
            at,
            number,
        }
    }

    pub fn is_newest(&self, statement: &Statement) -> bool {
        let inner = self.inner();
        let newest = inner.newest.get(&statement.account_id);
        newest.is_some_and(|newest| newest.number == statement.number)
    }

    /// It is stored, or there is no such account.
    pub fn settled(&self, statement: &Statement) {
        if let Some(newest) = self.inner().newest.get_mut(&statement.account_id)
            && newest.number == statement.number
        {
            newest.unsaid = None;
        }
    }

    /// It is not stored in time. True when that is to be told.
    pub fn waits(&self, statement: &Statement) -> bool {
        let mut inner = self.inner();
        let Some(newest) = inner.newest.get_mut(&statement.account_id) else {
            return false;
        };
        if newest.number != statement.number {
            return false;
        }
        newest.unsaid = Some((statement.change.clone(), statement.at));
        !std::mem::replace(&mut newest.told, true)
    }

    /// What is stored is shown from now on: another node states what holds, or there is no such account.
    pub fn forget(&self, account_id: AccountId) {
        self.inner().newest.remove(&account_id);
    }

    /// The account with what is in force.
    pub fn over(&self, mut account: Account) -> Account {
        let inner = self.inner();
        let unsaid = inner.newest.get(&account.id);
        let Some((change, at)) = unsaid.and_then(|newest| newest.unsaid.as_ref()) else {
            return account;
        };
        if account.state != change.state {
            account.state_since = *at;
        }
        account.state = change.state;
        account.explain(change.reason.as_ref());
        account.retry_at = change.retry_at;
        account.attempt = change.attempt;
        account
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AccountState;

    /// Protects the newest word: an earlier one that had to wait neither shows nor is written over it.
    #[test]
    fn only_the_newest_state_counts() {
        let stated = Stated::default();
        let id = AccountId::random();
        let first = stated.state(id, StateChange::to(AccountState::Reconnecting));
        assert!(stated.waits(&first));
        assert!(!stated.waits(&first), "told once");
        let second = stated.state(id, StateChange::to(AccountState::Stopped));
        assert!(!stated.is_newest(&first));
        assert!(stated.is_newest(&second));
        let shown = || stated.inner().newest[&id].unsaid.clone();
        assert_eq!(shown().unwrap().0.state, AccountState::Stopped);
        assert!(!stated.waits(&first), "nobody needs to know any more");
        assert!(stated.waits(&second));
        stated.settled(&first);
        assert!(shown().is_some(), "the first is not what waits");
        stated.settled(&second);
        assert!(shown().is_none());
        assert!(!stated.waits(&first));
        let third = stated.state(id, StateChange::to(AccountState::Online));
        assert!(shown().is_none(), "nothing waits");
        assert!(stated.is_newest(&third));
    }
}
