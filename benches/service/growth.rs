//! Growth: what each thing costs as there is more of it: messages stored, accounts, dashboards, channels that are behind. Beside
//! each stands its floor, measured in the same run.
//!
//! `SERVICE_BENCH_GROWTH=stored,accounts,dashboards,channels` chooses some of them, `SERVICE_BENCH_STORED` how many messages at most,
//! `SERVICE_BENCH_MOST=accounts=100,dashboards=10,channels=10` how many of those.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use diesel::{Connection, QueryableByName, RunQueryDsl, sql_types::Text, sqlite::SqliteConnection};
use grammers_tl_types::{functions, types};
use switchboard_simulator::{ChatRef, world::access_hash};
use tokio::task::JoinSet;

use super::{
    Reader, all_online, at, fill, memory::settled, number_in, numbered, page::Page, people,
    percentile, processor, ratios::Ratios, start,
};
use crate::{support::fleet::Fleet, world_support::Library};

const STORED: [u64; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
const ACCOUNTS: [usize; 5] = [1, 10, 100, 1_000, 2_000];
const DASHBOARDS: [usize; 4] = [1, 10, 100, 1_000];
const CHANNELS: [usize; 4] = [1, 10, 100, 500];
/// Of each question.
const ASKED: usize = 100;
/// Said in each channel while the account is away.
const MISSED: usize = 20;

/// What is told, and what it is beside its floors.
type Told = (Page, Ratios);

/// As many steps as are wanted of a kind: `SERVICE_BENCH_MOST=accounts=100,channels=10` leaves out what is larger.
fn steps(kind: &str, all: &[usize]) -> Vec<usize> {
    let asked = std::env::var("SERVICE_BENCH_MOST").unwrap_or_default();
    let most = asked.split(',').find_map(|one| {
        let (name, number) = one.split_once('=')?;
        (name == kind).then(|| number.parse().expect("SERVICE_BENCH_MOST has numbers"))
    });
    let fits = |step: &usize| most.unwrap_or(usize::MAX) >= *step;
    all.iter().copied().filter(fits).collect()
}

pub async fn run() {
    let asked = std::env::var("SERVICE_BENCH_GROWTH").unwrap_or_default();
    let wanted = |name: &str| asked.is_empty() || asked.split(',').any(|one| one == name);
    let mut told = (Page::default(), Ratios::default());
    if wanted("stored") {
        stored(&mut told).await;
    }
    if wanted("accounts") {
        accounts(&mut told).await;
    }
    if wanted("dashboards") {
        dashboards(&mut told).await;
    }
    if wanted("channels") {
        channels(&mut told).await;
    }
    let (page, ratios) = told;
    page.write("growth");
    ratios.compare("growth");
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    #[allow(dead_code, reason = "it is read, and that is all")]
    t: String,
}

/// The newest fifty of a chat, by a bare connection.
fn bare_page(file: &Path) -> f64 {
    let url = format!("file:{}?mode=ro", file.display());
    let mut conn = SqliteConnection::establish(&url).expect("opens");
    let query = "SELECT text AS t FROM messages WHERE conversation_id = (SELECT min(conversation_id) FROM messages) \
                 ORDER BY timestamp DESC, message_no DESC LIMIT 50";
    let mut times: Vec<Duration> = (0..ASKED)
        .map(|_| {
            let began = Instant::now();
            let rows: Vec<Line> = diesel::sql_query(query).load(&mut conn).expect("read");
            assert!(!rows.is_empty());
            began.elapsed()
        })
        .collect();
    percentile(&mut times, 0.5)
}

async fn median(fleet: &Fleet, path: &str) -> f64 {
    let mut times = Vec::new();
    for _ in 0..ASKED {
        let began = Instant::now();
        fleet.api.get(path).await;
        times.push(began.elapsed());
    }
    percentile(&mut times, 0.5)
}

async fn stored((page, ratios): &mut Told) {
    page.say(
        "growth: messages stored (ms at the median; the floor is the same page by a bare SELECT)",
    );
    page.say(&format!(
        "{:>12} {:>10} {:>10} {:>10} {:>10} {:>12} {:>10}",
        "messages", "chats", "a chat", "floor", "search", "stored in", "start"
    ));
    let mut first_page = None;
    let most = std::env::var("SERVICE_BENCH_STORED").ok();
    let most = most.and_then(|text| text.parse().ok()).unwrap_or(u64::MAX);
    for messages in STORED.into_iter().filter(|messages| *messages <= most) {
        let mut fleet = Fleet::builder().start().await;
        fill(&mut fleet, start::ACCOUNTS.min(10)).await;
        fleet.stop_service();
        let file = fleet.data_dir().join("switchboard.db");
        let accounts = fleet.accounts.len();
        let path = file.clone();
        tokio::task::spawn_blocking(move || start::store(&path, messages, accounts))
            .await
            .expect("stored");
        let began = Instant::now();
        fleet.start_service();
        all_online(&fleet).await;
        let took = began.elapsed().as_secs_f64() * 1e3;
        let chats = median(&fleet, "/conversations?limit=50").await;
        let all = fleet.api.get("/conversations?limit=1").await;
        let id = all["conversations"][0]["id"].clone();
        let chat = median(&fleet, &format!("/conversations/{id}/messages?limit=50")).await;
        let search = median(&fleet, "/search?q=stored&limit=20").await;
        let person = people(&fleet.telegram, 1)[0];
        let mut live = Reader::open(fleet.address()).await;
        let mut delays = Vec::new();
        for number in 0..ASKED {
            let said = Instant::now();
            let user = fleet.accounts[number % accounts].user;
            fleet.telegram.say(person, user, &numbered(number));
            while number_in(&live.message().await) != Some(number) {}
            delays.push(said.elapsed());
        }
        let delay = percentile(&mut delays, 0.5);
        let floor = bare_page(&file);
        ratios.add(
            &format!("a chat's page of {messages} messages, the floor beside ours"),
            floor / chat,
        );
        let first_page = *first_page.get_or_insert((chat, search, delay));
        if messages > STORED[0] {
            let what = format!("of {messages} messages stored, beside {}", STORED[0]);
            ratios.add(&format!("a chat's page {what}"), first_page.0 / chat);
            ratios.add(&format!("a search {what}"), first_page.1 / search);
            ratios.add(&format!("a message's way {what}"), first_page.2 / delay);
        }
        page.say(&format!(
            "{messages:>12} {chats:>10.2} {chat:>10.2} {floor:>10.3} {search:>10.2} {delay:>12.2} {took:>10.0}"
        ));
    }
    page.say("");
}

async fn accounts((page, ratios): &mut Told) {
    page.say("growth: accounts, online and idle (for its floor, bare grammers: cargo bench --bench peers -- accounts)");
    page.say(&format!(
        "{:>10} {:>12} {:>14} {:>16}",
        "accounts", "MB", "KiB each", "all online (ms)"
    ));
    let mut fleet = Fleet::builder().start().await;
    let empty = settled(&fleet).await;
    let mut ten = None;
    for count in steps("accounts", &ACCOUNTS) {
        fill(&mut fleet, count).await;
        fleet.stop_service();
        let began = Instant::now();
        fleet.start_service();
        all_online(&fleet).await;
        let took = began.elapsed().as_secs_f64() * 1e3;
        let held = settled(&fleet).await;
        let each = (held - empty) * 1024.0 / count as f64;
        // One alone pays for what all of them share.
        if count >= 10 {
            let ten = *ten.get_or_insert(each);
            if count > 10 {
                ratios.add(
                    &format!("memory of each of {count} accounts, beside ten"),
                    ten / each,
                );
            }
        }
        page.say(&format!(
            "{count:>10} {held:>12.1} {each:>14.1} {took:>16.0}"
        ));
    }
    page.say("");
}

/// So many dashboards, a hundred messages a second; the floor is the same with one that forwards to nobody.
async fn dashboards((page, ratios): &mut Told) {
    const GAP: Duration = Duration::from_millis(10);
    const SAID: u32 = 300;
    page.say("growth: dashboards, 100 messages a second (the floor of a frame is what one more dashboard costs)");
    page.say(&format!(
        "{:>12} {:>12} {:>12} {:>22}",
        "dashboards", "p50 ms", "p99 ms", "µs of processor a frame"
    ));
    let (mut base, mut one) = (None, None);
    for count in steps("dashboards", &DASHBOARDS) {
        let fleet = Fleet::builder().accounts(1).start().await;
        let pid = fleet.service().pid();
        let user = fleet.accounts[0].user;
        let person = people(&fleet.telegram, 1)[0];
        let mut reading = JoinSet::new();
        for _ in 0..count {
            let mut reader = Reader::open(fleet.address()).await;
            reading.spawn(async move {
                let mut heard = Vec::new();
                while heard.len() < SAID as usize {
                    let frame = reader.message().await;
                    if let Some(number) = number_in(&frame) {
                        heard.push((number, Instant::now()));
                    }
                }
                heard
            });
        }
        let before = processor(pid);
        let start = Instant::now() + GAP;
        let mut said = Vec::new();
        for number in 0..SAID {
            at(start + GAP * number).await;
            said.push(Instant::now());
            fleet.telegram.say(person, user, &numbered(number as usize));
        }
        let mut delays = Vec::new();
        while let Some(heard) = reading.join_next().await {
            for (number, when) in heard.expect("it reads to the end") {
                delays.push(when - said[number]);
            }
        }
        let spent = (processor(pid) - before).as_secs_f64() * 1e6 / f64::from(SAID);
        // What receiving and storing cost is the same for any number of them.
        let base = *base.get_or_insert(spent);
        let frame = if count > 1 {
            (spent - base) / (count - 1) as f64
        } else {
            spent
        };
        let (half, most) = (percentile(&mut delays, 0.5), percentile(&mut delays, 0.99));
        let one = *one.get_or_insert(half);
        if count > 1 {
            ratios.add(
                &format!("p50 with {count} dashboards, beside one"),
                one / half,
            );
        }
        page.say(&format!(
            "{count:>12} {half:>12.2} {most:>12.2} {frame:>22.2}"
        ));
    }
    page.say("");
}

/// The account was away; something was said in each channel. The floor: bare grammers asks for the same differences, one after another.
async fn channels((page, ratios): &mut Told) {
    page.say(&format!(
        "growth: channels that are behind, {MISSED} posts in each (until all are stored)"
    ));
    page.say(&format!(
        "{:>10} {:>12} {:>12} {:>14}",
        "channels", "ms", "floor", "ms for each"
    ));
    for count in steps("channels", &CHANNELS) {
        let mut fleet = Fleet::builder().accounts(1).start().await;
        let account = fleet.accounts[0].clone();
        let author = people(&fleet.telegram, 1)[0];
        let members = [author, account.user];
        let made = |number: usize| {
            fleet
                .telegram
                .add_channel(&format!("Channel {number}"), &members)
        };
        let channels: Vec<i64> = (0..count).map(made).collect();
        for channel in &channels {
            fleet.telegram.say(author, *channel, "before");
        }
        until_stored(&fleet, &account.id, count).await;
        fleet.stop_service();
        let mut behind = Vec::new();
        for channel in &channels {
            behind.push((*channel, pts(&fleet, *channel)));
            for number in 0..MISSED {
                fleet.telegram.say(author, *channel, &numbered(number));
            }
        }
        let floor = bare_differences(&fleet, account.user, &behind).await;
        let began = Instant::now();
        fleet.start_service();
        until_stored(&fleet, &account.id, count * (MISSED + 1)).await;
        let took = began.elapsed().as_secs_f64() * 1e3;
        ratios.add(
            &format!("{count} channels behind, the floor beside ours"),
            floor / took,
        );
        page.say(&format!(
            "{count:>10} {took:>12.0} {floor:>12.0} {:>14.2}",
            took / count as f64
        ));
    }
    page.say("");
}

fn pts(fleet: &Fleet, channel: i64) -> i32 {
    let ChatRef::Channel(id) = ChatRef::from(channel) else {
        panic!("a channel")
    };
    fleet.telegram.look(|world| world.channels[&id].pts)
}

async fn until_stored(fleet: &Fleet, account: &str, messages: usize) {
    let file = fleet.data_dir().join("switchboard.db");
    let query = format!(
        "SELECT count(*) AS n FROM messages WHERE telegram_account_id = '{account}' AND scope <> 0 AND service IS NULL"
    );
    let began = Instant::now();
    while crate::support::rows::number(&file, &query) < messages as i64 {
        assert!(
            began.elapsed() < Duration::from_secs(120),
            "they never came"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn bare_differences(fleet: &Fleet, user: i64, behind: &[(i64, i32)]) -> f64 {
    let library = Library::start(&fleet.telegram, user);
    library
        .call(&functions::updates::GetState {})
        .await
        .expect("signed in");
    let began = Instant::now();
    for (channel, pts) in behind {
        let ChatRef::Channel(channel_id) = ChatRef::from(*channel) else {
            panic!("a channel")
        };
        let seed = fleet.telegram.look(|world| world.seed);
        let access_hash = access_hash(seed, user, ChatRef::from(*channel));
        let ask = functions::updates::GetChannelDifference {
            force: false,
            channel: types::InputChannel {
                channel_id,
                access_hash,
            }
            .into(),
            filter: grammers_tl_types::enums::ChannelMessagesFilter::Empty,
            pts: *pts,
            limit: 100,
        };
        library.call(&ask).await.expect("a difference");
    }
    began.elapsed().as_secs_f64() * 1e3
}
