//! Copying: new rows of a table go to PostgreSQL as one stream, and the server writes them while the writer makes the next.
//!
//! A statement for many rows ([`super::gathered`]) takes each value apart several times and writes rows one by one; COPY takes
//! them as they are laid out here, and a page of them at once. It costs a way there and back of its own, so few rows go by the statement.
//! Nothing else is asked on the connection until the stream has ended. A row whose key is taken fails all of it: the writer
//! then does its jobs one by one, by statements.

use std::{io::Cursor, mem, pin::Pin, sync::Arc};

use diesel::{QueryResult, result::Error};
use futures_util::SinkExt;
use tokio_postgres::{CopyInSink, Statement, types::Type};

use super::{
    dialect::text_of,
    gathered::{Group, storable},
    value::Value,
    wire::Postgres,
};

/// Rows that are worth a stream.
pub(super) const WORTH: usize = 64;

/// Bytes that go to the server together.
const PIECE: usize = 32 * 1024;

const HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const END: [u8; 2] = (-1_i16).to_be_bytes();

/// How a table's rows are laid out.
#[derive(Clone)]
pub(super) struct Form {
    statement: Statement,
    columns: Arc<[Type]>,
}

impl Form {
    fn of(server: &mut Postgres, text: &str) -> QueryResult<Self> {
        if let Some(known) = server.forms.get(text) {
            return Ok(known.clone());
        }
        let translated = text_of(text);
        let (select, copy) = asked(&translated).ok_or_else(|| unlike("no insertion of rows"))?;
        let columns = server.prepare(&select, &[])?;
        let columns = columns.columns().iter();
        let form = Self {
            statement: server.prepare(&copy, &[])?,
            columns: columns.map(|column| column.type_().clone()).collect(),
        };
        server.forms.insert(text.to_owned(), form.clone());
        Ok(form)
    }
}

/// What tells the types of an insertion's columns, and what copies them.
fn asked(insertion: &str) -> Option<(String, String)> {
    let (target, _) = insertion
        .strip_prefix("INSERT INTO ")?
        .split_once(" VALUES (")?;
    let (table, columns) = target.split_once(" (")?;
    let columns = columns.strip_suffix(')')?;
    Some((
        format!("SELECT {columns} FROM {table}"),
        format!("COPY {target} FROM STDIN BINARY"),
    ))
}

fn unlike(what: &'static str) -> Error {
    Error::QueryBuilderError(what.into())
}

/// A stream that has begun.
pub(super) struct Copying {
    text: String,
    columns: Arc<[Type]>,
    sink: Pin<Box<CopyInSink<Cursor<Vec<u8>>>>>,
    piece: Vec<u8>,
}

impl Copying {
    /// With the rows that were gathered until now.
    pub fn begin(server: &mut Postgres, group: &Group) -> QueryResult<Self> {
        let form = Form::of(server, &group.text)?;
        let mut copying = Self {
            text: group.text.clone(),
            columns: form.columns,
            sink: Box::pin(server.copy(&form.statement)?),
            piece: Vec::with_capacity(PIECE * 2),
        };
        copying.piece.extend_from_slice(HEAD);
        for row in 0..group.rows {
            copying.put(group.columns.iter().map(|column| column.value(row)))?;
        }
        copying.send(server)?;
        Ok(copying)
    }

    pub fn is_of(&self, text: &str) -> bool {
        self.text == text
    }

    /// Goes to the server when there is enough of it. Waits where the server is behind.
    pub fn add(&mut self, server: &Postgres, values: &[Value<'_>]) -> QueryResult<()> {
        self.put(values.iter().copied())?;
        match self.piece.len() < PIECE {
            true => Ok(()),
            false => self.send(server),
        }
    }

    fn put<'v>(&mut self, values: impl ExactSizeIterator<Item = Value<'v>>) -> QueryResult<()> {
        let (out, columns) = (&mut self.piece, &self.columns);
        if values.len() != columns.len() {
            return Err(unlike("more or fewer values than columns"));
        }
        out.extend_from_slice(&length::<i16>(columns.len())?.to_be_bytes());
        for (value, of) in values.zip(columns.iter()) {
            lay(out, value, of)?;
        }
        Ok(())
    }

    fn send(&mut self, server: &Postgres) -> QueryResult<()> {
        let piece = mem::replace(&mut self.piece, Vec::with_capacity(PIECE * 2));
        server.wait(self.sink.feed(Cursor::new(piece)))
    }

    /// The rows are written.
    pub async fn finish(mut self) -> Result<(), tokio_postgres::Error> {
        self.piece.extend_from_slice(&END);
        self.sink.feed(Cursor::new(self.piece)).await?;
        self.sink.as_mut().finish().await.map(drop)
    }
}

fn length<N: TryFrom<usize>>(count: usize) -> QueryResult<N> {
    N::try_from(count).map_err(|_| unlike("longer than a column may be"))
}

/// <https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format".
fn lay(out: &mut Vec<u8>, value: Value<'_>, of: &Type) -> QueryResult<()> {
    let mut bytes = |bytes: &[u8]| {
        out.extend_from_slice(&length::<i32>(bytes.len())?.to_be_bytes());
        out.extend_from_slice(bytes);
        Ok(())
    };
    match value {
        Value::Number(number) | Value::NoNumber(Some(number)) => match *of {
            Type::INT8 => bytes(&number.to_be_bytes()),
            Type::INT4 => match i32::try_from(number) {
                Ok(number) => bytes(&number.to_be_bytes()),
                Err(_) => Err(unlike("a number that its column has no room for")),
            },
            _ => Err(unlike("a number in a column of others")),
        },
        Value::Flag(flag) | Value::NoFlag(Some(flag)) if *of == Type::BOOL => {
            bytes(&[u8::from(flag)])
        }
        Value::Text(text) | Value::NoText(Some(text)) if *of == Type::TEXT => {
            bytes(storable(text).as_bytes())
        }
        Value::Bytes(value) if *of == Type::BYTEA => bytes(value),
        Value::NoNumber(None) | Value::NoFlag(None) | Value::NoText(None) => {
            out.extend_from_slice(&(-1_i32).to_be_bytes());
            Ok(())
        }
        _ => Err(unlike("a value of another type than its column")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects rows from landing in other columns, and the stream from what the server takes for something else.
    #[test]
    fn an_insertion_is_laid_out_as_its_columns_are() {
        let (select, copy) =
            asked("INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a) DO NOTHING").unwrap();
        assert_eq!(select, "SELECT a, b FROM t");
        assert_eq!(copy, "COPY t (a, b) FROM STDIN BINARY");
        assert_eq!(asked("UPDATE t SET a = ?"), None);
        let mut out = Vec::new();
        for (value, of) in [
            (Value::Number(1), Type::INT8),
            (Value::NoNumber(Some(-1)), Type::INT4),
            (Value::NoText(None), Type::TEXT),
            (Value::Text("a\0é"), Type::TEXT),
            (Value::Flag(true), Type::BOOL),
            (Value::Bytes(&[0, 9]), Type::BYTEA),
        ] {
            lay(&mut out, value, &of).unwrap();
        }
        let laid = b"\0\0\0\x08\0\0\0\0\0\0\0\x01\0\0\0\x04\xff\xff\xff\xff\xff\xff\xff\xff\
                     \0\0\0\x06a\xef\xbf\xbd\xc3\xa9\0\0\0\x01\x01\0\0\0\x02\0\x09";
        assert_eq!(out, laid);
        for (value, of) in [
            (Value::Number(1 << 40), Type::INT4),
            (Value::Number(1), Type::BOOL),
            (Value::Flag(true), Type::INT8),
        ] {
            assert!(lay(&mut out, value, &of).is_err());
        }
    }
}
