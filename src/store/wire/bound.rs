//! Bound: the values that go with a statement, as diesel has written them.

use diesel::pg::{PgMetadataLookup, PgTypeMetadata};
use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut};

/// One value.
#[derive(Debug)]
pub(super) struct Bound(Option<Vec<u8>>);

impl Bound {
    pub const fn of(value: Option<Vec<u8>>) -> Self {
        Self(value)
    }

    pub fn text(text: Vec<u8>) -> Self {
        Self(Some(storable(text)))
    }
}

impl ToSql for Bound {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match &self.0 {
            None => Ok(IsNull::Yes),
            Some(bytes) => {
                out.extend_from_slice(bytes);
                Ok(IsNull::No)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        of: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.to_sql(of, out)
    }
}

/// No type of the store's is one that the server would have to be asked for.
pub(super) struct NoLookup;

impl PgMetadataLookup for NoLookup {
    fn lookup_type(&mut self, _: &str, _: Option<&str>) -> PgTypeMetadata {
        PgTypeMetadata::new(0, 0)
    }
}

/// No text of PostgreSQL's has the character 0.
fn storable(text: Vec<u8>) -> Vec<u8> {
    if !text.contains(&0) {
        return text;
    }
    let pieces: Vec<&[u8]> = text.split(|byte| *byte == 0).collect();
    pieces.join("\u{fffd}".as_bytes())
}
