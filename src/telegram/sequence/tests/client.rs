//! The other side of the model: a sequence with a store behind it and a wire before it. What is not committed is lost
//! with a restart.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

use grammers_client::session::updates::UpdatesLike;
use grammers_client::tl::enums::{Message, Update};

use super::{
    super::{AccountAsk, AccountTrouble, ChannelAsk, ChannelTrouble, Need, Sequence, Step},
    packets::{LineId, dialog},
    server::{Answer, Content, Server},
};
use crate::domain::{ChatId, Hole, Position};

pub(super) const PATIENCE: Duration = Duration::from_millis(600);
/// Channels that are asked about at the same time.
const ABREAST: usize = 4;

/// What is committed.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) position: Option<Position>,
    pub(super) channels: HashMap<i64, i32>,
    pub(super) content: BTreeMap<LineId, Content>,
    pub(super) holes: Vec<Hole>,
    people: HashSet<ChatId>,
    /// Begun anew: the next position says what came before.
    unknown: HashSet<LineId>,
}

pub(super) struct Client {
    pub(super) server: Server,
    pub(super) stored: Stored,
    pub(super) sequence: Sequence,
    pub(super) now: Instant,
    steps: Vec<Step>,
    pub(super) wire: VecDeque<UpdatesLike>,
    account: Option<Answer>,
    abreast: VecDeque<Answer>,
    needs: VecDeque<Need>,
    pub(super) asked: usize,
    /// The store takes nothing.
    pub(super) full: bool,
    /// Answers that are not to be understood.
    pub(super) unreadable: u32,
}

impl Client {
    pub(super) fn new(server: Server) -> Self {
        let mut client = Self {
            server,
            stored: Stored::default(),
            sequence: Sequence::new(None, PATIENCE),
            now: Instant::now(),
            steps: Vec::new(),
            wire: VecDeque::new(),
            account: None,
            abreast: VecDeque::new(),
            needs: VecDeque::new(),
            asked: 0,
            full: false,
            unreadable: 0,
        };
        client.stored.people.insert(ChatId::user(1));
        client.turn();
        client
    }

    fn keep(&mut self, steps: Vec<Step>) {
        self.steps.extend(steps);
        self.needs.extend(self.sequence.needs());
    }

    /// One packet from the wire.
    pub(super) fn receive(&mut self) -> bool {
        let Some(packet) = self.wire.pop_front() else {
            return false;
        };
        if self.full {
            self.sequence.let_go(self.now);
            self.sequence.leave(Box::new(packet), self.now);
            self.keep(Vec::new());
        } else {
            let steps = self.sequence.take(Box::new(packet), |_| false, self.now);
            self.keep(steps);
        }
        self.turn();
        true
    }

    /// Asks what is to be asked now. The server answers at once; the answer may take its time.
    pub(super) fn turn(&mut self) {
        if self.full {
            return;
        }
        if self.account.is_none()
            && let Some(ask) = self.sequence.account_ask(self.now)
        {
            self.asked += 1;
            self.account = Some(match ask {
                AccountAsk::State => Answer::State(self.server.state()),
                AccountAsk::Difference(ask) => self.server.difference(&ask),
            });
        }
        while self.abreast.len() < ABREAST
            && let Some((id, ask)) = self.sequence.channel_ask(self.now)
        {
            self.asked += 1;
            let answer = match ask {
                ChannelAsk::Difference { pts, limit } => {
                    self.server.channel_difference(id, pts, limit)
                }
                ChannelAsk::Dialog => Answer::Dialog(id, dialog(id, self.server.channels[&id].pts)),
            };
            self.abreast.push_back(answer);
        }
    }

    /// One answer arrives.
    pub(super) fn answer(&mut self, account_first: bool) -> bool {
        let answer = if account_first {
            self.account.take().or_else(|| self.abreast.pop_front())
        } else {
            self.abreast.pop_front().or_else(|| self.account.take())
        };
        let Some(answer) = answer else {
            return false;
        };
        let steps = self.take(answer);
        self.keep(steps);
        if self.sequence.take_suspect() {
            let all: Vec<_> = self
                .server
                .channels
                .iter()
                .map(|(id, log)| (*id, log.pts))
                .collect();
            for (id, pts) in all {
                self.sequence.compare(id, pts, self.now);
            }
            self.keep(Vec::new());
        }
        self.turn();
        true
    }

    fn take(&mut self, answer: Answer) -> Vec<Step> {
        let now = self.now;
        if self.unreadable > 0 && !matches!(answer, Answer::State(_)) {
            self.unreadable -= 1;
            return match answer {
                Answer::Channel(id, _) | Answer::Dialog(id, _) | Answer::Refused(Some(id)) => self
                    .sequence
                    .channel_failed(id, ChannelTrouble::Unreadable, now),
                _ => {
                    self.sequence
                        .account_failed(AccountTrouble::Unreadable, now);
                    Vec::new()
                }
            };
        }
        match answer {
            Answer::State(state) => self.sequence.state_answer(&state, now),
            Answer::Account(difference) => {
                // It brings the people that it names.
                self.stored.people.extend([1, 2, 3].map(ChatId::user));
                self.sequence.account_answer(difference, now)
            }
            Answer::Dialog(id, dialog) => {
                let nobody = (Vec::new(), Vec::new());
                self.sequence.channel_dialog(id, dialog, nobody, now)
            }
            Answer::Channel(id, difference) => self.sequence.channel_answer(id, difference, now),
            Answer::Refused(Some(id)) => {
                self.sequence
                    .channel_failed(id, ChannelTrouble::Unusable, now)
            }
            Answer::Refused(None) => {
                self.sequence.account_failed(AccountTrouble::Unusable, now);
                Vec::new()
            }
        }
    }

    /// The store answers one question.
    pub(super) fn look_up(&mut self) -> bool {
        let Some(need) = self.needs.pop_front() else {
            return false;
        };
        let steps = match need {
            Need::Position(id) => {
                let stored = self.stored.channels.get(&id).copied();
                self.sequence.position(id, stored, self.now)
            }
            Need::Person(person) => {
                let known = self.stored.people.contains(&person);
                self.sequence.person(person, known, self.now)
            }
        };
        self.keep(steps);
        self.turn();
        true
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.sequence.tick(self.now);
        self.turn();
    }

    pub(super) fn cut(&mut self) {
        self.wire.clear();
        self.account = None;
        self.abreast.clear();
        let steps =
            self.sequence
                .take(Box::new(UpdatesLike::ConnectionClosed), |_| false, self.now);
        self.keep(steps);
        self.turn();
    }

    pub(super) fn commit(&mut self) {
        for step in std::mem::take(&mut self.steps) {
            self.store(step);
        }
    }

    /// Everything that was not committed is gone.
    pub(super) fn restart(&mut self) {
        self.wire.clear();
        self.account = None;
        self.abreast.clear();
        self.needs.clear();
        self.steps.clear();
        self.stored.unknown.clear();
        self.sequence = Sequence::new(self.stored.position.as_ref(), PATIENCE);
        self.turn();
    }

    fn store(&mut self, step: Step) {
        match &step.hole {
            Some(Hole::Account) => {
                // As if it were filled at once from history.
                let pts = step.account.unwrap().pts;
                let content = self.server.account.content_at(pts);
                self.stored.content.insert(None, content);
            }
            Some(Hole::Channel { channel_id } | Hole::ChannelLost { channel_id, .. }) => {
                self.stored.unknown.insert(Some(*channel_id));
            }
            Some(Hole::ChannelBegins { .. }) | None => {}
        }
        let is_hole = |hole: &Hole| !matches!(hole, Hole::ChannelBegins { .. });
        self.stored.holes.extend(step.hole.filter(is_hole));
        for (id, pts) in &step.channels {
            let line = Some(*id);
            let known = self.stored.channels.insert(*id, *pts);
            if self.stored.unknown.remove(&line) || known.is_none() {
                let content = self.server.channels[id].content_at(*pts);
                self.stored.content.insert(line, content);
            }
        }
        for update in step.updates {
            self.apply(*update);
        }
        if let Some(at) = step.account {
            if self.stored.position.is_none() {
                let content = self.server.account.content_at(at.pts);
                self.stored.content.insert(None, content);
            }
            self.stored.position = Some(Position {
                pts: at.pts,
                qts: at.qts,
                date: at.date,
                seq: at.seq,
                channels: Vec::new(),
            });
        }
    }

    fn apply(&mut self, update: Update) {
        let mut put = |message: Message| {
            let Message::Message(message) = message else {
                return;
            };
            let line = match message.peer_id {
                grammers_client::tl::enums::Peer::Channel(channel) => Some(channel.channel_id),
                _ => None,
            };
            self.stored
                .content
                .entry(line)
                .or_default()
                .insert(message.id, message.message);
        };
        match update {
            Update::NewMessage(u) => put(u.message),
            Update::NewChannelMessage(u) => put(u.message),
            Update::EditMessage(u) => put(u.message),
            Update::EditChannelMessage(u) => put(u.message),
            Update::DeleteMessages(u) => {
                if let Some(content) = self.stored.content.get_mut(&None) {
                    content.retain(|id, _| !u.messages.contains(id));
                }
            }
            Update::DeleteChannelMessages(u) => {
                if let Some(content) = self.stored.content.get_mut(&Some(u.channel_id)) {
                    content.retain(|id, _| !u.messages.contains(id));
                }
            }
            _ => {}
        }
    }

    /// Nothing goes wrong any more: runs until nothing is left to do. How many questions that took.
    pub(super) fn rest(&mut self) -> usize {
        let asked = self.asked;
        self.full = false;
        self.turn();
        for _ in 0..10_000 {
            if self.receive() || self.look_up() || self.answer(true) {
                assert!(self.asked - asked < 500, "asks without end");
                continue;
            }
            let Some(deadline) = self.sequence.deadline() else {
                self.commit();
                return self.asked - asked;
            };
            let step = deadline.saturating_duration_since(self.now);
            self.pass(step);
        }
        panic!("never comes to rest");
    }

    /// What Telegram has and the store has not, or the other way round.
    pub(super) fn differences(&self) -> Vec<String> {
        let mut found = Vec::new();
        let lines = self.server.channels.keys().copied().map(Some).chain([None]);
        for line in lines {
            let begun = match line {
                None => self.stored.position.is_some(),
                Some(id) => self.stored.channels.contains_key(&id),
            };
            if !begun || self.stored.unknown.contains(&line) {
                continue;
            }
            let ours = self.stored.content.get(&line).cloned().unwrap_or_default();
            let theirs = self.server.log(line).content();
            if ours != theirs {
                found.push(format!("{line:?}: ours {ours:?}, theirs {theirs:?}"));
            }
        }
        found
    }
}
