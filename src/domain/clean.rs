//! Clean: what strangers wrote, without what only deceives: control characters, marks that turn the reading direction of
//! what follows, addresses that a browser would run, figures that nothing has.

/// Letters of one line: names, titles, buttons.
const LINE: usize = 1024;
/// Letters of what may have several: descriptions, addresses.
const BLOCK: usize = 8192;
const FILE_NAME: usize = 255;
const URL: usize = 8192;

/// Embeddings, overrides and isolates (UAX 9): they reach beyond what they stand in.
const fn turns(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

const fn breaks_line(letter: char) -> bool {
    matches!(letter, '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}')
}

fn is_odd(letter: char) -> bool {
    letter.is_control() || turns(letter) || breaks_line(letter)
}

/// On one line.
pub fn line(text: String) -> String {
    if text.len() <= LINE && !text.contains(is_odd) {
        return text;
    }
    let spaced = text
        .chars()
        .map(|letter| if breaks_line(letter) { ' ' } else { letter });
    let kept = spaced.filter(|letter| !is_odd(*letter));
    kept.take(LINE).collect::<String>().trim().to_owned()
}

/// On as many lines as it has.
pub fn block(text: String) -> String {
    let odd = |letter: char| is_odd(letter) && letter != '\n';
    if text.len() <= BLOCK && !text.contains(odd) {
        return text;
    }
    text.chars()
        .filter(|letter| !odd(*letter))
        .take(BLOCK)
        .collect()
}

/// As it was written, but for the character 0, which no text of a database may hold. What stands behind it keeps its place.
pub fn text(text: String) -> String {
    match text.contains('\0') {
        true => text.replace('\0', "\u{fffd}"),
        false => text,
    }
}

/// A name that is no way to somewhere else.
pub fn file_name(name: String) -> Option<String> {
    let name = line(name);
    let name: String = name
        .chars()
        .map(|letter| {
            if matches!(letter, '/' | '\\' | ':') {
                '_'
            } else {
                letter
            }
        })
        .collect();
    let name = name.trim_matches([' ', '.']);
    if name.is_empty() {
        return None;
    }
    if name.chars().count() <= FILE_NAME {
        return Some(name.to_owned());
    }
    // The end says what kind of file it is.
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    let end = if end.len() <= 16 { end } else { "" };
    let room = FILE_NAME - end.chars().count() - 1;
    Some(format!(
        "{}.{end}",
        name.chars().take(room).collect::<String>()
    ))
}

/// An address that may be opened.
pub fn url(url: String) -> Option<String> {
    if url.len() > URL
        || url.is_empty()
        || url.contains(|letter: char| is_odd(letter) || letter == ' ')
    {
        return None;
    }
    match url.split_once(':') {
        Some((scheme, _))
            if ["http", "https", "tg", "ton", "mailto", "tel"]
                .iter()
                .any(|known| scheme.eq_ignore_ascii_case(known)) =>
        {
            Some(url)
        }
        // Telegram's clients open what has no scheme as a page; `host:port` begins as a scheme would.
        Some((host, rest)) if host.contains('.') && !rest.starts_with("//") => {
            Some(format!("https://{url}"))
        }
        Some((path, _)) if path.contains('/') => Some(format!("https://{url}")),
        None => Some(format!("https://{url}")),
        Some(_) => None,
    }
}

/// The host that an address leads to.
pub fn host(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = host.split(':').next()?.to_lowercase();
    let host = host.strip_prefix("www.").map(str::to_owned).unwrap_or(host);
    (!host.is_empty()).then_some(host)
}

/// The host that words say, where they look like an address.
pub fn shown_host(words: &str) -> Option<String> {
    let words = words.trim();
    let (scheme, _) = words.split_once("://").unwrap_or(("https", words));
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let host = if words.contains("://") {
        host(words)?
    } else {
        host(&format!("https://{words}"))?
    };
    let (_, top) = host.rsplit_once('.')?;
    let letters = |text: &str| {
        text.chars()
            .all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '.'))
    };
    (letters(&host) && top.chars().count() > 1 && top.chars().all(char::is_alphabetic))
        .then_some(host)
}

/// Bytes of a file.
pub fn size(bytes: i64) -> Option<i64> {
    const MOST: i64 = 1 << 36;
    (0..=MOST).contains(&bytes).then_some(bytes)
}

/// Pixels of one side.
pub fn side(pixels: i32) -> Option<i32> {
    (1..=65_535).contains(&pixels).then_some(pixels)
}

/// Seconds of something that plays.
pub fn seconds(seconds: i32) -> Option<i32> {
    const MOST: i32 = 366 * 24 * 3600;
    (0..=MOST).contains(&seconds).then_some(seconds)
}

/// How many; nothing is fewer than none.
pub fn count(number: i32) -> i32 {
    number.max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_letters_and_lose_what_deceives() {
        assert_eq!(line("Bill\u{202e}gpj.exe".into()), "Billgpj.exe");
        assert_eq!(line("two\nlines\u{0}".into()), "two lines");
        assert_eq!(line("عربي \u{200f}نص".into()), "عربي \u{200f}نص");
        assert_eq!(line("x".repeat(5000)).len(), LINE);
        assert_eq!(block("a\n\u{2067}b\u{7}".into()), "a\nb");
        assert_eq!(text("a\0b\u{7}".into()), "a\u{fffd}b\u{7}");
    }

    #[test]
    fn a_file_name_is_no_path() {
        let named = |name: &str| file_name(name.to_owned());
        assert_eq!(named("../../etc/passwd").as_deref(), Some("_.._etc_passwd"));
        assert_eq!(named("C:\\x.txt").as_deref(), Some("C__x.txt"));
        assert_eq!(named(".."), None);
        assert_eq!(named("\u{202e}\u{0}"), None);
        let long = named(&format!("{}.pdf", "a".repeat(900))).unwrap();
        assert_eq!((long.len(), long.ends_with(".pdf")), (FILE_NAME, true));
    }

    #[test]
    fn only_what_may_be_opened_is_an_address() {
        let kept = |text: &str| url(text.to_owned());
        for good in [
            "https://example.org/a?b=c:d",
            "tg://resolve?domain=x",
            "mailto:a@example.org",
        ] {
            assert_eq!(kept(good).as_deref(), Some(good));
        }
        assert_eq!(
            kept("example.org:80/x").as_deref(),
            Some("https://example.org:80/x")
        );
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "java\nscript:x",
            "file:///etc/passwd",
            "https://a b",
            "",
        ] {
            assert_eq!(kept(bad), None, "{bad}");
        }
    }

    #[test]
    fn words_that_are_an_address_are_known() {
        assert_eq!(
            shown_host("https://Example.org/x").as_deref(),
            Some("example.org")
        );
        assert_eq!(
            shown_host("www.example.org").as_deref(),
            Some("example.org")
        );
        for words in ["click here", "file.", "1.5", "v1.2", "a. b"] {
            assert_eq!(shown_host(words), None, "{words}");
        }
        assert_eq!(
            host("https://bank.example@evil.example/").as_deref(),
            Some("evil.example")
        );
    }
}
