//! Manners: how people set off what they say, and what they react with.

use grammers_tl_types::{enums::MessageEntity, types};

use crate::world::utf16_len;

const REACTIONS: [&str; 5] = ["👍", "🔥", "🙏", "😁", "🎉"];

pub fn reaction(dice: u64) -> &'static str {
    REACTIONS[(dice % REACTIONS.len() as u64) as usize]
}

/// One word of a text is set off.
pub fn set_off(text: &str, dice: u64) -> Vec<MessageEntity> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let Some(word) = words.get((dice % words.len().max(1) as u64) as usize) else {
        return Vec::new();
    };
    // Words are parts of the text: the distance between their beginnings is the place.
    let at = word.as_ptr() as usize - text.as_ptr() as usize;
    let offset = utf16_len(&text[..at]) as i32;
    let length = utf16_len(word) as i32;
    let entity = match dice / 7 % 5 {
        0 => types::MessageEntityItalic { offset, length }.into(),
        1 => types::MessageEntitySpoiler { offset, length }.into(),
        2 => types::MessageEntityCode { offset, length }.into(),
        3 => types::MessageEntityTextUrl {
            offset,
            length,
            url: "https://example.org/".to_owned(),
        }
        .into(),
        _ => types::MessageEntityBold { offset, length }.into(),
    };
    vec![entity]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects what clients show: a whole word is set off, in whatever script.
    #[test]
    fn whole_words_are_set_off() {
        for text in ["Thanks a lot 🙏 friend", "شكراً جزيلاً 🌹", "你好"] {
            let units: Vec<u16> = text.encode_utf16().collect();
            for dice in 0..40 {
                let [entity] = &set_off(text, dice)[..] else {
                    panic!("one word");
                };
                let (at, length) = (entity.offset() as usize, entity.length() as usize);
                let word = String::from_utf16(&units[at..at + length]).unwrap();
                assert!(text.split_whitespace().any(|known| known == word), "{word}");
            }
        }
        assert!(set_off("", 3).is_empty());
    }
}
