//! Files: where they lie, what of them expires, and their bytes.

use super::Simulator;
use crate::world::ChatRef;

impl Simulator {
    /// Files that are sent from now on lie on this data centre.
    pub fn set_files_dc(&self, dc: i32) {
        self.with(|world| world.files.dc = dc);
    }

    /// Clients that can are sent to a CDN for large files.
    pub fn set_cdn(&self, cdn: bool) {
        self.with(|world| world.files.cdn = cdn);
    }

    /// Every reference that was given out so far has expired: the message has to be asked for again.
    pub fn expire_file_references(&self) {
        self.with(|world| world.files.expire_references());
    }

    /// What was uploaded and not yet sent is no longer kept.
    pub fn expire_uploads(&self) {
        self.with(|world| world.files.uploads.expire());
    }

    /// A part of what an account is uploading is no longer there. False: it was not there.
    pub fn lose_part(&self, user: i64, part: i32) -> bool {
        self.with(|world| world.files.uploads.lose(user, part))
    }

    /// How many parts an account has uploaded that no message has taken.
    pub fn parts_of(&self, user: i64) -> usize {
        self.look(|world| world.files.uploads.parts_of(user))
    }

    /// Whether the bytes that clients upload are kept; else only how many there were.
    pub fn keep_uploads(&self, kept: bool) {
        self.with(|world| world.files.uploads.kept = kept);
    }

    /// The file behind a message that `user` has; 0: none.
    pub fn file_of(&self, user: i64, chat: impl Into<ChatRef>, id: i32) -> i64 {
        let chat = chat.into();
        self.look(|world| {
            let gid = world.find(user, chat, id);
            gid.and_then(|gid| world.body(gid))
                .map_or(0, |body| body.file)
        })
    }

    /// Telegram no longer has the file.
    pub fn forget_file(&self, id: i64) {
        self.with(|world| world.files.forget(id));
    }

    /// The bytes of one size of a file; an empty name is the file itself.
    pub fn file_bytes(&self, id: i64, size: &str) -> Option<Vec<u8>> {
        self.look(|world| {
            world
                .files
                .get(id)?
                .size(size)
                .map(|size| size.content.whole(id))
        })
    }
}
