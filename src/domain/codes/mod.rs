//! Codes: what opens an account, as Telegram itself writes it to that account's other devices, and how it is masked.
//!
//! Nobody outside Telegram knows how its next message will be worded, nor in which of its languages. So in a message of
//! Telegram's own everything that could be a code is one: three digits or more in any script, also in groups, and tokens
//! of letters and digits. What can be told apart by its shape stays: dates, times, IP addresses, short numbers.

mod pieces;
mod readable;
#[cfg(test)]
mod tests;

use std::ops::Range;

use self::{
    pieces::{Gap, Piece, is_unseen, pieces},
    readable::readable,
};
use super::ChatId;

/// Stands for a code, however long it was.
pub const CODE_MASK: &str = "•••••";

/// As long as those of my.telegram.org are.
const WEB_CODE: usize = 11;
/// Fewer digits are no code.
const DIGITS: usize = 3;
/// Letters without a digit are a code from this length on, when they are cased as no word is.
const LETTERS: usize = 8;
/// Cased like a code, and none.
const NAMES: [&str; 14] = [
    "BlackBerry",
    "ChromeOS",
    "LinkedIn",
    "MacBookAir",
    "MacBookPro",
    "PlayStation",
    "TelegramX",
    "TestFlight",
    "ThinkPad",
    "WhatsApp",
    "iOS",
    "iPad",
    "iPhone",
    "macOS",
];

/// Telegram's own user: 777000, and 42777 as it was called before.
#[must_use]
pub const fn is_telegram_itself(chat: ChatId) -> bool {
    matches!(chat.marked(), 777_000 | 42_777)
}

/// The text without its codes; `None` when there is none in it.
#[must_use]
pub fn mask_codes(text: &str) -> Option<String> {
    let codes = find_codes(text);
    (!codes.is_empty()).then(|| mask_ranges(text, &codes))
}

/// The text with [`CODE_MASK`] in the place of these ranges of bytes, which rise and don't touch.
#[must_use]
pub fn mask_ranges(text: &str, ranges: &[Range<usize>]) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut kept = 0;
    for range in ranges {
        masked.push_str(text.get(kept..range.start).unwrap_or_default());
        masked.push_str(CODE_MASK);
        kept = range.end;
    }
    masked.push_str(text.get(kept..).unwrap_or_default());
    masked
}

/// Where the codes are in a text of Telegram's own, as ranges of bytes that rise and don't touch.
#[must_use]
pub fn find_codes(text: &str) -> Vec<Range<usize>> {
    let pieces = pieces(text);
    let kept = readable(text, &pieces);
    let mut codes = grouped_digits(&pieces, &kept);
    codes.extend(tokens(text, &pieces, &kept));
    codes.extend(lone_lines(text));
    joined(codes)
}

/// Sorted, and what overlaps or touches made one.
#[must_use]
pub fn joined(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut all: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match all.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => all.push(range),
        }
    }
    all
}

/// Digits, also in groups: "12345", "123 456", "12-34-56", "1 2 3 4 5".
fn grouped_digits(pieces: &[Piece], kept: &[bool]) -> Vec<Range<usize>> {
    let mut codes = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        let free = |at: usize| {
            pieces
                .get(at)
                .is_some_and(|piece| piece.is_number() && !kept[at])
        };
        if !free(at) {
            at += 1;
            continue;
        }
        let start = at;
        while pieces[at].gap != Gap::Apart && free(at + 1) {
            at += 1;
        }
        let digits: usize = pieces[start..=at].iter().map(|piece| piece.digits).sum();
        if digits >= DIGITS {
            codes.push(pieces[start].at.start..pieces[at].at.end);
        }
        at += 1;
    }
    codes
}

/// Tokens of letters and digits, as my.telegram.org sends them: "AbC1-dEfGhI".
fn tokens(text: &str, pieces: &[Piece], kept: &[bool]) -> Vec<Range<usize>> {
    let mut codes = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        let start = at;
        while pieces[at].gap == Gap::Hyphen && at + 1 < pieces.len() {
            at += 1;
        }
        let parts = &pieces[start..=at];
        at += 1;
        let plain = parts.iter().all(Piece::is_number);
        if !plain && !kept[start..at].contains(&true) && is_code(text, parts) {
            codes.push(widened(text, parts[0].at.start..pieces[at - 1].at.end));
        }
    }
    codes
}

fn is_code(text: &str, parts: &[Piece]) -> bool {
    let words: Vec<&str> = parts
        .iter()
        .filter_map(|part| text.get(part.at.clone()))
        .collect();
    let digits: usize = parts.iter().map(|part| part.digits).sum();
    let len: usize = parts.iter().map(Piece::len).sum();
    // Where a capital follows a small letter.
    let turns: usize = words
        .iter()
        .filter(|word| !NAMES.contains(word))
        .flat_map(|word| word.as_bytes().windows(2))
        .filter(|two| two[0].is_ascii_lowercase() && two[1].is_ascii_uppercase())
        .count();
    if digits == 0 {
        return len >= LETTERS && turns > 0 || len >= 5 && turns > 1;
    }
    // "2-step", "30-day".
    let counted = matches!(parts, [number, word] if number.is_number() && number.digits < DIGITS
        && word.digits == 0 && word.letters >= 3 && turns == 0);
    !counted && (digits >= DIGITS || len >= 5 || len == 4 && (digits > 1 || turns > 0))
}

/// With the hyphens at its ends: they may be part of it.
fn widened(text: &str, code: Range<usize>) -> Range<usize> {
    let joins = |byte: &&u8| matches!(byte, b'-' | b'_');
    let (before, after) = (&text.as_bytes()[..code.start], &text.as_bytes()[code.end..]);
    code.start - before.iter().rev().take_while(joins).count()
        ..code.end + after.iter().take_while(joins).count()
}

/// Of my.telegram.org's length and alphabet: hardly a letter may be among them.
fn is_web_code(word: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    word.len() == WEB_CODE && word.bytes().all(letter)
}

/// A token alone on its line, below a line that ends in a colon.
fn lone_lines(text: &str) -> Vec<Range<usize>> {
    let mut codes = Vec::new();
    let mut announced = false;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let word = line.trim_matches(|letter: char| {
            letter.is_whitespace()
                || is_unseen(letter)
                || matches!(letter, '"' | '«' | '»' | '“' | '”' | '„' | '`' | '.' | '!')
        });
        let token = word.len() >= 4
            && word.bytes().all(|byte| byte.is_ascii_graphic())
            && word.bytes().any(|byte| byte.is_ascii_alphabetic());
        let token = token || is_web_code(word);
        if announced && token && !word.contains("://") {
            // `word` is a part of `line`.
            let at = start + line.find(word).unwrap_or(0);
            codes.push(at..at + word.len());
        }
        if !word.is_empty() {
            announced = line.trim_end().ends_with([':', '：']);
        }
        start += line.len();
    }
    codes
}
