//! Page: histories as one page of HTML that needs nothing else: styles and files are inside, nothing is run or loaded.

use std::fmt::Write;

use super::{text::stretches, write::Stretch};
use crate::domain::{
    Account, Conversation, Direction, Entity, EntityKind as Kind, Media, MediaKind, StoredMessage,
};

const STYLE: &str = "body{margin:0 auto;max-width:46rem;padding:1rem;font:16px/1.45 system-ui,sans-serif;background:#fff;color:#1b1f24}\
h1,h2{font-size:1.3rem;overflow-wrap:anywhere}h2{margin-top:3rem;border-top:1px solid #d0d7de;padding-top:1rem}\
article{margin:.6rem 0;padding:.5rem .8rem;border-radius:.6rem;background:#f1f3f5;overflow-wrap:anywhere}\
article.out{background:#dff1e2;margin-inline-start:3rem}article.service{background:none;text-align:center;color:#57606a}\
header{display:flex;gap:.6rem;justify-content:space-between;font-size:.85rem;color:#57606a}header b{color:#1b1f24}\
p{margin:.3rem 0;white-space:pre-wrap}small,.quiet{color:#57606a}blockquote{margin:.3rem 0;padding-inline-start:.6rem;border-inline-start:3px solid #8c959f}\
img,video{max-width:100%;max-height:30rem;border-radius:.4rem}audio{width:100%}pre,code{font-family:ui-monospace,monospace}\
@media(prefers-color-scheme:dark){body{background:#16191d;color:#e6e8eb}article{background:#23282e}article.out{background:#1e3a29}header b{color:#e6e8eb}}";

/// A part of the page, in order.
#[derive(Debug)]
pub enum PagePart {
    Text(String),
    /// The file of this message stands here.
    File(Box<StoredMessage>),
}

/// How a file is written into the page: before its bytes in base64, and after them.
#[derive(Debug, PartialEq, Eq)]
pub struct Embed {
    pub before: String,
    pub after: String,
}

#[must_use]
pub fn page_head(account: &Account, title: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1 dir=\"auto\">{title}</h1>\n\
         <p class=\"quiet\">Account: <bdi>{}</bdi>. Times are UTC. What may be at Telegram and is not stored here is named under each chat.</p>\n",
        escaped(&account.label),
        title = escaped(title),
    )
}

#[must_use]
pub fn page_chat(conversation: &Conversation) -> String {
    format!("<h2 dir=\"auto\">{}</h2>\n", escaped(&conversation.title))
}

/// What may be at Telegram and is not here.
#[must_use]
pub fn page_missing(missing: &[Stretch]) -> String {
    if missing.is_empty() {
        return String::new();
    }
    let stretches: Vec<String> = missing
        .iter()
        .map(|(from, to)| match to {
            Some(to) => format!("#{from} to #{to}"),
            None => format!("#{from} and later"),
        })
        .collect();
    format!(
        "<p class=\"quiet\">Not stored here, and perhaps at Telegram: {}.</p>\n",
        stretches.join(", ")
    )
}

/// `all`: every chat of the account has been listed.
#[must_use]
pub const fn page_end(all: bool) -> &'static str {
    if all {
        "</body>\n</html>\n"
    } else {
        "<p class=\"quiet\">The list of chats was not complete yet: further ones are at Telegram.</p>\n</body>\n</html>\n"
    }
}

/// `own`: what the account is called.
#[must_use]
pub fn message_parts(message: &StoredMessage, own: &str) -> Vec<PagePart> {
    let mut text = String::new();
    let number = message.message_id.as_deref().unwrap_or_default();
    let outgoing = message.direction == Direction::Outgoing;
    let class = match (&message.service, outgoing) {
        (Some(_), _) => "service",
        (None, true) => "out",
        (None, false) => "in",
    };
    let sender = message.sender.as_ref().map(|sender| sender.name.as_str());
    let name = sender.unwrap_or(if outgoing { own } else { "" });
    let at = message.timestamp.to_string();
    let shown = at.get(..16).unwrap_or_default().replace('T', " ");
    // Writing into a text has no way to fail.
    let _ = write!(
        text,
        "<article class=\"{class}\" id=\"m{row}\"><header><b dir=\"auto\">{}</b><time datetime=\"{at}\">{shown}{}</time></header>",
        escaped(name),
        if message.edited_at.is_some() {
            " · edited"
        } else {
            ""
        },
        row = message.id.0,
    );
    if let Some(from) = &message.forwarded_from {
        let name = escaped(from.name.as_deref().unwrap_or("somebody who hides"));
        let _ = write!(text, "<small>Forwarded from <bdi>{name}</bdi></small>");
    }
    if let Some(replied) = &message.reply_to_message_id {
        let quote = message.quote.as_deref().map(escaped).unwrap_or_default();
        let _ = write!(
            text,
            "<blockquote dir=\"auto\"><small>In reply to {}</small> {quote}</blockquote>",
            escaped(replied)
        );
    }
    if let Some(service) = &message.service {
        let _ = write!(text, "<p dir=\"auto\">{}</p>", escaped(service));
    }
    let mut parts = Vec::new();
    if let Some(media) = &message.media {
        if media.url.is_some() {
            parts.push(PagePart::Text(std::mem::take(&mut text)));
            parts.push(PagePart::File(Box::new(message.clone())));
        } else {
            text.push_str(&named(media));
        }
    }
    if !message.text.is_empty() {
        let words = formatted(
            &message.text,
            message.entities.as_deref().unwrap_or_default(),
        );
        let _ = write!(text, "<p dir=\"auto\">{words}</p>");
    }
    let reactions = message.reactions.iter().flatten();
    let reactions: Vec<String> = reactions
        .filter(|reaction| !reaction.emoji.is_empty())
        .map(|reaction| format!("{} {}", escaped(&reaction.emoji), reaction.count))
        .collect();
    if !reactions.is_empty() {
        let _ = write!(text, "<small>{}</small>", reactions.join(" · "));
    }
    let _ = writeln!(
        text,
        "<small class=\"quiet\"> #{}</small></article>",
        escaped(number)
    );
    parts.push(PagePart::Text(text));
    parts
}

/// In words.
fn named(media: &Media) -> String {
    let kind = serde_json::to_value(media.kind).unwrap_or_default();
    let kind = kind.as_str().unwrap_or_default().replace('_', " ");
    let name = media.name.as_deref().map(escaped).unwrap_or_default();
    format!("<p class=\"quiet\" dir=\"auto\">[{kind}] {name}</p>")
}

/// In the place of a file, with why it is not there.
#[must_use]
pub fn missing_file(words: &str) -> String {
    format!("<p class=\"quiet\" dir=\"auto\">[{}]</p>", escaped(words))
}

/// Around a file. `kind` is one of those that a browser shows, or bytes.
#[must_use]
pub fn embedded(media: &Media, kind: &str) -> Embed {
    let name = escaped(media.name.as_deref().unwrap_or("file"));
    let data = format!("data:{kind};base64,");
    let (before, after) = match (kind.split('/').next(), media.kind) {
        (Some("image"), _) => (
            format!("<img alt=\"{name}\" src=\"{data}"),
            "\">".to_owned(),
        ),
        (Some("video"), MediaKind::Animation) => (
            format!("<video loop controls src=\"{data}"),
            "\"></video>".to_owned(),
        ),
        (Some("video"), _) => (
            format!("<video controls src=\"{data}"),
            "\"></video>".to_owned(),
        ),
        (Some("audio"), _) => (
            format!("<audio controls src=\"{data}"),
            "\"></audio>".to_owned(),
        ),
        _ => (
            format!("<p><a download=\"{name}\" href=\"{data}"),
            format!("\"><bdi>{name}</bdi></a></p>"),
        ),
    };
    Embed { before, after }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe
}

fn formatted(text: &str, entities: &[Entity]) -> String {
    let mut html = String::new();
    for (piece, entity) in stretches(text, entities) {
        let piece = escaped(piece);
        let (before, after) = match entity {
            None => (String::new(), ""),
            Some(entity) => tags(entity, &piece),
        };
        html.push_str(&before);
        html.push_str(&piece);
        html.push_str(after);
    }
    html
}

fn tags(entity: &Entity, piece: &str) -> (String, &'static str) {
    let plain = |before: &str, after| (before.to_owned(), after);
    let link = |address: &str| {
        let open = ["http://", "https://", "mailto:", "tel:"];
        match open.iter().any(|scheme| address.starts_with(scheme)) {
            true => (
                format!("<a rel=\"noopener noreferrer\" href=\"{address}\">"),
                "</a>",
            ),
            false => (String::new(), ""),
        }
    };
    match entity.kind {
        Kind::Bold => plain("<b>", "</b>"),
        Kind::Italic => plain("<i>", "</i>"),
        Kind::Underline => plain("<u>", "</u>"),
        Kind::Strike => plain("<s>", "</s>"),
        Kind::Code => plain("<code>", "</code>"),
        Kind::Pre => plain("<pre>", "</pre>"),
        Kind::Blockquote => plain("<q>", "</q>"),
        Kind::Url => link(piece),
        Kind::TextUrl => link(&escaped(entity.url.as_deref().unwrap_or_default())),
        _ => (String::new(), ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects whoever opens the page: no message becomes a part of it, and no address that is run a link.
    #[test]
    fn what_people_wrote_stays_text() {
        let hostile = "<script>alert(1)</script>\"'&";
        let link = |url: &str| Entity {
            url: Some(url.to_owned()),
            ..Entity::of(Kind::TextUrl, 0, 8)
        };
        let shown = formatted(hostile, &[link("javascript:alert(1)")]);
        assert_eq!(
            shown,
            "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"
        );
        let shown = formatted(hostile, &[link("https://example.org/\"onmouseover=\"x")]);
        assert!(shown.starts_with("<a rel=\"noopener noreferrer\" href=\"https://example.org/&quot;onmouseover=&quot;x\">"), "{shown}");
        let media = Media {
            name: Some("\"><script>".to_owned()),
            ..Media::of(MediaKind::Document)
        };
        for kind in ["image/png", "application/octet-stream"] {
            let embed = embedded(&media, kind);
            assert!(
                !format!("{}{}", embed.before, embed.after).contains("<script"),
                "{kind}"
            );
        }
    }
}
