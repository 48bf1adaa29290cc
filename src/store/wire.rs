//! Wire: how diesel talks to PostgreSQL here.

use diesel_async::{
    AsyncPgConnection,
    async_connection_wrapper::{AsyncConnectionWrapper, BlockOn},
};

/// diesel's connection, on a client that is Rust throughout.
pub(in crate::store) type Postgres = AsyncConnectionWrapper<AsyncPgConnection, Waiting>;

/// How a thread waits for an answer: by sleeping, also where a runtime of its own stands above it.
pub(in crate::store) struct Waiting;

impl BlockOn for Waiting {
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        // The task of tokio's that waits here can't be told to let others in between.
        futures_executor::block_on(tokio::task::unconstrained(future))
    }

    fn get_runtime() -> Self {
        Self
    }
}
