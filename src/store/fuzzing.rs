//! As `telegram/fuzzing.rs`: what a stranger may give as a cursor, or look for.

use super::{cursor::Cursor, search};

/// A cursor that is taken says exactly what it said when it was given.
pub fn cursor(bytes: &[u8]) {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let text = String::from_utf8_lossy(bytes).into_owned();
    for text in [URL_SAFE_NO_PAD.encode(bytes), text] {
        if let Ok(cursor) = Cursor::parse(&text) {
            assert_eq!(cursor.text(), text, "two texts are one cursor");
        }
    }
}

/// Whatever is typed, the index understands what becomes of it, and marks lie inside what they mark.
pub fn search(bytes: &[u8]) {
    let typed: String = String::from_utf8_lossy(bytes).chars().take(500).collect();
    search::looked_for(&typed);
}
