//! Tests of the merge: every combination of what is here, what is there and what was last seen there, column by column.

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
const OTHER_HASH: &str = "fedcba9876543210fedcba9876543210";

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

const EVERY_LAST: [Last; 5] = [
    Last::WasOurs,
    Last::WasTheirs,
    Last::WasElse,
    Last::Never,
    Last::Inserting,
];

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

fn tampered(envelope: &str) -> String {
    let mut bytes = envelope.as_bytes().to_vec();
    bytes[60] = if bytes[60] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).unwrap()
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

/// A person's word settles what stood against theirs, and nothing else.
fn once_decided(wanted: Outcome) -> Outcome {
    match wanted {
        Conflict(_) => Push,
        wanted => wanted,
    }
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

/// The envelopes that may stand there, each with what becomes of it when only they have changed it.
fn sessions_there(world: &World, ours: &str) -> Vec<(&'static str, Option<String>, Outcome)> {
    let session = to(ME, API, Purpose::Session);
    let seal = |keys: &Keyring, to: &Binding, epoch, text: &str| {
        Some(keys.seal(to, epoch, text.as_bytes()).unwrap())
    };
    let keys = &world.keys;
    let neighbours = to(NEIGHBOUR, API, Purpose::Session);
    let other_api = to(ME, API + 1, Purpose::Session);
    vec![
        ("resealed", seal(keys, &session, 10, "ours"), TakeSilently),
        (
            "under the old key",
            seal(&world.old, &session, 10, "ours"),
            Push,
        ),
        ("newer", seal(keys, &session, 20, "theirs"), Take),
        (
            "older",
            seal(keys, &session, 5, "before"),
            Conflict("older than the copy here"),
        ),
        (
            "of the same age",
            seal(keys, &session, 10, "theirs"),
            Conflict("of the same age"),
        ),
        (
            "tampered",
            Some(tampered(ours)),
            Conflict("altered after sealing"),
        ),
        (
            "the neighbour's",
            seal(keys, &neighbours, 20, "theirs"),
            Conflict("belongs to account 00000000-0000-0000-0000-000000000002"),
        ),
        (
            "for another api_id",
            seal(keys, &other_api, 20, "theirs"),
            Conflict("sealed for api_id 11"),
        ),
        (
            "under a strange key",
            seal(&world.strange, &session, 20, "theirs"),
            Conflict("which the key ring does not have"),
        ),
        (
            "an api_hash",
            Some(world.hash(API, 20, HASH)),
            Conflict("holds an api_hash"),
        ),
        (
            "in the open",
            Some("1BVtsOHoBu3".to_owned()),
            Conflict("no envelope"),
        ),
        ("gone", None, Conflict("was removed in Supabase")),
    ]
}

/// Protects: a session is replaced only by a newer one that they alone have put there; whatever can't be trusted is
/// named and left alone until a person decides; that decision then holds.
#[test]
fn sessions() {
    let world = World::new();
    let base = world.local();
    let ours = base.session.clone().unwrap();
    for (name, theirs, theirs_alone) in sessions_there(&world, &ours) {
        for last in EVERY_LAST {
            let wanted = match (last, theirs_alone) {
                (Last::WasTheirs, _) => Push,
                // Nobody has decided that it be empty.
                (Last::Never | Last::Inserting, Conflict(_)) if theirs.is_none() => Push,
                (Last::WasElse | Last::Never, Take) => Conflict("signed in anew here"),
                (_, theirs_alone) => theirs_alone,
            };
            let decided = once_decided(wanted);
            for (overrule, wanted) in [(false, wanted), (true, decided)] {
                let mut local = base.clone();
                local.overrule = overrule;
                let mirrored = mirror(&local);
                let mut there = mirrored.clone();
                there.session.clone_from(&theirs);
                let seen = last_seen(last, &mirrored, &there, |copy| {
                    copy.session = Some(world.session(1, "long ago"));
                });
                let after = world.merge(&local, seen.as_ref(), &there);
                let case = format!("a session {name}, {last:?}, overrule {overrule}");
                outcome(&local, &after, wanted, &case);
                match wanted {
                    Push => assert_eq!(after.push.session, Some(Some(ours.clone())), "{case}"),
                    Take | TakeSilently => assert_eq!(after.local.session, theirs, "{case}"),
                    Conflict(_) => {
                        let remembered = seen.and_then(|copy| copy.session);
                        assert_eq!(after.copy.session, remembered, "{case}");
                    }
                    Nothing => {}
                }
                if wanted == Take {
                    assert_eq!(after.local.epoch, 20, "{case}");
                }
            }
        }
    }
}

/// Protects: an account that is signed out here stays so, unless somebody has signed it in elsewhere since.
#[test]
fn sessions_of_an_account_that_is_signed_out_here() {
    let world = World::new();
    let mut base = world.local();
    let ours = base.session.take().unwrap();
    for (name, theirs, theirs_alone) in sessions_there(&world, &ours) {
        for last in EVERY_LAST {
            let theirs_alone = match (name, theirs_alone) {
                // As old as the moment of signing out is new enough.
                ("resealed" | "under the old key" | "of the same age", _) => Take,
                ("gone", _) => Nothing,
                (_, theirs_alone) => theirs_alone,
            };
            let wanted = match (last, theirs_alone) {
                (_, Nothing) => Nothing,
                (Last::WasTheirs, _) => Push,
                (Last::WasElse, Take) => Conflict("signed out here"),
                (_, theirs_alone) => theirs_alone,
            };
            let decided = once_decided(wanted);
            for (overrule, wanted) in [(false, wanted), (true, decided)] {
                let mut local = base.clone();
                local.overrule = overrule;
                let mirrored = mirror(&local);
                let mut there = mirrored.clone();
                there.session.clone_from(&theirs);
                let seen = last_seen(last, &mirrored, &there, |copy| {
                    copy.session = Some(world.session(1, "long ago"));
                });
                let after = world.merge(&local, seen.as_ref(), &there);
                let case = format!("signed out, theirs {name}, {last:?}, overrule {overrule}");
                outcome(&local, &after, wanted, &case);
                if wanted == Push {
                    assert_eq!(after.push.session, Some(None), "{case}");
                }
            }
        }
    }
}

/// Protects: until a new sign-in has connected, the other side keeps and is compared with the one before.
#[test]
fn sessions_while_a_new_sign_in_is_not_confirmed() {
    let world = World::new();
    let mut base = world.local();
    let before = base
        .session
        .replace(world.session(30, "signed in just now"));
    base.previous_session.clone_from(&before);
    base.epoch = 30;
    for (name, theirs, theirs_alone) in sessions_there(&world, before.as_deref().unwrap()) {
        let wanted = match theirs_alone {
            Take => Conflict("signed in anew here"),
            theirs_alone => theirs_alone,
        };
        let decided = once_decided(wanted);
        for (overrule, wanted) in [(false, wanted), (true, decided)] {
            let mut local = base.clone();
            local.overrule = overrule;
            let mirrored = mirror(&local);
            assert_eq!(mirrored.session, before);
            let mut there = mirrored.clone();
            there.session.clone_from(&theirs);
            let after = world.merge(&local, Some(&copy_of(&mirrored)), &there);
            let case = format!("not confirmed, theirs {name}, overrule {overrule}");
            outcome(&local, &after, wanted, &case);
            assert_eq!(after.local.session, base.session, "{case}");
            match wanted {
                Push => assert_eq!(after.push.session, Some(before.clone()), "{case}"),
                TakeSilently => assert_eq!(after.local.previous_session, theirs, "{case}"),
                _ => assert_eq!(after.local.previous_session, before, "{case}"),
            }
        }
    }
}

/// What may stand there as api_id and api_hash, each with what becomes of it when only they have changed it.
fn hashes_there(world: &World, ours: &str) -> Vec<(&'static str, i32, String, Outcome)> {
    let seal = |keys: &Keyring, to: &Binding, epoch, text: &str| {
        keys.seal(to, epoch, text.as_bytes()).unwrap()
    };
    let keys = &world.keys;
    let hash = to(ME, API, Purpose::ApiHash);
    let neighbours = to(NEIGHBOUR, API, Purpose::ApiHash);
    vec![
        ("resealed", API, seal(keys, &hash, 10, HASH), TakeSilently),
        (
            "under the old key",
            API,
            seal(&world.old, &hash, 10, HASH),
            Push,
        ),
        ("newer", API, seal(keys, &hash, 20, OTHER_HASH), Take),
        ("moved", API + 1, world.hash(API + 1, 20, OTHER_HASH), Take),
        (
            "older",
            API,
            seal(keys, &hash, 5, OTHER_HASH),
            Conflict("older than the copy here"),
        ),
        (
            "tampered",
            API,
            tampered(ours),
            Conflict("altered after sealing"),
        ),
        (
            "the neighbour's",
            API,
            seal(keys, &neighbours, 20, OTHER_HASH),
            Conflict("belongs to account"),
        ),
        (
            "moved without being sealed anew",
            API + 1,
            ours.to_owned(),
            Conflict("sealed for api_id 10, the row says 11"),
        ),
        (
            "under a strange key",
            API,
            seal(&world.strange, &hash, 20, OTHER_HASH),
            Conflict("which the key ring does not have"),
        ),
        (
            "a session",
            API,
            world.session(20, "theirs"),
            Conflict("holds a session"),
        ),
        ("typed in again", API, HASH.to_owned(), Push),
        ("typed in", API, OTHER_HASH.to_owned(), Take),
        ("typed in and moved", API + 1, OTHER_HASH.to_owned(), Take),
        (
            "nonsense",
            API,
            "my hash".to_owned(),
            Conflict("neither sealed nor 32 hexadecimal digits"),
        ),
    ]
}

/// Protects: other credentials are taken when they alone have put them there, sealed in place when they were typed in,
/// and never moved under a session that was made with others.
#[test]
fn api_credentials() {
    let world = World::new();
    for signed_in in [false, true] {
        let mut base = world.local();
        if !signed_in {
            base.session = None;
        }
        let ours = base.api_hash.clone();
        for (name, api_id, hash, theirs_alone) in hashes_there(&world, &ours) {
            let typed = !hash.starts_with("v1.");
            for last in EVERY_LAST {
                let wanted = match (last, theirs_alone) {
                    // Typed in, it was never seen as what it is.
                    (Last::WasTheirs, _) if !typed => Push,
                    (Last::WasElse | Last::Never, Take) if !typed => Conflict("changed here"),
                    (Last::WasElse, Take) => Conflict("changed here"),
                    (_, Take) if signed_in && (typed || api_id != API) => {
                        Conflict("log it out first")
                    }
                    (_, theirs_alone) => theirs_alone,
                };
                let decided = once_decided(wanted);
                for (overrule, wanted) in [(false, wanted), (true, decided)] {
                    let mut local = base.clone();
                    local.overrule = overrule;
                    let mirrored = mirror(&local);
                    let mut there = mirrored.clone();
                    there.api_id = api_id;
                    there.api_hash = SecretText::new(hash.clone());
                    let mut seen = last_seen(last, &mirrored, &there, |copy| {
                        copy.api_hash = Some(world.hash(API, 1, "long ago"));
                    });
                    if let (Some(seen), Last::WasTheirs, true) = (&mut seen, last, typed) {
                        // Between typing and sealing: the number may be known, the hash is not.
                        seen.api_id = API;
                    }
                    let after = world.merge(&local, seen.as_ref(), &there);
                    let case = format!(
                        "a hash {name}, {last:?}, overrule {overrule}, signed in {signed_in}"
                    );
                    outcome(&local, &after, wanted, &case);
                    match wanted {
                        Push => {
                            assert_eq!(after.push.api, Some((API, ours.clone())), "{case}");
                        }
                        Take => {
                            let row = &after.local;
                            let binding = to(ME, api_id, Purpose::ApiHash);
                            let opened = world.keys.open(&row.api_hash, &binding).unwrap();
                            assert_eq!(opened.bytes.expose(), OTHER_HASH.as_bytes(), "{case}");
                            assert_eq!(row.api_id, api_id, "{case}");
                            let sealed = typed.then(|| (api_id, row.api_hash.clone()));
                            assert_eq!(after.push.api, sealed, "{case}");
                        }
                        TakeSilently => assert_eq!(after.local.api_hash, hash, "{case}"),
                        Conflict(_) => {
                            let known = seen.map(|copy| (copy.api_id, copy.api_hash));
                            let kept = (after.copy.api_id, after.copy.api_hash.clone());
                            assert_eq!(kept, known.unwrap_or((0, None)), "{case}");
                        }
                        Nothing => {}
                    }
                }
            }
        }
    }
}

/// Protects: "log it out first" is the truth: once it is logged out, what they have put there is taken.
#[test]
fn credentials_that_waited_for_a_log_out_are_then_taken() {
    let world = World::new();
    for typed in [false, true] {
        let mut local = world.local();
        let seen = copy_of(&mirror(&local));
        let mut there = mirror(&local);
        there.api_id = API + 1;
        there.api_hash = SecretText::new(match typed {
            true => OTHER_HASH.to_owned(),
            false => world.hash(API + 1, 20, OTHER_HASH),
        });
        let waiting = world.merge(&local, Some(&seen), &there);
        assert!(waiting.local.conflict.is_some());
        // As logging out leaves the row.
        local = waiting.local;
        local.session = None;
        local.epoch = 30;
        local.overrule = true;
        let after = world.merge(&local, Some(&waiting.copy), &there);
        assert_eq!(after.local.api_id, API + 1, "typed {typed}");
        assert_eq!(after.local.conflict, None);
        assert_eq!(after.push.session, Some(None));
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
