//! Losses: ten cut lines in the middle of traffic, kills, and one absence that is too long for a difference. What is missing is
//! read from the services' files; a sink has what it said.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use diesel::{Connection, QueryableByName, RunQueryDsl, sql_types::Text, sqlite::SqliteConnection};
use futures_util::future::join_all;
use switchboard_simulator::{Fault, dispatch::Effect};

use super::{
    Size,
    contestant::{Contestant, Ear, Kind},
    report::{Goal, Report},
};
use crate::parts::{numbered, people};

const ACCOUNTS: usize = 3;
const PEOPLE: usize = 5;
const KILLS: usize = 3;
/// Between two messages.
const GAP: Duration = Duration::from_millis(7);

/// (account's place, number)
type Pairs = HashSet<(usize, usize)>;

struct Lost {
    cuts: usize,
    kills: usize,
    absence: usize,
    /// Stored, and told to nobody who listened all the time.
    untold: usize,
}

pub async fn run(size: Size, report: &mut Report) {
    println!(
        "losses: {} cut lines, {KILLS} kills, {} messages while away",
        size.cuts, size.absence
    );
    // Nothing is timed here, so that all run at once.
    let kinds = [Kind::Switchboard, Kind::Peer, Kind::Telethon];
    let all = join_all(kinds.map(|kind| scene(kind, size))).await;
    let of = |count: fn(&Lost) -> usize| {
        let each = |(kind, lost): (Kind, &Lost)| (kind, count(lost) as f64);
        kinds.into_iter().zip(&all).map(each).collect()
    };
    let none = Goal::Share(0.0);
    let cuts = format!("lost over {} cut lines", size.cuts);
    report.add(&cuts, "messages", of(|lost| lost.cuts), none);
    report.add(
        "stored then, and told to nobody",
        "messages",
        of(|lost| lost.untold),
        none,
    );
    let kills = format!("lost over {KILLS} kills");
    report.add(&kills, "messages", of(|lost| lost.kills), none);
    report.add(
        "lost over a long absence",
        "messages",
        of(|lost| lost.absence),
        none,
    );
    assert_eq!(
        all[0].cuts + all[0].kills + all[0].absence + all[0].untold,
        0
    );
}

async fn scene(kind: Kind, size: Size) -> Lost {
    let quiet = Duration::from_secs(size.quiet);
    let mut talk = Talk::start(kind).await;
    let mut ear = talk.contestant.listen().await;
    for cut in 0..size.cuts {
        talk.say(100, GAP).await;
        let telegram = talk.contestant.telegram();
        telegram.cut(talk.contestant.users[cut % ACCOUNTS]);
        talk.say(60, GAP).await;
    }
    let cuts = talk.missing(&mut ear, quiet).await;
    let untold = match kind {
        Kind::Telethon => 0,
        _ => talk.stored().len().saturating_sub(talk.told.len()),
    };

    talk.forget();
    let mut kills = 0;
    if kind != Kind::Telethon {
        for _ in 0..KILLS.min(size.cuts) {
            talk.say(150, GAP).await;
            drop(ear);
            talk.contestant.kill().await;
            talk.say(60, GAP).await;
            talk.contestant.start_again().await;
            ear = talk.contestant.listen().await;
        }
        kills = talk.missing(&mut ear, quiet).await;
        talk.forget();
    }

    drop(ear);
    talk.contestant.stop().await;
    // So long that Telegram no longer tells what there was.
    let telegram = talk.contestant.telegram().clone();
    let faults: Vec<_> = (talk.contestant.users.iter())
        .map(|user| {
            telegram.set_fault(
                Fault::new(Effect::DifferenceTooLong)
                    .account(*user)
                    .times(1),
            )
        })
        .collect();
    telegram.set_fault(Fault::new(Effect::ChannelDifferenceTooLong).times(ACCOUNTS as u32));
    talk.say(size.absence, Duration::ZERO).await;
    talk.contestant.start_again().await;
    let mut ear = talk.contestant.listen().await;
    let absence = talk.missing(&mut ear, quiet).await;
    let struck = faults.iter().filter(|id| telegram.fault_hits(**id) > 0);
    assert_eq!(struck.count(), ACCOUNTS, "an absence was not too long");
    drop(ear);
    talk.contestant.end().await;
    Lost {
        cuts,
        kills,
        absence,
        untold,
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    account: String,
    #[diesel(sql_type = Text)]
    text: String,
}

/// What is said to a contestant, and what it has of it.
struct Talk {
    contestant: Contestant,
    people: Vec<i64>,
    supergroup: i64,
    number: usize,
    said: Pairs,
    /// What the present listener, or a sink, said it heard.
    told: Vec<(Option<usize>, usize)>,
}

impl Talk {
    async fn start(kind: Kind) -> Self {
        let contestant = Contestant::start(kind, ACCOUNTS).await;
        let telegram = contestant.telegram();
        let people = people(telegram, PEOPLE);
        let mut members = vec![people[0]];
        members.extend(&contestant.users);
        let supergroup = telegram.add_supergroup("Traders", &members);
        Self {
            contestant,
            people,
            supergroup,
            number: 0,
            said: Pairs::new(),
            told: Vec::new(),
        }
    }

    /// Every fourth to the supergroup, which all accounts are in.
    async fn say(&mut self, messages: usize, gap: Duration) {
        let telegram = self.contestant.telegram();
        for _ in 0..messages {
            let number = self.number;
            self.number += 1;
            if number % 4 == 3 {
                telegram.say(self.people[0], self.supergroup, &numbered(number));
                self.said.extend((0..ACCOUNTS).map(|at| (at, number)));
            } else {
                let person = self.people[number % PEOPLE];
                let user = self.contestant.users[number % ACCOUNTS];
                telegram.say(person, user, &numbered(number));
                self.said.insert((number % ACCOUNTS, number));
            }
            if gap.is_zero() {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(gap).await;
            }
        }
    }

    /// What was said so far no longer counts.
    fn forget(&mut self) {
        self.said.clear();
        self.told.clear();
    }

    /// How many are missing when nothing more comes.
    async fn missing(&mut self, ear: &mut Ear, quiet: Duration) -> usize {
        let mut last = (usize::MAX, Instant::now());
        loop {
            while let Ok(heard) = ear.heard.try_recv() {
                self.told.push((heard.account, heard.number));
            }
            let have = match self.contestant.kind {
                Kind::Switchboard | Kind::Peer => self.stored(),
                _ => self
                    .told
                    .iter()
                    .filter_map(|(at, number)| Some(((*at)?, *number)))
                    .collect(),
            };
            let missing = self.said.difference(&have).count();
            let all_told = self.contestant.kind == Kind::Telethon || self.told.len() >= have.len();
            if missing == 0 && all_told {
                return 0;
            }
            if missing != last.0 {
                last = (missing, Instant::now());
            }
            if last.1.elapsed() > quiet {
                return missing;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// Of what was said, what has a row.
    fn stored(&self) -> Pairs {
        let url = format!("file:{}?mode=ro", self.contestant.file().display());
        let mut conn = SqliteConnection::establish(&url).expect("the database can be read");
        let rows: Vec<Row> = diesel::sql_query(
            "SELECT telegram_account_id AS account, text FROM messages WHERE text LIKE 'number %'",
        )
        .load(&mut conn)
        .expect("the rows can be read");
        let places: HashMap<&str, usize> = (0..ACCOUNTS)
            .map(|at| (self.contestant.id(at), at))
            .collect();
        let pairs = rows.iter().filter_map(|row| {
            let number = row.text.split(' ').nth(1)?.parse().ok()?;
            Some((*places.get(row.account.as_str())?, number))
        });
        pairs.filter(|pair| self.said.contains(pair)).collect()
    }
}
