//! What is fetched on request: the dialog list, history, single messages.

use grammers_client::tl;

use super::{
    DialogCursor, DialogPage, HistoryPage, HistoryRange, resolve::input_peer, shared::Shared,
};
use crate::{
    domain::{Batch, Change, ChatId},
    telegram::{
        CallError,
        convert::{Converter, chat_id, dialog_record, forum_topic},
    },
};

/// More in one answer could outgrow what the layer below can take in at once.
const PAGE_LIMIT: i32 = 100;
const MAIN: i32 = 0;
const ARCHIVE: i32 = 1;

/// The parts that every list of messages has.
struct Listing {
    messages: Vec<tl::enums::Message>,
    users: Vec<tl::enums::User>,
    chats: Vec<tl::enums::Chat>,
    /// Of a forum: those that the messages are of.
    topics: Vec<tl::enums::ForumTopic>,
    /// Telegram sent all there is.
    whole: bool,
    /// Messages that come after the last one of it, where Telegram counts them.
    left: Option<i64>,
}

pub(super) async fn dialogs_page(
    shared: &Shared,
    cursor: Option<DialogCursor>,
    limit: i32,
) -> Result<DialogPage, CallError> {
    let at = cursor.unwrap_or_else(|| top_of(MAIN));
    let offset_peer = match at.offset_peer {
        Some(chat) => match input_peer(shared, chat).await {
            Err(CallError::Unresolvable) => tl::enums::InputPeer::Empty,
            peer => peer?,
        },
        None => tl::enums::InputPeer::Empty,
    };
    let request = tl::functions::messages::GetDialogs {
        // Pinned ones lead the first page, whatever their date.
        exclude_pinned: at.offset_id != 0,
        folder_id: Some(at.folder),
        offset_date: at.offset_date,
        offset_id: at.offset_id,
        offset_peer,
        limit: limit.clamp(1, PAGE_LIMIT),
        hash: 0,
    };
    use tl::enums::messages::Dialogs;
    let mut batch = Batch::asking(shared.account_id);
    let (dialogs, listing, total) = match shared.call(request).await? {
        Dialogs::Dialogs(d) => {
            let total = d.dialogs.len();
            let listing = Listing {
                messages: d.messages,
                users: d.users,
                chats: d.chats,
                topics: Vec::new(),
                whole: true,
                left: Some(0),
            };
            (d.dialogs, listing, total as i64)
        }
        Dialogs::Slice(d) => {
            let listing = Listing {
                messages: d.messages,
                users: d.users,
                chats: d.chats,
                topics: Vec::new(),
                whole: false,
                left: None,
            };
            (d.dialogs, listing, i64::from(d.count))
        }
        Dialogs::NotModified(d) => (Vec::new(), Listing::empty(), i64::from(d.count)),
    };
    let self_id = shared.self_id;
    let next = match next_cursor(&at, &dialogs, &listing, self_id) {
        Some(next) => Some(next),
        None => DialogCursor::folder_after(at.folder),
    };
    fill(&mut batch, shared, listing, |batch| {
        let records = dialogs
            .into_iter()
            .filter_map(|dialog| dialog_record(dialog, self_id));
        batch.changes.extend(records.map(Change::Dialog));
    });
    Ok(DialogPage { batch, next, total })
}

impl DialogCursor {
    /// The next folder's top, where there is one.
    pub(crate) fn folder_after(folder: i32) -> Option<Self> {
        (folder == MAIN).then(|| top_of(ARCHIVE))
    }
}

const fn top_of(folder: i32) -> DialogCursor {
    DialogCursor {
        folder,
        offset_date: 0,
        offset_id: 0,
        offset_peer: None,
    }
}

/// After the last dialog whose newest message is known. `None`: the folder ends here.
fn next_cursor(
    at: &DialogCursor,
    dialogs: &[tl::enums::Dialog],
    listing: &Listing,
    self_id: i64,
) -> Option<DialogCursor> {
    if listing.whole {
        return None;
    }
    let next = dialogs.iter().rev().find_map(|dialog| {
        let tl::enums::Dialog::Dialog(dialog) = dialog else {
            return None;
        };
        let chat = chat_id(&dialog.peer, self_id);
        let offset_date = listing.messages.iter().find_map(|message| {
            let (peer, id, date) = match message {
                tl::enums::Message::Message(m) => (&m.peer_id, m.id, m.date),
                tl::enums::Message::Service(m) => (&m.peer_id, m.id, m.date),
                tl::enums::Message::Empty(_) => return None,
            };
            (id == dialog.top_message && chat_id(peer, self_id) == chat).then_some(date)
        })?;
        Some(DialogCursor {
            folder: at.folder,
            offset_date,
            offset_id: dialog.top_message,
            offset_peer: Some(chat),
        })
    })?;
    // A page that does not lead on would be asked for without end.
    (next != *at).then_some(next)
}

pub(super) async fn history(
    shared: &Shared,
    chat: ChatId,
    range: HistoryRange,
) -> Result<HistoryPage, CallError> {
    let request = tl::functions::messages::GetHistory {
        peer: input_peer(shared, chat).await?,
        offset_id: range.before,
        offset_date: 0,
        add_offset: 0,
        limit: range.limit.clamp(1, PAGE_LIMIT),
        max_id: 0,
        min_id: range.min_id,
        hash: 0,
    };
    let limit = usize::try_from(request.limit).unwrap_or(0);
    let mut batch = Batch::asking(shared.account_id);
    let listing = Listing::of(shared.call(request).await?);
    let numbers = listing.messages.iter().map(tl::enums::Message::id);
    let oldest_id = numbers.filter(|id| *id > 0).min();
    // A short page proves nothing: Telegram leaves out what it may not show. An empty one does. Nor does a full one that is
    // said to be whole: the next page is asked for, and costs a call.
    let left = listing.left;
    let whole = listing.whole && listing.messages.len() < limit;
    let complete = whole || oldest_id.is_none_or(|oldest| oldest <= range.min_id + 1);
    fill(&mut batch, shared, listing, |_| {});
    Ok(HistoryPage {
        batch,
        oldest_id,
        complete,
        left,
    })
}

pub(super) async fn messages_by_id(
    shared: &Shared,
    channel: Option<ChatId>,
    ids: Vec<i32>,
) -> Result<Batch, CallError> {
    let mut batch = Batch::asking(shared.account_id);
    let listing = Listing::of(by_id(shared, channel, &ids).await?);
    let found: Vec<i32> = listing
        .messages
        .iter()
        .filter(|message| exists(message))
        .map(tl::enums::Message::id)
        .collect();
    let gone: Vec<i32> = ids.into_iter().filter(|id| !found.contains(id)).collect();
    fill(&mut batch, shared, listing, |_| {});
    if !gone.is_empty() {
        batch.changes.push(Change::Deleted {
            channel: channel.and_then(ChatId::channel_id),
            message_ids: gone,
        });
    }
    Ok(batch)
}

/// Telegram's answer as it came.
pub(super) async fn by_id(
    shared: &Shared,
    channel: Option<ChatId>,
    ids: &[i32],
) -> Result<tl::enums::messages::Messages, CallError> {
    let id = ids
        .iter()
        .map(|id| tl::types::InputMessageId { id: *id }.into())
        .collect();
    match channel {
        None => {
            shared
                .call(tl::functions::messages::GetMessages { id })
                .await
        }
        Some(chat) => {
            let tl::enums::InputPeer::Channel(peer) = input_peer(shared, chat).await? else {
                return Err(CallError::Unresolvable);
            };
            let channel = tl::types::InputChannel {
                channel_id: peer.channel_id,
                access_hash: peer.access_hash,
            };
            shared
                .call(tl::functions::channels::GetMessages {
                    channel: channel.into(),
                    id,
                })
                .await
        }
    }
}

const fn exists(message: &tl::enums::Message) -> bool {
    !matches!(message, tl::enums::Message::Empty(_))
}

impl Listing {
    const fn empty() -> Self {
        Self {
            messages: Vec::new(),
            users: Vec::new(),
            chats: Vec::new(),
            topics: Vec::new(),
            whole: true,
            left: Some(0),
        }
    }

    fn of(answer: tl::enums::messages::Messages) -> Self {
        use tl::enums::messages::Messages;
        match answer {
            Messages::Messages(m) => Self {
                messages: m.messages,
                users: m.users,
                chats: m.chats,
                topics: m.topics,
                whole: true,
                left: Some(0),
            },
            Messages::Slice(m) => Self {
                left: left(m.count, m.offset_id_offset, m.messages.len()),
                messages: m.messages,
                users: m.users,
                chats: m.chats,
                topics: m.topics,
                whole: false,
            },
            Messages::ChannelMessages(m) => Self {
                left: left(m.count, m.offset_id_offset, m.messages.len()),
                messages: m.messages,
                users: m.users,
                chats: m.chats,
                topics: m.topics,
                whole: false,
            },
            Messages::NotModified(_) => Self::empty(),
        }
    }
}

/// `offset`: how many messages come before the first of the page.
fn left(count: i32, offset: Option<i32>, page: usize) -> Option<i64> {
    let page = i64::try_from(page).ok()?;
    Some((i64::from(count) - i64::from(offset?) - page).max(0))
}

/// Peers first, then what `between` adds, then the messages.
fn fill(batch: &mut Batch, shared: &Shared, listing: Listing, between: impl FnOnce(&mut Batch)) {
    Converter::new(shared.self_id, batch).peers(listing.users, listing.chats);
    shared.meet(&batch.peers);
    between(batch);
    let mut messages = Vec::with_capacity(listing.messages.len());
    {
        let converter = Converter::new(shared.self_id, batch);
        messages.extend(
            listing
                .messages
                .into_iter()
                .filter_map(|message| converter.message(message)),
        );
    }
    batch
        .changes
        .extend(messages.into_iter().map(Change::Message));
    batch
        .changes
        .extend(told_topics(listing.topics, shared.self_id));
}

/// Titles, by the forum that they are of.
fn told_topics(topics: Vec<tl::enums::ForumTopic>, self_id: i64) -> impl Iterator<Item = Change> {
    topics.into_iter().filter_map(move |topic| {
        let tl::enums::ForumTopic::Topic(of) = &topic else {
            return None;
        };
        let chat = chat_id(&of.peer, self_id);
        let topics = vec![forum_topic(topic).ok()?];
        Some(Change::Topics {
            chat,
            topics,
            gone: Vec::new(),
        })
    })
}
