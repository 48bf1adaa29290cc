//! Killed and cut: every kind of order at twenty random moments of its life, each time with calls that are repeated, and with exactly
//! one effect at the end. Judged by the simulator's ledger; that a blow struck in the middle is read from the database file.

mod checks;
mod tasks;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{ChatRef, Effect, Fault, Media, PersonSpec, world::LedgerMessage};

use crate::support::{
    api::Api,
    fleet::{Fleet, FleetAccount},
    forms::{Form, Sample, content_type, paper},
    moment::{moment, now},
    rows, wait,
};

/// Each kind by its name here, with the account that is ordered to do it: the accounts do theirs at the same time.
const KINDS: [(&str, usize); 22] = [
    ("edit", 0),
    ("delete", 0),
    ("react", 0),
    ("take a reaction back", 0),
    ("pin", 0),
    ("unpin", 0),
    ("clear", 0),
    ("text", 0),
    ("mute", 1),
    ("archive", 1),
    ("mark unread", 1),
    ("block", 1),
    ("report", 1),
    ("draft", 1),
    ("forward", 1),
    ("send later", 1),
    ("reschedule", 2),
    ("send now", 2),
    ("withdraw", 2),
    ("file", 2),
    ("album", 2),
    ("replace", 2),
];
/// A copy comes from the first account and goes out of the last.
const COPY: (&str, usize) = ("copy", 2);

const CALLS: [&str; 19] = [
    "messages.sendMessage",
    "messages.forwardMessages",
    "messages.sendMedia",
    "messages.sendMultiMedia",
    "messages.uploadMedia",
    "upload.saveFilePart",
    "messages.editMessage",
    "messages.deleteMessages",
    "messages.sendReaction",
    "messages.updatePinnedMessage",
    "messages.deleteHistory",
    "account.updateNotifySettings",
    "folders.editPeerFolders",
    "messages.markDialogUnread",
    "contacts.*",
    "messages.reportSpam",
    "messages.saveDraft",
    "messages.sendScheduledMessages",
    "messages.deleteScheduledMessages",
];

/// How many blows each kind has to take; `SWITCHBOARD_KILLS` takes another number.
fn blows() -> usize {
    std::env::var("SWITCHBOARD_KILLS").map_or(20, |text| text.parse().unwrap())
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Blow {
    /// `kill -9`, and started again.
    Kill,
    /// Every line to Telegram breaks.
    Cut,
}

/// Where a kind is at home.
#[derive(Clone)]
struct Seat {
    account: FleetAccount,
    person: i64,
    conversation: i64,
}

impl Seat {
    fn chat(&self) -> Value {
        json!({ "id": self.conversation })
    }

    fn path(&self, rest: &str) -> String {
        format!("/conversations/{}{rest}", self.conversation)
    }
}

#[derive(Clone)]
enum Body {
    None,
    Json(Value),
    Form(Form),
}

#[derive(Clone)]
struct Call {
    method: Method,
    path: String,
    body: Body,
    key: String,
}

impl Call {
    /// `Err`: the line broke.
    async fn make(&self, api: &Api) -> Result<(StatusCode, Value), reqwest::Error> {
        let request = api.request(self.method.clone(), &self.path);
        let request = request.header("idempotency-key", &self.key);
        let request = match &self.body {
            Body::None => request,
            Body::Json(body) => request.json(body),
            Body::Form(form) => request
                .header("Content-Type", content_type())
                .body(form.clone().body()),
        };
        let answer = request.send().await?;
        Ok((answer.status(), answer.json().await.unwrap_or_default()))
    }
}

/// One order of one round.
struct Task {
    kind: &'static str,
    seat: Seat,
    call: Call,
    /// The word that this round's message has.
    word: String,
    /// Number of the message that it is about, in its account.
    number: i32,
    files: Vec<Sample>,
    /// Sign of this round, for what is switched on and off.
    on: bool,
}

struct Scene {
    fleet: Fleet,
    seats: BTreeMap<&'static str, Seat>,
    /// Where what is forwarded and copied comes from.
    sources: Vec<Seat>,
    chance: StdRng,
    at: i32,
    /// How long all calls of the last round took to answer: as long as a busy machine needs.
    answered_in: Duration,
}

impl Scene {
    async fn start(seed: u64) -> Self {
        let fleet = Fleet::builder().accounts(3).start().await;
        let mut seats = BTreeMap::new();
        let mut sources = Vec::new();
        for (kind, account) in KINDS.into_iter().chain([COPY]) {
            seats.insert(kind, seat(&fleet, kind, account).await);
        }
        for account in 0..3 {
            sources.push(seat(&fleet, &format!("Source {account}"), account).await);
        }
        Self {
            fleet,
            seats,
            sources,
            chance: StdRng::seed_from_u64(seed),
            at: now() + 40_000,
            answered_in: Duration::ZERO,
        }
    }

    fn file(&self) -> PathBuf {
        self.fleet.data_dir().join("switchboard.db")
    }

    /// What waits at Telegram, and what is written in a chat.
    fn scheduled(&self, seat: &Seat, word: &str) -> Vec<i32> {
        let all = self
            .fleet
            .telegram
            .scheduled(seat.account.user, seat.person);
        let of_word = all.into_iter().filter(|(_, _, text)| text == word);
        of_word.map(|(_, at, _)| at).collect()
    }

    fn chat(&self, seat: &Seat) -> Vec<LedgerMessage> {
        let ledger = self.fleet.telegram.ledger_of(seat.account.user);
        ledger[&seat.person].messages.clone()
    }

    fn one(&self, task: &Task) -> LedgerMessage {
        let chat = self.chat(&task.seat);
        let found = chat.iter().find(|one| one.id == task.number);
        found.unwrap().clone()
    }

    /// Some calls are begun late, others answered late, so that a blow finds each of them now here, now there: the first ones are
    /// begun while the last ones are still being ordered.
    fn slow_down(&mut self) {
        let ordered = self.answered_in.as_millis() as u64;
        for call in CALLS {
            let millis = ordered + self.chance.random_range(120..450);
            let effect = match self.chance.random_bool(0.5) {
                true => Effect::SlowStart { millis },
                false => Effect::SlowAnswer { millis },
            };
            // Not every call is made between two blows.
            let slow = Fault::new(effect).on(call).may_miss();
            self.fleet.telegram.set_fault(slow);
        }
    }

    /// The orders that are not done, by their conversation, and whether their call is in the air.
    fn undone(&self) -> BTreeMap<i64, bool> {
        let query = "SELECT conversation_id || ' ' || state AS t FROM orders";
        let states = rows::texts(&self.file(), query).into_iter().map(|row| {
            let (conversation, state) = row.split_once(' ').unwrap();
            (conversation.parse().unwrap(), state == "in_flight")
        });
        states.collect()
    }

    fn strike(&mut self, blow: Blow) -> BTreeMap<i64, bool> {
        match blow {
            Blow::Kill => {
                self.fleet.kill_service();
                let undone = self.undone();
                self.fleet.telegram.clear_faults();
                self.fleet.start_service();
                undone
            }
            Blow::Cut => {
                let undone = self.undone();
                for account in &self.fleet.accounts {
                    self.fleet.telegram.cut(account.user);
                }
                self.fleet.telegram.clear_faults();
                undone
            }
        }
    }

    async fn until_done(&self) {
        let left = async || rows::number(&self.file(), "SELECT count(*) AS n FROM orders");
        wait::until("every order to be done", left, |left| *left == 0).await;
    }

    /// One round: every kind is ordered, the blow falls, every call is made again.
    async fn round(&mut self, round: usize, blow: Blow) -> BTreeMap<&'static str, bool> {
        let mut tasks = Vec::new();
        for (kind, _) in KINDS.into_iter().chain([COPY]) {
            tasks.push(self.task(kind, round).await);
        }
        self.until_done().await;
        self.slow_down();
        // Now and then it strikes while the calls themselves are made.
        let hasty = blow == Blow::Kill && round % 5 == 4;
        let ordering = Instant::now();
        let calls: Vec<_> = tasks
            .iter()
            .map(|task| {
                let (call, api) = (task.call.clone(), self.fleet.api.clone());
                tokio::spawn(async move { call.make(&api).await })
            })
            .collect();
        if hasty {
            tokio::time::sleep(Duration::from_millis(self.chance.random_range(0..60))).await;
        } else {
            for call in calls {
                let (status, answer) = call.await.unwrap().unwrap();
                assert!(status.is_success(), "{status} {answer}");
            }
            self.answered_in = ordering.elapsed();
            tokio::time::sleep(Duration::from_millis(self.chance.random_range(0..180))).await;
        }
        let undone = self.strike(blow);
        for task in &tasks {
            let (status, answer) = task.call.make(&self.fleet.api).await.unwrap();
            assert!(status.is_success(), "{}: {status} {answer}", task.word);
        }
        self.until_done().await;
        for task in &tasks {
            self.check(task);
        }
        let struck = tasks.iter().filter_map(|task| {
            let in_flight = undone.get(&task.seat.conversation)?;
            Some((task.kind, *in_flight))
        });
        struck.collect()
    }
}

async fn seat(fleet: &Fleet, name: &str, account: usize) -> Seat {
    let account = fleet.accounts[account].clone();
    let person = fleet.telegram.add_person(PersonSpec::new(name));
    fleet.telegram.say(person, account.user, "hello");
    let conversation = fleet.conversation(&account, person).await;
    Seat {
        account,
        person,
        conversation: conversation["id"].as_i64().unwrap(),
    }
}

async fn everything_is_done_once(blow: Blow, seed: u64) {
    let wanted = blows();
    let mut scene = Scene::start(seed).await;
    // Of each kind: how often a blow found it undone, and its call in the air.
    let mut struck: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let enough = |struck: &BTreeMap<&str, (usize, usize)>| {
        let kinds = KINDS.into_iter().chain([COPY]);
        kinds
            .filter(|(kind, _)| struck.get(kind).is_none_or(|(undone, _)| *undone < wanted))
            .count()
            == 0
    };
    let mut round = 0;
    while !enough(&struck) {
        assert!(
            round < wanted * 2 + 10,
            "the blows come too late: {struck:?}"
        );
        for (kind, in_flight) in scene.round(round, blow).await {
            let times = struck.entry(kind).or_default();
            times.0 += 1;
            times.1 += usize::from(in_flight);
        }
        round += 1;
        if blow == Blow::Cut {
            // A line that breaks again and again is dialled ever slower: each blow is to be a first one.
            scene.fleet.stop_service();
            scene.fleet.start_service();
        }
    }
    println!("{blow:?}, {round} rounds; of each kind how often undone, and in the air: {struck:?}");
    // Files go up before the call that an order is in the air with.
    let heavy = ["file", "album", "replace", "copy"];
    let idle: Vec<_> = struck
        .iter()
        .filter(|(kind, times)| times.1 == 0 && !heavy.contains(*kind))
        .collect();
    assert!(wanted < 20 || idle.is_empty(), "never in the air: {idle:?}");
    // What the desk has is what Telegram has: nothing of ours twice.
    for kind in ["text", "forward", "copy", "file", "send now"] {
        let seat = &scene.seats[kind];
        let query = format!(
            "SELECT text AS t FROM messages WHERE conversation_id = {} AND direction = 'outgoing' AND held = 0 \
             AND deleted_at IS NULL ORDER BY text",
            seat.conversation
        );
        let look = async || rows::texts(&scene.file(), &query);
        let mut wanted: Vec<String> = (0..round).map(|round| format!("{kind} {round}")).collect();
        wanted.sort();
        wait::until(kind, look, |texts| *texts == wanted).await;
    }
}

/// Protects every promise of the outbox over `kill -9`: each kind of order is done, and done once, whenever it strikes.
#[tokio::test(flavor = "multi_thread")]
async fn killed_twenty_times_every_kind_of_order_is_done_once() {
    everything_is_done_once(Blow::Kill, 20_261_210).await;
}

/// Protects the same over lines that break.
#[tokio::test(flavor = "multi_thread")]
async fn cut_twenty_times_every_kind_of_order_is_done_once() {
    everything_is_done_once(Blow::Cut, 20_261_211).await;
}
