//! Files: where the bytes of a message's media, or of a profile photo, lie at Telegram.

use std::fmt;

use super::ChatId;

/// Names a file for good: its bytes never change, and it is the same for every account that has it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct FileKey(String);

impl FileKey {
    /// Letters, digits and hyphens alone: it is also the name of a file.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let whole = !text.is_empty() && text.len() <= 64 && text.chars().all(fits);
        whole.then(|| Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Everything that one account needs to fetch a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileLocation {
    /// Data centre that it lies on.
    pub dc: i32,
    pub place: FilePlace,
    /// Bytes; `None`: not said.
    pub size: Option<u64>,
    /// As whoever sent it says.
    pub mime: Option<String>,
    /// As whoever sent it says.
    pub name: Option<String>,
}

/// What is shown to Telegram to get it.
#[derive(Clone, PartialEq, Eq)]
pub enum FilePlace {
    Document(FilePass),
    Photo(FilePass),
    /// The photo of a person or a chat.
    PeerPhoto {
        chat: ChatId,
        photo_id: i64,
    },
}

#[derive(Clone, PartialEq, Eq)]
pub struct FilePass {
    pub id: i64,
    /// This account's alone.
    pub access_hash: i64,
    /// Ends after some hours; a new one comes with the message.
    pub reference: Vec<u8>,
    /// One of the sizes; empty: the document itself.
    pub size: String,
}

/// The hash and the reference open the file for the account.
impl fmt::Debug for FilePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl FilePlace {
    fn name(&self) -> String {
        // Sizes are single letters at Telegram; whatever else comes must not leave the name of a file.
        let letters = |text: &str| -> String {
            let fits = |c: &char| c.is_ascii_alphanumeric();
            text.chars().filter(fits).take(8).collect()
        };
        match self {
            Self::Document(pass) if pass.size.is_empty() => format!("document-{}", hex(pass.id)),
            Self::Document(pass) => format!("document-{}-{}", hex(pass.id), letters(&pass.size)),
            Self::Photo(pass) => format!("photo-{}-{}", hex(pass.id), letters(&pass.size)),
            Self::PeerPhoto { photo_id, .. } => format!("peer-{}", hex(*photo_id)),
        }
    }
}

fn hex(id: i64) -> String {
    format!("{id:016x}")
}

impl FileLocation {
    #[must_use]
    pub fn key(&self) -> FileKey {
        FileKey(self.place.name())
    }
}

/// The small picture of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Thumb {
    /// It came inside the message: a JPEG.
    Inline(Vec<u8>),
    At(FileLocation),
}

/// What of a message can be fetched.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MessageFiles {
    pub file: Option<FileLocation>,
    pub thumb: Option<Thumb>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the media folder: no name that Telegram gives leads out of it.
    #[test]
    fn keys_are_plain_names() {
        let pass = |size: &str| FilePass {
            id: -1,
            access_hash: 2,
            reference: Vec::new(),
            size: size.to_owned(),
        };
        for (size, name) in [
            ("", "document-ffffffffffffffff"),
            ("m", "document-ffffffffffffffff-m"),
            ("../../x", "document-ffffffffffffffff-x"),
        ] {
            let location = FileLocation {
                dc: 2,
                place: FilePlace::Document(pass(size)),
                size: None,
                mime: None,
                name: None,
            };
            assert_eq!(location.key().as_str(), name);
            assert_eq!(FileKey::parse(name), Some(location.key()));
        }
        assert_eq!(FileKey::parse("../x"), None);
        assert_eq!(FileKey::parse(""), None);
    }
}
