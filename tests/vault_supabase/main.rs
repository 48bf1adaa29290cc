//! The vault on a real PostgREST and PostgreSQL: what Supabase, its bad days and people in its table editor do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "../support/killed.rs"]
mod killed;
#[allow(dead_code, reason = "shared by several test binaries")]
#[path = "../support/postgrest.rs"]
mod postgrest;
#[allow(dead_code, reason = "shared by several test binaries")]
#[path = "../support/vaults.rs"]
mod vaults;

mod by_hand;
mod disputes;
mod master_key;
mod outages;
mod setup;

use switchboard::domain::AccountId;

use postgrest::{Project, SECRET_KEY};
use vaults::{Machine, Running, bytes};

fn machine(project: &Project) -> Machine {
    Machine::new(Some((project.url(), SECRET_KEY.to_owned())))
}

async fn signed_in(running: &Running, label: &str, session: &str) -> AccountId {
    let id = running.add(label).await;
    running
        .vault
        .save_session(id, &bytes(session))
        .await
        .unwrap();
    running.confirm(id).await;
    id
}

fn column(project: &Project, id: AccountId, column: &str) -> String {
    project.sql(&format!(
        "select {column} from public.telegram_accounts where id = '{id}'"
    ))
}

fn set(project: &Project, id: AccountId, assignment: &str) {
    project.sql(&format!(
        "update public.telegram_accounts set {assignment} where id = '{id}'"
    ));
}
