//! Pending: orders as they are carried out, put together from their rows.

use diesel::{
    QueryableByName,
    sql_types::{Nullable, Text},
};
use serde::de::DeserializeOwned;

use super::{
    Result, StoreHandle,
    forwards::ForwardPayload,
    message_row::from_json,
    order_files::FileColumns,
    order_row::{OrderRow, marks, pending, select_orders},
    orders::TextPayload,
    sql::{Number, sql},
};
use crate::domain::{
    AccountId, ChatId, CopyOf, Deed, Making, MediaItem, MessageRowId, NewCopy, NewForward,
    NewMedia, NewText, Order, OrderKind, Place, Quote, Replacement, Schedule, Wording, Work,
};

/// So many of one lane are read at once: a thousand that wait in a chat cost no more than these.
pub const FIRST_OF_A_LANE: usize = 16;

/// An order and one of its messages.
#[derive(QueryableByName)]
struct PendingRow {
    #[diesel(embed)]
    order: OrderRow,
    #[diesel(sql_type = Number)]
    chat: i64,
    #[diesel(sql_type = Nullable<Number>)]
    message_row: Option<i64>,
    #[diesel(sql_type = Nullable<Number>)]
    random_id: Option<i64>,
    #[diesel(sql_type = Nullable<Number>)]
    message_no: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    text: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    entities: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    quote: Option<String>,
    #[diesel(sql_type = Nullable<Number>)]
    reply_to: Option<i32>,
    #[diesel(sql_type = Nullable<Number>)]
    topic_id: Option<i32>,
    #[diesel(sql_type = Nullable<Number>)]
    monoforum_peer: Option<i64>,
    #[diesel(sql_type = Nullable<Number>)]
    scheduled_for: Option<i64>,
    #[diesel(sql_type = Nullable<Number>)]
    scheduled_id: Option<i32>,
    #[diesel(sql_type = Nullable<Number>)]
    source_row: Option<i64>,
    #[diesel(embed)]
    file: FileColumns,
}

impl PendingRow {
    fn making(&self) -> Option<Making> {
        Some(Making {
            row: MessageRowId(self.message_row?),
            random_id: self.random_id?,
        })
    }

    /// The file that it is still to get.
    fn copy(&self) -> Option<CopyOf> {
        Some(CopyOf {
            row: MessageRowId(self.message_row?),
            source: MessageRowId(self.source_row?),
        })
    }

    fn payload<T: DeserializeOwned + Default>(&self) -> T {
        let payload = self.order.payload.as_deref();
        payload.and_then(from_json).unwrap_or_default()
    }

    /// Telegram's number of a message that the order concerns.
    fn message_id(&self) -> Option<i32> {
        // What waits has a number of its own kind.
        let ordinary = || self.message_no?.try_into().ok();
        self.scheduled_id.or_else(ordinary)
    }

    fn wording(&self) -> Wording {
        let payload: TextPayload = self.payload();
        let entities = self.entities.as_deref();
        let quote = |text: &String| Quote {
            text: text.clone(),
            offset: payload.quote_offset,
        };
        Wording {
            entities: entities.and_then(from_json).unwrap_or_default(),
            no_preview: payload.preview == Some(false),
            quote: self.quote.as_ref().map(quote),
        }
    }

    fn schedule(&self) -> Option<Schedule> {
        let seconds = i32::try_from(self.scheduled_for?).ok()?;
        Some(Schedule::from_seconds(seconds))
    }

    fn place(&self) -> Place {
        Place {
            reply_to: self.reply_to,
            topic_id: self.topic_id,
            monoforum_peer: self.monoforum_peer.map(ChatId::from_marked),
        }
    }
}

/// The rows of one order, its messages in order. `None`: a kind that this version does not know, or that lost its messages.
fn order_of(account: AccountId, rows: &[PendingRow]) -> Option<Order> {
    let first = rows.first()?;
    let work = match OrderKind::parse(&first.order.kind)? {
        OrderKind::Text => Work::Text(NewText {
            making: first.making()?,
            text: first.text.clone()?,
            wording: first.wording(),
            place: first.place(),
            schedule: first.schedule(),
        }),
        OrderKind::Media if rows.iter().any(|row| row.source_row.is_some()) => {
            Work::Copy(NewCopy {
                makes: rows.iter().filter_map(PendingRow::making).collect(),
                files: rows.iter().filter_map(PendingRow::copy).collect(),
            })
        }
        OrderKind::Media => {
            let mut media = NewMedia {
                makes: Vec::with_capacity(rows.len()),
                items: Vec::with_capacity(rows.len()),
                place: first.place(),
                schedule: first.schedule(),
            };
            for row in rows {
                let (file, uploaded) = row.file.read()?;
                media.makes.push(row.making()?);
                media.items.push(MediaItem {
                    caption: row.text.clone()?,
                    entities: row.wording().entities,
                    file,
                    uploaded,
                });
            }
            Work::Media(media)
        }
        OrderKind::Forward => Work::Forward(forward_of(rows)?),
        OrderKind::Edit
        | OrderKind::Delete
        | OrderKind::React
        | OrderKind::Pin
        | OrderKind::Clear
        | OrderKind::Mute
        | OrderKind::Archive
        | OrderKind::MarkUnread
        | OrderKind::Block
        | OrderKind::Report
        | OrderKind::Draft
        | OrderKind::Reschedule
        | OrderKind::SendNow
        | OrderKind::Withdraw => deed_of(rows)?,
    };
    Some(Order {
        id: first.order.order_id(),
        account_id: account,
        chat: ChatId::from_marked(first.chat),
        work,
        tries: first.order.tries(),
    })
}

/// An edit that brings a file is a replacement.
fn deed_of(rows: &[PendingRow]) -> Option<Work> {
    let first = rows.first()?;
    let deed = from_json::<Deed>(first.order.payload.as_deref()?)?;
    match (deed, first.file.read()) {
        (Deed::Edit { text, entities, .. }, Some((file, uploaded))) => {
            Some(Work::Replace(Replacement {
                row: MessageRowId(first.message_row?),
                message_id: first.message_id()?,
                item: MediaItem {
                    caption: text,
                    entities,
                    file,
                    uploaded,
                },
            }))
        }
        (deed, _) => Some(Work::Deed {
            deed,
            message_ids: rows.iter().filter_map(PendingRow::message_id).collect(),
        }),
    }
}

/// What is still to be forwarded.
fn forward_of(rows: &[PendingRow]) -> Option<NewForward> {
    let payload = rows.first()?.order.payload.as_deref()?;
    let payload: ForwardPayload = from_json(payload)?;
    let mut forward = NewForward {
        makes: Vec::new(),
        message_ids: Vec::new(),
        from: ChatId::from_marked(payload.from),
        topic_id: rows.first()?.topic_id,
        hide_origin: payload.hide_origin,
        schedule: rows.first()?.schedule(),
    };
    for making in rows.iter().filter_map(PendingRow::making) {
        let source = payload.sources.iter().find(|(row, _)| *row == making.row.0);
        forward.makes.push(making);
        forward.message_ids.push(source?.1);
    }
    Some(forward)
}

impl StoreHandle {
    /// What waits to be done, oldest first, and so in order per chat; of each lane of a chat the first
    /// [`FIRST_OF_A_LANE`].
    ///
    /// # Errors
    /// As every read.
    pub async fn pending_orders(&self, account: AccountId) -> Result<Vec<Order>> {
        self.read("pending_orders", move |conn| {
            let rows = sql(concat!(
                select_orders!(
                    ", c.chat, om.message_row, om.random_id, m.message_no, m.text, m.entities, m.quote, m.reply_to, \
                     m.topic_id, m.monoforum_peer, m.scheduled_for, m.scheduled_id, y.source_row, \
                     coalesce(f.file, e.file) AS file, coalesce(f.parts, e.parts) AS parts, \
                     coalesce(f.put_up, e.put_up) AS put_up FROM (SELECT q.*, row_number() OVER \
                     (PARTITION BY q.conversation_id, q.kind IN "
                ),
                marks!(),
                " ORDER BY q.id) AS place FROM orders q \
                 WHERE q.account_no = (SELECT no FROM accounts WHERE id = ?) AND q.state IN ",
                pending!(),
                ") o JOIN conversations c ON c.id = o.conversation_id \
                 LEFT JOIN order_messages om ON om.order_id = o.id LEFT JOIN messages m ON m.id = om.message_row \
                 LEFT JOIN order_files f ON f.message_row = om.message_row LEFT JOIN edit_files e ON e.order_id = o.id \
                 LEFT JOIN order_copies y ON y.message_row = om.message_row \
                 WHERE o.place <= ? ORDER BY o.id, om.ordinal",
            ))
            .text(&account.to_string())
            .number(i64::try_from(FIRST_OF_A_LANE).unwrap_or(i64::MAX))
            .load::<PendingRow>(conn)?;
            Ok(rows
                .chunk_by(|a, b| a.order.id == b.order.id)
                .filter_map(|rows| order_of(account, rows))
                .collect())
        })
        .await
    }
}
