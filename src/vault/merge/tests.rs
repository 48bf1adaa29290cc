//! Tests of the merge: every combination of what is here, what is there and what was last seen there, column by column.

mod api;
mod sessions;

use base64::{Engine, prelude::BASE64_STANDARD};
use uuid::Uuid;

use super::*;
use crate::{
    domain::{SecretText, Timestamp},
    vault::{cipher::MasterKey, keyring::KeySource},
};

const ME: AccountId = AccountId(Uuid::from_u128(1));
const NEIGHBOUR: AccountId = AccountId(Uuid::from_u128(2));
const API: i32 = 10;
const HASH: &str = "0123456789abcdef0123456789abcdef";

/// What became of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Nothing,
    /// Ours goes there.
    Push,
    /// Theirs holds here, and is told.
    Take,
    /// Theirs is the same in another envelope: it holds here, and nobody needs to know.
    TakeSilently,
    /// Both stay as they are; a person reads these words.
    Conflict(&'static str),
}

use Outcome::{Conflict, Nothing, Push, Take, TakeSilently};

/// Where theirs stands towards what was last seen there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    /// Only they have changed it.
    WasOurs,
    /// Only we have.
    WasTheirs,
    /// Both have.
    WasElse,
    /// The row there was never seen.
    Never,
    /// It was seen only in so far as we were putting it there.
    Inserting,
}

/// The key ring has a new key and an old one; a third one belongs to somebody else.
struct World {
    keys: Keyring,
    old: Keyring,
    strange: Keyring,
}

fn ring(keys: &[&MasterKey]) -> Keyring {
    let text: Vec<String> = keys
        .iter()
        .map(|key| BASE64_STANDARD.encode(key.expose()))
        .collect();
    Keyring::load(KeySource::Text(SecretText::new(text.join(",")))).unwrap()
}

fn to(account: AccountId, api_id: i32, purpose: Purpose) -> Binding {
    Binding {
        account,
        api_id,
        purpose,
    }
}

impl World {
    fn new() -> Self {
        let [new, old, strange] = [(); 3].map(|()| MasterKey::random().unwrap());
        Self {
            keys: ring(&[&new, &old]),
            old: ring(&[&old]),
            strange: ring(&[&strange]),
        }
    }

    fn session(&self, epoch: u64, text: &str) -> String {
        let binding = to(ME, API, Purpose::Session);
        self.keys.seal(&binding, epoch, text.as_bytes()).unwrap()
    }

    fn hash(&self, api_id: i32, epoch: u64, text: &str) -> String {
        let binding = to(ME, api_id, Purpose::ApiHash);
        self.keys.seal(&binding, epoch, text.as_bytes()).unwrap()
    }

    fn local(&self) -> SealedAccount {
        SealedAccount {
            id: ME,
            label: "Ours".to_owned(),
            api_id: API,
            api_hash: self.hash(API, 10, HASH),
            session: Some(self.session(10, "ours")),
            previous_session: None,
            sign_in: None,
            proxies: None,
            is_active: true,
            created_at: Timestamp::from_millis(0),
            epoch: 10,
            revision: 1,
            removed_remotely: false,
            conflict: None,
            overrule: false,
        }
    }

    fn merge(
        &self,
        local: &SealedAccount,
        last: Option<&RemoteCopy>,
        theirs: &RemoteAccount,
    ) -> Merged {
        merge(&self.keys, &[ME, NEIGHBOUR], local, last, theirs)
    }
}

/// The row there as it is here.
fn mirror(local: &SealedAccount) -> RemoteAccount {
    RemoteAccount {
        id: local.id,
        label: local.label.clone(),
        api_id: local.api_id,
        api_hash: SecretText::new(local.api_hash.clone()),
        session: shown_session(local).map(str::to_owned),
        proxies: Some(local.proxies.clone()),
        is_active: local.is_active,
        created_at: local.created_at,
    }
}

/// What was last seen there, of which `other` makes something else than either side has.
fn last_seen(
    last: Last,
    ours: &RemoteAccount,
    theirs: &RemoteAccount,
    other: impl FnOnce(&mut RemoteCopy),
) -> Option<RemoteCopy> {
    match last {
        Last::Never => None,
        Last::WasOurs => Some(copy_of(ours)),
        Last::WasTheirs => Some(copy_of(theirs)),
        Last::Inserting => {
            let mut copy = copy_of(ours);
            copy.inserting = true;
            Some(copy)
        }
        Last::WasElse => {
            let mut copy = copy_of(ours);
            other(&mut copy);
            Some(copy)
        }
    }
}

/// What happened, and that nothing else did.
fn outcome(before: &SealedAccount, after: &Merged, wanted: Outcome, case: &str) {
    let mut unchanged = before.clone();
    unchanged.conflict.clone_from(&after.local.conflict);
    unchanged.overrule = after.local.overrule;
    let taken = after.local != unchanged;
    let told = &after.local.conflict;
    match wanted {
        Nothing => assert!(
            !taken && after.push.is_empty() && told.is_none() && after.news.is_empty(),
            "{case}: nothing was to happen: {after:?}"
        ),
        Push => assert!(
            !taken && !after.push.is_empty() && told.is_none() && after.news.is_empty(),
            "{case}: ours was to be pushed: {after:?}"
        ),
        Take => assert!(
            taken && told.is_none() && after.news.len() == 1,
            "{case}: theirs was to be taken and told: {after:?}"
        ),
        TakeSilently => assert!(
            taken && after.push.is_empty() && told.is_none() && after.news.is_empty(),
            "{case}: theirs was to be taken without a word: {after:?}"
        ),
        Conflict(words) => {
            let told = told.as_deref().unwrap_or_default();
            assert!(
                !taken && after.push.is_empty() && told.contains(words),
                "{case}: was to be a conflict about {words:?}: {after:?}"
            );
            let [RemoteChange::Conflict { id: ME, what }] = after.news.as_slice() else {
                panic!("{case}: was to be told once: {:?}", after.news);
            };
            assert_eq!(what, told);
        }
    }
    // A person's word holds until it has arrived.
    assert_eq!(
        after.local.overrule,
        before.overrule && !after.push.is_empty(),
        "{case}"
    );
}

/// Protects: a label is taken when they alone changed it, pushed when we alone did, and left alone when both did.
#[test]
fn labels() {
    let world = World::new();
    for (theirs, last, wanted, decided) in [
        ("Ours", Last::WasOurs, Nothing, Nothing),
        ("Ours", Last::WasElse, Nothing, Nothing),
        ("Ours", Last::Never, Nothing, Nothing),
        ("Ours", Last::Inserting, Nothing, Nothing),
        ("Theirs", Last::WasOurs, Take, Take),
        ("Theirs", Last::WasTheirs, Push, Push),
        ("Theirs", Last::WasElse, Conflict("\"Theirs\""), Push),
        ("Theirs", Last::Never, Conflict("\"Theirs\""), Push),
        ("Theirs", Last::Inserting, Take, Take),
    ] {
        for (overrule, wanted) in [(false, wanted), (true, decided)] {
            let mut local = world.local();
            local.overrule = overrule;
            let ours = mirror(&local);
            let mut there = ours.clone();
            there.label = theirs.to_owned();
            let seen = last_seen(last, &ours, &there, |copy| copy.label = "Before".to_owned());
            let after = world.merge(&local, seen.as_ref(), &there);
            let case = format!("{theirs} {last:?} overrule {overrule}");
            outcome(&local, &after, wanted, &case);
            match wanted {
                Push => assert_eq!(after.push.label.as_deref(), Some("Ours"), "{case}"),
                Take => assert_eq!(after.local.label, theirs, "{case}"),
                // Otherwise theirs would look like something ours has answered.
                Conflict(_) => assert_ne!(after.copy.label, theirs, "{case}"),
                _ => {}
            }
        }
    }
}

/// Protects: a switch has two positions, so only a row never seen can differ on both sides; off is then off.
#[test]
fn switches() {
    let world = World::new();
    for (here, there_is, last, wanted, decided) in [
        (true, true, None, Nothing, Nothing),
        (true, true, Some(true), Nothing, Nothing),
        (true, true, Some(false), Nothing, Nothing),
        (false, false, None, Nothing, Nothing),
        (false, false, Some(true), Nothing, Nothing),
        (false, false, Some(false), Nothing, Nothing),
        (true, false, Some(true), Take, Take),
        (true, false, Some(false), Push, Push),
        (true, false, None, Take, Push),
        (false, true, Some(false), Take, Take),
        (false, true, Some(true), Push, Push),
        (false, true, None, Push, Push),
    ] {
        for (overrule, wanted) in [(false, wanted), (true, decided)] {
            let mut local = world.local();
            local.overrule = overrule;
            local.is_active = here;
            let mut there = mirror(&local);
            there.is_active = there_is;
            let seen = last.map(|is_active| RemoteCopy {
                is_active,
                ..copy_of(&there)
            });
            let after = world.merge(&local, seen.as_ref(), &there);
            let case = format!("{here} {there_is} {last:?} overrule {overrule}");
            outcome(&local, &after, wanted, &case);
            match wanted {
                Push => assert_eq!(after.push.is_active, Some(here), "{case}"),
                _ => assert_eq!(after.local.is_active, there_is, "{case}"),
            }
        }
    }
}

/// Protects: one column's conflict does not hold up another's change, all are told at once, and only once.
#[test]
fn columns_are_decided_one_by_one() {
    let world = World::new();
    let mut local = world.local();
    let seen = copy_of(&mirror(&local));
    local.label = "Renamed here".to_owned();
    let mut there = mirror(&local);
    there.label = "Renamed there".to_owned();
    there.session = None;
    there.is_active = false;
    let after = world.merge(&local, Some(&seen), &there);
    let what = after.local.conflict.clone().unwrap();
    assert!(
        what.contains("label") && what.contains("session") && what.contains("; "),
        "{what}"
    );
    assert!(!after.local.is_active && after.push.is_empty());
    assert_eq!(after.news.len(), 2, "a switch and a conflict");
    let again = world.merge(&after.local, Some(&after.copy), &there);
    assert_eq!(again.news, []);
    assert_eq!(again.local, after.local);

    let mut decided = again.local;
    decided.overrule = true;
    let pushed = world.merge(&decided, Some(&again.copy), &there);
    assert_eq!(pushed.push.label.as_deref(), Some("Renamed here"));
    assert_eq!(pushed.push.session, Some(local.session.clone()));
    assert!(pushed.local.conflict.is_none() && pushed.local.overrule);
    let arrived = mirror(&pushed.local);
    let done = world.merge(&pushed.local, Some(&pushed.copy), &arrived);
    assert!(done.push.is_empty() && !done.local.overrule && done.news.is_empty());
}

const EVERY_LAST: [Last; 5] = [
    Last::WasOurs,
    Last::WasTheirs,
    Last::WasElse,
    Last::Never,
    Last::Inserting,
];

fn tampered(envelope: &str) -> String {
    let mut bytes = envelope.as_bytes().to_vec();
    bytes[60] = if bytes[60] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).unwrap()
}

/// A person's word settles what stood against theirs, and nothing else.
fn once_decided(wanted: Outcome) -> Outcome {
    match wanted {
        Conflict(_) => Push,
        wanted => wanted,
    }
}
