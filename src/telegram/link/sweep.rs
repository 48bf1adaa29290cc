//! Once a day, and when the server turned out to be behind us: every channel's position beside that of its dialog. Finds
//! channels that fell silent unnoticed.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::{Urgency, fetch, shared::Shared};
use crate::{domain::Change, telegram::CallError};

/// Between two pages: there is no hurry.
const PACE: Duration = Duration::from_secs(2);
const PAGE: i32 = 100;

pub(super) fn start(shared: &Arc<Shared>) -> AbortOnDropHandle<()> {
    let work = sweep(Arc::clone(shared));
    AbortOnDropHandle::new(shared.runtime.spawn(work))
}

/// Gives up on the first trouble that is not a pause; tomorrow is another day.
async fn sweep(shared: Arc<Shared>) {
    let mut cursor = None;
    loop {
        shared.pace.turn(Urgency::Compare).await;
        let page = match fetch::dialogs_page(&shared, cursor.clone(), PAGE).await {
            Ok(page) => page,
            Err(CallError::FloodWait(wait)) => {
                shared.pace.flooded(wait);
                continue;
            }
            Err(_) => return,
        };
        let theirs = page.batch.changes.iter().filter_map(|change| match change {
            Change::Dialog(dialog) => Some((dialog.chat.channel_id()?, dialog.channel_pts?)),
            _ => None,
        });
        shared.compare(theirs.collect());
        cursor = page.next;
        if cursor.is_none() {
            return;
        }
        sleep(PACE).await;
    }
}
