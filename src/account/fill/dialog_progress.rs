//! Dialog progress: how far the list of an account's chats was read, so that a restart goes on at the same page.

use serde::{Deserialize, Serialize};

use crate::{domain::ChatId, telegram::DialogCursor};

/// How far the dialog list was read; kept by the store as text.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct DialogProgress {
    pub finished: bool,
    pub folder: i32,
    pub offset_date: i32,
    pub offset_id: i32,
    pub offset_peer: Option<ChatId>,
    /// Rows read so far.
    pub done: i64,
    /// How often this page was refused.
    #[serde(default)]
    pub refused: u32,
    /// Telegram did not give all of it.
    #[serde(default)]
    pub cut: bool,
}

impl DialogProgress {
    /// Where nothing was read yet, the top of the first folder.
    pub const fn cursor(&self) -> DialogCursor {
        DialogCursor {
            folder: self.folder,
            offset_date: self.offset_date,
            offset_id: self.offset_id,
            offset_peer: self.offset_peer,
        }
    }

    pub const fn is_whole(&self) -> bool {
        self.finished && !self.cut
    }

    pub fn move_to(&mut self, next: Option<DialogCursor>) {
        self.refused = 0;
        let Some(next) = next else {
            self.finished = true;
            return;
        };
        self.folder = next.folder;
        self.offset_date = next.offset_date;
        self.offset_id = next.offset_id;
        self.offset_peer = next.offset_peer;
    }
}
