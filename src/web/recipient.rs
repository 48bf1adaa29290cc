//! Recipients: whom a person means, as they put it. Only what names somebody exactly is taken.

use url::Url;

use super::{ApiError, login::check_phone};
use crate::{
    domain::{ChatId, SecretText},
    telegram::Recipient,
};

const HOSTS: [&str; 3] = ["t.me", "telegram.me", "telegram.dog"];
/// What stands in the place of a name in links that lead to something else (core.telegram.org/api/links).
const NO_NAMES: [&str; 22] = [
    "a",
    "addemoji",
    "addlist",
    "addstickers",
    "addtheme",
    "auction",
    "bg",
    "boost",
    "c",
    "call",
    "confirmphone",
    "contact",
    "giftcode",
    "invoice",
    "iv",
    "login",
    "m",
    "nft",
    "proxy",
    "setlanguage",
    "share",
    "socks",
];

/// # Errors
/// 422 when it names nobody.
pub fn parse(recipient: &SecretText) -> Result<Recipient, ApiError> {
    let text = recipient.expose().trim();
    if let Some(url) = link(text) {
        return of_link(&url).ok_or_else(invalid);
    }
    if text.starts_with('+') {
        return check_phone(recipient).map(Recipient::Phone);
    }
    if let Ok(chat) = text.parse::<ChatId>() {
        return Ok(Recipient::Id(chat));
    }
    let name = text.strip_prefix('@').unwrap_or(text);
    named(name).ok_or_else(invalid)
}

fn invalid() -> ApiError {
    ApiError::unprocessable(
        "recipient_invalid",
        "a recipient is a @username, a numeric id, a phone number with + or a link of Telegram's",
    )
}

fn named(name: &str) -> Option<Recipient> {
    let plausible = (3..=32).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plausible.then(|| Recipient::Username(name.to_owned()))
}

fn link(text: &str) -> Option<Url> {
    let with_scheme = match text.split_once("://") {
        Some(("http" | "https" | "tg", _)) => text.to_owned(),
        Some(_) => return None,
        None if text.contains('/') => format!("https://{text}"),
        None => return None,
    };
    Url::parse(&with_scheme).ok()
}

fn of_link(url: &Url) -> Option<Recipient> {
    let host = url.host_str()?;
    if url.scheme() == "tg" {
        return of_command(url, host);
    }
    let mut path = url.path_segments()?.filter(|part| !part.is_empty());
    let host = host.strip_prefix("www.").unwrap_or(host);
    if let Some(name) = host.strip_suffix(".t.me") {
        return named(name);
    }
    if !HOSTS.contains(&host) {
        return None;
    }
    match path.next()? {
        "joinchat" => invite(path.next()?),
        // The page of a public channel.
        "s" => named(path.next()?),
        first if NO_NAMES.contains(&first) => None,
        first => match first
            .strip_prefix('+')
            .or_else(|| first.strip_prefix("%2B"))
        {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => phone(digits),
            Some(hash) => invite(hash),
            None => named(first),
        },
    }
}

/// `tg://…`
fn of_command(url: &Url, command: &str) -> Option<Recipient> {
    let given = |wanted: &str| {
        let mut pairs = url.query_pairs();
        pairs
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
    };
    match command {
        "resolve" => match (given("domain"), given("phone")) {
            (Some(name), None) => named(&name),
            (None, Some(digits)) => phone(digits.trim_start_matches('+')),
            _ => None,
        },
        "join" => invite(&given("invite")?),
        "user" => given("id")?.parse().ok().map(Recipient::Id),
        _ => None,
    }
}

fn phone(digits: &str) -> Option<Recipient> {
    let phone = SecretText::new(format!("+{digits}"));
    check_phone(&phone).ok().map(Recipient::Phone)
}

fn invite(hash: &str) -> Option<Recipient> {
    let plausible = (8..=64).contains(&hash.len())
        && hash
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    plausible.then(|| Recipient::Invite(SecretText::new(hash.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<Recipient> {
        parse(&SecretText::new(text.to_owned())).ok()
    }

    /// Protects from writing to somebody else: each way of naming means what Telegram means by it, and nothing else is taken.
    #[test]
    fn a_recipient_is_named_exactly() {
        let name = |name: &str| Some(Recipient::Username(name.to_owned()));
        let phone = |phone: &str| Some(Recipient::Phone(SecretText::new(phone.to_owned())));
        let invite = |hash: &str| Some(Recipient::Invite(SecretText::new(hash.to_owned())));
        for (text, meant) in [
            ("@contact1", name("contact1")),
            ("contact1", name("contact1")),
            (" https://t.me/contact1 ", name("contact1")),
            ("t.me/contact1/25", name("contact1")),
            ("t.me/contact1?start=x", name("contact1")),
            ("https://t.me/s/contact1", name("contact1")),
            ("http://contact1.t.me", name("contact1")),
            ("telegram.me/contact1", name("contact1")),
            ("tg://resolve?domain=contact1", name("contact1")),
            ("tg://resolve?phone=9996621234", phone("+9996621234")),
            ("+999 662-12-34", phone("+9996621234")),
            ("https://t.me/+9996621234", phone("+9996621234")),
            ("https://t.me/+AbCdEf0123_-xyz", invite("AbCdEf0123_-xyz")),
            ("t.me/joinchat/AbCdEf0123", invite("AbCdEf0123")),
            ("tg://join?invite=AbCdEf0123", invite("AbCdEf0123")),
            (
                "tg://user?id=100123",
                Some(Recipient::Id(ChatId::user(100_123))),
            ),
            (
                "-1001900001",
                Some(Recipient::Id(ChatId::from_marked(-1_001_900_001))),
            ),
        ] {
            assert_eq!(parsed(text), meant, "{text}");
        }
        for text in [
            "Contact one",
            "@",
            "ab",
            "",
            "https://example.org/contact1",
            "https://t.me/",
            "https://t.me/c/1900001/5",
            "https://t.me/addstickers/Pack",
            "https://t.me.example.org/contact1",
            "ftp://t.me/contact1",
            "tg://resolve",
            "https://t.me/+",
            "@contact-1",
            "+12",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
