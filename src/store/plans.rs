//! Which index each everyday statement walks. A plan that sorts or scans a large table is a fault that only shows when
//! the file is large.

use diesel::{
    Connection, QueryableByName, RunQueryDsl, sql_query, sql_types::Text, sqlite::SqliteConnection,
};

use super::{
    ConversationFilter,
    connection::migrate,
    conversations::list_text,
    echoes::HELD,
    incoming::UNREAD,
    messages::{MEDIA, NEWER, OLDER},
    prune::AGED,
    purge::PURGED,
    retention::OLD,
    search::PLACES,
};
use crate::domain::{AccountId, ConversationKind};

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

fn plan(text: &str) -> Vec<String> {
    let mut conn = SqliteConnection::establish(":memory:").unwrap();
    migrate(&mut conn).unwrap();
    let text = text.replace('?', "1");
    sql_query(format!("EXPLAIN QUERY PLAN {text}"))
        .load::<Step>(&mut conn)
        .unwrap()
        .into_iter()
        .map(|step| step.detail)
        .collect()
}

fn assert_walks(text: &str, wanted: &str) {
    let steps = plan(text);
    assert!(
        steps.iter().any(|step| step.contains(wanted)),
        "{wanted}: {steps:#?}"
    );
    let bad = steps.iter().find(|step| {
        step.contains("TEMP B-TREE")
            || step.starts_with("SCAN m ")
            || step == &"SCAN m"
            || step.starts_with("SCAN messages")
            || step == &"SCAN c"
    });
    assert!(bad.is_none(), "{bad:?} in {steps:#?}");
}

/// Protects: pages of a chat are read along its index, in both directions.
#[test]
fn pages_of_a_chat_walk_the_index_of_its_conversation() {
    for text in [OLDER, NEWER] {
        assert_walks(
            text,
            "SEARCH m USING INDEX messages_by_conversation (conversation_id=? AND",
        );
    }
}

/// Protects: the media of a chat of many messages are found without reading the chat.
#[test]
fn the_media_of_a_chat_walk_their_own_index() {
    assert_walks(
        MEDIA,
        "SEARCH m USING INDEX messages_media (conversation_id=? AND",
    );
}

/// Protects: the list of conversations never sorts, whatever its filter.
#[test]
fn the_list_of_conversations_never_sorts() {
    let one = vec![AccountId::random()];
    let two = vec![AccountId::random(), AccountId::random()];
    for account_ids in [Vec::new(), one, two] {
        for unread in [false, true] {
            for kind in [None, Some(ConversationKind::Group)] {
                let filter = ConversationFilter {
                    account_ids: account_ids.clone(),
                    unread,
                    kind,
                    q: unread.then(|| "x".to_owned()),
                    ..ConversationFilter::default()
                };
                let index = match (unread, filter.account_ids.len()) {
                    (true, _) => "conversations_unread",
                    (false, 1) => "conversations_by_account (account_no=? AND",
                    (false, _) => "conversations_by_time (",
                };
                assert_walks(&list_text(&filter), index);
            }
        }
    }
}

/// Protects: the writer's look for held messages at each tick reads nothing else.
#[test]
fn held_messages_are_found_in_an_index_of_their_own() {
    let steps = plan(HELD);
    assert!(
        steps.len() == 2 && steps[0].contains("messages_held") && steps[1].contains("PRIMARY KEY"),
        "{steps:#?}"
    );
}

/// Protects: hits come in the index's own order, and a repeat is found by its key.
#[test]
fn search_and_the_search_for_a_repeat_never_sort_or_scan() {
    let steps = plan(PLACES);
    assert!(
        steps.len() == 1 && steps[0].contains("messages_search VIRTUAL TABLE INDEX"),
        "{steps:#?}"
    );
    assert_walks(
        super::message_row::select_messages!(
            "WHERE m.account_no = ? AND m.scope = ? AND m.message_no = ?"
        ),
        "messages_by_number (account_no=? AND scope=? AND message_no=?)",
    );
    assert_walks(
        super::message_row::select_messages!("WHERE m.id IN (SELECT value FROM json_each(?))"),
        "SEARCH m USING INTEGER PRIMARY KEY",
    );
    assert_walks(
        "SELECT coalesce(max(message_no), 0) FROM messages WHERE account_no = ? AND scope = ? \
         AND message_no < 4294967296",
        "messages_by_number (account_no=? AND scope=? AND message_no<?)",
    );
}

/// Protects the one writer: counting what is unread, and what it does by itself every few seconds, read what they need and
/// no more.
#[test]
fn the_writers_own_work_scans_nothing() {
    assert_walks(
        UNREAD,
        "SEARCH messages USING INDEX messages_by_conversation (conversation_id=? AND timestamp>?)",
    );
    assert_walks(
        PURGED,
        "SEARCH messages USING COVERING INDEX messages_by_number (account_no=?)",
    );
    assert_walks(
        OLD,
        "SEARCH m USING INDEX messages_by_conversation (conversation_id=? AND",
    );
    for text in AGED {
        assert_walks(text, "<?)");
        let steps = plan(text);
        assert!(
            steps.iter().all(|step| !step.starts_with("SCAN")),
            "{steps:#?}"
        );
    }
}
