//! Purge: the rows of accounts that were removed with their history, a part at each step.

use diesel::QueryResult;

use super::{
    engine::Conn,
    erasure,
    prune::CHUNK,
    row_blocks::RowBlocks,
    sql::{One, sql},
    state::State,
};

/// The messages of an account that is removed, a part at a time.
pub(super) const PURGED: &str = "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE account_no = ? \
     ORDER BY scope, message_no LIMIT ?)";

/// An account that was removed with its history, and has rows still.
pub(super) fn removed(conn: &mut Conn) -> QueryResult<Option<i64>> {
    let found = sql("SELECT no AS n FROM accounts WHERE purge LIMIT 1").load::<One>(conn)?;
    Ok(found.first().map(|one| one.n))
}

/// The next of its rows.
pub(super) fn purge(conn: &mut Conn, state: &mut State) -> QueryResult<usize> {
    let Some(account) = removed(conn)? else {
        return Ok(0);
    };
    state.conversations.retain(|key, _| key.0 != account);
    state.peers.retain(|key, _| key.0 != account);
    let chunk = |text: &'static str| sql(text).number(account).number(CHUNK);
    chunk("DELETE FROM order_messages WHERE order_id IN (SELECT id FROM orders WHERE account_no = ? ORDER BY id LIMIT ?)")
        .run(conn)?;
    chunk("DELETE FROM order_files WHERE message_row IN (SELECT message_row FROM order_files WHERE account_no = ? LIMIT ?)")
        .run(conn)?;
    chunk("DELETE FROM order_copies WHERE message_row IN (SELECT message_row FROM order_copies WHERE account_no = ? LIMIT ?)")
        .run(conn)?;
    chunk("DELETE FROM edit_files WHERE order_id IN (SELECT order_id FROM edit_files WHERE account_no = ? LIMIT ?)")
        .run(conn)?;
    let orders = chunk(
        "DELETE FROM orders WHERE id IN (SELECT id FROM orders WHERE account_no = ? ORDER BY id LIMIT ?)",
    )
    .run(conn)?;
    if orders > 0 {
        return Ok(orders);
    }
    // Row ids of a file are never given out twice, see `Tx::next_message_row`.
    if conn.gathers() {
        RowBlocks::settle_all(conn)?;
    } else {
        sql("INSERT INTO meta (key, value) SELECT 'message_floor', max(id) FROM messages HAVING max(id) IS NOT NULL \
         ON CONFLICT (key) DO UPDATE SET value = max(CAST(meta.value AS BIGINT), CAST(excluded.value AS BIGINT))")
    .run(conn)?;
    }
    chunk(
        "DELETE FROM messages_search WHERE rowid IN (SELECT (max(timestamp, 0) / 60000 << 37) | id FROM messages \
         WHERE account_no = ? ORDER BY scope, message_no LIMIT ?)",
    )
    .run(conn)?;
    for text in [
        "DELETE FROM message_versions WHERE message_row IN (SELECT id FROM messages WHERE account_no = ? \
         ORDER BY scope, message_no LIMIT ?)",
        "DELETE FROM message_objects WHERE message_row IN (SELECT id FROM messages WHERE account_no = ? \
         ORDER BY scope, message_no LIMIT ?)",
        "DELETE FROM media_keys WHERE message_row IN (SELECT id FROM messages WHERE account_no = ? \
         ORDER BY scope, message_no LIMIT ?)",
    ] {
        chunk(text).run(conn)?;
    }
    let messages = chunk(PURGED).run(conn)?;
    if messages > 0 {
        return Ok(messages);
    }
    // Chats and people of a large account are many, too.
    for text in [
        "DELETE FROM tombstones WHERE (account_no, scope, message_no) IN \
         (SELECT account_no, scope, message_no FROM tombstones WHERE account_no = ? LIMIT ?)",
        "DELETE FROM contacts WHERE (account_no, peer_id) IN \
         (SELECT account_no, peer_id FROM contacts WHERE account_no = ? LIMIT ?)",
        "DELETE FROM peers WHERE (account_no, peer_id) IN \
         (SELECT account_no, peer_id FROM peers WHERE account_no = ? LIMIT ?)",
    ] {
        let rows = chunk(text).run(conn)?;
        if rows > 0 {
            return Ok(rows);
        }
    }
    for text in [
        "DELETE FROM spans WHERE conversation_id IN (SELECT id FROM conversations WHERE account_no = ?)",
        "DELETE FROM owed WHERE conversation_id IN (SELECT id FROM conversations WHERE account_no = ?)",
        "DELETE FROM stale WHERE conversation_id IN (SELECT id FROM conversations WHERE account_no = ?)",
        "DELETE FROM idempotency_keys WHERE conversation_id IN (SELECT id FROM conversations WHERE account_no = ?)",
        "DELETE FROM contact_lists WHERE account_no = ?",
        "DELETE FROM topics WHERE account_no = ?",
        "DELETE FROM unknown_topics WHERE account_no = ?",
        "DELETE FROM conversations WHERE account_no = ?",
        "UPDATE event_log SET detail = NULL WHERE account_no = ? AND detail IS NOT NULL",
        "DELETE FROM account_positions WHERE account_no = ?",
        // Attempts count on for the number that made them.
        "UPDATE login_attempts SET account_id = NULL, error = NULL WHERE account_id = (SELECT id FROM accounts WHERE no = ?)",
        // Its number stays taken; nothing else of it stays.
        "UPDATE accounts SET purge = FALSE, unread = 0, label = '', phone = NULL, api_id = NULL, state_reason = NULL, state_cause = NULL, retry_at = NULL, \
         user_id = NULL, user_first_name = NULL, user_last_name = NULL, user_username = NULL, last_update_at = NULL, \
         sync_phase = NULL, sync_done = NULL, sync_total = NULL, dialog_cursor = NULL, listed = NULL, pace = NULL, \
         history_total = NULL, history_eta = NULL, proxies = NULL, way = NULL, health = NULL, sending_pace = NULL, \
         device = NULL, since = NULL, retention = NULL WHERE no = ?",
    ] {
        sql(text).number(account).run(conn)?;
    }
    erasure::order(conn)?;
    Ok(1)
}
