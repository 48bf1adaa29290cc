//! Readable: numbers that are no code by their shape: dates, times, addresses, short versions.

use super::pieces::{Gap, Piece, is_unseen};

/// Value of a digit in the scripts that Telegram's languages write dates in.
fn value(digit: char) -> Option<u32> {
    const ZEROS: [char; 9] = ['0', '٠', '۰', '०', '০', '๐', '០', '၀', '０'];
    ZEROS.iter().find_map(|zero| {
        u32::from(digit)
            .checked_sub(u32::from(*zero))
            .filter(|value| *value < 10)
    })
}

/// The pieces as numbers; `None` for what is none, or one too long to part a date or an address.
fn numbers(text: &str, pieces: &[Piece]) -> Vec<Option<u32>> {
    let number = |piece: &Piece| {
        if !piece.is_number() || piece.digits > 4 {
            return None;
        }
        let mut digits = text
            .get(piece.at.clone())?
            .chars()
            .filter(|letter| !is_unseen(*letter));
        digits.try_fold(0, |number, digit| Some(number * 10 + value(digit)?))
    };
    pieces.iter().map(number).collect()
}

/// Which pieces belong to a date, a time, an address or a version: those are no codes.
pub(super) fn readable(text: &str, pieces: &[Piece]) -> Vec<bool> {
    let numbers = numbers(text, pieces);
    let mut kept = vec![false; pieces.len()];
    let mut at = 0;
    while at < pieces.len() {
        let rest = Rest {
            text,
            pieces: &pieces[at..],
            numbers: &numbers[at..],
            before: at.checked_sub(1).map(|before| &pieces[before]),
        };
        let count = rest.readable();
        for piece in kept.iter_mut().skip(at).take(count) {
            *piece = true;
        }
        at += count.max(1);
    }
    kept
}

/// The pieces from one on.
struct Rest<'a> {
    text: &'a str,
    pieces: &'a [Piece],
    numbers: &'a [Option<u32>],
    before: Option<&'a Piece>,
}

const fn is_year(year: u32) -> bool {
    matches!(year, 1990..=2099)
}

impl Rest<'_> {
    /// How many pieces from here on are a date, a time, an address or a version.
    fn readable(&self) -> usize {
        // Something that hangs together with what stands before it begins there.
        if self.before.is_some_and(|before| {
            before.is_number() && matches!(before.gap, Gap::Hyphen | Gap::Sign(_))
        }) {
            return 0;
        }
        [
            self.address(),
            self.long_address(),
            self.time(),
            self.date(),
            self.written_date(),
            self.version(),
        ]
        .into_iter()
        .flatten()
        .find(|count| self.ends(*count))
        .unwrap_or(0)
    }

    /// Nothing that hangs together goes on behind it; a port may.
    fn ends(&self, count: usize) -> bool {
        let Some(last) = count.checked_sub(1).and_then(|last| self.pieces.get(last)) else {
            return false;
        };
        match self.pieces.get(count) {
            Some(next) if next.is_number() => {
                let port = count == 4 && last.gap == Gap::Sign(':');
                port || !matches!(last.gap, Gap::Hyphen | Gap::Sign(_))
            }
            Some(_) => last.gap != Gap::Hyphen,
            None => true,
        }
    }

    /// These many numbers with one sign between them.
    fn parted(&self, count: usize, by: Gap) -> Option<Vec<u32>> {
        let gaps = self.pieces.get(..count)?;
        let joined = gaps.iter().take(count - 1).all(|piece| piece.gap == by);
        joined.then(|| self.numbers[..count].iter().copied().collect())?
    }

    fn digits(&self, at: usize) -> usize {
        self.pieces.get(at).map_or(0, |piece| piece.digits)
    }

    fn address(&self) -> Option<usize> {
        let parts = self.parted(4, Gap::Sign('.'))?;
        parts.iter().all(|part| *part <= 255).then_some(4)
    }

    /// IPv6.
    fn long_address(&self) -> Option<usize> {
        let hexadecimal = |piece: &Piece| {
            let word = self.text.get(piece.at.clone()).unwrap_or_default();
            word.len() <= 4 && word.chars().all(|letter| letter.is_ascii_hexdigit())
        };
        let colons = |piece: &Piece| matches!(piece.gap, Gap::Sign(':') | Gap::DoubleColon);
        let joined = self
            .pieces
            .iter()
            .take_while(|piece| colons(piece))
            .take(8)
            .count();
        let parts = self.pieces.get(..=joined)?;
        let short = parts.iter().any(|piece| piece.gap == Gap::DoubleColon);
        let whole = if short {
            parts.len() >= 2
        } else {
            parts.len() == 8
        };
        (whole && parts.iter().all(hexadecimal)).then_some(parts.len())
    }

    fn time(&self) -> Option<usize> {
        let two = self.digits(0) <= 2 && self.digits(1) == 2;
        let fits = |parts: &[u32]| matches!(parts, [hour, rest @ ..] if *hour <= 24 && rest.iter().all(|part| *part < 60));
        let with_seconds = self
            .parted(3, Gap::Sign(':'))
            .filter(|parts| fits(parts) && two && self.digits(2) == 2);
        if with_seconds.is_some() {
            return Some(3);
        }
        let parts = self.parted(2, Gap::Sign(':'))?;
        (fits(&parts) && two).then_some(2)
    }

    /// 2026-01-31, 31.01.2026, 1/31/26: by its numbers, so that no other three pass for one.
    fn date(&self) -> Option<usize> {
        let by = self.pieces.first()?.gap;
        if !matches!(by, Gap::Hyphen | Gap::Sign('.' | '/')) {
            return None;
        }
        let parts = self.parted(3, by)?;
        let [first, middle, last] = parts[..] else {
            return None;
        };
        let day_and_month = |one: u32, other: u32| {
            (1..=31).contains(&one) && (1..=31).contains(&other) && one.min(other) <= 12
        };
        let lengths = [self.digits(0), self.digits(1), self.digits(2)];
        let fits = match lengths {
            [4, 1..=2, 1..=2] => is_year(first) && day_and_month(middle, last),
            [1..=2, 1..=2, 4] => is_year(last) && day_and_month(first, middle),
            [1..=2, 1..=2, 2] => by == Gap::Sign('/') && day_and_month(first, middle),
            _ => false,
        };
        fits.then_some(3)
    }

    /// "31 January 2026", "31 de enero de 2026", "January 31, 2026", "2026年1月31日".
    fn written_date(&self) -> Option<usize> {
        let first = (*self.numbers.first()?)?;
        let behind = |at: usize| {
            let piece = self.pieces.get(at)?;
            self.text.get(piece.at.end..)
        };
        if self.digits(0) == 4 {
            let marked = behind(0)?.starts_with(['年', '년']);
            return (marked && is_year(first)).then_some(1);
        }
        if !(1..=31).contains(&first) {
            return None;
        }
        // The month may be written in Latin letters, which makes it a piece of its own, or not.
        let year = (1..=4).find(|at| self.numbers.get(*at).is_some_and(Option::is_some))?;
        let fits = self.digits(year) == 4 && self.numbers[year].is_some_and(is_year);
        let between = self
            .text
            .get(self.pieces[0].at.end..self.pieces[year].at.start)?;
        let after_month = between == ", " && self.month_before();
        (fits && (after_month || is_month(between))).then_some(year + 1)
    }

    fn month_before(&self) -> bool {
        let start = self.pieces.first().map_or(0, |piece| piece.at.start);
        let before = self.text.get(..start).unwrap_or_default();
        let Some(before) = before.strip_suffix(' ') else {
            return false;
        };
        before
            .chars()
            .rev()
            .take_while(|letter| letter.is_alphabetic())
            .count()
            >= 3
    }

    /// 17.1, 4.16.8: so short that it is no code.
    fn version(&self) -> Option<usize> {
        let parts = |count: usize| {
            self.parted(count, Gap::Sign('.'))?;
            let lengths: Vec<usize> = (0..count).map(|at| self.digits(at)).collect();
            let short =
                lengths.iter().all(|length| *length <= 2) && lengths.iter().sum::<usize>() <= 4;
            let even = lengths.iter().all(|length| *length == 2);
            (short && !even).then_some(count)
        };
        parts(3).or_else(|| parts(2))
    }
}

/// A month with what may stand around it: one word, and little ones.
fn is_month(between: &str) -> bool {
    let words: Vec<&str> = between.split_whitespace().collect();
    let letters = |word: &str| word.chars().filter(|letter| letter.is_alphabetic()).count();
    let only = |word: &&str| {
        word.chars().all(|letter| {
            letter.is_alphanumeric() && !letter.is_numeric()
                || letter == '.'
                || letter == ','
                || is_mark(letter)
        })
    };
    let long = words.iter().filter(|word| letters(word) >= 3).count();
    between.starts_with([' ', '.', '\u{a0}'])
        && !between.contains('\n')
        && words.len() <= 3
        && long == 1
        && words.iter().all(only)
}

/// Vowel signs and the like, which belong to the letter before them.
const fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{64b}'..='\u{65f}' | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}'
        | '\u{981}'..='\u{983}' | '\u{9bc}'..='\u{9cd}' | '\u{e31}' | '\u{e34}'..='\u{e4e}')
}
