//! Rows and their owners: a node that has lost an account writes nothing of it, whatever it believes, and goes on with the others.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use switchboard::{
    domain::{AccountId, ChatId},
    nodes::{Ending, Keeper, Lines, Ownership, Terms},
    store::{AccountPatch, Lease, NodeRow, ServerUrl, StoreConfig, StoreError, StoreHandle},
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    echoes::in_flight,
    engine,
    retention::eager,
    rows,
    world::{LIMIT, World, message, new, own, until},
};

/// What the keeper says.
#[derive(Default)]
struct Said(Mutex<Vec<(&'static str, AccountId)>>);

impl Said {
    fn say(&self, word: &'static str, leases: &[Lease]) {
        let said = leases.iter().map(|lease| (word, lease.account));
        self.0.lock().unwrap().extend(said);
    }

    async fn until(&self, word: &'static str, account: AccountId) {
        until(word, async || {
            let said = self.0.lock().unwrap();
            match said.contains(&(word, account)) {
                true => Ok(()),
                false => Err(format!("{said:?}")),
            }
        })
        .await;
    }
}

impl Lines for Said {
    fn begin(&self, leases: &[Lease]) {
        self.say("begin", leases);
    }

    fn end(&self, ending: Ending) {
        self.say("end", &ending.leases);
        ending.done();
    }
}

/// A node on the database of a world, and what it says.
async fn kept(world: &World) -> (Keeper, Arc<Said>) {
    kept_at(&world.path).await
}

async fn kept_at(path: &Path) -> (Keeper, Arc<Said>) {
    let said = Arc::new(Said::default());
    let node = NodeRow {
        id: Uuid::new_v4(),
        name: "node".to_owned(),
        address: None,
        home: None,
    };
    let url = ServerUrl::parse(&engine::url(path), None).unwrap();
    let keeper = Keeper::start(url, node, Terms::default(), Arc::clone(&said) as _).unwrap();
    keeper.joined(LIMIT).await;
    (keeper, said)
}

async fn rename(store: &StoreHandle, account: AccountId, label: &str) -> Result<(), StoreError> {
    let patch = AccountPatch {
        label: Some(label.to_owned()),
        ..AccountPatch::default()
    };
    store.patch_account(account, patch).await.map(drop)
}

/// Protects rows from a node that slept, or whose database had another past: it believes that an account is its own, and is refused at
/// the commit; what others wrote in the same transaction stays. The account ends there, and is written again when it comes back.
#[actix::test]
async fn a_node_that_lost_an_account_writes_nothing_of_it() {
    let world = World::new();
    let (keeper, said) = kept(&world).await;
    let store = &world.store;
    store.fence(Arc::new(keeper.owned()));
    let ownership = Ownership::Shared(keeper.owned());
    let (lost, kept) = (world.account().await.id, world.account().await.id);
    assert_eq!(ownership.epoch(lost), Some(1));

    let of_it = format!("account_no = (SELECT no FROM accounts WHERE id = '{lost}')");
    engine::change(
        &world.path,
        &format!(
            "UPDATE account_leases SET owner = 'another', epoch = 2, expires_at = 9000000000000 WHERE {of_it};"
        ),
    );
    // At once: the next look at the leases is seconds away.
    assert!(ownership.may_run(lost));
    let (of_lost, of_kept, again) = tokio::join!(
        rename(store, lost, "taken"),
        rename(store, kept, "written"),
        rename(store, lost, "taken again")
    );
    assert!(matches!(of_lost, Err(StoreError::NotHere)), "{of_lost:?}");
    assert!(matches!(again, Err(StoreError::NotHere)), "{again:?}");
    of_kept.unwrap();
    let label = async |id| store.get_account(id).await.unwrap().unwrap().label;
    assert_ne!(label(lost).await, "taken");
    assert_eq!(label(kept).await, "written");
    let told = "SELECT count(*) AS n FROM event_log WHERE account_no = (SELECT no FROM accounts WHERE id = ";
    let events = |id| rows::number(&world.path, &format!("{told}'{id}')"));
    assert_eq!((events(lost), events(kept)), (1, 2));

    assert!(!ownership.may_run(lost) && ownership.may_run(kept));
    said.until("end", lost).await;
    engine::change(
        &world.path,
        &format!("UPDATE account_leases SET owner = NULL WHERE {of_it};"),
    );
    said.until("begin", lost).await;
    assert_eq!(ownership.epoch(lost), Some(3));
    rename(store, lost, "back").await.unwrap();
    assert_eq!(label(lost).await, "back");
    keeper.stop(async {}).await;
    world.store.close().await;
}

/// Protects a session that is used beside its account's line (a sign-in, a farewell): another node has to wait until that is over, and
/// it is asked to end.
#[actix::test]
async fn an_account_is_let_go_of_when_nothing_uses_its_session() {
    let world = World::new();
    let (keeper, said) = kept(&world).await;
    world.store.fence(Arc::new(keeper.owned()));
    let ownership = Ownership::Shared(keeper.owned());
    let (used, unused) = (world.account().await.id, world.account().await.id);
    let one = ownership.borrow(used).unwrap();
    let other = ownership.borrow(used).unwrap();
    keeper.drain(true);
    said.until("end", used).await;
    one.ended().await;
    assert!(ownership.borrow(used).is_none());
    // What it has still to say is said before it is let go of.
    rename(&world.store, used, "last words").await.unwrap();
    let owner = |id: AccountId| {
        let text = "SELECT count(owner) AS n FROM account_leases WHERE account_no = (SELECT no FROM accounts WHERE id = ";
        rows::number(&world.path, &format!("{text}'{id}')"))
    };
    let freed = async |id| {
        until("the account to be let go of", async || match owner(id) {
            0 => Ok(()),
            owners => Err(owners.to_string()),
        })
        .await;
    };
    freed(unused).await;
    drop(one);
    assert_eq!(owner(used), 1, "let go of while it was used");
    drop(other);
    freed(used).await;
    keeper.stop(async {}).await;
    world.store.close().await;
}

/// Protects whoever signs an account in from a node that joins meanwhile: what it is given is not in use.
#[actix::test]
async fn what_is_in_use_stays_where_it_is_when_accounts_are_shared_out() {
    let world = World::new();
    let (keeper, said) = kept(&world).await;
    world.store.fence(Arc::new(keeper.owned()));
    let ownership = Ownership::Shared(keeper.owned());
    let (mut uses, mut unused) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        uses.push(ownership.borrow(world.account().await.id).unwrap());
        unused.push(world.account().await.id);
    }
    let (other, _) = kept_at(&world.path).await;
    for account in &unused {
        said.until("end", *account).await;
    }
    until("half of them at the other node", async || {
        match other.owned().count() {
            4 => Ok(()),
            count => Err(count.to_string()),
        }
    })
    .await;
    assert!(
        unused
            .iter()
            .all(|account| other.owned().lease(*account).is_some())
    );
    drop(uses);
    keeper.stop(async {}).await;
    other.stop(async {}).await;
    world.store.close().await;
}

/// Protects every account from those of other nodes: what a writer does for many accounts it does for its own. What is too old of
/// them goes and what was held is shown, however many others there are, and of the others nothing is touched.
#[actix::test]
async fn what_is_done_for_many_accounts_is_done_for_the_nodes_own() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("switchboard.db");
    let mut nodes = Vec::new();
    let mut accounts = Vec::new();
    for at in 0..2 {
        let world = World::at(StoreConfig::at(&path));
        let (keeper, _) = kept_at(&path).await;
        world.store.fence(Arc::new(keeper.owned()));
        for _ in at..2 {
            let account = world.account().await.id;
            let (echoed, old) = (ChatId::user(7), ChatId::user(8));
            world
                .record(account, vec![new(message(echoed, 1, "question"))])
                .await;
            in_flight(&world, account, echoed, "answer").await;
            let held = new(own(echoed, 2, "from a phone"));
            let all = (3..=12).map(|id| new(message(old, id, "bygone")));
            world.record(account, all.chain([held]).collect()).await;
            accounts.push(account);
        }
        nodes.push((world, keeper));
    }
    // The first one of the first node is taken, and comes before the others in every table.
    let taken = accounts[0];
    let of = |account: AccountId| {
        let messages = format!(
            "FROM messages m JOIN accounts a ON a.no = m.account_no WHERE a.id = '{account}'"
        );
        let old = format!("SELECT count(*) AS n {messages} AND m.text = 'bygone'");
        let held = format!("SELECT count(*) AS n {messages} AND m.held = 1");
        (rows::number(&path, &old), rows::number(&path, &held))
    };
    let mut again = Vec::new();
    for (world, keeper) in nodes {
        world.store.close().await;
        again.push(keeper);
    }
    engine::change(
        &path,
        &format!(
            "UPDATE account_leases SET owner = 'another', epoch = 2, expires_at = 9000000000000 \
             WHERE account_no = (SELECT no FROM accounts WHERE id = '{taken}');"
        ),
    );
    for account in &accounts {
        assert_eq!(of(*account), (10, 1));
    }
    let worlds: Vec<World> = (again.iter())
        .map(|keeper| {
            let world = World::at(StoreConfig {
                hold: Duration::from_millis(300),
                ..eager(&path, Some(7))
            });
            world.store.fence(Arc::new(keeper.owned()));
            world
        })
        .collect();
    for account in &accounts[1..] {
        until("the node's own account to be done", async || {
            match of(*account) {
                (0, 0) => Ok(()),
                left => Err(format!("{left:?}")),
            }
        })
        .await;
    }
    assert_eq!(of(taken), (10, 1));
    for (world, keeper) in worlds.iter().zip(&again) {
        keeper.stop(async {}).await;
        world.store.close().await;
    }
}
