//! Call rows: a call, its parts and its state, as their rows have them.

use std::time::Duration;

use diesel::{QueryableByName, sql_types::Text};
use uuid::Uuid;

use super::sql::{Flag, Number};
use crate::domain::AccountId;

/// A call that is given to whoever has the account.
#[derive(Clone, Debug)]
pub struct NewCall {
    pub id: Uuid,
    pub account: AccountId,
    /// Envelope.
    pub sealed: String,
    /// It comes to the same when another node runs it once more.
    pub again: bool,
    /// How long its row stays without a word of whoever asked.
    pub lasts: Duration,
}

/// A call that this node has to run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TakenCall {
    pub id: Uuid,
    pub account: AccountId,
    pub sealed: String,
    pub again: bool,
    /// Another node, which has ended since, had begun it.
    pub begun_before: bool,
}

/// Which way a part goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    Asked,
    Told,
}

/// A piece of what was asked or told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallPart {
    pub number: i64,
    pub sealed: String,
}

/// What has become of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallState {
    Waits,
    /// A node runs it, as far as anybody knows.
    Runs,
    /// The node that ran it is no more.
    Orphaned,
    /// It has no row: it was given up, or the server lost it.
    Gone,
}

#[derive(QueryableByName)]
pub(super) struct TakenRow {
    #[diesel(sql_type = Text)]
    pub id: String,
    #[diesel(sql_type = Text)]
    pub account: String,
    #[diesel(sql_type = Text)]
    pub sealed: String,
    #[diesel(sql_type = Flag)]
    pub again: bool,
    #[diesel(sql_type = Flag)]
    pub before: bool,
}

#[derive(QueryableByName)]
pub(super) struct PartRow {
    #[diesel(sql_type = Number)]
    pub number: i64,
    #[diesel(sql_type = Text)]
    pub sealed: String,
}

#[derive(QueryableByName)]
pub(super) struct Named {
    #[diesel(sql_type = Text)]
    pub t: String,
}

#[derive(QueryableByName)]
pub(super) struct Standing {
    #[diesel(sql_type = Flag)]
    pub taken: bool,
    #[diesel(sql_type = Flag)]
    pub lives: bool,
}
