//! Announcer: hands on what is committed, to all that live on events; and what is told beside them.

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

use serde_json::json;

use crate::{
    account::{Bells, Typing, TypingSink, UploadProgress, UploadSink},
    broadcast::{BroadcastHandle, Transient},
    domain::{Account, AccountId, Event, EventBody, Timestamp},
    media::MediaHandle,
    store::EventSink,
    traces,
    web::Metrics,
    whispers::{Whispers, timed},
};

/// What the store calls after each commit.
#[derive(Default)]
pub(super) struct Announcer {
    pub broadcast: OnceLock<BroadcastHandle>,
    pub whispers: OnceLock<Whispers>,
    pub media: OnceLock<MediaHandle>,
    pub bells: Bells,
    pub metrics: Arc<Metrics>,
}

impl EventSink for Announcer {
    fn committed(&self, events: Vec<Arc<Event>>) {
        traces::committed(&events);
        for event in &events {
            self.metrics.count(event);
        }
        if let Some(media) = self.media.get() {
            for event in &events {
                media.committed(&event.body);
            }
        }
        if let Some(whispers) = self.whispers.get() {
            for event in &events {
                if let EventBody::LoginUpdated { account_id, login } = &event.body {
                    whispers.tell_others_of(*account_id, login.as_ref());
                }
            }
        }
        if let Some(broadcast) = self.broadcast.get() {
            broadcast.publish(events);
        }
    }

    fn heard(&self, events: Vec<Arc<Event>>) {
        if let Some(media) = self.media.get() {
            for event in &events {
                media.heard(&event.body);
            }
        }
        if let Some(broadcast) = self.broadcast.get() {
            broadcast.publish(events);
        }
    }

    fn ordered(&self, accounts: BTreeSet<AccountId>) {
        for account in accounts {
            self.bells.ring(account);
        }
    }

    fn waiting(&self, account: Account) {
        let Some(broadcast) = self.broadcast.get() else {
            return;
        };
        let account_id = account.id;
        let body = EventBody::AccountStatus {
            account: Box::new(account),
        };
        let text = timed(&body).to_string().into();
        broadcast.announce(Transient::of_text(account_id, text));
    }
}

/// Hands "somebody types" and how far an upload is to whoever looks right now.
pub(super) struct Whisper(pub Whispers);

impl TypingSink for Whisper {
    fn typing(&self, typing: Typing) {
        let account_id = typing.account_id;
        let frame = json!({ "event": "typing", "at": Timestamp::now(), "data": typing });
        self.0.tell(account_id, &frame);
    }
}

impl UploadSink for Whisper {
    fn uploaded(&self, progress: UploadProgress) {
        let account_id = progress.account_id;
        let frame = json!({ "event": "upload_progress", "at": Timestamp::now(), "data": progress });
        self.0.tell(account_id, &frame);
    }
}
