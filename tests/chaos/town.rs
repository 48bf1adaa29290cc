//! Town: accounts, people, and chats of every kind between them.

use switchboard_simulator::{ChatRef, PersonSpec, Simulator, world::Group};

use crate::support::fleet::Fleet;

/// Somebody who speaks in a chat.
#[derive(Clone, Copy, Debug)]
pub struct Seat {
    pub who: i64,
    /// As the speaker names it: a private chat by the account.
    pub chat: ChatRef,
    /// Number of the topic; 0: no forum.
    pub topic: i32,
}

impl Seat {
    /// Where it is by now: a group may have become a supergroup.
    pub fn chat_now(self, telegram: &Simulator) -> ChatRef {
        let ChatRef::Group(id) = self.chat else {
            return self.chat;
        };
        let moved = telegram.look(|world| world.groups.get(&id)?.migrated_to);
        moved.map_or(self.chat, ChatRef::Channel)
    }
}

/// Is it one of those in which nobody but people writes, and that become supergroups at a time?
pub fn may_move(group: &Group) -> bool {
    group.title.starts_with(MOVING) && group.migrated_to.is_none()
}

const MOVING: &str = "Moving";

/// A chat in which an account may write.
#[derive(Clone, Copy, Debug)]
pub struct Desk {
    pub account: usize,
    /// Marked, as the account names it.
    pub chat: i64,
}

pub struct Town {
    pub seats: Vec<Seat>,
    pub desks: Vec<Desk>,
}

const PEOPLE: usize = 14;
const FRIENDS: usize = 3;

impl Town {
    pub fn build(fleet: &Fleet) -> Self {
        let telegram = &fleet.telegram;
        let users: Vec<i64> = fleet.accounts.iter().map(|account| account.user).collect();
        let people: Vec<i64> = (0..PEOPLE)
            .map(|number| telegram.add_person(PersonSpec::new(&format!("Contact {number}"))))
            .collect();
        let mut town = Self {
            seats: Vec::new(),
            desks: Vec::new(),
        };
        for (index, user) in users.iter().enumerate() {
            for friend in 0..FRIENDS {
                let person = people[(index * FRIENDS + friend) % PEOPLE];
                town.seat(person, ChatRef::User(*user), 0);
                town.desks.push(Desk {
                    account: index,
                    chat: person,
                });
            }
        }
        for number in 0..users.len().div_ceil(4) {
            let (pair, members) = town_of(&people, &users, number, 5);
            let marked = telegram.add_group(&format!("Group {number}"), &members);
            town.open(marked, &pair, number, 5, users.len(), &[0]);
        }
        for number in 0..users.len().div_ceil(5) {
            let (pair, members) = town_of(&people, &users, number, 7);
            let marked = telegram.add_supergroup(&format!("Supergroup {number}"), &members);
            town.open(marked, &pair, number, 7, users.len(), &[0]);
        }
        for number in 0..users.len().div_ceil(5) {
            let (pair, members) = town_of(&people, &users, number + 1, 4);
            let marked = telegram.add_group(&format!("{MOVING} {number}"), &members);
            for who in pair {
                town.seat(who, ChatRef::from(marked), 0);
            }
        }
        for number in 0..2 {
            let (pair, members) = town_of(&people, &users, number, 6);
            let marked = telegram.add_forum(&format!("Forum {number}"), &members);
            let mut topics = vec![1];
            for topic in 0..2 {
                let title = format!("Topic {topic}");
                topics.extend(telegram.add_topic(marked, members[0], &title));
            }
            town.open(marked, &pair, number, 6, users.len(), &topics);
        }
        for number in 0..3 {
            let (pair, members) = town_of(&people, &users, number, 9);
            let marked = telegram.add_channel(&format!("Channel {number}"), &members);
            town.seat(pair[0], ChatRef::from(marked), 0);
        }
        town
    }

    fn seat(&mut self, who: i64, chat: ChatRef, topic: i32) {
        self.seats.push(Seat { who, chat, topic });
    }

    fn open(
        &mut self,
        marked: i64,
        pair: &[i64],
        number: usize,
        accounts: usize,
        all: usize,
        topics: &[i32],
    ) {
        for who in pair {
            for topic in topics {
                self.seat(*who, ChatRef::from(marked), *topic);
            }
        }
        for index in indices(number, accounts, all) {
            self.desks.push(Desk {
                account: index,
                chat: marked,
            });
        }
    }
}

/// Which accounts are in the chat of this number.
fn indices(number: usize, accounts: usize, all: usize) -> Vec<usize> {
    let mut chosen: Vec<usize> = (0..accounts)
        .map(|one| (number * 4 + one * 3) % all)
        .collect();
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// Two people, and all members: they first.
fn town_of(people: &[i64], users: &[i64], number: usize, accounts: usize) -> ([i64; 2], Vec<i64>) {
    let pair = [people[number % PEOPLE], people[(number + 5) % PEOPLE]];
    let mut members = pair.to_vec();
    members.extend(
        indices(number, accounts, users.len())
            .into_iter()
            .map(|index| users[index]),
    );
    (pair, members)
}
