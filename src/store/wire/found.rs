//! Found: what a server's answer holds, as diesel takes it apart.

use std::num::NonZeroU32;

use diesel::{
    QueryResult,
    pg::{Pg, PgValue, TypeOidLookup},
    row::{Field, PartialRow, Row, RowIndex, RowSealed},
};
use tokio_postgres::types::{FromSql, Type};

/// The rows of an answer.
pub(in crate::store) struct Rows(std::vec::IntoIter<tokio_postgres::Row>);

impl Rows {
    pub(super) fn of(rows: Vec<tokio_postgres::Row>) -> Self {
        Self(rows.into_iter())
    }
}

impl Iterator for Rows {
    type Item = QueryResult<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(Ok(Found(self.0.next()?)))
    }
}

/// One of them.
pub(in crate::store) struct Found(tokio_postgres::Row);

impl RowSealed for Found {}

impl<'a> Row<'a, Pg> for Found {
    type Field<'f>
        = Cell<'f>
    where
        'a: 'f,
        Self: 'f;
    type InnerPartialRow = Self;

    fn field_count(&self) -> usize {
        self.0.len()
    }

    fn get<'b, I>(&'b self, index: I) -> Option<Cell<'b>>
    where
        'a: 'b,
        Self: RowIndex<I>,
    {
        let index = self.idx(index)?;
        let column = self.0.columns().get(index)?;
        Some(Cell {
            name: column.name(),
            oid: Oid(NonZeroU32::new(column.type_().oid())?),
            bytes: self.0.try_get::<_, Option<Bytes<'b>>>(index).ok()?,
        })
    }

    fn partial_row(&self, range: std::ops::Range<usize>) -> PartialRow<'_, Self::InnerPartialRow> {
        PartialRow::new(self, range)
    }
}

impl RowIndex<usize> for Found {
    fn idx(&self, index: usize) -> Option<usize> {
        (index < self.0.len()).then_some(index)
    }
}

impl<'a> RowIndex<&'a str> for Found {
    fn idx(&self, name: &'a str) -> Option<usize> {
        let columns = self.0.columns();
        columns.iter().position(|column| column.name() == name)
    }
}

pub(in crate::store) struct Cell<'a> {
    name: &'a str,
    oid: Oid,
    bytes: Option<Bytes<'a>>,
}

impl<'a> Field<'a, Pg> for Cell<'a> {
    fn field_name(&self) -> Option<&str> {
        Some(self.name)
    }

    fn value(&self) -> Option<PgValue<'_>> {
        let Bytes(bytes) = self.bytes.as_ref()?;
        Some(PgValue::new(bytes, &self.oid))
    }
}

struct Oid(NonZeroU32);

impl TypeOidLookup for Oid {
    fn lookup(&self) -> NonZeroU32 {
        self.0
    }
}

/// A value as it came.
struct Bytes<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Bytes<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
