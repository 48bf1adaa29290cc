//! What a file is called and taken for on its way out: whoever sent it may have said anything.

/// Types that a browser shows or plays and never runs. Everything else is bytes.
const SAFE: [&str; 17] = [
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "image/avif",
    "video/mp4",
    "video/webm",
    "video/quicktime",
    "audio/ogg",
    "audio/mpeg",
    "audio/mp3",
    "audio/mp4",
    "audio/m4a",
    "audio/x-m4a",
    "audio/aac",
    "audio/wav",
    "audio/flac",
];
const BYTES: &str = "application/octet-stream";
/// Longest name that leaves, in characters.
const LONGEST: usize = 120;

pub fn safe_type(said: Option<&str>) -> &'static str {
    let essence = said
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    SAFE.into_iter()
        .find(|safe| safe.eq_ignore_ascii_case(essence))
        .unwrap_or(BYTES)
}

/// As RFC 6266 has it: a plain name, and the real one beside it. What a browser does not show is saved.
pub fn disposition(kind: &str, said: Option<&str>) -> String {
    let how = if kind == BYTES {
        "attachment"
    } else {
        "inline"
    };
    let Some(name) = said.and_then(clean) else {
        return how.to_owned();
    };
    let plain: String = name
        .chars()
        .map(|c| match c {
            '"' | '\\' | '%' => '_',
            ' '..='~' => c,
            _ => '_',
        })
        .collect();
    let mut exact = String::with_capacity(name.len() * 3);
    for byte in name.bytes() {
        // attr-char of RFC 5987.
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            exact.push(char::from(byte));
        } else {
            exact.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("{how}; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

/// Without what leads elsewhere, hides or turns around. The ending stays where a name is too long.
fn clean(said: &str) -> Option<String> {
    let last = said.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().filter(|c| !is_tricky(*c)).collect();
    let name = name.trim().trim_matches('.').trim();
    if name.is_empty() {
        return None;
    }
    let count = name.chars().count();
    if count <= LONGEST {
        return Some(name.to_owned());
    }
    let ending: String = match name.rsplit_once('.') {
        Some((_, ending)) if ending.chars().count() <= 12 => format!(".{ending}"),
        _ => String::new(),
    };
    let kept = LONGEST - ending.chars().count();
    Some(name.chars().take(kept).chain(ending.chars()).collect())
}

/// Control characters, and those that change the direction of what follows or show nothing.
fn is_tricky(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | ':' | '*' | '?' | '<' | '>' | '|'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects whoever opens a file: what could be run is bytes to be saved, whatever it was called.
    #[test]
    fn only_pictures_and_sounds_are_shown() {
        for (said, wanted) in [
            (Some("image/jpeg"), "image/jpeg"),
            (Some("IMAGE/PNG; x=1"), "image/png"),
            (Some("text/html"), BYTES),
            (Some("image/svg+xml"), BYTES),
            (Some("application/pdf"), BYTES),
            (Some("application/xhtml+xml"), BYTES),
            (Some("text/html, image/jpeg"), BYTES),
            (Some("image/jpeg\r\nSet-Cookie: a=b"), BYTES),
            (Some(""), BYTES),
            (None, BYTES),
        ] {
            assert_eq!(safe_type(said), wanted, "{said:?}");
        }
    }

    /// Protects the disk of whoever saves a file, and the header from what is in a name.
    #[test]
    fn names_lead_nowhere() {
        for (said, wanted) in [
            (
                "a b.pdf",
                "attachment; filename=\"a b.pdf\"; filename*=UTF-8''a%20b.pdf",
            ),
            (
                "../../etc/passwd",
                "attachment; filename=\"passwd\"; filename*=UTF-8''passwd",
            ),
            (
                "c:\\x\\evil.exe",
                "attachment; filename=\"evil.exe\"; filename*=UTF-8''evil.exe",
            ),
            (
                "a\"; x=\"y.txt",
                "attachment; filename=\"a_; x=_y.txt\"; filename*=UTF-8''a%22%3B%20x%3D%22y.txt",
            ),
            (
                "photo\u{202e}gpj.exe",
                "attachment; filename=\"photogpj.exe\"; filename*=UTF-8''photogpj.exe",
            ),
            (
                "счёт.pdf",
                "attachment; filename=\"____.pdf\"; filename*=UTF-8''%D1%81%D1%87%D1%91%D1%82.pdf",
            ),
            (
                "a\r\nb: c",
                "attachment; filename=\"ab c\"; filename*=UTF-8''ab%20c",
            ),
            ("..", "attachment"),
            ("", "attachment"),
        ] {
            assert_eq!(disposition(BYTES, Some(said)), wanted, "{said:?}");
        }
        assert_eq!(disposition("image/png", None), "inline");
        let long = format!("{}.tar", "x".repeat(5_000));
        let shown = disposition(BYTES, Some(&long));
        assert!(shown.len() < 400 && shown.ends_with(".tar"), "{shown}");
    }
}
