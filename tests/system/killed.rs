//! Killed and cut: every kind of order at twenty random moments of its life, each time with calls that are repeated, and with exactly
//! one effect at the end. Judged by the simulator's ledger; that a blow struck in the middle is read from the database file.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
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

    /// Something there to be ordered about, stored here; answers with its row and number.
    async fn known(&self, seat: &Seat, word: &str, ours: bool, paper: bool) -> (Value, i32) {
        let telegram = &self.fleet.telegram;
        let (from, to) = match ours {
            true => (seat.account.user, seat.person),
            false => (seat.person, seat.account.user),
        };
        if paper {
            let media = Media::Document {
                name: "list.pdf".to_owned(),
                mime: "application/pdf".to_owned(),
                size: 30_000,
            };
            telegram.say_media(from, to, media, word);
        } else {
            telegram.say(from, to, word);
        }
        let status = if ours { "sent" } else { "received" };
        let chat = seat.chat();
        let message = self.fleet.wait_for_message(&chat, word, status).await;
        let number = message["message_id"].as_str().unwrap().parse().unwrap();
        (message["id"].clone(), number)
    }

    /// Something that waits at Telegram, listed here.
    async fn waiting(&self, seat: &Seat, word: &str) -> Value {
        self.fleet
            .telegram
            .schedule(seat.account.user, seat.person, word, self.at)
            .unwrap();
        let look = async || {
            let page = self.fleet.api.get(&seat.path("/scheduled")).await;
            let all = page["messages"].as_array().unwrap().clone();
            all.into_iter().find(|one| one["text"] == word)
        };
        let found = wait::until("it to be listed", look, Option::is_some).await;
        found.unwrap()["id"].clone()
    }

    async fn task(&mut self, kind: &'static str, round: usize) -> Task {
        let seat = self.seats[kind].clone();
        let word = format!("{kind} {round}");
        let on = round.is_multiple_of(2);
        let key = format!("{}-{round}", kind.replace(' ', "-"));
        let user = seat.account.user;
        let telegram = self.fleet.telegram.clone();
        let (mut number, mut files) = (0, Vec::new());
        let seed = (round * 100) as u64;
        let mut about = async |ours, paper| {
            let (row, of) = self.known(&seat, &word, ours, paper).await;
            number = of;
            format!("/messages/{row}")
        };
        let mark = |mark: &str| {
            (
                Method::PATCH,
                seat.path(""),
                Body::Json(json!({ mark: on })),
            )
        };
        let (method, path, body) = match kind {
            "edit" => {
                let body = json!({ "text": format!("{word}, edited") });
                (Method::PATCH, about(true, false).await, Body::Json(body))
            }
            "replace" => {
                files.push(paper(seed, 90_000));
                let form = Form::default().field("text", &word).add(&files[0]);
                (Method::PATCH, about(true, true).await, Body::Form(form))
            }
            "delete" => {
                let path = about(true, false).await + "?for=everyone";
                (Method::DELETE, path, Body::None)
            }
            "react" => {
                let path = about(false, false).await + "/reaction";
                (Method::PUT, path, Body::Json(json!({ "emoji": "👍" })))
            }
            "take a reaction back" => {
                let path = about(false, false).await + "/reaction";
                telegram
                    .react(user, seat.person, number, Some("👍"))
                    .unwrap();
                (Method::PUT, path, Body::Json(json!({ "emoji": null })))
            }
            "pin" => {
                let path = about(false, false).await + "/pin";
                (Method::PUT, path, Body::Json(json!({ "pinned": true })))
            }
            "unpin" => {
                let path = about(false, false).await + "/pin";
                telegram.pin(user, seat.person, number, true).unwrap();
                (Method::PUT, path, Body::Json(json!({ "pinned": false })))
            }
            "clear" => {
                about(false, false).await;
                let body = json!({ "for": "everyone" });
                (Method::POST, seat.path("/clear"), Body::Json(body))
            }
            "mute" => mark("muted"),
            "archive" => mark("archived"),
            "mark unread" => mark("marked_unread"),
            "block" => mark("blocked"),
            "report" => {
                telegram.with(|world| {
                    let account = world.accounts.get_mut(&user).unwrap();
                    account.reported.clear();
                });
                (Method::POST, seat.path("/report"), Body::None)
            }
            "draft" => {
                let body = json!({ "text": word });
                (Method::PUT, seat.path("/draft"), Body::Json(body))
            }
            "forward" | "copy" => {
                let source = &self.sources[if kind == "copy" { 0 } else { 1 }];
                let (row, of) = self.known(source, &word, false, kind == "copy").await;
                number = of;
                let body = json!({ "message_ids": [row], "conversation_ids": [seat.conversation] });
                (
                    Method::POST,
                    "/messages/forward".to_owned(),
                    Body::Json(body),
                )
            }
            "send later" => {
                let body = json!({ "text": word, "scheduled_for": moment(self.at) });
                (Method::POST, seat.path("/reply"), Body::Json(body))
            }
            "reschedule" => {
                let row = self.waiting(&seat, &word).await;
                let body = json!({ "scheduled_for": moment(self.at + 60) });
                let path = format!("/messages/{row}/schedule");
                (Method::PATCH, path, Body::Json(body))
            }
            "send now" => {
                let row = self.waiting(&seat, &word).await;
                (
                    Method::POST,
                    format!("/messages/{row}/schedule/send"),
                    Body::None,
                )
            }
            "withdraw" => {
                let row = self.waiting(&seat, &word).await;
                (
                    Method::DELETE,
                    format!("/messages/{row}/schedule"),
                    Body::None,
                )
            }
            "file" | "album" => {
                files.push(paper(seed + 1, 200_000));
                if kind == "album" {
                    files.push(paper(seed + 2, 70_000));
                }
                let form = Form::default().field("text", &word);
                let form = files.iter().fold(form, Form::add);
                (Method::POST, seat.path("/reply"), Body::Form(form))
            }
            _ => (
                Method::POST,
                seat.path("/reply"),
                Body::Json(json!({ "text": word })),
            ),
        };
        let call = Call {
            method,
            path,
            body,
            key,
        };
        Task {
            kind,
            seat,
            call,
            word,
            number,
            files,
            on,
        }
    }

    /// Some calls are begun late, others answered late, so that a blow finds each of them now here, now there.
    fn slow_down(&mut self) {
        for call in CALLS {
            let millis = self.chance.random_range(120..450);
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

    /// Exactly one effect, whatever the kind.
    fn check(&self, task: &Task) {
        let Task {
            seat, word, kind, ..
        } = task;
        let telegram = &self.fleet.telegram;
        let user = seat.account.user;
        let written = || {
            let chat = self.chat(seat).into_iter();
            chat.filter(|one| one.out && one.text == *word && !one.deleted)
                .count()
        };
        let dialog = |look: fn(&switchboard_simulator::world::Dialog) -> bool| {
            telegram.look(|world| {
                let account = world.accounts.get(&user).unwrap();
                look(account.mailbox.dialogs.get(&seat.person.into()).unwrap())
            })
        };
        match *kind {
            "edit" => {
                let one = self.one(task);
                assert_eq!(one.former_texts, [word.as_str()], "{word}");
                assert_eq!(one.text, format!("{word}, edited"));
            }
            "replace" => {
                let one = self.one(task);
                assert_eq!(one.former_texts, [word.as_str()], "{word}");
                assert_eq!(one.file.unwrap().sha256, task.files[0].sha256());
            }
            "delete" => assert!(self.one(task).deleted, "{word}"),
            "react" => assert_eq!(self.one(task).reactions, [("👍".to_owned(), user)]),
            "take a reaction back" => assert!(self.one(task).reactions.is_empty(), "{word}"),
            "pin" => {
                assert!(self.one(task).pinned, "{word}");
                let notices = self.chat(seat).into_iter().filter(|one| one.service);
                let round: usize = word.rsplit(' ').next().unwrap().parse().unwrap();
                assert_eq!(notices.count(), round + 1, "one notice for each pin");
            }
            "unpin" => assert!(!self.one(task).pinned, "{word}"),
            "clear" => assert!(telegram.texts(user, seat.person).is_empty(), "{word}"),
            "mute" => assert_eq!(dialog(|one| one.muted_until > 0), task.on, "{word}"),
            "archive" => assert_eq!(dialog(|one| one.folder == 1), task.on, "{word}"),
            "mark unread" => assert_eq!(dialog(|one| one.unread_mark), task.on, "{word}"),
            "block" => {
                let blocked =
                    telegram.look(|world| world.accounts[&user].blocked.contains(&seat.person));
                assert_eq!(blocked, task.on, "{word}");
            }
            "report" => {
                let reported = telegram.look(|world| world.accounts[&user].reported.clone());
                let chat = ChatRef::User(seat.person);
                assert_eq!(reported, BTreeSet::from([chat]), "{word}");
            }
            "draft" => assert_eq!(telegram.draft(user, seat.person).as_ref(), Some(word)),
            "send later" => assert_eq!(self.scheduled(seat, word), [self.at], "{word}"),
            "reschedule" => assert_eq!(self.scheduled(seat, word), [self.at + 60], "{word}"),
            "send now" => {
                assert!(self.scheduled(seat, word).is_empty(), "{word}");
                assert_eq!(written(), 1, "{word}");
            }
            "withdraw" => {
                assert!(self.scheduled(seat, word).is_empty(), "{word}");
                assert_eq!(written(), 0, "{word}");
            }
            "file" | "album" => {
                assert_eq!(written(), 1, "{word}");
                for file in &task.files {
                    let sum = file.sha256();
                    let chat = self.chat(seat).into_iter();
                    let there = chat.filter(|one| {
                        let file = one.file.as_ref();
                        file.is_some_and(|file| file.sha256 == sum)
                    });
                    assert_eq!(there.count(), 1, "{word}");
                }
            }
            _ => assert_eq!(written(), 1, "{word}"),
        }
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
