//! Pooler: one that lends a server's session for a transaction alone keeps nothing of what the store says to it (its schema,
//! its limits, its locks) and is refused.

use super::{
    Result, ServerUrl, StoreError,
    migrations::broken,
    server::{STATEMENT, Server},
    sql::{One, sql},
};

/// Sessions that are looked at: a pooler hands out what was given back last, so the first one shows it.
const OTHERS: usize = 3;

/// # Errors
/// [`StoreError::Unfit`] when two clients share a session.
pub(super) fn refuse(url: &ServerUrl) -> Result<()> {
    if is_between(url)? {
        return Err(StoreError::Unfit {
            reason: format!(
                "{} is a pooler in transaction mode, which keeps nothing of a session: take the server's own address (at Supabase \
                 the direct connection or the session pooler, port 5432, not 6543)",
                url.shown()
            ),
        });
    }
    Ok(())
}

/// Somebody who has no transaction open keeps a session to itself, but behind such a pooler.
pub(super) fn is_between(url: &ServerUrl) -> Result<bool> {
    let connect = || {
        Server::connect(url, STATEMENT).map_err(|error| StoreError::Unavailable {
            reason: error.to_string(),
        })
    };
    let mut first = connect()?;
    let own = session(&mut first)?;
    let mut others = Vec::new();
    for _ in 0..OTHERS {
        let mut other = connect()?;
        other
            .batch("BEGIN")
            .map_err(|error| broken("open", &error))?;
        if session(&mut other)? == own {
            return Ok(true);
        }
        others.push(other);
    }
    Ok(session(&mut first)? != own)
}

fn session(server: &mut Server) -> Result<i64> {
    let asked = sql("SELECT pg_backend_pid() AS n").get_result::<One>(server);
    Ok(asked.map_err(|error| broken("open", &error))?.n)
}
