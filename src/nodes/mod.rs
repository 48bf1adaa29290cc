//! Nodes: several processes on one database of PostgreSQL, each account at one of them.
//!
//! Telegram ends a session for good that it sees at two places at once, and gives nobody a way to tell it which one counts. So who has
//! an account is a matter of time alone: a lease of 45 s, renewed every 10 s. A node that could not renew for 25 s gives its lines up
//! by its own clock. Nobody takes an account of a node of which it has not heard for 60 s, by its own clock too: nodes and the server
//! may each have another time of day. A process that does not even get to give up (stopped, stuck) is ended by the kernel at 35 s.
//!
//! Receives: the end of lines from whoever runs them.
//! Sends:    which accounts to run, and which to end, to [`Lines`]; leases to `store`.
//! Promises: an account is told to run here only while no other node may have it.
//! Does not: know what a line is.

mod calls;
mod clock;
mod fuse;
mod keeper;
mod owned;
mod ownership;
mod share;
mod terms;
mod using;
mod watch;

pub use calls::{Calls, Told, Waiting};
pub(crate) use clock::now as since_boot;
pub use keeper::{Keeper, Lines};
pub use owned::{Ending, NodeStanding, Owned};
pub use ownership::Ownership;
pub use terms::Terms;
pub use using::Use;
