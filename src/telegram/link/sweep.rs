//! Once a day: every channel's position beside that of its dialog. Finds channels that fell silent unnoticed.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{Urgency, handle::LinkHandle, shared::Shared};
use crate::domain::Change;
use crate::telegram::CallError;

/// Between two pages: there is no hurry.
const PACE: Duration = Duration::from_secs(2);
const PAGE: i32 = 100;

pub(super) fn start(shared: &Arc<Shared>) {
    let handle = LinkHandle::over(Arc::clone(shared));
    let stop = shared.stop.clone();
    shared.runtime.spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = sweep(handle) => {}
        }
    });
}

/// Gives up on the first trouble that is not a pause; tomorrow is another day.
async fn sweep(handle: LinkHandle) {
    let mut cursor = None;
    loop {
        let page = match handle
            .dialogs_page(cursor.clone(), PAGE, Urgency::Compare)
            .await
        {
            Ok(page) => page,
            Err(CallError::FloodWait(wait)) => {
                sleep(wait).await;
                continue;
            }
            Err(_) => return,
        };
        let mut behind = Vec::new();
        for change in &page.batch.changes {
            let Change::Dialog(dialog) = change else {
                continue;
            };
            let (Some(channel), Some(theirs)) = (dialog.chat.channel_id(), dialog.channel_pts)
            else {
                continue;
            };
            let ours = handle.shared().peers.channel_pts(channel).await;
            if ours.is_some_and(|ours| ours < theirs) {
                behind.push(channel);
            }
        }
        handle.shared().channels_behind(behind);
        cursor = page.next;
        if cursor.is_none() {
            return;
        }
        sleep(PACE).await;
    }
}
