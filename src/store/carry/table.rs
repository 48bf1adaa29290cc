//! Table: what has to be known of one to carry its rows, read from the catalog of the file, so that no table of a later version is
//! forgotten.

use diesel::{
    QueryResult, QueryableByName,
    sql_types::{Nullable, Text},
    sqlite::SqliteConnection,
};

use super::super::sql::{Flag, Number, sql};

/// Rows of the file itself, or of its search index: the other engine makes its own.
const OWN: &str =
    "'search_mark', 'message_floor', 'probe', 'erasure', 'old_codes', 'carrying', 'carried_to'";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Whole,
    Flag,
    Text,
    Bytes,
}

pub(super) struct Column {
    pub name: String,
    pub kind: Kind,
}

/// What no two rows may have in common besides the key.
pub(super) struct Unique {
    pub columns: Vec<String>,
    /// Of which rows that holds; `None`: of all.
    pub only: Option<String>,
}

pub(super) struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    /// Names of the columns that order and name a row.
    pub key: Vec<String>,
    pub uniques: Vec<Unique>,
    /// The engine counts its key, and gives no number out twice.
    pub counted: bool,
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    made: String,
}

#[derive(QueryableByName)]
struct Described {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Number)]
    place: i64,
}

#[derive(QueryableByName)]
struct Indexed {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Flag)]
    partial: bool,
    #[diesel(sql_type = Nullable<Text>)]
    made: Option<String>,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// All that are carried. `access` comes last: writing tokens changes it.
pub(super) fn tables(file: &mut SqliteConnection) -> QueryResult<Vec<Table>> {
    let mut named = sql(
        "SELECT name, sql AS made FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
         AND name NOT LIKE '\\_\\_diesel%' ESCAPE '\\' AND name NOT LIKE 'messages\\_search%' ESCAPE '\\' ORDER BY name",
    )
    .load::<Named>(file)?;
    named.sort_by_key(|table| table.name == "access");
    named
        .into_iter()
        .map(|table| described(file, table))
        .collect()
}

fn described(file: &mut SqliteConnection, table: Named) -> QueryResult<Table> {
    let mut described =
        sql("SELECT name, upper(type) AS kind, pk AS place FROM pragma_table_info(?) ORDER BY cid")
            .text(&table.name)
            .load::<Described>(file)?;
    let columns = described
        .iter()
        .map(|column| Column {
            name: column.name.clone(),
            kind: match column.kind.as_str() {
                "TEXT" => Kind::Text,
                "BLOB" => Kind::Bytes,
                "BOOLEAN" => Kind::Flag,
                _ => Kind::Whole,
            },
        })
        .collect();
    described.retain(|column| column.place > 0);
    described.sort_by_key(|column| column.place);
    let key = described.into_iter().map(|column| column.name).collect();
    let indexes = sql(
        "SELECT l.name, l.partial, s.sql AS made FROM pragma_index_list(?) l LEFT JOIN sqlite_schema s ON s.name = l.name \
         WHERE l.\"unique\" AND l.origin <> 'pk'",
    )
    .text(&table.name)
    .load::<Indexed>(file)?;
    let mut uniques = Vec::new();
    for index in indexes {
        let columns = sql("SELECT name FROM pragma_index_info(?) ORDER BY seqno")
            .text(&index.name)
            .load::<Name>(file)?;
        let only = index.made.filter(|_| index.partial);
        let only = only.and_then(|made| Some(made.split_once(" WHERE ")?.1.to_owned()));
        uniques.push(Unique {
            columns: columns.into_iter().map(|column| column.name).collect(),
            only,
        });
    }
    Ok(Table {
        counted: table.made.contains("AUTOINCREMENT"),
        name: table.name,
        columns,
        key,
        uniques,
    })
}

pub(super) fn quoted<'n>(names: impl IntoIterator<Item = &'n String>) -> String {
    let names = names.into_iter().map(|name| format!("\"{name}\""));
    names.collect::<Vec<_>>().join(", ")
}

impl Table {
    pub fn keys(&self) -> String {
        quoted(&self.key)
    }

    pub fn names(&self) -> String {
        quoted(self.columns.iter().map(|column| &column.name))
    }

    pub fn place_of(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|known| known.name == column)
    }

    /// Which of its rows are carried.
    pub fn carried(&self) -> String {
        match self.name.as_str() {
            "meta" => format!("key NOT IN ({OWN})"),
            _ => "TRUE".to_owned(),
        }
    }
}
