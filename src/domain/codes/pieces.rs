//! Pieces: a text as the runs of digits and Latin letters in it, and what stands between them.

use std::ops::Range;

/// A run of digits and Latin letters.
pub(super) struct Piece {
    pub at: Range<usize>,
    pub digits: usize,
    pub letters: usize,
    /// What stands between it and the next one.
    pub gap: Gap,
}

impl Piece {
    pub const fn is_number(&self) -> bool {
        self.letters == 0
    }

    pub const fn len(&self) -> usize {
        self.digits + self.letters
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// Hyphens or underscores: they join the parts of one token.
    Hyphen,
    /// One sign that groups digits or parts a date, a time, an address.
    Sign(char),
    DoubleColon,
    /// Blanks on one line, perhaps with a hyphen among them.
    Blank,
    /// Anything else.
    Apart,
}

/// Shown as nothing: marks of direction, joiners, and what makes a digit an emoji.
pub(super) const fn is_unseen(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
        | '\u{20e3}' | '\u{fe0e}' | '\u{fe0f}' | '\u{feff}')
}

const fn is_hyphen(letter: char) -> bool {
    matches!(
        letter,
        '-' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}'
    )
}

fn is_blank(letter: char) -> bool {
    letter.is_whitespace() && !matches!(letter, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut all: Vec<Piece> = Vec::new();
    let mut open = false;
    for (at, letter) in text.char_indices() {
        let (digit, latin) = (letter.is_numeric(), letter.is_ascii_alphabetic());
        if !digit && !latin {
            open &= is_unseen(letter);
            continue;
        }
        if !open {
            if let Some(last) = all.last_mut() {
                last.gap = gap(text.get(last.at.end..at).unwrap_or_default());
            }
            let at = at..at;
            all.push(Piece {
                at,
                digits: 0,
                letters: 0,
                gap: Gap::Apart,
            });
            open = true;
        }
        if let Some(piece) = all.last_mut() {
            piece.at.end = at + letter.len_utf8();
            piece.digits += usize::from(digit);
            piece.letters += usize::from(latin);
        }
    }
    all
}

fn gap(between: &str) -> Gap {
    let seen: Vec<char> = between
        .chars()
        .filter(|letter| !is_unseen(*letter))
        .collect();
    let hyphens = seen.iter().filter(|letter| is_hyphen(**letter)).count();
    let blanks = seen.iter().filter(|letter| is_blank(**letter)).count();
    match seen[..] {
        [':', ':'] => Gap::DoubleColon,
        [sign @ ('.' | ',' | ':' | '/' | '\'' | '’' | '·' | '|' | '٫' | '٬' | '،')] => {
            Gap::Sign(sign)
        }
        _ if hyphens == seen.len() => Gap::Hyphen,
        _ if blanks > 0 && hyphens <= 1 && blanks + hyphens == seen.len() => Gap::Blank,
        _ => Gap::Apart,
    }
}
