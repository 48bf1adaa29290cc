//! Entry codes: what opens a WebSocket or a desk once, where several nodes may be asked: given out at one, taken at another.

use std::time::Duration;

use diesel::{QueryResult, QueryableByName, sql_types::Text};

use super::{
    Result, StoreHandle,
    engine::Conn,
    sql::{One, server_now, sql},
};

/// How many codes there may be.
#[derive(Clone, Copy, Debug)]
pub struct CodeRoom {
    /// Of one caller; its oldest goes first.
    pub each: i64,
    /// Of all together; then the oldest of whoever has most goes.
    pub all: i64,
}

pub struct NewCode {
    /// Of the text.
    pub hash: String,
    pub kind: &'static str,
    pub whose: String,
    /// JSON. No secret: a token's number, and no text of one.
    pub body: String,
    pub lasts: Duration,
}

#[derive(QueryableByName)]
struct Body {
    #[diesel(sql_type = Text)]
    body: String,
}

fn make_room(conn: &mut Conn, kind: &str, whose: &str, room: CodeRoom) -> QueryResult<()> {
    sql(concat!(
        "DELETE FROM entry_codes WHERE expires_at < ",
        server_now!()
    ))
    .run(conn)?;
    sql("DELETE FROM entry_codes WHERE hash IN (SELECT hash FROM entry_codes WHERE kind = ? AND whose = ? \
         ORDER BY expires_at DESC OFFSET ?)")
    .text(kind)
    .text(whose)
    .number(room.each - 1)
    .run(conn)?;
    let all = sql("SELECT count(*) AS n FROM entry_codes WHERE kind = ?")
        .text(kind)
        .get_result::<One>(conn)?
        .n;
    if all >= room.all {
        sql("DELETE FROM entry_codes WHERE hash IN (SELECT hash FROM entry_codes WHERE kind = ? AND whose = \
             (SELECT whose FROM entry_codes WHERE kind = ? GROUP BY whose ORDER BY count(*) DESC LIMIT 1) \
             ORDER BY expires_at LIMIT ?)")
        .text(kind)
        .text(kind)
        .number(all - room.all + 1)
        .run(conn)?;
    }
    Ok(())
}

impl StoreHandle {
    /// # Errors
    /// As every write.
    pub async fn keep_code(&self, code: NewCode, room: CodeRoom) -> Result<()> {
        self.job("keep_code", move |tx| {
            make_room(tx.conn, code.kind, &code.whose, room)?;
            sql(concat!(
                "INSERT INTO entry_codes (hash, kind, whose, body, expires_at) VALUES (?, ?, ?, ?, ",
                server_now!(),
                " + ?)"
            ))
            .text(&code.hash)
            .text(code.kind)
            .text(&code.whose)
            .text(&code.body)
            .number(i64::try_from(code.lasts.as_millis()).unwrap_or(i64::MAX / 2))
            .run(tx.conn)?;
            Ok(())
        })
        .await
    }

    /// Uses it up: whoever asks next, here or elsewhere, gets nothing. `None`: there is none, or its time is over.
    ///
    /// # Errors
    /// As every write; then it may be used up all the same.
    pub async fn take_code(&self, kind: &'static str, hash: String) -> Result<Option<String>> {
        self.job("take_code", move |tx| {
            let taken = sql(concat!(
                "DELETE FROM entry_codes WHERE hash = ? AND kind = ? AND expires_at > ",
                server_now!(),
                " RETURNING body"
            ))
            .text(&hash)
            .text(kind)
            .load::<Body>(tx.conn)?;
            Ok(taken.into_iter().next().map(|taken| taken.body))
        })
        .await
    }
}
