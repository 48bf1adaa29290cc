//! Marks: what an account puts on its chats, and what its other clients hear of it.

use grammers_tl_types::types;

use super::{
    Refusal, World, change::Moved, ids::ChatRef, mailbox::MailEvent, push::Audience,
    view::blank_notify,
};
use crate::port::KeyId;

/// `mute_until` of a chat that is muted for ever.
pub const FOR_EVER: i32 = i32::MAX;

impl World {
    /// 0: not muted.
    pub fn mute(
        &mut self,
        by: i64,
        chat: ChatRef,
        until: i32,
        key: Option<KeyId>,
    ) -> Result<(), Refusal> {
        let dialogs = &mut self.account_mut(by)?.mailbox.dialogs;
        if let Some(dialog) = dialogs.get_mut(&chat) {
            dialog.muted_until = until;
        }
        let peer = types::NotifyPeer { peer: chat.peer() };
        let notify_settings = types::PeerNotifySettings {
            mute_until: Some(until),
            ..blank_notify()
        };
        let update = types::UpdateNotifySettings {
            peer: peer.into(),
            notify_settings: notify_settings.into(),
        };
        let audience = Audience::Account {
            user: by,
            except: key,
        };
        self.push_short(audience, update.into());
        self.revision += 1;
        Ok(())
    }

    pub fn mark_unread(
        &mut self,
        by: i64,
        chat: ChatRef,
        unread: bool,
        key: Option<KeyId>,
    ) -> Result<(), Refusal> {
        let dialogs = &mut self.account_mut(by)?.mailbox.dialogs;
        if let Some(dialog) = dialogs.get_mut(&chat) {
            dialog.unread_mark = unread;
        }
        let update = types::UpdateDialogUnreadMark {
            unread,
            peer: types::DialogPeer { peer: chat.peer() }.into(),
            saved_peer_id: None,
        };
        let audience = Audience::Account {
            user: by,
            except: key,
        };
        self.push_short(audience, update.into());
        self.revision += 1;
        Ok(())
    }

    /// Folder 1 is the archive. Takes a number of the mailbox, unlike the other marks.
    pub fn put_in_folder(
        &mut self,
        by: i64,
        chat: ChatRef,
        folder: i32,
        key: Option<KeyId>,
    ) -> Result<Moved, Refusal> {
        let mailbox = &mut self.account_mut(by)?.mailbox;
        let Some(dialog) = mailbox.dialogs.get_mut(&chat) else {
            return Ok((mailbox.pts, 0));
        };
        if dialog.folder == folder {
            return Ok((mailbox.pts, 0));
        }
        dialog.folder = folder;
        let pts = mailbox.record(MailEvent::Folder { chat, folder });
        let update = folder_update(chat, folder, pts);
        let audience = Audience::Account {
            user: by,
            except: key,
        };
        self.push_short(audience, update.into());
        self.revision += 1;
        Ok((pts, 1))
    }

    pub fn set_blocked(
        &mut self,
        by: i64,
        person: i64,
        blocked: bool,
        key: Option<KeyId>,
    ) -> Result<(), Refusal> {
        let kept = &mut self.account_mut(by)?.blocked;
        if blocked {
            kept.insert(person);
        } else {
            kept.remove(&person);
        }
        let update = types::UpdatePeerBlocked {
            blocked,
            blocked_my_stories_from: false,
            peer_id: ChatRef::User(person).peer(),
        };
        let audience = Audience::Account {
            user: by,
            except: key,
        };
        self.push_short(audience, update.into());
        self.revision += 1;
        Ok(())
    }
}

pub fn folder_update(chat: ChatRef, folder_id: i32, pts: i32) -> types::UpdateFolderPeers {
    let peer = types::FolderPeer {
        peer: chat.peer(),
        folder_id,
    };
    types::UpdateFolderPeers {
        folder_peers: vec![peer.into()],
        pts,
        pts_count: 1,
    }
}
