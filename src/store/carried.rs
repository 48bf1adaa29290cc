//! Carried: notes of a store that no service may start on, because it is on its way to another engine or has gone there.

use diesel::{QueryableByName, sql_types::Text};

use super::{
    Result, StoreError,
    migrations::broken,
    sql::{Runs, sql},
};

/// In a target that is not whole yet.
pub(super) const CARRYING: &str = "carrying";
/// In a source whose rows went to the one that it names.
pub(super) const CARRIED_TO: &str = "carried_to";

#[derive(QueryableByName)]
struct Note {
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = Text)]
    value: String,
}

/// A service on either would use sessions that another one uses, or forget half of its rows.
pub(super) fn refuse(conn: &mut impl Runs) -> Result<()> {
    let notes = sql("SELECT key, value FROM meta WHERE key IN ('carrying', 'carried_to')")
        .load::<Note>(conn)
        .map_err(|error| broken("open", &error))?;
    match notes.into_iter().next() {
        None => Ok(()),
        Some(note) if note.key == CARRIED_TO => Err(StoreError::CarriedOver { to: note.value }),
        Some(_) => Err(StoreError::HalfCarried),
    }
}
