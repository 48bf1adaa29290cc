//! Cursors: where a page ended, in a form that nobody has to understand.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Result, StoreError};

/// Which list a cursor belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum List {
    Conversations,
    Older,
    Newer,
    Search,
    Export,
    Contacts,
}

impl List {
    const ALL: [Self; 6] = [
        Self::Conversations,
        Self::Older,
        Self::Newer,
        Self::Search,
        Self::Export,
        Self::Contacts,
    ];

    const fn mark(self) -> u8 {
        match self {
            Self::Conversations => 1,
            Self::Older => 2,
            Self::Newer => 3,
            Self::Search => 4,
            Self::Export => 5,
            Self::Contacts => 6,
        }
    }
}

/// The last row's sort key: three numbers, of which a list uses what it needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) struct Cursor {
    pub list: List,
    pub key: [i64; 3],
}

impl Cursor {
    pub fn text(self) -> String {
        let mut bytes = vec![self.list.mark()];
        for number in self.key {
            bytes.extend(number.to_be_bytes());
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub fn parse(text: &str) -> Result<Self> {
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| StoreError::InvalidCursor)?;
        let Some((mark, numbers)) = bytes.split_first() else {
            return Err(StoreError::InvalidCursor);
        };
        let list = List::ALL
            .into_iter()
            .find(|list| list.mark() == *mark)
            .ok_or(StoreError::InvalidCursor)?;
        if numbers.len() != 24 {
            return Err(StoreError::InvalidCursor);
        }
        let mut key = [0; 3];
        for (slot, chunk) in key.iter_mut().zip(numbers.chunks_exact(8)) {
            *slot = chunk
                .try_into()
                .map(i64::from_be_bytes)
                .map_err(|_| StoreError::InvalidCursor)?;
        }
        Ok(Self { list, key })
    }

    /// One of this list.
    pub fn of(list: List, text: &str) -> Result<[i64; 3]> {
        let cursor = Self::parse(text)?;
        if cursor.list != list {
            return Err(StoreError::InvalidCursor);
        }
        Ok(cursor.key)
    }
}

/// 0 is the default of 50; at most 200.
pub(in crate::store) fn page_size(limit: u32) -> usize {
    match limit {
        0 => 50,
        limit => limit.min(200) as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_a_foreign_one_is_refused() {
        let cursor = Cursor {
            list: List::Older,
            key: [1_700_000_000_000, -5, i64::MAX],
        };
        assert_eq!(Cursor::parse(&cursor.text()).unwrap(), cursor);
        for text in ["", "x", "!!!", "AQ", "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(
                matches!(Cursor::parse(text), Err(StoreError::InvalidCursor)),
                "{text}"
            );
        }
        assert!(matches!(
            Cursor::of(List::Search, &cursor.text()),
            Err(StoreError::InvalidCursor)
        ));
    }
}
