//! A model of Telegram's side: what happened on each line, pushes of it, and answers to differences.

use std::collections::BTreeMap;

use grammers_client::session::updates::UpdatesLike;
use grammers_client::tl::{
    enums::{self, Update},
    functions, types,
};

use super::packets::{Event, LineId, dialog, message, packet, send_message, update};

pub(super) type Content = BTreeMap<i32, String>;

#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    pub(super) pts: i32,
    next_id: i32,
    events: Vec<(i32, Event)>,
    changed_at: i32,
}

impl Log {
    pub(super) fn content_at(&self, pts: i32) -> Content {
        let mut content = Content::new();
        for (at, event) in &self.events {
            if *at > pts {
                break;
            }
            match event {
                Event::New(id, text) | Event::Edit(id, text) => {
                    content.insert(*id, text.clone());
                }
                Event::Delete(ids) => content.retain(|id, _| !ids.contains(id)),
                Event::Read => {}
            }
        }
        content
    }

    pub(super) fn content(&self) -> Content {
        self.content_at(i32::MAX)
    }
}

/// How the server treats a position that it has not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Future {
    Refuses,
    SaysEmpty,
    TellsItsOwn,
}

#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) account: Log,
    pub(super) channels: BTreeMap<i64, Log>,
    pub(super) qts: i32,
    pub(super) seq: i32,
    pub(super) date: i32,
    texts: u32,
    pub(super) future: Future,
    pub(super) slice: usize,
    /// The next differences say that they are too long.
    pub(super) too_long: u32,
    pub(super) channel_too_long: u32,
    pub(super) announces_pts: bool,
}

/// A difference, or why there is none.
pub(super) enum Answer {
    State(types::updates::State),
    Account(enums::updates::Difference),
    Channel(i64, enums::updates::ChannelDifference),
    Dialog(i64, enums::Dialog),
    Refused(LineId),
}

impl Server {
    pub(super) fn new(channels: &[i64]) -> Self {
        let log = || Log {
            pts: 10,
            next_id: 1,
            ..Log::default()
        };
        Self {
            account: log(),
            channels: channels.iter().map(|id| (*id, log())).collect(),
            qts: 0,
            seq: 5,
            date: 100,
            texts: 0,
            future: Future::Refuses,
            slice: 1_000,
            too_long: 0,
            channel_too_long: 0,
            announces_pts: true,
        }
    }

    pub(super) fn log(&self, line: LineId) -> &Log {
        match line {
            None => &self.account,
            Some(id) => &self.channels[&id],
        }
    }

    fn log_mut(&mut self, line: LineId) -> &mut Log {
        match line {
            None => &mut self.account,
            Some(id) => self.channels.get_mut(&id).unwrap(),
        }
    }

    /// After a restore: no text is said twice.
    pub(super) fn continue_texts(&mut self, other: &Self) {
        self.texts = other.texts;
    }

    fn text(&mut self) -> String {
        self.texts += 1;
        format!("text {}", self.texts)
    }

    fn record(&mut self, line: LineId, event: Event) -> Update {
        let date = self.date;
        let log = self.log_mut(line);
        let count = event.count();
        log.pts += count;
        log.changed_at = date;
        log.events.push((log.pts, event.clone()));
        let pts = log.pts;
        update(line, &event, pts, count)
    }

    pub(super) fn say(&mut self, line: LineId) -> Update {
        let text = self.text();
        let log = self.log_mut(line);
        let id = log.next_id;
        log.next_id += 1;
        self.record(line, Event::New(id, text))
    }

    /// Of the newest messages that are there.
    fn newest(&self, line: LineId, count: usize) -> Vec<i32> {
        let content = self.log(line).content();
        content.keys().rev().take(count).copied().collect()
    }

    pub(super) fn edit(&mut self, line: LineId) -> Option<Update> {
        let id = *self.newest(line, 2).last()?;
        let text = self.text();
        Some(self.record(line, Event::Edit(id, text)))
    }

    pub(super) fn delete(&mut self, line: LineId, count: usize) -> Option<Update> {
        let ids = self.newest(line, count);
        (!ids.is_empty()).then(|| self.record(line, Event::Delete(ids)))
    }

    /// A read mark of ours in the account's chats; its answer tells the numbers.
    pub(super) fn read(&mut self) -> UpdatesLike {
        self.record(None, Event::Read);
        UpdatesLike::AffectedMessages(types::messages::AffectedMessages {
            pts: self.account.pts,
            pts_count: 1,
        })
    }

    /// We send: the answer to the call.
    pub(super) fn send(&mut self, line: LineId) -> UpdatesLike {
        let update = self.say(line);
        match update {
            Update::NewMessage(new) => {
                let enums::Message::Message(message) = new.message else {
                    unreachable!()
                };
                UpdatesLike::ShortSentMessage {
                    request: send_message(message.message),
                    update: types::UpdateShortSentMessage {
                        out: true,
                        id: message.id,
                        pts: new.pts,
                        pts_count: 1,
                        date: self.date,
                        media: None,
                        entities: None,
                        ttl_period: None,
                    },
                }
            }
            update => packet(vec![update], 0, self.date),
        }
    }

    /// We delete in a channel: the answer to the call, as the layer below hands it on.
    pub(super) fn delete_ours(&mut self, channel: i64) -> Option<UpdatesLike> {
        let Update::DeleteChannelMessages(gone) = self.delete(Some(channel), 2)? else {
            unreachable!()
        };
        Some(UpdatesLike::AffectedChannelMessages {
            affected: types::messages::AffectedMessages {
                pts: gone.pts,
                pts_count: gone.pts_count,
            },
            channel_id: channel,
            message_ids: gone.messages,
        })
    }

    /// A read mark in a channel: its pts, without a number of its own.
    pub(super) fn read_channel(&mut self, channel: i64) -> Update {
        types::UpdateReadChannelInbox {
            folder_id: None,
            channel_id: channel,
            max_id: 1,
            still_unread_count: 0,
            pts: self.channels[&channel].pts,
        }
        .into()
    }

    pub(super) fn seal(&mut self) -> Update {
        self.qts += 1;
        types::UpdateNewEncryptedMessage {
            message: types::EncryptedMessageService {
                random_id: 1,
                chat_id: 1,
                date: self.date,
                bytes: vec![],
            }
            .into(),
            qts: self.qts,
        }
        .into()
    }

    pub(super) fn state(&self) -> types::updates::State {
        types::updates::State {
            pts: self.account.pts,
            qts: self.qts,
            date: self.date,
            seq: self.seq,
            unread_count: 0,
        }
    }

    pub(super) fn difference(&mut self, ask: &functions::updates::GetDifference) -> Answer {
        if self.too_long > 0 && self.account.pts > ask.pts {
            self.too_long -= 1;
            let pts = self.account.pts - 1;
            return Answer::Account(types::updates::DifferenceTooLong { pts }.into());
        }
        let empty = types::updates::DifferenceEmpty {
            date: self.date,
            seq: self.seq,
        };
        if ask.pts > self.account.pts {
            return match self.future {
                Future::Refuses => Answer::Refused(None),
                Future::SaysEmpty => Answer::Account(empty.into()),
                Future::TellsItsOwn => {
                    Answer::Account(account_answer(self.state(), vec![], vec![]))
                }
            };
        }
        let limit = ask.pts_limit.map_or(self.slice, |limit| limit as usize);
        let news: Vec<_> = self
            .account
            .events
            .iter()
            .filter(|(pts, _)| *pts > ask.pts)
            .cloned()
            .collect();
        let more = news.len() > limit;
        let part = &news[..news.len().min(limit)];
        let (messages, mut updates) = told(None, part, &self.account.content());
        if more {
            let state = types::updates::State {
                pts: part.last().unwrap().0,
                qts: ask.qts,
                ..self.state()
            };
            let slice = types::updates::DifferenceSlice {
                new_messages: messages,
                new_encrypted_messages: vec![],
                other_updates: updates,
                chats: vec![],
                users: vec![],
                intermediate_state: state.into(),
            };
            return Answer::Account(slice.into());
        }
        for (id, log) in &self.channels {
            if log.changed_at >= ask.date {
                updates.push(
                    types::UpdateChannelTooLong {
                        channel_id: *id,
                        pts: self.announces_pts.then_some(log.pts),
                    }
                    .into(),
                );
            }
        }
        if messages.is_empty() && updates.is_empty() && ask.qts == self.qts {
            return Answer::Account(empty.into());
        }
        Answer::Account(account_answer(self.state(), messages, updates))
    }

    pub(super) fn channel_difference(&mut self, id: i64, from: i32, limit: i32) -> Answer {
        let too_long = self.channel_too_long > 0;
        let future = self.future;
        let log = &self.channels[&id];
        if from > log.pts && future == Future::Refuses {
            return Answer::Refused(Some(id));
        }
        if too_long && log.pts > from {
            self.channel_too_long -= 1;
            let pts = self.channels[&id].pts;
            let answer = types::updates::ChannelDifferenceTooLong {
                r#final: true,
                timeout: None,
                dialog: dialog(id, pts),
                messages: vec![],
                chats: vec![],
                users: vec![],
            };
            return Answer::Channel(id, answer.into());
        }
        let news: Vec<_> = log
            .events
            .iter()
            .filter(|(pts, _)| *pts > from)
            .cloned()
            .collect();
        let limit = (limit as usize).min(self.slice);
        let more = news.len() > limit;
        let part = &news[..news.len().min(limit)];
        let Some((last, _)) = part.last() else {
            let empty = types::updates::ChannelDifferenceEmpty {
                r#final: true,
                pts: log.pts,
                timeout: Some(30),
            };
            return Answer::Channel(id, empty.into());
        };
        let (messages, updates) = told(Some(id), part, &log.content());
        let answer = types::updates::ChannelDifference {
            r#final: !more,
            pts: if more { *last } else { log.pts },
            timeout: Some(30),
            new_messages: messages,
            other_updates: updates,
            chats: vec![],
            users: vec![],
        };
        Answer::Channel(id, answer.into())
    }
}

/// New messages read as they do now; what is gone by now is not told as new.
fn told(
    line: LineId,
    events: &[(i32, Event)],
    now: &Content,
) -> (Vec<enums::Message>, Vec<Update>) {
    let (mut messages, mut updates) = (Vec::new(), Vec::new());
    for (pts, event) in events {
        match event {
            Event::New(id, _) => {
                messages.extend(now.get(id).map(|text| message(line, *id, text)));
            }
            Event::Edit(id, _) => {
                if let Some(text) = now.get(id) {
                    let event = Event::Edit(*id, text.clone());
                    updates.push(update(line, &event, *pts, 1));
                }
            }
            event => updates.push(update(line, event, *pts, event.count())),
        }
    }
    (messages, updates)
}

pub(super) fn account_answer(
    state: types::updates::State,
    new_messages: Vec<enums::Message>,
    other_updates: Vec<Update>,
) -> enums::updates::Difference {
    types::updates::Difference {
        new_messages,
        new_encrypted_messages: vec![],
        other_updates,
        chats: vec![],
        users: vec![],
        state: state.into(),
    }
    .into()
}
