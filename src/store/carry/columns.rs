//! Columns: how a column's value is written in an engine's words.

use super::table::{Column, Kind};

impl Column {
    /// Its value in a JSON array.
    pub fn in_array(&self, file: bool) -> String {
        let name = &self.name;
        match (self.kind, file) {
            (Kind::Bytes, true) => {
                format!("CASE WHEN \"{name}\" IS NOT NULL THEN lower(hex(\"{name}\")) END")
            }
            (Kind::Bytes, false) => format!("encode(\"{name}\", 'hex')"),
            (Kind::Flag, false) => format!("CAST(\"{name}\" AS INTEGER)"),
            _ => format!("\"{name}\""),
        }
    }

    /// Its value as [`super::range::sum`] writes it, in PostgreSQL's words.
    pub fn summed(&self) -> String {
        let name = &self.name;
        let text = match self.kind {
            Kind::Text => format!("\"{name}\""),
            Kind::Bytes => format!("encode(\"{name}\", 'hex')"),
            Kind::Whole => format!("CAST(\"{name}\" AS TEXT)"),
            Kind::Flag => format!("CAST(CAST(\"{name}\" AS INTEGER) AS TEXT)"),
        };
        format!("coalesce(octet_length({text}) || ':' || {text} || ';', '-;')")
    }

    /// Its value out of a JSON object that SQLite reads.
    pub fn out_of_object(&self) -> String {
        let name = &self.name;
        match self.kind {
            Kind::Bytes => format!("unhex(value ->> '{name}') AS \"{name}\""),
            _ => format!("value ->> '{name}' AS \"{name}\""),
        }
    }
}
