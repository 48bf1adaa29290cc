//! Kept answers: of a call under a key, the one that its caller was given.

use switchboard::store::{CallKey, KeptAnswer};
use uuid::Uuid;

use crate::world::World;

pub fn key(key: &str) -> CallKey {
    CallKey {
        caller: "local".to_owned(),
        call: "POST /accounts/add".to_owned(),
        key: key.to_owned(),
    }
}

pub fn begun(boot: &str) -> KeptAnswer {
    KeptAnswer {
        id: Uuid::new_v4(),
        sealed: format!("asked of {boot}"),
        done: false,
        boot: boot.to_owned(),
    }
}

/// Protects callers who repeat a call: they are told what the first one was told, whoever answers it once more.
#[actix::test]
async fn the_first_answer_of_a_call_stands() {
    let world = World::new();
    let store = &world.store;
    let call = begun("one");
    assert_eq!(
        store.claim_answer(key("k"), call.clone()).await.unwrap(),
        None
    );
    // The same try once more, for which nobody heard that it was committed.
    assert_eq!(
        store.claim_answer(key("k"), call.clone()).await.unwrap(),
        None
    );
    assert_eq!(
        store
            .claim_answer(key("other"), begun("one"))
            .await
            .unwrap(),
        None
    );
    for answer in ["the first answer", "the second answer"] {
        store.keep_answer(call.id, answer.to_owned()).await.unwrap();
    }
    let kept = store.claim_answer(key("k"), begun("two")).await.unwrap();
    let wanted = KeptAnswer {
        sealed: "the first answer".to_owned(),
        done: true,
        ..call
    };
    assert_eq!(kept, Some(wanted));
    world.store.close().await;
}
