//! Text: how long a message may be, in the units Telegram counts.

/// Telegram's limit for one message.
const MAX_UNITS: usize = 4096;
/// And for what stands under a file.
const MAX_CAPTION: usize = 1024;
const MAX_CAPTION_PREMIUM: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("the text is empty: write at least one character")]
    Empty,
    #[error("the text has {units} UTF-16 units, Telegram takes at most 4096: shorten or split it")]
    TooLong { units: usize },
    #[error(
        "the caption has {units} UTF-16 units, Telegram takes at most {most} under a file of this account: shorten it, or send \
         the text by itself"
    )]
    CaptionTooLong { units: usize, most: usize },
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

/// May `text` stand under a file? There need not be any.
///
/// # Errors
/// When it is longer than 1024 UTF-16 units, or than 4096 for an account with Premium.
pub fn check_caption(text: &str, premium: bool) -> Result<(), TextError> {
    let most = if premium {
        MAX_CAPTION_PREMIUM
    } else {
        MAX_CAPTION
    };
    match utf16_len(text) {
        units if units > most => Err(TextError::CaptionTooLong { units, most }),
        _ => Ok(()),
    }
}

/// Cuts a text into messages: at a paragraph, a line or a word where there is one, else between two letters.
/// Nothing but blanks at the cuts is lost; blank parts are left out. Each with the UTF-16 unit at which it begins.
#[must_use]
pub fn split_text(text: &str) -> Vec<(usize, &str)> {
    let mut parts = Vec::new();
    let mut rest = text.trim_end();
    let mut at = 0;
    loop {
        let begin = rest.trim_start();
        at += utf16_len(rest) - utf16_len(begin);
        if begin.is_empty() {
            return parts;
        }
        let (head, tail) = match utf16_len(begin) > MAX_UNITS {
            true => begin.split_at(cut(begin)),
            false => (begin, ""),
        };
        parts.push((at, head.trim_end()));
        at += utf16_len(head);
        rest = tail;
    }
}

/// Where the first part of a text that is too long ends, in bytes.
fn cut(text: &str) -> usize {
    let mut units = 0;
    let mut limit = 0;
    for (at, letter) in text.char_indices() {
        units += letter.len_utf16();
        if units > MAX_UNITS {
            break;
        }
        limit = at + letter.len_utf8();
    }
    let head = text.get(..limit).unwrap_or_default();
    // A cut in the first half would make many small parts.
    ["\n\n", "\n", ". ", " "]
        .iter()
        .filter_map(|gap| head.rfind(gap).map(|at| at + gap.len()))
        .find(|at| *at > limit / 2)
        .unwrap_or(limit)
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects long answers: no part is too long for Telegram, and none of the words is lost.
    #[test]
    fn a_long_text_is_cut_at_words_into_messages_that_fit() {
        let texts =
            |text| -> Vec<&str> { split_text(text).into_iter().map(|(_, part)| part).collect() };
        let words = "слово 😀 word ".repeat(1200);
        let parts = texts(&words);
        assert!(parts.len() > 2);
        assert!(parts.iter().all(|part| check_text(part).is_ok()));
        let joined = parts.join(" ");
        assert!(joined.split_whitespace().eq(words.split_whitespace()));
        let solid = "😀".repeat(5000);
        assert_eq!(texts(&solid).concat(), solid);
        assert_eq!(split_text(" short "), [(1, "short")]);
        let paragraphs = format!("{}\n\n{}", "a".repeat(3000), "b ".repeat(1000));
        let cut = split_text(&paragraphs);
        assert_eq!(cut[0], (0, &*"a".repeat(3000)));
        assert_eq!(cut[1].0, 3002);
    }

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
