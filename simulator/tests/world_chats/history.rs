//! Pages of a history.

use grammers_tl_types::{enums, functions as f};

use crate::world_support::{Library, Town, town};

async fn history(
    town: &Town,
    library: &Library,
    change: impl FnOnce(&mut f::messages::GetHistory),
) -> Vec<i32> {
    let mut call = f::messages::GetHistory {
        peer: town.input_peer(town.supergroup),
        offset_id: 0,
        offset_date: 0,
        add_offset: 0,
        limit: 5,
        max_id: 0,
        min_id: 0,
        hash: 0,
    };
    change(&mut call);
    let enums::messages::Messages::ChannelMessages(page) = library.call(&call).await.unwrap()
    else {
        panic!("a supergroup's messages")
    };
    page.messages.iter().map(enums::Message::id).collect()
}

/// Protects: the paging parameters that history fills are built from.
#[tokio::test(flavor = "multi_thread")]
async fn history_takes_all_offsets_and_limits() {
    let town = town().await;
    for number in 0..30 {
        town.simulator
            .say(town.friend, town.supergroup, &format!("{number}"));
    }
    town.simulator.delete(town.friend, town.supergroup, &[30]);
    let library = Library::start(&town.simulator, town.account);
    assert_eq!(history(&town, &library, |_| {}).await, [31, 29, 28, 27, 26]);
    assert_eq!(
        history(&town, &library, |h| h.offset_id = 10).await,
        [9, 8, 7, 6, 5]
    );
    assert_eq!(
        history(&town, &library, |h| (h.offset_id, h.add_offset) = (10, -3)).await,
        [12, 11, 10, 9, 8]
    );
    assert_eq!(
        history(&town, &library, |h| (h.offset_id, h.add_offset) = (10, 2)).await,
        [7, 6, 5, 4, 3]
    );
    assert_eq!(history(&town, &library, |h| h.min_id = 29).await, [31]);
    assert_eq!(
        history(&town, &library, |h| (h.offset_id, h.max_id) = (12, 9)).await,
        [8, 7],
        "taken out of the five, and nothing comes in its place"
    );
    assert_eq!(
        history(&town, &library, |h| (h.offset_id, h.add_offset) = (28, -5)).await,
        [31, 29, 28],
        "of what is newer than all nothing is there"
    );
    assert_eq!(
        history(&town, &library, |h| (h.offset_id, h.add_offset) = (3, 1)).await,
        [1]
    );
    assert_eq!(history(&town, &library, |h| h.limit = 0).await.len(), 20);
    assert_eq!(
        history(&town, &library, |h| (h.offset_id, h.limit) = (4, 100)).await,
        [3, 2, 1]
    );
    town.simulator.shutdown().await;
}
