//! End: the store at one end of the way, and what it is asked in its engine's words.

use diesel::{QueryResult, QueryableByName, result::Error, sql_types::Text};
use serde_json::{Map, Value, json};

use super::{
    super::{
        copies::LAST_KNOWN_ROW,
        engine::Conn,
        row_blocks, search_index,
        sql::{Number, One, Runs, sql},
    },
    range::{Key, Range, Sum, bound, sum},
    table::{Column, Kind, Table, quoted},
};

/// How a message's row and time make its place in the search index.
const PLACE: &str = "((CASE WHEN timestamp > 0 THEN timestamp / 60000 ELSE 0 END) << 37) | id";

/// Held by the one who carries rows to a server: "switchmv" as a number.
const LOCK: i64 = 0x7377_6974_6368_6d76;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    t: String,
}

#[derive(QueryableByName)]
struct Summed {
    #[diesel(sql_type = Number)]
    n: i64,
    #[diesel(sql_type = Text)]
    t: String,
}

/// A foreign key, and how it is put back.
#[derive(QueryableByName)]
pub(super) struct Bond {
    #[diesel(sql_type = Text)]
    pub drop: String,
    #[diesel(sql_type = Text)]
    pub add: String,
}

pub(super) struct End {
    pub conn: Conn,
    /// What it is called, without any password.
    pub told: String,
}

impl End {
    pub const fn is_file(&self) -> bool {
        matches!(self.conn, Conn::Sqlite(_))
    }

    pub fn batch(&mut self, texts: &str) -> QueryResult<()> {
        match &mut self.conn {
            Conn::Sqlite(conn) => diesel::connection::SimpleConnection::batch_execute(conn, texts),
            Conn::Postgres(server) => server.batch(texts),
        }
    }

    pub fn number(&mut self, text: &str) -> QueryResult<i64> {
        Ok(sql(text).get_result::<One>(&mut self.conn)?.n)
    }

    /// The key of the last row of the next `rows` ones; `None`: there are no more than that.
    pub fn border(
        &mut self,
        table: &Table,
        after: Option<&Key>,
        rows: i64,
    ) -> QueryResult<Option<Key>> {
        let range = Range {
            after: after.cloned(),
            upto: None,
        };
        let (keys, name) = (table.keys(), &table.name);
        let array = self.array(&keys);
        let condition = range.of(table);
        let text = format!(
            "SELECT {array} AS t FROM \"{name}\" WHERE {condition} ORDER BY {keys} LIMIT 1 OFFSET ?"
        );
        let found = bound(sql(&text), range.values()).number(rows - 1);
        let found = found.load::<Line>(&mut self.conn)?;
        found.first().map(|line| parsed(&line.t)).transpose()
    }

    fn array(&self, values: &str) -> String {
        match self.is_file() {
            true => format!("json_array({values})"),
            false => format!("CAST(json_build_array({values}) AS TEXT)"),
        }
    }

    pub fn sum(&mut self, table: &Table, range: &Range) -> QueryResult<Sum> {
        if self.is_file() {
            return Ok(sum(&self.rows(table, range)?));
        }
        let (keys, name, condition) = (table.keys(), &table.name, range.of(table));
        let row: Vec<String> = table.columns.iter().map(Column::summed).collect();
        let row = row.join(" || ");
        let text = format!(
            "SELECT count(*) AS n, encode(sha256(convert_to(coalesce(string_agg(row_text, '' ORDER BY {keys}), ''), 'UTF8')), 'hex') AS t \
             FROM (SELECT {row} AS row_text, {keys} FROM \"{name}\" WHERE {condition}) AS r"
        );
        let found = bound(sql(&text), range.values());
        let found = found.get_result::<Summed>(&mut self.conn)?;
        Ok(Sum {
            rows: found.n,
            sha256: found.t,
        })
    }

    /// Rows with their values in the order of the table's columns; bytes as hexadecimal digits.
    pub fn rows(&mut self, table: &Table, range: &Range) -> QueryResult<Vec<Vec<Value>>> {
        let file = self.is_file();
        let columns = table.columns.iter().map(|column| column.in_array(file));
        let array = self.array(&columns.collect::<Vec<_>>().join(", "));
        let (keys, name, condition) = (table.keys(), &table.name, range.of(table));
        let text = format!("SELECT {array} AS t FROM \"{name}\" WHERE {condition} ORDER BY {keys}");
        let found = bound(sql(&text), range.values()).load::<Line>(&mut self.conn)?;
        found.iter().map(|line| parsed(&line.t)).collect()
    }

    pub fn count(&mut self, table: &Table) -> QueryResult<i64> {
        let text = format!(
            "SELECT count(*) AS n FROM \"{}\" WHERE {}",
            table.name,
            table.carried()
        );
        self.number(&text)
    }

    /// Puts `rows` in the place of what lies in the range, as one.
    pub fn replace(
        &mut self,
        table: &Table,
        range: &Range,
        rows: &[Vec<Value>],
    ) -> QueryResult<()> {
        let records = Value::String(self.records(table, rows));
        self.batch(if self.is_file() {
            "BEGIN IMMEDIATE"
        } else {
            "BEGIN"
        })?;
        let done = self.put(table, range, rows, &records);
        match done {
            Ok(()) => self.batch("COMMIT"),
            Err(error) => {
                // What is wrong is told by the first error.
                let _ = self.batch("ROLLBACK");
                Err(error)
            }
        }
    }

    fn put(
        &mut self,
        table: &Table,
        range: &Range,
        rows: &[Vec<Value>],
        records: &Value,
    ) -> QueryResult<()> {
        let source = self.records_as_rows(table);
        // Rows further on that still have what one of these has by now.
        for unique in &table.uniques {
            let columns = quoted(&unique.columns);
            let only = unique.only.as_deref().unwrap_or("TRUE");
            let condition =
                format!("({columns}) IN (SELECT {columns} FROM {source} WHERE {only}) AND {only}");
            self.take(table, &condition, std::iter::once(records))?;
        }
        self.take(table, &range.of(table), range.values())?;
        if rows.is_empty() {
            return Ok(());
        }
        let (name, names) = (&table.name, table.names());
        let text = format!("INSERT INTO \"{name}\" ({names}) SELECT {names} FROM {source}");
        bound(sql(&text), std::iter::once(records)).run(&mut self.conn)?;
        match name.as_str() {
            "messages" => self.index(table, rows),
            _ => Ok(()),
        }
    }

    /// Rows, and what messages among them are found by.
    fn take<'a>(
        &mut self,
        table: &Table,
        condition: &str,
        values: impl Iterator<Item = &'a Value> + Clone,
    ) -> QueryResult<()> {
        if table.name == "messages" {
            let place = if self.is_file() { "rowid" } else { "place" };
            let text = format!(
                "DELETE FROM messages_search WHERE {place} IN (SELECT {PLACE} FROM messages WHERE {condition})"
            );
            bound(sql(&text), values.clone()).run(&mut self.conn)?;
        }
        let text = format!("DELETE FROM \"{}\" WHERE {condition}", table.name);
        bound(sql(&text), values).run(&mut self.conn)?;
        Ok(())
    }

    /// Rows as JSON objects.
    fn records(&self, table: &Table, rows: &[Vec<Value>]) -> String {
        let file = self.is_file();
        let objects = rows.iter().map(|row| {
            let values = table.columns.iter().zip(row).map(|(column, value)| {
                let value = match (column.kind, value) {
                    (Kind::Bytes, Value::String(digits)) if !file => json!(format!("\\x{digits}")),
                    _ => value.clone(),
                };
                (column.name.clone(), value)
            });
            Value::Object(values.collect::<Map<_, _>>())
        });
        Value::Array(objects.collect()).to_string()
    }

    /// The records, which are the next value, as rows.
    fn records_as_rows(&self, table: &Table) -> String {
        if self.is_file() {
            let columns: Vec<String> = table.columns.iter().map(Column::out_of_object).collect();
            return format!("(SELECT {} FROM json_each(?)) AS r", columns.join(", "));
        }
        format!(
            "json_populate_recordset(CAST(NULL AS \"{}\"), CAST(? AS JSON)) AS r",
            table.name
        )
    }

    /// What is noted under a name beside the rows.
    pub fn note(&mut self, name: &str) -> QueryResult<Option<String>> {
        let found = sql("SELECT value AS t FROM meta WHERE key = ?").text(name);
        Ok(found.load::<Line>(&mut self.conn)?.pop().map(|line| line.t))
    }

    pub fn set_note(&mut self, name: &str, value: &str) -> QueryResult<()> {
        sql("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
            .text(name)
            .text(value)
            .run(&mut self.conn)?;
        Ok(())
    }

    pub fn drop_note(&mut self, name: &str) -> QueryResult<()> {
        sql("DELETE FROM meta WHERE key = ?")
            .text(name)
            .run(&mut self.conn)?;
        Ok(())
    }

    /// What a connection that stays for hours needs.
    pub fn begin(&mut self) -> QueryResult<()> {
        self.batch(match self.is_file() {
            true => "PRAGMA busy_timeout = 10000; PRAGMA wal_autocheckpoint = 1000;",
            false => {
                "SET application_name TO 'switchboard migrate-store'; SET statement_timeout TO 0; \
                 SET idle_in_transaction_session_timeout TO 0;"
            }
        })
    }

    /// Nobody else writes to it as we do. The lock of a file's directory sees to it there.
    pub fn alone(&mut self) -> QueryResult<bool> {
        if self.is_file() {
            return Ok(true);
        }
        let got = format!("SELECT CAST(pg_try_advisory_lock({LOCK}) AS INTEGER) AS n");
        Ok(self.number(&got)? == 1)
    }

    /// Its rows are all there: what an engine makes of that for later.
    pub fn settle(&mut self, tables: &[Table]) -> QueryResult<()> {
        if self.is_file() {
            let loose = "SELECT count(*) AS n FROM pragma_foreign_key_check";
            if self.number(loose)? > 0 {
                return Err(Error::RollbackTransaction);
            }
            return self.batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);");
        }
        let names = quoted(tables.iter().map(|table| &table.name));
        self.batch(&format!("ANALYZE {names};"))
    }

    /// Services that use it; of a file that is seen by the lock of its directory.
    pub fn services(&mut self) -> QueryResult<i64> {
        if self.is_file() {
            return Ok(0);
        }
        self.number(
            "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
             AND application_name = 'switchboard'",
        )
    }

    /// Nobody writes until the transaction that begins here ends.
    pub fn hold(&mut self, tables: &[Table]) -> QueryResult<()> {
        if self.is_file() {
            return self.batch("BEGIN IMMEDIATE");
        }
        let names = quoted(tables.iter().map(|table| &table.name));
        self.batch(&format!("BEGIN; LOCK TABLE {names} IN SHARE MODE;"))
    }

    /// Foreign keys, which rows that come table by table can't keep.
    pub fn bonds(&mut self) -> QueryResult<Vec<Bond>> {
        if self.is_file() {
            self.batch("PRAGMA foreign_keys = OFF;")?;
            return Ok(Vec::new());
        }
        sql("SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS drop, \
             format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS add \
             FROM pg_constraint WHERE contype = 'f' AND connamespace = CAST('switchboard' AS REGNAMESPACE) ORDER BY oid")
        .load(&mut self.conn)
    }

    /// The last number that was given out for the table's key.
    pub fn counted(&mut self, table: &Table) -> QueryResult<i64> {
        let (name, key) = (&table.name, table.keys());
        let counted = match self.is_file() {
            true => {
                format!("coalesce((SELECT max(seq) FROM sqlite_sequence WHERE name = '{name}'), 0)")
            }
            false => format!(
                "coalesce(pg_sequence_last_value(CAST(pg_get_serial_sequence('{name}', '{}') AS REGCLASS)), 0)",
                table.key.join("")
            ),
        };
        let counted = self.number(&format!("SELECT {counted} AS n"))?;
        let largest = self.number(&format!(
            "SELECT coalesce(max({key}), 0) AS n FROM \"{name}\""
        ))?;
        Ok(counted.max(largest))
    }

    /// The last row of a message that may have been given out.
    pub fn rows_given_out(&mut self) -> QueryResult<i64> {
        let known = match self.is_file() {
            true => LAST_KNOWN_ROW,
            false => row_blocks::LAST_ROW,
        };
        self.number(known)
    }

    pub fn count_on(&mut self, table: &Table, last: i64) -> QueryResult<()> {
        let name = &table.name;
        if self.is_file() {
            let texts = format!(
                "DELETE FROM sqlite_sequence WHERE name = '{name}'; INSERT INTO sqlite_sequence (name, seq) VALUES ('{name}', {last});"
            );
            return self.batch(&texts);
        }
        self.batch(&format!(
            "SELECT setval(pg_get_serial_sequence('{name}', '{}'), greatest({last}, 1), {});",
            table.key.join(""),
            last > 0
        ))
    }

    /// What messages are found by.
    fn index(&mut self, table: &Table, rows: &[Vec<Value>]) -> QueryResult<()> {
        let at = |column: &str| table.place_of(column).ok_or(Error::NotFound);
        let (id, timestamp) = (at("id")?, at("timestamp")?);
        let (text, media, deleted) = (at("text")?, at("media")?, at("deleted_at")?);
        let whole = |row: &[Value], place: usize| row[place].as_i64().unwrap_or_default();
        let entries: Vec<_> = (rows.iter())
            .filter(|row| row[deleted].is_null())
            .map(|row| {
                let text = row[text].as_str().unwrap_or_default();
                let place = search_index::place(whole(row, id), whole(row, timestamp));
                (place, search_index::words(text, row[media].as_str()))
            })
            .collect();
        search_index::insert(&mut self.conn, &entries)?;
        self.conn.settle()
    }
}

/// A row out of its JSON. PostgreSQL's texts can't hold the character 0, and both ends have to have the same.
fn parsed(text: &str) -> QueryResult<Vec<Value>> {
    let mut row: Vec<Value> =
        serde_json::from_str(text).map_err(|error| Error::DeserializationError(error.into()))?;
    for value in &mut row {
        if let Value::String(text) = value
            && text.contains('\0')
        {
            *text = text.replace('\0', "\u{fffd}");
        }
    }
    Ok(row)
}
