//! Value: what is bound to a statement, and which of the rows that are gathered count.

/// What stands for a `?`.
#[derive(Clone, Copy)]
pub(in crate::store) enum Value<'a> {
    Number(i64),
    Flag(bool),
    Text(&'a str),
    Bytes(&'a [u8]),
    NoNumber(Option<i64>),
    NoFlag(Option<bool>),
    NoText(Option<&'a str>),
}

/// Which of the rows that are gathered count.
#[derive(Clone, Copy)]
pub(in crate::store) enum Gather {
    All,
    /// The last one of those with the same key.
    Last([i64; 2]),
    /// All, and the table has no row with the key of one.
    New,
}
