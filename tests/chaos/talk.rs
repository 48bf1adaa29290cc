//! Talk: people write, edit, delete, react and send files; accounts write from devices that are not ours.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use switchboard_simulator::{ChatRef, Draft, Media, Simulator, world::Spot};

use super::town::Seat;

/// What somebody has said at a seat, and can change later.
struct Speaker {
    seat: Seat,
    said: Vec<i32>,
}

/// People who talk until they are told to be quiet.
#[derive(Clone, Default)]
pub struct Talk {
    pub quiet: Arc<AtomicBool>,
    pub over: Arc<AtomicBool>,
    pub said: Arc<AtomicU64>,
}

impl Talk {
    pub fn start(
        &self,
        telegram: Simulator,
        seats: &[Seat],
        users: Vec<i64>,
        rate: f64,
        seed: u64,
    ) {
        let speakers = seats.iter().map(|seat| Speaker {
            seat: *seat,
            said: Vec::new(),
        });
        let mut crowd = Crowd {
            telegram,
            speakers: speakers.collect(),
            users,
            chance: StdRng::seed_from_u64(seed ^ 0x7a1c),
            number: 0,
        };
        let talk = self.clone();
        tokio::spawn(async move {
            let mut due = 0.0;
            let mut last = Instant::now();
            while !talk.over.load(Ordering::Acquire) {
                tokio::time::sleep(Duration::from_millis(20)).await;
                let passed = last.elapsed().as_secs_f64();
                last = Instant::now();
                if talk.quiet.load(Ordering::Acquire) {
                    continue;
                }
                // Bursts rather than a drizzle: what comes at once is what goes wrong.
                due += passed.min(1.0) * rate * crowd.chance.random_range(0.2..1.8);
                while due >= 1.0 {
                    due -= 1.0;
                    talk.said.fetch_add(crowd.act(), Ordering::AcqRel);
                }
            }
        });
    }
}

struct Crowd {
    telegram: Simulator,
    speakers: Vec<Speaker>,
    users: Vec<i64>,
    chance: StdRng,
    number: u64,
}

impl Crowd {
    /// One thing that somebody does; how many messages it made.
    fn act(&mut self) -> u64 {
        let at = self.chance.random_range(0..self.speakers.len());
        let dice = self.chance.random_range(0..100_u32);
        self.number += 1;
        let text = format!("t{} of {at}", self.number);
        let telegram = self.telegram.clone();
        let seat = self.seat(at);
        match dice {
            0..48 => self.say(at, Draft::text(text)),
            48..50 => {
                // An album: its words stand with the first.
                let album = Some(i64::try_from(self.number).unwrap_or(1));
                let size = self.chance.random_range(2..6);
                for part in 0..size {
                    let words = if part == 0 { text.as_str() } else { "" };
                    let mut draft = Draft {
                        media: Some(some_media(3)),
                        ..Draft::text(words)
                    };
                    draft.form.album = album;
                    self.say(at, draft);
                }
                size
            }
            50..56 => {
                let media = some_media(self.chance.random());
                let draft = Draft {
                    media: Some(media),
                    ..Draft::text(text)
                };
                self.say(at, draft)
            }
            56..60 => {
                if let Some(to) = self.some_of(at) {
                    let id = telegram.answer(seat.who, seat.chat, to, &text);
                    self.speakers[at].said.push(id);
                }
                1
            }
            // An account, from its phone.
            60..66 => {
                let Some(chat) = self.phone_of(seat) else {
                    return 0;
                };
                telegram.post(chat.0, chat.1, spotted(seat, Draft::text(text)));
                1
            }
            66..80 => {
                if let Some(id) = self.some_of(at) {
                    let edited = telegram.edit(
                        seat.who,
                        seat.chat,
                        id,
                        &format!("e{} of {at}", self.number),
                    );
                    // It may have been deleted meanwhile.
                    drop(edited);
                }
                0
            }
            80..87 => {
                if let Some(id) = self.some_of(at) {
                    telegram.delete(seat.who, seat.chat, &[id]);
                    self.speakers[at].said.retain(|said| *said != id);
                }
                0
            }
            87..95 => {
                if let Some(id) = self.some_of(at) {
                    let emoji = ["👍", "🔥", "❤"][self.chance.random_range(0..3)];
                    drop(telegram.react(seat.who, seat.chat, id, Some(emoji)));
                }
                0
            }
            95..97 => {
                telegram.typing(seat.who, seat.chat);
                0
            }
            _ => {
                // A burst of one person.
                let count = self.chance.random_range(5..25);
                for part in 0..count {
                    self.say(at, Draft::text(format!("b{} {part} of {at}", self.number)));
                }
                count
            }
        }
    }

    /// Where somebody speaks by now. What was said before a group moved stays as it is.
    fn seat(&mut self, at: usize) -> Seat {
        let speaker = &mut self.speakers[at];
        let chat = speaker.seat.chat_now(&self.telegram);
        if chat != speaker.seat.chat {
            speaker.seat.chat = chat;
            speaker.said.clear();
        }
        speaker.seat
    }

    fn say(&mut self, at: usize, draft: Draft) -> u64 {
        let seat = self.seat(at);
        let id = self
            .telegram
            .post(seat.who, seat.chat, spotted(seat, draft));
        self.speakers[at].said.push(id);
        1
    }

    /// One of the speaker's own messages: mostly a new one, at times any.
    fn some_of(&mut self, at: usize) -> Option<i32> {
        let said = &self.speakers[at].said;
        let recent = if self.chance.random_ratio(3, 4) {
            6
        } else {
            said.len()
        };
        let from = said.len() - recent.min(said.len());
        (from < said.len()).then(|| said[self.chance.random_range(from..said.len())])
    }

    /// Who writes from a device of an account's, and where to.
    fn phone_of(&mut self, seat: Seat) -> Option<(i64, ChatRef)> {
        match seat.chat {
            ChatRef::User(account) => Some((account, ChatRef::User(seat.who))),
            ChatRef::Group(_) | ChatRef::Channel(_) => {
                let members = self.telegram.look(|world| match seat.chat {
                    ChatRef::Group(id) => world.groups.get(&id).map(|group| group.members.clone()),
                    ChatRef::Channel(id) => world
                        .channels
                        .get(&id)
                        .filter(|channel| !channel.broadcast)
                        .map(|channel| channel.members.clone()),
                    ChatRef::User(_) => None,
                })?;
                let ours: Vec<i64> = self
                    .users
                    .iter()
                    .copied()
                    .filter(|user| members.contains(user))
                    .collect();
                let who = ours.get(self.chance.random_range(0..ours.len().max(1)))?;
                Some((*who, seat.chat))
            }
        }
    }
}

/// 1 is General, which messages don't name.
fn spotted(seat: Seat, draft: Draft) -> Draft {
    let topic = if seat.topic > 1 { seat.topic } else { 0 };
    Draft {
        spot: Spot { topic, thread: 0 },
        ..draft
    }
}

fn some_media(dice: u64) -> Media {
    match dice % 4 {
        0 => Media::Voice {
            seconds: 7,
            size: 9_000,
        },
        1 => Media::Document {
            name: "offer.pdf".to_owned(),
            mime: "application/pdf".to_owned(),
            size: 48_000,
        },
        2 => Media::Location {
            latitude: 33.51,
            longitude: 36.29,
        },
        _ => Media::Photo {
            width: 640,
            height: 480,
        },
    }
}
