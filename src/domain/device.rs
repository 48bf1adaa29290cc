//! Device: what an account calls itself at Telegram, as its list of sessions shows it. Kept from the first dial on, so that
//! an account looks the same after an upgrade.

use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Device {
    pub model: String,
    pub system: String,
    /// The version of the app; its name belongs to the api_id.
    pub app: String,
    /// `en`, `pt-br`.
    pub language: String,
}

impl Device {
    pub const MOST: usize = 64;

    /// Short texts of one line, and a language's tag.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let text = |text: &str| {
            let plain = text.chars().all(|letter| !letter.is_control());
            plain && text.trim() == text && (1..=Self::MOST).contains(&text.chars().count())
        };
        let tag = |letter: char| letter.is_ascii_lowercase() || letter == '-';
        [&self.model, &self.system, &self.app]
            .into_iter()
            .all(|one| text(one))
            && (2..=8).contains(&self.language.len())
            && self.language.chars().all(tag)
    }
}
