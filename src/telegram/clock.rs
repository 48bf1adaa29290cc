//! Clock: is this machine's too far ahead of Telegram's?
//!
//! Telegram refuses messages from further than 30 seconds in its future. The layer below then repeats them at once, with
//! numbers from the same future, until the call's limit ends that. So before the first dial, and after a call that brought
//! no answer, the clocks are compared by a message that needs no key, and with such a clock nobody dials.

use std::time::Duration;

use super::{handshake::seconds_ahead, pool::PoolSession, settings::Settings};

const TOLERATED: i64 = 30;
const LIMIT: Duration = Duration::from_secs(5);

/// So many seconds too far. `None` also when nobody can be asked: then the trouble is another one.
pub(super) async fn trouble(session: &PoolSession, settings: &Settings) -> Option<i64> {
    let address = session.home_address(settings)?;
    let ahead = seconds_ahead(session.ways(), session.home(), address, LIMIT)
        .await
        .ok()?;
    (ahead > TOLERATED).then_some(ahead)
}

/// Was it wrong when the service first wanted to dial? Found out once, for all links.
pub(super) async fn was_wrong(session: &PoolSession, settings: &Settings) -> bool {
    let first = &settings.clock_was_wrong;
    *first
        .get_or_init(|| async { trouble(session, settings).await.is_some() })
        .await
}
