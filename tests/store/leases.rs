//! Who has an account: real processes on a real PostgreSQL, killed, stopped and asked to end.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use switchboard::{
    nodes::{Ending, Keeper, Lines, Terms},
    store::{Lease, LeaseBook, LeaseTimes, NodeRow, ServerUrl, Standing},
};
use uuid::Uuid;

use crate::{engine, world::World};

const URL: &str = "SWITCHBOARD_TEST_LEASES";

/// Tells on stdout what it is told to do, and when it has done it.
struct Told;

fn say(word: &str, leases: &[Lease]) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    for lease in leases {
        let _ = writeln!(out, "{word} {} {}", lease.account, lease.epoch);
    }
    let _ = out.flush();
}

impl Lines for Told {
    fn begin(&self, leases: &[Lease]) {
        say("begin", leases);
    }

    fn end(&self, ending: Ending) {
        say("end", &ending.leases);
        ending.done();
    }
}

fn node() -> NodeRow {
    NodeRow {
        id: Uuid::new_v4(),
        name: "node".to_owned(),
        address: None,
        home: None,
    }
}

/// A node, when this test binary is started as one. Its terms are the product's.
#[test]
fn a_node() {
    let Ok(url) = std::env::var(URL) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // The harness has begun a line of its own.
    println!();
    runtime.block_on(async {
        let keeper = Keeper::start(
            ServerUrl::parse(&url, None).unwrap(),
            node(),
            Terms::default(),
            Arc::new(Told),
        )
        .unwrap();
        let mut asked =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
        asked.recv().await;
        keeper.stop(async {}).await;
    });
    std::process::exit(0);
}

/// What happened to accounts, as the test hears it, and who has which one.
#[derive(Default)]
struct Heard {
    at: BTreeMap<String, usize>,
    epochs: BTreeMap<String, i64>,
    /// Accounts that were told to begin while another node had them.
    twice: Vec<String>,
}

struct Node {
    child: Child,
}

impl Node {
    fn start(number: usize, url: &str, heard: &Arc<Mutex<Heard>>) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["leases::a_node", "--exact", "--nocapture"])
            .env(URL, url)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let heard = Arc::clone(heard);
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let words: Vec<&str> = line.split(' ').collect();
                let mut heard = heard.lock().unwrap();
                match words[..] {
                    ["begin", account, epoch] => {
                        let epoch: i64 = epoch.parse().unwrap();
                        let before = heard.at.insert(account.to_owned(), number);
                        let last = heard.epochs.insert(account.to_owned(), epoch);
                        if before.is_some() || last.is_some_and(|last| last >= epoch) {
                            heard.twice.push(line.clone());
                        }
                    }
                    ["end", account, _] if heard.at.get(account) == Some(&number) => {
                        heard.at.remove(account);
                    }
                    _ => {}
                }
            }
            // Its sockets are closed with it, whatever it was doing.
            heard.lock().unwrap().at.retain(|_, at| *at != number);
        });
        Self { child }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    fn ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn shares(heard: &Mutex<Heard>) -> BTreeMap<usize, usize> {
    let heard = heard.lock().unwrap();
    let mut shares = BTreeMap::new();
    for at in heard.at.values() {
        *shares.entry(*at).or_insert(0) += 1;
    }
    shares
}

/// Waits until these nodes have all accounts, evenly; how long that took.
fn shared_out(heard: &Mutex<Heard>, accounts: usize, nodes: &[usize], limit: Duration) -> Duration {
    let began = Instant::now();
    loop {
        let shares = shares(heard);
        let (least, most) = (accounts / nodes.len(), accounts.div_ceil(nodes.len()));
        let wanted: BTreeSet<usize> = nodes.iter().copied().collect();
        if shares.values().sum::<usize>() == accounts
            && shares.keys().copied().collect::<BTreeSet<_>>() == wanted
            && shares.values().all(|share| (least..=most).contains(share))
        {
            return began.elapsed();
        }
        assert!(began.elapsed() < limit, "after {limit:?}: {shares:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Nodes that take accounts.
fn taking(standing: &Standing) -> usize {
    let taking = standing.beats.iter().filter(|one| !one.draining);
    taking.count()
}

async fn with_accounts(count: usize) -> (World, String) {
    let world = World::new();
    engine::change(
        &world.path,
        &format!(
            "INSERT INTO accounts (id, label, colour, is_active, state, state_since, created_at) \
             SELECT gen_random_uuid(), 'one', 1, TRUE, 'stopped', 1, 1 FROM generate_series(1, {count});"
        ),
    );
    let url = engine::url(&world.path);
    (world, url)
}

/// Protects sessions from being used at two places, and accounts from being nobody's: three nodes share three thousand accounts; one is
/// asked to end, one is killed, one is stopped and comes back too late.
#[actix::test]
async fn nodes_share_accounts_and_take_over_from_each_other() {
    const ACCOUNTS: usize = 3000;
    let (world, url) = with_accounts(ACCOUNTS).await;
    let heard = Arc::new(Mutex::new(Heard::default()));
    let mut nodes: Vec<Node> = (0..3).map(|n| Node::start(n, &url, &heard)).collect();
    let even = shared_out(&heard, ACCOUNTS, &[0, 1, 2], Duration::from_secs(30));

    nodes[0].signal(Signal::TERM);
    let over = shared_out(&heard, ACCOUNTS, &[1, 2], Duration::from_secs(5));
    nodes.push(Node::start(3, &url, &heard));
    shared_out(&heard, ACCOUNTS, &[1, 2, 3], Duration::from_secs(30));

    nodes[1].signal(Signal::KILL);
    let killed = shared_out(&heard, ACCOUNTS, &[2, 3], Duration::from_secs(75));

    // Stopped, with its sockets open; it is not let to wake up with them.
    nodes[2].signal(Signal::STOP);
    let began = Instant::now();
    while !nodes[2].ended() {
        assert!(
            began.elapsed() < Duration::from_secs(45),
            "the sleeper lives"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    let stopped = began.elapsed();
    shared_out(&heard, ACCOUNTS, &[3], Duration::from_secs(75));
    let twice = heard.lock().unwrap().twice.clone();
    assert!(twice.is_empty(), "{twice:?}");
    println!(
        "even after {even:?}, handed over in {over:?}, taken over in {killed:?}, ended by the kernel after {stopped:?}"
    );
    world.store.close().await;
}

/// Protects an account from two owners that ask at the same moment, and its rows from a former one.
#[actix::test]
async fn one_account_has_one_owner_and_a_new_epoch_with_each() {
    let (world, url) = with_accounts(40).await;
    let times = LeaseTimes {
        lasts: 300,
        given_up: 200,
        grace: 200,
    };
    let book = || LeaseBook::open(&ServerUrl::parse(&url, None).unwrap(), node(), times).unwrap();
    let claims: Vec<_> = (0..4)
        .map(|_| {
            let mut book = book();
            std::thread::spawn(move || {
                let claimed = book.claim(25, &[]).unwrap();
                (book, claimed)
            })
        })
        .collect();
    let claimed: Vec<_> = claims.into_iter().map(|one| one.join().unwrap()).collect();
    let all: Vec<i64> = claimed
        .iter()
        .flat_map(|(_, leases)| leases.iter().map(|lease| lease.account_no))
        .collect();
    let different: BTreeSet<i64> = all.iter().copied().collect();
    assert_eq!((all.len(), different.len()), (40, 40));
    let (mut first, mine) = claimed
        .into_iter()
        .find(|(_, leases)| !leases.is_empty())
        .unwrap();
    assert!(mine.iter().all(|lease| lease.epoch == 1));

    // Whatever the time is at the server: nobody takes what a node has of which nobody says that it is silent.
    let mut other = book();
    engine::change(
        &world.path,
        "UPDATE account_leases SET expires_at = 1; UPDATE nodes SET seen_at = 1;",
    );
    assert_eq!(other.claim(100, &[]).unwrap(), []);
    // One that has said a word since is not silent; one that never was a node is when it is said to be.
    assert_eq!(first.renew(None).unwrap().held.len(), mine.len());
    let beats = first.renew(None).unwrap().beats;
    let silent: Vec<(String, i64)> = beats
        .iter()
        .map(|one| (one.node.clone(), one.beat))
        .collect();
    assert_eq!(first.renew(None).unwrap().held.len(), mine.len());
    let taken = other.claim(100, &silent).unwrap();
    assert_eq!(taken.len(), 40 - mine.len());
    assert!(
        taken
            .iter()
            .all(|lease| lease.epoch == 2 && !mine.contains(lease))
    );

    // What a former owner lets go of is the next one's.
    let before: Vec<Lease> = taken
        .iter()
        .map(|lease| Lease { epoch: 1, ..*lease })
        .collect();
    other.release(&before).unwrap();
    first.release(&taken).unwrap();
    assert_eq!(other.renew(None).unwrap().held.len(), taken.len());
    other.release(&taken).unwrap();
    assert!(other.renew(Some(true)).unwrap().held.is_empty());
    // A node that takes none is not counted.
    assert_eq!(taking(&first.renew(None).unwrap()), 1);
    assert_eq!(first.claim(1, &[]).unwrap().len(), 1);
    world.store.close().await;
}

/// Protects who starts a killed process again from waiting a minute: what the directory's earlier holder had is free at once, and nothing
/// of a node that holds another one.
#[actix::test]
async fn the_next_process_of_a_directory_has_what_the_one_before_had() {
    let (world, url) = with_accounts(6).await;
    let times = LeaseTimes {
        lasts: 600_000,
        given_up: 300_000,
        grace: 600_000,
    };
    let book = |home: &str| {
        let node = NodeRow {
            home: Some(home.to_owned()),
            ..node()
        };
        LeaseBook::open(&ServerUrl::parse(&url, None).unwrap(), node, times).unwrap()
    };
    let (mut dead, mut other) = (book("here"), book("elsewhere"));
    for book in [&mut dead, &mut other] {
        book.renew(None).unwrap();
        assert_eq!(book.claim(3, &[]).unwrap().len(), 3);
    }
    let mut next = book("here");
    next.inherit().unwrap();
    assert_eq!(
        taking(&next.renew(None).unwrap()),
        2,
        "the dead one is counted"
    );
    let inherited = next.claim(100, &[]).unwrap();
    assert_eq!(inherited.len(), 3);
    assert!(inherited.iter().all(|lease| lease.epoch == 2));
    assert_eq!(other.renew(None).unwrap().held.len(), 3);
    assert!(dead.renew(None).unwrap().held.is_empty());
    world.store.close().await;
}
