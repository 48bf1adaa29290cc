//! Journal: every change of an account's state, committed first and then written to the log as one line.
//!
//! The line is an interface: people tail it and programs parse it (`contract.md`, "Log").

use std::{fmt::Write as _, time::Duration};

use crate::{
    domain::{Account, AccountId, AccountState, StateChange, Timestamp},
    store::{Statement, StoreError, StoreHandle},
};

/// What an online line adds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrival {
    pub after: Duration,
    pub caught_up: u64,
}

/// A state that could not be stored is tried again, slower each time, up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Commits a change, then logs it. One that can't be committed for now is in force all the same: it is shown, and tried
/// again until it is stored or another is stated.
///
/// # Errors
/// When the store can't commit (for now); nothing was logged then.
pub async fn enter(
    store: &StoreHandle,
    account_id: AccountId,
    change: StateChange,
    arrival: Option<Arrival>,
) -> Result<Account, StoreError> {
    let statement = store.state(account_id, change);
    match store.store_state(&statement).await {
        Ok(Some(account)) => {
            tell(&statement, &account, arrival);
            Ok(account)
        }
        Ok(None) => store
            .get_account(account_id)
            .await?
            .ok_or(StoreError::AccountNotFound),
        Err(error) => {
            if error.passes() {
                let store = store.clone();
                drop(tokio::spawn(async move {
                    keep_trying(store, statement, arrival).await
                }));
            }
            Err(error)
        }
    }
}

async fn keep_trying(store: StoreHandle, statement: Statement, arrival: Option<Arrival>) {
    let mut pause = Duration::from_millis(100);
    loop {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        match store.store_state(&statement).await {
            Ok(Some(account)) => return tell(&statement, &account, arrival),
            Ok(None) => return,
            Err(error) if error.passes() => {}
            Err(error) => {
                let id = statement.account_id;
                log::error!(target: "switchboard::account", "account={id} its state could not be stored: {error}");
                return;
            }
        }
    }
}

fn tell(statement: &Statement, account: &Account, arrival: Option<Arrival>) {
    let change = &statement.change;
    let line = line(
        account.id,
        &account.label,
        change,
        arrival,
        Timestamp::now(),
    );
    if change.state.needs_person() {
        log::warn!(target: "switchboard::account", "{line}");
    } else {
        log::info!(target: "switchboard::account", "{line}");
    }
}

fn line(
    account_id: AccountId,
    label: &str,
    change: &StateChange,
    arrival: Option<Arrival>,
    now: Timestamp,
) -> String {
    let mut line = format!(
        "account={account_id} label={label:?} state={}",
        change.state.as_str()
    );
    // Writing to a String can't fail.
    if let (AccountState::Online, Some(arrival)) = (change.state, arrival) {
        let _ = write!(
            line,
            " after_ms={} caught_up={}",
            arrival.after.as_millis(),
            arrival.caught_up
        );
    }
    if change.attempt > 0 {
        let _ = write!(line, " attempt={}", change.attempt);
    }
    if let Some(retry_at) = change.retry_at {
        let _ = write!(line, " retry_in_ms={}", retry_at.until(now).as_millis());
    }
    if let Some(reason) = &change.reason {
        let _ = write!(line, " reason={:?}", reason.to_string());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{LineFault, StateReason};

    #[test]
    fn a_line_of_the_log_reads_as_the_contract_says() {
        let id: AccountId = "6b1f0b7e-3c8e-4b5e-9a3e-0d7c1a2b3c4d".parse().unwrap();
        let now = Timestamp::from_millis(1_000);
        let reconnecting = StateChange {
            state: AccountState::Reconnecting,
            reason: Some(StateReason::Network {
                kind: LineFault::Reset,
                detail: "connection reset by peer".into(),
            }),
            retry_at: Some(Timestamp::from_millis(5_100)),
            attempt: 3,
        };
        assert_eq!(
            line(id, "Support", &reconnecting, None, now),
            format!(
                "account={id} label=\"Support\" state=reconnecting attempt=3 retry_in_ms=4100 reason=\"connection reset by peer\""
            )
        );
        let arrival = Arrival {
            after: Duration::from_millis(812),
            caught_up: 37,
        };
        assert_eq!(
            line(
                id,
                "Support",
                &StateChange::to(AccountState::Online),
                Some(arrival),
                now
            ),
            format!("account={id} label=\"Support\" state=online after_ms=812 caught_up=37")
        );
    }

    #[test]
    fn a_label_can_not_break_out_of_its_line() {
        let id = AccountId::random();
        let text = line(
            id,
            "a\"\nstate=online",
            &StateChange::to(AccountState::Stopped),
            None,
            Timestamp::from_millis(0),
        );
        assert_eq!(text.lines().count(), 1);
        assert!(text.contains(r#"label="a\"\nstate=online""#));
    }
}
