//! Transfer: histories as files in Telegram Desktop's own export layout (`result.json`), out and in, and as a page for people.
//!
//! Receives: stored messages, and the bytes of somebody's file, from `web`.
//! Sends:    text; messages as Telegram would have told them.
//! Promises: what goes out can be read back; a file is read one message at a time, however large it is; what a file says is
//!           taken for a stranger's words.
//! Does not: read or write the store, fetch files, or decide who may.

mod chat;
mod entry;
mod happening;
mod page;
mod peers;
mod reader;
mod take;
mod text;
mod thing;
mod write;

pub use chat::ChatHead;
pub use page::{
    Embed, PagePart, embedded, message_parts, missing_file, page_chat, page_end, page_head,
    page_missing,
};
pub use reader::{Bytes, Found, ReadError, Reader};
pub use take::{Taken, take};
pub use write::{Stretch, account_end, account_head, chat_end, chat_head, chat_message, missing};
