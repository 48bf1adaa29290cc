//! A scope's row: up to where its updates are stored, and what the stream has brought since its continuity began.

use diesel::{QueryResult, QueryableByName, sql_types::Nullable};

use super::{
    engine::Conn,
    sql::{Number, sql},
};

/// One scope's row. The numbers beside the position are of messages.
#[derive(QueryableByName, Clone, Debug, Default)]
pub(in crate::store) struct Scope {
    /// 0: no position, or one that means nothing any more.
    #[diesel(sql_type = Number)]
    pub pts: i32,
    /// First and last that the stream brought since continuity began.
    #[diesel(sql_type = Nullable<Number>)]
    pub live_from: Option<i32>,
    #[diesel(sql_type = Nullable<Number>)]
    pub live_to: Option<i32>,
    /// The account's count of holes when continuity began.
    #[diesel(sql_type = Number)]
    pub epoch: i64,
    /// Where the stretch before ended; `None`: there was none.
    #[diesel(sql_type = Nullable<Number>)]
    pub ended: Option<i32>,
}

impl Scope {
    pub fn read(conn: &mut Conn, account_no: i64, scope: i64) -> QueryResult<Option<Self>> {
        let rows = match scope {
            0 => sql(
                "SELECT pts, live_from, live_to, epoch, ended FROM account_positions WHERE account_no = ?",
            )
            .number(account_no)
            .load(conn)?,
            channel => sql("SELECT pts, live_from, live_to, epoch, ended FROM channel_positions \
                            WHERE account_no = ? AND channel_id = ?")
            .number(account_no)
            .number(channel)
            .load(conn)?,
        };
        Ok(rows.into_iter().next())
    }

    pub fn write(&self, conn: &mut Conn, account_no: i64, scope: i64) -> QueryResult<()> {
        let statement = match scope {
            0 => sql(
                "UPDATE account_positions SET pts = ?, live_from = ?, live_to = ?, epoch = ?, ended = ? \
                      WHERE account_no = ?",
            ),
            _ => sql(
                "INSERT INTO channel_positions (pts, live_from, live_to, epoch, ended, account_no, channel_id) \
                      VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account_no, channel_id) DO UPDATE SET \
                      pts = excluded.pts, live_from = excluded.live_from, live_to = excluded.live_to, \
                      epoch = excluded.epoch, ended = excluded.ended",
            ),
        };
        let statement = statement
            .number(self.pts)
            .number_or_null(self.live_from)
            .number_or_null(self.live_to)
            .number(self.epoch)
            .number_or_null(self.ended)
            .number(account_no);
        match scope {
            // Another text than that of a whole position, of the same row.
            0 => statement.run(conn).map(drop),
            channel => statement
                .number(channel)
                .gather_last(conn, [account_no, channel]),
        }
    }

    /// The stream brought this number. `told_again`: perhaps long after its place, which then says nothing of where continuity
    /// began. `true`: that changes the row.
    pub fn brought(&mut self, number: i32, told_again: bool) -> bool {
        let before = (self.live_from, self.live_to);
        if told_again && self.live_from.is_none_or(|from| number < from) {
            return false;
        }
        let earlier = self.live_from.is_none_or(|from| number < from)
            && self.ended.is_none_or(|ended| number > ended);
        if earlier {
            self.live_from = Some(number);
        }
        self.live_to = self.live_to.max(Some(number));
        (self.live_from, self.live_to) != before
    }
}
