//! Scheduled: messages that wait at Telegram for their time. They have numbers of their own; when they go out they become
//! ordinary messages, and their own clients hear both.

use grammers_tl_types::{enums, types};

use super::{
    Posted, Refusal, World, bad,
    ids::ChatRef,
    message::{Body, Draft, Form, Gid, utf16_len},
    push::Audience,
    view::Detail,
};
use crate::port::KeyId;

/// Instead of a date: as soon as the other side is online (core.telegram.org/api/scheduled-messages).
pub const WHEN_ONLINE: i32 = 0x7FFF_FFFE;
const MOST_IN_A_CHAT: usize = 100;
const LATEST: i32 = 365 * 24 * 60 * 60;
/// What is due sooner goes out at once.
const SOONEST: i32 = 10;
const TEXT_LIMIT: usize = 4096;

#[derive(Clone, Debug)]
pub struct Scheduled {
    pub id: i32,
    pub chat: ChatRef,
    pub at: i32,
    pub draft: Draft,
    pub edit_date: i32,
}

/// What became of a message that was to wait.
#[derive(Clone, Copy, Debug)]
pub enum Planned {
    Waits(i32),
    /// It was due, or has gone out since.
    Sent(Posted),
}

impl World {
    pub fn schedule(
        &mut self,
        by: i64,
        key: KeyId,
        chat: ChatRef,
        draft: Draft,
        at: i32,
    ) -> Result<Planned, Refusal> {
        let account = self.account(by)?;
        let random = (chat, draft.random_id);
        if account.sent.contains_key(&random) {
            return self.send(by, key, chat, draft).map(Planned::Sent);
        }
        if let Some(id) = account.planned.get(&random).copied() {
            return Ok(Planned::Waits(id));
        }
        self.may_write(by, chat)?;
        check_words(&draft)?;
        self.check_date(by, chat, at)?;
        if at < self.now().saturating_add(SOONEST) {
            return self.send(by, key, chat, draft).map(Planned::Sent);
        }
        let account = self.account_mut(by)?;
        let waiting = account.scheduled.iter().filter(|one| one.chat == chat);
        if waiting.count() >= MOST_IN_A_CHAT {
            return Err(bad("SCHEDULE_TOO_MUCH"));
        }
        account.next_scheduled += 1;
        let id = account.next_scheduled;
        account.planned.insert(random, id);
        account.scheduled.push(Scheduled {
            id,
            chat,
            at,
            draft,
            edit_date: 0,
        });
        self.tell_scheduled(by, chat, id, Some(key));
        Ok(Planned::Waits(id))
    }

    fn check_date(&self, by: i64, chat: ChatRef, at: i32) -> Result<(), Refusal> {
        if at == WHEN_ONLINE {
            let person = match chat {
                ChatRef::User(id) => self.users.get(&id).filter(|user| user.id != by),
                ChatRef::Group(_) | ChatRef::Channel(_) => None,
            };
            return match person {
                Some(user) if !user.bot && user.id != by => Ok(()),
                _ => Err(bad("SCHEDULE_STATUS_PRIVATE")),
            };
        }
        if at > self.now().saturating_add(LATEST) {
            return Err(bad("SCHEDULE_DATE_TOO_LATE"));
        }
        Ok(())
    }

    /// Other words, or another time. Answers whether it goes out at once.
    pub fn edit_scheduled(
        &mut self,
        by: i64,
        key: KeyId,
        (chat, id): (ChatRef, i32),
        words: Option<(String, Vec<enums::MessageEntity>)>,
        at: Option<i32>,
    ) -> Result<Planned, Refusal> {
        if let Some(at) = at {
            self.check_date(by, chat, at)?;
        }
        let now = self.now();
        let account = self.account_mut(by)?;
        let found = account
            .scheduled
            .iter_mut()
            .find(|one| (one.chat, one.id) == (chat, id));
        let one = found.ok_or_else(|| bad("MESSAGE_ID_INVALID"))?;
        let (text, entities) =
            words.unwrap_or_else(|| (one.draft.text.clone(), one.draft.form.entities.clone()));
        let at = at.unwrap_or(one.at);
        if (text.as_str(), &entities, at)
            == (one.draft.text.as_str(), &one.draft.form.entities, one.at)
        {
            return Err(bad("MESSAGE_NOT_MODIFIED"));
        }
        let mut draft = one.draft.clone();
        (draft.text, draft.form.entities) = (text, entities);
        check_words(&draft)?;
        (one.draft, one.at, one.edit_date) = (draft, at, now);
        if at < now.saturating_add(SOONEST) {
            let posted = self.send_scheduled(by, chat, id)?;
            return Ok(Planned::Sent(posted));
        }
        self.tell_scheduled(by, chat, id, Some(key));
        Ok(Planned::Waits(id))
    }

    /// It goes out, whatever its time was; all clients of the account are told that it no longer waits.
    pub fn send_scheduled(&mut self, by: i64, chat: ChatRef, id: i32) -> Result<Posted, Refusal> {
        let account = self.account_mut(by)?;
        let at = account
            .scheduled
            .iter()
            .position(|one| (one.chat, one.id) == (chat, id));
        let mut one = account
            .scheduled
            .remove(at.ok_or_else(|| bad("MESSAGE_ID_INVALID"))?);
        one.draft.form.from_scheduled = true;
        let random_id = one.draft.random_id;
        let posted = self.post(by, chat, one.draft, None);
        if random_id != 0 {
            self.account_mut(by)?
                .sent
                .insert((chat, random_id), posted.gid);
        }
        self.note_send(by, chat, random_id, posted.gid);
        self.tell_unscheduled(by, chat, &[id], Some(vec![posted.id]), None);
        Ok(posted)
    }

    pub fn delete_scheduled(&mut self, by: i64, key: KeyId, chat: ChatRef, ids: &[i32]) {
        let Ok(account) = self.account_mut(by) else {
            return;
        };
        account
            .scheduled
            .retain(|one| one.chat != chat || !ids.contains(&one.id));
        self.tell_unscheduled(by, chat, ids, None, Some(key));
    }

    /// What is due, or waits for somebody who is online now.
    pub fn send_due(&mut self) {
        let due = self.due();
        for (by, chat, id) in due {
            // Somebody who may no longer write there keeps it waiting for ever, as nobody else would be told.
            if self.may_write(by, chat).is_ok() {
                let _ = self.send_scheduled(by, chat, id);
            }
        }
    }

    pub fn due(&self) -> Vec<(i64, ChatRef, i32)> {
        let now = self.now();
        let is_online = |chat: ChatRef| match chat {
            ChatRef::User(id) => self
                .users
                .get(&id)
                .is_some_and(|user| user.online_until > now),
            ChatRef::Group(_) | ChatRef::Channel(_) => false,
        };
        let mut due = Vec::new();
        for (by, account) in &self.accounts {
            let ready = account.scheduled.iter().filter(|one| match one.at {
                WHEN_ONLINE => is_online(one.chat),
                at => at <= now,
            });
            due.extend(ready.map(|one| (*by, one.chat, one.id)));
        }
        due
    }

    pub fn scheduled_tl(&self, by: i64, chat: ChatRef, id: i32) -> Option<enums::Message> {
        let account = self.accounts.get(&by)?;
        let one = account
            .scheduled
            .iter()
            .find(|one| (one.chat, one.id) == (chat, id))?;
        let mut draft = one.draft.clone();
        draft.form.from_scheduled = true;
        let mut body = Body::of(by, chat, one.at, draft);
        body.edit_date = one.edit_date;
        Some(self.body_tl(by, id, chat, (Gid::MAX, &body)))
    }

    fn tell_scheduled(&mut self, by: i64, chat: ChatRef, id: i32, except: Option<KeyId>) {
        self.revision += 1;
        let Some(message) = self.scheduled_tl(by, chat, id) else {
            return;
        };
        let update = types::UpdateNewScheduledMessage { message };
        let mut cast = super::view::Cast::default();
        cast.add(chat);
        cast.users.insert(by);
        let updates = self.with_cast(by, vec![update.into()], &cast, Detail::Full);
        let audience = Audience::Account { user: by, except };
        self.push(audience, "updateNewScheduledMessage", updates);
    }

    fn tell_unscheduled(
        &mut self,
        by: i64,
        chat: ChatRef,
        ids: &[i32],
        sent: Option<Vec<i32>>,
        except: Option<KeyId>,
    ) {
        self.revision += 1;
        let update = types::UpdateDeleteScheduledMessages {
            peer: chat.peer(),
            messages: ids.to_vec(),
            sent_messages: sent,
        };
        self.push_short(Audience::Account { user: by, except }, update.into());
    }
}

fn check_words(draft: &Draft) -> Result<(), Refusal> {
    let wordless = draft.text.trim().is_empty() && draft.form == Form::default();
    if wordless && draft.media.is_none() {
        return Err(bad("MESSAGE_EMPTY"));
    }
    if utf16_len(&draft.text) > TEXT_LIMIT {
        return Err(bad("MESSAGE_TOO_LONG"));
    }
    Ok(())
}
