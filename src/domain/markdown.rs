//! Markdown: formatting as people type it in Telegram's own apps (core.telegram.org/api/entities, "client-side").
//!
//! `**bold**`, `__italic__`, `~~strike~~`, `||spoiler||`, code and fenced code in backticks, `[words](address)`, `> quote` at the
//! beginning of a line, and `\` before a sign that is meant as it stands. What is not closed stands as it was typed.

use super::{Entity, EntityKind, formatting::is_address};

const SIGNS: &str = "\\*_~|`[]()>";
const MARKERS: [(&str, EntityKind); 4] = [
    ("**", EntityKind::Bold),
    ("__", EntityKind::Italic),
    ("~~", EntityKind::Strike),
    ("||", EntityKind::Spoiler),
];
const FENCE: &str = "```";

/// The text without its signs, and what they said of it.
#[must_use]
pub fn from_markdown(text: &str) -> (String, Vec<Entity>) {
    let mut plain = Plain::default();
    plain.blocks(text);
    let mut entities = apart_from_code(plain.entities);
    // What lies inside was written down first; of two in one place the outer one stands before.
    entities.reverse();
    let is_code = |entity: &Entity| matches!(entity.kind, EntityKind::Code | EntityKind::Pre);
    entities.sort_by_key(|entity| (entity.offset, -entity.length, is_code(entity)));
    (plain.text, entities)
}

/// Telegram gives code no other format: what lies around it is told of the parts beside it. A link stays whole.
fn apart_from_code(entities: Vec<Entity>) -> Vec<Entity> {
    let end = |entity: &Entity| entity.offset + entity.length;
    let holds =
        |outer: &Entity, code: &Entity| outer.offset <= code.offset && end(code) <= end(outer);
    let is_code = |entity: &&Entity| matches!(entity.kind, EntityKind::Code | EntityKind::Pre);
    let (codes, mut others): (Vec<_>, Vec<_>) =
        entities.into_iter().partition(|entity| is_code(&entity));
    let in_link = |code: &Entity, others: &[Entity]| {
        others
            .iter()
            .any(|outer| outer.kind == EntityKind::TextUrl && holds(outer, code))
    };
    let codes: Vec<Entity> = codes
        .into_iter()
        .filter(|code| !in_link(code, &others))
        .collect();
    for code in &codes {
        others = others
            .into_iter()
            .flat_map(|outer| {
                if outer.kind == EntityKind::Blockquote || !holds(&outer, code) {
                    return vec![outer];
                }
                let before = Entity {
                    length: code.offset - outer.offset,
                    ..outer.clone()
                };
                let after = Entity {
                    offset: end(code),
                    length: end(&outer) - end(code),
                    ..outer
                };
                vec![before, after]
            })
            .filter(|entity| entity.length > 0)
            .collect();
    }
    others.extend(codes);
    others
}

#[derive(Default)]
struct Plain {
    text: String,
    /// Of the text, in UTF-16 units.
    units: i32,
    entities: Vec<Entity>,
}

impl Plain {
    /// Quotes are whole lines; everything else may go over several.
    fn blocks(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            if let Some((quoted, after)) = quote(rest) {
                let from = self.units;
                self.inline(&quoted, true);
                self.add(EntityKind::Blockquote, from);
                rest = after;
                continue;
            }
            let end = before_quote(rest);
            let (piece, after) = rest.split_at(end);
            self.inline(piece, true);
            rest = after;
        }
    }

    /// Each marker looks for its own end, so that what is inside it is shorter and knows it no more: the depth is that of
    /// the kinds.
    fn inline(&mut self, text: &str, links: bool) {
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            let taken = match letter {
                '\\' => self.escaped(rest),
                '`' => self.code(rest),
                '[' if links => self.link(rest),
                '*' | '_' | '~' | '|' => self.marked(rest, links),
                _ => None,
            };
            let taken = taken.unwrap_or_else(|| {
                self.push(letter);
                letter.len_utf8()
            });
            rest = &rest[taken..];
        }
    }

    fn push(&mut self, letter: char) {
        self.text.push(letter);
        self.units += i32::try_from(letter.len_utf16()).unwrap_or(1);
    }

    fn push_all(&mut self, text: &str) {
        text.chars().for_each(|letter| self.push(letter));
    }

    /// Around what was written since.
    fn add(&mut self, kind: EntityKind, from: i32) -> Option<&mut Entity> {
        let length = self.units - from;
        if length > 0 {
            self.entities.push(Entity::of(kind, from, length));
            return self.entities.last_mut();
        }
        None
    }

    fn escaped(&mut self, rest: &str) -> Option<usize> {
        let sign = rest[1..].chars().next()?;
        SIGNS.contains(sign).then(|| {
            self.push(sign);
            1 + sign.len_utf8()
        })
    }

    fn code(&mut self, rest: &str) -> Option<usize> {
        let from = self.units;
        if let Some(inside) = rest.strip_prefix(FENCE)
            && let Some(end) = inside.find(FENCE).filter(|end| *end > 0)
        {
            let (language, code) = fenced(&inside[..end]);
            self.push_all(code);
            if let Some(entity) = self.add(EntityKind::Pre, from) {
                entity.language = language.map(str::to_owned);
            }
            return Some(2 * FENCE.len() + end);
        }
        let inside = &rest[1..];
        let end = inside.find(['`', '\n']).filter(|end| *end > 0)?;
        if !inside[end..].starts_with('`') {
            return None;
        }
        self.push_all(&inside[..end]);
        self.add(EntityKind::Code, from);
        Some(end + 2)
    }

    fn link(&mut self, rest: &str) -> Option<usize> {
        let middle = rest.find("](")?;
        let words = &rest[1..middle];
        let address = &rest[middle + 2..];
        let end = address.find(')')?;
        let address = &address[..end];
        if words.trim().is_empty() || words.contains('[') || !is_address(address) {
            return None;
        }
        let from = self.units;
        self.inline(words, false);
        if let Some(entity) = self.add(EntityKind::TextUrl, from) {
            entity.url = Some(address.to_owned());
        }
        Some(middle + 2 + end + 1)
    }

    fn marked(&mut self, rest: &str, links: bool) -> Option<usize> {
        let (marker, kind) = MARKERS
            .iter()
            .find(|(marker, _)| rest.starts_with(marker))?;
        let inside = &rest[marker.len()..];
        let end = closing(inside, marker)?;
        let from = self.units;
        self.inline(&inside[..end], links);
        self.add(*kind, from);
        Some(2 * marker.len() + end)
    }
}

/// Where the marker comes again, with words right inside both.
fn closing(inside: &str, marker: &str) -> Option<usize> {
    if inside.starts_with(char::is_whitespace) {
        return None;
    }
    let mut from = 0;
    loop {
        let at = from + inside[from..].find(marker)?;
        let before = inside[..at].chars().next_back()?;
        if !before.is_whitespace() && before != '\\' {
            return Some(at);
        }
        from = at + 1;
    }
}

/// A word in the first line is the language; the line breaks around the code are no part of it.
fn fenced(inside: &str) -> (Option<&str>, &str) {
    let is_word = |line: &&str| {
        !line.is_empty()
            && line
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+#-_.".contains(&byte))
    };
    let (language, code) = match inside.split_once('\n') {
        Some((line, code)) if line.trim().is_empty() => (None, code),
        Some((line, code)) if is_word(&line) => (Some(line), code),
        _ => (None, inside),
    };
    (language, code.strip_suffix('\n').unwrap_or(code))
}

/// The quoted lines that a text begins with, without their signs, and what follows.
fn quote(text: &str) -> Option<(String, &str)> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(line) = rest.strip_prefix('>') {
        let end = line.find('\n').unwrap_or(line.len());
        lines.push(line[..end].trim_start_matches(' '));
        rest = &line[end..];
        match rest.strip_prefix("\n>") {
            Some(_) => rest = &rest[1..],
            None => break,
        }
    }
    let quoted = lines.join("\n");
    (!quoted.trim().is_empty()).then_some((quoted, rest))
}

/// How far it goes until a line is quoted, fenced code aside.
fn before_quote(text: &str) -> usize {
    let mut from = 0;
    loop {
        let Some(at) = text[from..].find("\n>").map(|at| from + at) else {
            return text.len();
        };
        let fences = text[..at].matches(FENCE).count();
        if fences.is_multiple_of(2) {
            return at + 1;
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::check_entities;

    /// Protects what people type: the signs become formatting, what is no formatting stands.
    #[test]
    fn signs_become_formatting() {
        for (typed, text, wanted) in [
            (
                "plain 2*3*4 snake_case_name",
                "plain 2*3*4 snake_case_name",
                "",
            ),
            (
                "**b** __i__ ~~s~~ ||h||",
                "b i s h",
                "Bold 0+1, Italic 2+1, Strike 4+1, Spoiler 6+1",
            ),
            ("**a __b__ c**", "a b c", "Bold 0+5, Italic 2+1"),
            ("**a __b** c__", "a __b c__", "Bold 0+5"),
            ("** a** **b", "** a** **b", ""),
            ("😀 **😀**", "😀 😀", "Bold 3+2"),
            ("`a**b**`", "a**b**", "Code 0+6"),
            ("```rust\nlet a = 1;\n```", "let a = 1;", "Pre 0+10"),
            ("```\n> x\n```", "> x", "Pre 0+3"),
            ("[here](https://example.org/a)", "here", "TextUrl 0+4"),
            (
                "[**here**](https://example.org)",
                "here",
                "TextUrl 0+4, Bold 0+4",
            ),
            ("[x](javascript:alert(1))", "[x](javascript:alert(1))", ""),
            ("> a\n> b\nc", "a\nb\nc", "Blockquote 0+3"),
            ("c\n> a **b**", "c\na b", "Blockquote 2+3, Bold 4+1"),
            ("**a `b` c**", "a b c", "Bold 0+2, Code 2+1, Bold 3+2"),
            ("[`x`](tg://a)", "x", "TextUrl 0+1"),
            (r"\*\*a\*\*", "**a**", ""),
            ("****", "****", ""),
            ("", "", ""),
            (">", ">", ""),
        ] {
            let (plain, entities) = from_markdown(typed);
            let shown: Vec<_> = entities
                .iter()
                .map(|one| format!("{:?} {}+{}", one.kind, one.offset, one.length))
                .collect();
            assert_eq!(
                (plain.as_str(), shown.join(", ").as_str()),
                (text, wanted),
                "{typed:?}"
            );
        }
        let (_, entities) = from_markdown("```rust\nx\n```");
        assert_eq!(entities[0].language.as_deref(), Some("rust"));
    }

    proptest! {
        /// Protects the service from any text: it ends, and what comes out can be sent.
        #[test]
        fn any_text_becomes_something_that_lies_inside_it(typed in "[*_~|`\\[\\]()> a\n\\\\😀]{0,60}") {
            let (plain, entities) = from_markdown(&typed);
            prop_assert!(check_entities(&plain, &entities).is_ok(), "{plain:?} {entities:?}");
        }
    }
}
