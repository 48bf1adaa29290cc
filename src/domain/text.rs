//! Text: how long a message may be, in the units Telegram counts.

/// Telegram's limit for one message.
const MAX_UNITS: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("the text is empty: write at least one character")]
    Empty,
    #[error("the text has {units} UTF-16 units, Telegram takes at most 4096: shorten or split it")]
    TooLong { units: usize },
}

/// Length in UTF-16 units, as Telegram counts.
#[must_use]
pub fn utf16_len(text: &str) -> usize {
    text.encode_utf16().count()
}

/// May `text` be sent as one message?
///
/// # Errors
/// When it is blank or longer than 4096 UTF-16 units.
pub fn check_text(text: &str) -> Result<(), TextError> {
    if text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    let units = utf16_len(text);
    if units > MAX_UNITS {
        return Err(TextError::TooLong { units });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_utf16_units() {
        assert_eq!(check_text(" \n"), Err(TextError::Empty));
        assert_eq!(check_text(&"я".repeat(4096)), Ok(()));
        assert_eq!(check_text(&"😀".repeat(2048)), Ok(()));
        assert_eq!(
            check_text(&"😀".repeat(2049)),
            Err(TextError::TooLong { units: 4098 })
        );
    }
}
