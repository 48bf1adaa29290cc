//! Accounts that are removed, with and without their history; jobs, names and attempts.

use switchboard::{
    domain::{AttemptKind, AttemptOutcome, Batch, Change, ChatId, DialogRecord, Timestamp},
    store::{
        AccountPatch, AddedAccount, Addition, CallKey, ConversationFilter, KeptAnswer, LoginLimit,
        NewAccount, NewLoginAttempt, QueueReply, SealedAccount, StoreError, TakenBack,
    },
};
use uuid::Uuid;

use crate::{
    engine,
    world::{World, batch, message, new, new_account, person},
};

fn added(call: &KeptAnswer) -> AddedAccount {
    let new = new_account();
    AddedAccount {
        patch: AccountPatch::default(),
        way: None,
        sealed: SealedAccount {
            id: new.id,
            label: new.label.clone(),
            api_id: 1,
            api_hash: "sealed".to_owned(),
            session: None,
            previous_session: None,
            sign_in: None,
            proxies: None,
            is_active: true,
            created_at: Timestamp::now(),
            epoch: 0,
            revision: 0,
            removed_remotely: false,
            conflict: None,
            overrule: false,
        },
        owner: Some(("user", "a hash".to_owned())),
        addition: Addition {
            account: new.id,
            mark: Uuid::new_v4(),
            call: Some(call.id),
            boot: call.boot.clone(),
        },
        new,
    }
}

/// Protects whoever adds an account: what a call made and did not finish goes as a whole, and only with it the call's key is free; who has
/// begun with it anew, was told that it is added or is signed in with it keeps it.
#[actix::test]
async fn what_was_added_is_taken_back_whole_or_not_at_all() {
    let world = World::new();
    let store = &world.store;
    let key = |key: &str| CallKey {
        caller: "local".to_owned(),
        call: "POST /accounts/add".to_owned(),
        key: key.to_owned(),
    };
    let begun = || KeptAnswer {
        id: Uuid::new_v4(),
        sealed: "sealed".to_owned(),
        done: false,
        boot: "one".to_owned(),
    };
    let (first, second) = (begun(), begun());
    assert_eq!(
        store.claim_answer(key("one"), first.clone()).await.unwrap(),
        None
    );
    let one = added(&first);
    let addition = one.addition.clone();
    let (account, owner) = store.add_account(one).await.unwrap();
    assert_eq!(owner.unwrap().account_id, account.id);
    assert_eq!(world.ear.names(), ["account_status"]);
    // Whoever was refused gives its key back, and it stays taken.
    store.drop_answer(first.id).await.unwrap();
    assert!(store.is_adding(first.id).await.unwrap());
    assert_eq!(
        store.claim_answer(key("one"), begun()).await.unwrap(),
        Some(first.clone())
    );
    let anew = Addition {
        mark: Uuid::new_v4(),
        ..addition.clone()
    };
    store.add_anew(anew.clone()).await.unwrap();
    assert_eq!(store.take_back(addition).await.unwrap(), TakenBack::Nothing);
    assert_eq!(
        store.take_back(anew.clone()).await.unwrap(),
        TakenBack::Gone
    );
    assert!(store.list_accounts().await.unwrap().is_empty());
    assert!(store.sealed_accounts().await.unwrap().is_empty());
    assert!(store.owners().await.unwrap().is_empty());
    assert!(store.additions().await.unwrap().is_empty());
    let late = store.added(account.id, anew.mark).await;
    assert!(matches!(late, Err(StoreError::AccountNotFound)), "{late:?}");
    assert_eq!(
        store
            .claim_answer(key("one"), second.clone())
            .await
            .unwrap(),
        None
    );

    let one = added(&second);
    let addition = one.addition.clone();
    let sealed = SealedAccount {
        session: Some("sealed".to_owned()),
        revision: 1,
        ..one.sealed.clone()
    };
    let (account, _) = store.add_account(one).await.unwrap();
    assert!(
        store
            .replace_sealed(sealed, None, Vec::new())
            .await
            .unwrap()
    );
    assert_eq!(
        store.take_back(addition).await.unwrap(),
        TakenBack::SignedIn
    );
    let left = store.list_accounts().await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].id, account.id);
    assert!(store.additions().await.unwrap().is_empty());
    // Nobody knows what its call did.
    let before = store.claim_answer(key("one"), begun()).await.unwrap();
    assert_eq!(before.unwrap().boot, "");

    let one = added(&begun());
    let (id, mark) = (one.new.id, one.addition.mark);
    let again = one.addition.clone();
    store.add_account(one).await.unwrap();
    store.added(id, mark).await.unwrap();
    assert_eq!(store.take_back(again).await.unwrap(), TakenBack::Nothing);
    // Removed by a person meanwhile: nothing is left to be taken back.
    let one = added(&begun());
    let id = one.new.id;
    store.add_account(one).await.unwrap();
    store.remove_account(id, false).await.unwrap();
    assert!(store.additions().await.unwrap().is_empty());
    world.store.close().await;
}

/// Protects: with its history kept, a removed account's chats stay readable and take no replies; it may come back.
#[actix::test]
async fn a_removed_account_leaves_a_readable_history() {
    let world = World::new();
    let account = world.account().await;
    let chat = ChatId::user(7);
    world
        .record(account.id, vec![new(message(chat, 1, "kept"))])
        .await;
    world.store.remove_account(account.id, true).await.unwrap();
    assert!(world.store.list_accounts().await.unwrap().is_empty());
    assert_eq!(world.texts(account.id, chat).await, ["kept"]);
    let conversation = world.conversation(account.id, chat).await;
    assert!(!conversation.can_send);
    let refused = world
        .store
        .queue_reply(QueueReply {
            conversation: conversation.id,
            text: "no".to_owned(),
            wording: Default::default(),
            reply_to: None,
            topic_id: None,
            schedule: None,
            idempotency_key: None,
        })
        .await;
    assert!(
        matches!(refused, Err(StoreError::AccountNotFound)),
        "{refused:?}"
    );
    let late = world
        .store
        .record_batch(batch(account.id, vec![new(message(chat, 2, "late"))]))
        .await;
    assert!(matches!(late, Err(StoreError::AccountNotFound)));
    let back = NewAccount {
        id: account.id,
        label: "Back".to_owned(),
        colour: 2,
        api_id: None,
        phone_masked: None,
        is_active: true,
        created_at: None,
    };
    let back_again = world.store.create_account(back.clone()).await.unwrap();
    assert_eq!(back_again.label, "Back");
    assert!(matches!(
        world.store.create_account(back).await,
        Err(StoreError::Exists(_))
    ));
}

/// Protects: without its history nothing of the account is listed any more.
#[actix::test]
async fn an_account_removed_with_its_history_is_gone_from_the_lists() {
    let world = World::new();
    let (gone, stays) = (world.account().await, world.account().await);
    for account in [gone.id, stays.id] {
        world
            .record(account, vec![new(message(ChatId::user(7), 1, "text"))])
            .await;
    }
    world.store.remove_account(gone.id, false).await.unwrap();
    let listed = world
        .store
        .list_conversations(ConversationFilter::default())
        .await
        .unwrap()
        .items;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].account_id, stays.id);
}

/// Protects: names, kinds and rights follow the peers, backfilled messages disturb nobody, the dialog list sets counters.
#[actix::test]
async fn peers_dialogs_and_history_shape_the_conversation_quietly() {
    let world = World::new();
    let account = world.account().await;
    let chat = ChatId::user(7);
    let mut dialogs = Batch::empty(account.id);
    dialogs.peers = vec![person(7, "Client Seven")];
    dialogs.backfilled = true;
    dialogs.changes = vec![Change::Dialog(DialogRecord {
        chat,
        unread: 4,
        read_inbox_max_id: 6,
        read_outbox_max_id: 3,
        archived: false,
        marked_unread: false,
        draft: None,
        muted_until: Some(Timestamp::from_seconds(4_000_000_000)),
        top_message: 10,
        channel_pts: None,
    })];
    dialogs
        .changes
        .extend((1..=10).map(|id| new(message(chat, id, "old"))));
    world.ear.names();
    world.store.record_batch(dialogs).await.unwrap();
    assert_eq!(world.ear.names(), ["conversation_updated"]);
    let conversation = world.conversation(account.id, chat).await;
    assert_eq!(
        (
            conversation.unread,
            conversation.muted,
            conversation.title.as_str()
        ),
        (4, true, "Client Seven")
    );
    let found = world
        .store
        .find_peer_by_username(account.id, "@USER7".to_owned())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.access_hash, Some(49));
    let mut min = person(7, "Partial");
    min.access_hash = None;
    min.flags.min = true;
    let mut batch = Batch::empty(account.id);
    batch.peers = vec![min];
    world.store.record_batch(batch).await.unwrap();
    assert_eq!(
        world.conversation(account.id, chat).await.title,
        "Client Seven"
    );
    world
        .record(account.id, vec![Change::LostChat { chat }])
        .await;
    assert!(!world.conversation(account.id, chat).await.can_send);
}

/// Protects: history that overtakes the live stream (a first sync, somebody paging) takes no news from the desk.
#[actix::test]
async fn a_message_that_history_brought_first_is_still_announced_when_it_comes_live() {
    let world = World::new();
    let account = world.account().await;
    let chat = ChatId::user(7);
    world
        .record(account.id, vec![new(message(chat, 1, "live"))])
        .await;
    let mut history = Batch::empty(account.id);
    history.backfilled = true;
    history.changes = vec![
        new(message(chat, 2, "overtaken")),
        new(message(chat, 1, "live")),
    ];
    world.store.record_batch(history).await.unwrap();
    world.ear.names();

    for _ in 0..2 {
        world
            .record(account.id, vec![new(message(chat, 2, "overtaken"))])
            .await;
    }

    assert_eq!(world.ear.names(), ["message_received"]);
    assert_eq!(world.conversation(account.id, chat).await.unread, 2);
}

/// Protects: attempts are counted per subject without the subject being readable in the file.
#[actix::test]
async fn sign_in_attempts_are_counted_without_the_number_on_disk() {
    let world = World::new();
    let attempt = |subject: &str| NewLoginAttempt {
        account_id: None,
        subject: subject.to_owned(),
        owner: None,
        kind: AttemptKind::Phone,
    };
    let start = Timestamp::from_millis(Timestamp::now().millis() - 1000);
    for _ in 0..3 {
        let id = world
            .store
            .record_login_attempt(attempt("+9996612345"))
            .await
            .unwrap();
        world
            .store
            .finish_login_attempt(id, AttemptOutcome::Failed, Some("wrong code".to_owned()))
            .await
            .unwrap();
    }
    world
        .store
        .record_login_attempt(attempt("+9996600000"))
        .await
        .unwrap();
    let limit = |starts| LoginLimit {
        since: start,
        starts,
    };
    for (starts, admitted) in [(3, false), (4, true), (4, false)] {
        let tried = world
            .store
            .admit_login_attempt(attempt("+9996612345"), limit(starts))
            .await;
        assert_eq!(tried.unwrap().is_some(), admitted, "of {starts}");
    }
    // Four of this number are counted. What Telegram never answered hardly weighs, and is not endless either.
    let mut free = 0;
    while let Some(id) = {
        let tried = attempt("+9996612345");
        let tried = world.store.admit_login_attempt(tried, limit(5)).await;
        tried.unwrap()
    } {
        free += 1;
        let (outcome, why) = (AttemptOutcome::Unanswered, Some("no answer".to_owned()));
        let finished = world.store.finish_login_attempt(id, outcome, why);
        finished.await.unwrap();
    }
    assert_eq!(free, 10);
    let listed = world.store.list_login_attempts(None, 50).await.unwrap();
    assert_eq!(
        (listed.len(), listed[12].outcome),
        (15, AttemptOutcome::Failed)
    );
    let told = serde_json::to_value(listed[0].outcome).unwrap();
    assert_eq!(told, "timeout");
    world.store.close().await;
    assert!(!engine::holds(&world.path, "9996612345"));
}
