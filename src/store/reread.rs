//! Reread: rows from before this version knew of something get it from their kept objects, and the words of their media
//! come into the search index. In the background, a few rows at a time; nobody is told, nothing happened.

use diesel::{
    QueryResult, QueryableByName,
    sql_types::{Binary, Nullable, Text},
};

use super::{
    engine::Conn,
    message_row::{from_json, json},
    search_index,
    sql::{Flag, Number, One, sql},
    state::State,
    tx::Tx,
};
use crate::domain::{
    Entity, Extra, Media, MediaDetail, MessageObject, ObjectContent, ObjectReader,
};

/// Rows looked at in one step.
const CHUNK: i64 = 500;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Number)]
    id: i64,
    #[diesel(sql_type = Number)]
    account_no: i64,
    #[diesel(sql_type = Number)]
    scope: i64,
    #[diesel(sql_type = Number)]
    message_no: i64,
    #[diesel(sql_type = Nullable<Number>)]
    topic_id: Option<i32>,
    #[diesel(sql_type = Number)]
    timestamp: i64,
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = Flag)]
    gone: bool,
    #[diesel(sql_type = Nullable<Text>)]
    media: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    entities: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    extra: Option<String>,
    #[diesel(sql_type = Nullable<Number>)]
    layer: Option<i32>,
    #[diesel(sql_type = Nullable<Binary>)]
    object: Option<Vec<u8>>,
}

/// The next rows; are there more?
pub(super) fn step(
    conn: &mut Conn,
    state: &mut State,
    reader: Option<ObjectReader>,
) -> QueryResult<bool> {
    let number = |conn: &mut Conn, key: &str| {
        sql("SELECT coalesce((SELECT CAST(value AS BIGINT) FROM meta WHERE key = ?), 0) AS n")
            .text(key)
            .get_result::<One>(conn)
            .map(|found| found.n)
    };
    let Some(reader) = reader else {
        return Ok(false);
    };
    let last = number(conn, "reread_to")?;
    if last == 0 {
        return Ok(false);
    }
    let from = number(conn, "reread")?;
    if conn.gathers() {
        // Whose accounts they are does not matter here: another node that changes a row is waited for, and waits. What it wrote is read
        // by the next statement.
        sql("SELECT count(*) AS n FROM (SELECT id FROM messages WHERE id > ? AND id <= ? ORDER BY id LIMIT ? FOR UPDATE) AS locked")
            .number(from)
            .number(last)
            .number(CHUNK)
            .get_result::<One>(conn)?;
    }
    let rows = sql(
        "SELECT m.id, m.account_no, m.scope, m.message_no, m.topic_id, m.timestamp, m.text, m.deleted_at IS NOT NULL AS gone, m.media, m.entities, m.extra, \
         o.layer, o.object FROM messages m LEFT JOIN message_objects o ON o.message_row = m.id \
         WHERE m.id > ? AND m.id <= ? ORDER BY m.id LIMIT ?",
    )
        .number(from)
        .number(last)
        .number(CHUNK)
        .load::<Row>(conn)?;
    let Some(reached) = rows.last().map(|row| row.id) else {
        sql("DELETE FROM meta WHERE key IN ('reread', 'reread_to')").run(conn)?;
        log::info!(target: "switchboard::store", "stored messages have what their kept objects say");
        return Ok(false);
    };
    for row in rows {
        if row.media.is_some() || row.object.is_some() {
            reread(conn, state, row, reader)?;
        }
    }
    sql("INSERT INTO meta (key, value) VALUES ('reread', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
        .text(&reached.to_string())
        .run(conn)?;
    // What is remembered of conversations shows their newest messages as they were.
    state.conversations.clear();
    Ok(true)
}

fn reread(conn: &mut Conn, state: &mut State, row: Row, reader: ObjectReader) -> QueryResult<()> {
    let object = row
        .object
        .zip(row.layer)
        .map(|(bytes, layer)| MessageObject { layer, bytes });
    let known: Option<Media> = row.media.as_deref().and_then(from_json);
    let content = object.as_ref().and_then(reader);
    let (media, entities, extra) = match &content {
        Some(content) => (
            media_of(known, content),
            some(&content.entities)
                .and_then(json)
                .or(row.entities.clone()),
            extra_of(row.extra.as_deref().and_then(from_json), content),
        ),
        None => (known, row.entities.clone(), row.extra.clone()),
    };
    let media_json = media.as_ref().and_then(json);
    let mut tx = Tx::new(conn, state);
    if (&media_json, &entities, &extra) != (&row.media, &row.entities, &row.extra) {
        sql("UPDATE messages SET media = ?, entities = ?, extra = ? WHERE id = ?")
            .text_or_null(media_json.as_deref())
            .text_or_null(entities.as_deref())
            .text_or_null(extra.as_deref())
            .number(row.id)
            .run(tx.conn)?;
    }
    tx.add_media_keys(row.account_no, row.id, media.as_ref())?;
    let said = content
        .as_ref()
        .and_then(|content| content.extra.as_deref());
    if let (Some(topic), Some(title)) = (row.topic_id, said.and_then(Extra::topic_title)) {
        tx.put_topic((row.account_no, row.scope, topic), title, row.message_no)?;
    }
    if let Some(object) = content.and_then(|content| content.object) {
        tx.replace_object(row.id, Some(&object))?;
    }
    if !row.gone && media.as_ref().is_some_and(|media| media.words().is_some()) {
        search_index::remove(&mut tx, row.id, row.timestamp)?;
        search_index::add(
            &mut tx,
            row.id,
            row.timestamp,
            &row.text,
            media_json.as_deref(),
        )?;
    }
    Ok(())
}

fn some(entities: &[Entity]) -> Option<&[Entity]> {
    (!entities.is_empty()).then_some(entities)
}

/// Votes that came since stand; so does what the object does not say (it keeps less than the row, where codes or what
/// vanishes are concerned).
fn media_of(known: Option<Media>, content: &ObjectContent) -> Option<Media> {
    let Some(mut media) = content.media.clone() else {
        return known;
    };
    let Some(known) = known else {
        return Some(media);
    };
    media.name = media.name.or(known.name);
    media.size = media.size.or(known.size);
    media.mime = media.mime.or(known.mime);
    media.duration = media.duration.or(known.duration);
    media.width = media.width.or(known.width);
    media.height = media.height.or(known.height);
    if media.vanishes_after.is_none() {
        media.thumb = media.thumb.or(known.thumb);
    }
    if matches!(known.detail.as_deref(), Some(MediaDetail::Poll(_))) {
        media.detail = known.detail;
    }
    Some(media)
}

fn extra_of(known: Option<Extra>, content: &ObjectContent) -> Option<String> {
    let mut extra = content.extra.as_deref().cloned().unwrap_or_default();
    if let Some(known) = known {
        extra.reactions = known.reactions;
        let (details, known) = (&mut extra.details, known.details);
        details.views = known.views.or(details.views);
        details.forwards = known.forwards.or(details.forwards);
        details.replies = known.replies.or(details.replies);
    }
    (!extra.is_empty()).then(|| json(&extra)).flatten()
}
