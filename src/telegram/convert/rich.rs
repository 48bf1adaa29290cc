//! Rich text (`richMessage`, layer 230) as words and what they are: one line for each paragraph, heading, item, row and
//! quote.

use std::collections::HashMap;

use grammers_client::tl;
use tl::enums::{
    PageBlock as B, PageCaption, PageListItem, PageListOrderedItem, PageRelatedArticle,
    PageTableCell, PageTableRow, RichMessage, RichText as T,
};

use super::{clean, date, entities};
use crate::domain::{ChatId, Entity, EntityKind as Kind, utf16_len};

/// The words of a rich text, and what of them is set apart as code or hidden until it is touched.
#[derive(Default)]
pub(super) struct Flat {
    pub text: String,
    /// In bytes.
    apart: Vec<(usize, usize)>,
    /// What parts of it are; places in bytes.
    marks: Vec<(usize, usize, Entity)>,
    /// What the next line begins with.
    bullet: Option<String>,
}

pub(super) fn flat(message: RichMessage) -> Flat {
    let RichMessage::Message(message) = message;
    let mut flat = Flat::default();
    flat.blocks(&message.blocks);
    flat
}

impl Flat {
    /// What parts of the text are, as a plain text would say it.
    pub fn entities(&mut self) -> Vec<Entity> {
        let marks = std::mem::take(&mut self.marks);
        let mut places: Vec<usize> = marks
            .iter()
            .flat_map(|(start, end, _)| [*start, *end])
            .collect();
        places.sort_unstable();
        places.dedup();
        let (mut unit, mut byte, mut units) = (0, 0, HashMap::with_capacity(places.len()));
        for place in places {
            unit += utf16_len(self.text.get(byte..place).unwrap_or_default());
            byte = place;
            units.insert(place, i32::try_from(unit).unwrap_or(i32::MAX));
        }
        let at = |place: &usize| units.get(place).copied().unwrap_or(0);
        let placed = marks.iter().map(|(start, end, entity)| Entity {
            offset: at(start),
            length: at(end) - at(start),
            ..entity.clone()
        });
        let mut entities = entities::within(&self.text, placed);
        entities.sort_by_key(|entity| (entity.offset, -entity.length));
        entities
    }

    fn marked(&mut self, kind: Kind, write: impl FnOnce(&mut Self)) {
        self.marked_as(Entity::of(kind, 0, 0), write);
    }

    fn marked_as(&mut self, entity: Entity, write: impl FnOnce(&mut Self)) {
        let start = self.text.len();
        write(self);
        if self.text.len() > start {
            self.marks.push((start, self.text.len(), entity));
        }
    }

    /// What is set apart, as offsets and lengths in UTF-16 units.
    pub fn apart(&self) -> impl Iterator<Item = (i32, i32)> + '_ {
        let units = |text: Option<&str>| {
            let count = text.unwrap_or_default().encode_utf16().count();
            i32::try_from(count).unwrap_or(i32::MAX)
        };
        self.apart.iter().map(move |(start, end)| {
            (
                units(self.text.get(..*start)),
                units(self.text.get(*start..*end)),
            )
        })
    }

    fn blocks(&mut self, blocks: &[B]) {
        for block in blocks {
            self.block(block);
        }
    }

    fn block(&mut self, block: &B) {
        match block {
            B::Unsupported | B::Divider | B::Anchor(_) | B::Channel(_) => {}
            B::InputPageBlockMap(block) => self.caption(&block.caption),
            B::Title(block) => self.heading(&block.text),
            B::Subtitle(block) => self.line(&block.text),
            B::AuthorDate(block) => self.line(&block.author),
            B::Header(block) => self.heading(&block.text),
            B::Subheader(block) => self.heading(&block.text),
            B::Paragraph(block) => self.line(&block.text),
            B::Preformatted(block) => self.new_line(|flat| {
                let program = Entity {
                    language: super::some(clean::line(block.language.clone())),
                    ..Entity::of(Kind::Pre, 0, 0)
                };
                flat.marked_as(program, |flat| {
                    flat.set_apart(|flat| flat.words(&block.text))
                });
            }),
            B::Footer(block) => self.line(&block.text),
            B::Kicker(block) => self.line(&block.text),
            B::Heading1(block) => self.heading(&block.text),
            B::Heading2(block) => self.heading(&block.text),
            B::Heading3(block) => self.heading(&block.text),
            B::Heading4(block) => self.heading(&block.text),
            B::Heading5(block) => self.heading(&block.text),
            B::Heading6(block) => self.heading(&block.text),
            B::Thinking(block) => self.line(&block.text),
            B::Math(block) => self.new_line(|flat| flat.text.push_str(&block.source)),
            B::List(block) => block.items.iter().for_each(|item| self.item(item)),
            B::OrderedList(block) => self.ordered(block),
            B::Blockquote(block) => {
                self.new_line(|flat| flat.marked(Kind::Blockquote, |flat| flat.words(&block.text)));
                self.line(&block.caption);
            }
            B::Pullquote(block) => {
                self.line(&block.text);
                self.line(&block.caption);
            }
            B::BlockquoteBlocks(block) => {
                self.blocks(&block.blocks);
                self.line(&block.caption);
            }
            B::Photo(block) => self.caption(&block.caption),
            B::Video(block) => self.caption(&block.caption),
            B::Audio(block) => self.caption(&block.caption),
            B::Document(block) => self.caption(&block.caption),
            B::Map(block) => self.caption(&block.caption),
            B::Cover(block) => self.block(&block.cover),
            B::Embed(block) => {
                if let Some(url) = &block.url {
                    self.new_line(|flat| flat.text.push_str(url));
                }
                self.caption(&block.caption);
            }
            B::EmbedPost(block) => {
                self.new_line(|flat| flat.text.push_str(&block.author));
                self.blocks(&block.blocks);
                self.caption(&block.caption);
            }
            B::Collage(block) => {
                self.blocks(&block.items);
                self.caption(&block.caption);
            }
            B::Slideshow(block) => {
                self.blocks(&block.items);
                self.caption(&block.caption);
            }
            B::Table(block) => {
                self.line(&block.title);
                for PageTableRow::Row(row) in &block.rows {
                    self.row(&row.cells);
                }
            }
            B::Details(block) => {
                self.line(&block.title);
                self.blocks(&block.blocks);
            }
            B::RelatedArticles(block) => {
                self.line(&block.title);
                for PageRelatedArticle::Article(article) in &block.articles {
                    let title = article.title.as_ref().unwrap_or(&article.url);
                    self.new_line(|flat| flat.text.push_str(title));
                }
            }
            B::ButtonRow(block) => self.new_line(|flat| {
                for tl::enums::PageButton::Button(button) in &block.buttons {
                    flat.text.push('[');
                    flat.words(&button.text);
                    flat.text.push(']');
                }
            }),
        }
    }

    fn item(&mut self, item: &PageListItem) {
        match item {
            PageListItem::Text(item) => {
                self.bullet = Some(bullet("•", item.checkbox, item.checked));
                self.line(&item.text);
            }
            PageListItem::Blocks(item) => {
                self.bullet = Some(bullet("•", item.checkbox, item.checked));
                self.blocks(&item.blocks);
            }
        }
        self.bullet = None;
    }

    fn ordered(&mut self, list: &tl::types::PageBlockOrderedList) {
        let last = i32::try_from(list.items.len()).unwrap_or(i32::MAX);
        let mut next = list.start.unwrap_or(if list.reversed { last } else { 1 });
        for item in &list.items {
            let (num, value, checkbox, checked) = match item {
                PageListOrderedItem::Text(item) => {
                    (&item.num, item.value, item.checkbox, item.checked)
                }
                PageListOrderedItem::Blocks(item) => {
                    (&item.num, item.value, item.checkbox, item.checked)
                }
            };
            let number = value.unwrap_or(next);
            let label = num.clone().unwrap_or_else(|| number.to_string());
            next = number.saturating_add(if list.reversed { -1 } else { 1 });
            self.bullet = Some(bullet(&format!("{label}."), checkbox, checked));
            match item {
                PageListOrderedItem::Text(item) => self.line(&item.text),
                PageListOrderedItem::Blocks(item) => self.blocks(&item.blocks),
            }
            self.bullet = None;
        }
    }

    fn row(&mut self, cells: &[PageTableCell]) {
        self.new_line(|flat| {
            for (index, PageTableCell::Cell(cell)) in cells.iter().enumerate() {
                if index > 0 {
                    flat.text.push_str(" | ");
                }
                if let Some(text) = &cell.text {
                    flat.words(text);
                }
            }
        });
    }

    fn caption(&mut self, caption: &PageCaption) {
        let PageCaption::Caption(caption) = caption;
        self.line(&caption.text);
        self.line(&caption.credit);
    }

    fn heading(&mut self, text: &T) {
        self.new_line(|flat| flat.marked(Kind::Bold, |flat| flat.words(text)));
    }

    fn line(&mut self, text: &T) {
        self.new_line(|flat| flat.words(text));
    }

    /// A line without words is none.
    fn new_line(&mut self, write: impl FnOnce(&mut Self)) {
        let before = self.text.len();
        if before > 0 {
            self.text.push('\n');
        }
        self.text
            .push_str(self.bullet.as_deref().unwrap_or_default());
        let start = self.text.len();
        write(self);
        if self.text.len() == start {
            self.text.truncate(before);
        } else {
            self.bullet = None;
        }
    }

    fn words(&mut self, text: &T) {
        match text {
            T::TextEmpty | T::TextImage(_) => {}
            T::TextPlain(text) => self.text.push_str(&text.text),
            T::TextMath(text) => self.text.push_str(&text.source),
            T::TextCustomEmoji(emoji) => {
                let told = Entity {
                    custom_emoji_id: Some(emoji.document_id.to_string()),
                    ..Entity::of(Kind::CustomEmoji, 0, 0)
                };
                self.marked_as(told, |flat| flat.text.push_str(&emoji.alt));
            }
            T::TextConcat(text) => text.texts.iter().for_each(|text| self.words(text)),
            T::TextFixed(text) => self.marked(Kind::Code, |flat| {
                flat.set_apart(|flat| flat.words(&text.text));
            }),
            T::TextSpoiler(text) => self.marked(Kind::Spoiler, |flat| {
                flat.set_apart(|flat| flat.words(&text.text));
            }),
            T::TextBold(text) => self.marked(Kind::Bold, |flat| flat.words(&text.text)),
            T::TextItalic(text) => self.marked(Kind::Italic, |flat| flat.words(&text.text)),
            T::TextUnderline(text) => self.marked(Kind::Underline, |flat| flat.words(&text.text)),
            T::TextStrike(text) => self.marked(Kind::Strike, |flat| flat.words(&text.text)),
            T::TextUrl(text) => {
                let link = Entity {
                    url: clean::url(text.url.clone()),
                    ..Entity::of(Kind::TextUrl, 0, 0)
                };
                self.marked_as(link, |flat| flat.words(&text.text));
            }
            T::TextEmail(text) => self.marked(Kind::Email, |flat| flat.words(&text.text)),
            T::TextSubscript(text) => self.words(&text.text),
            T::TextSuperscript(text) => self.words(&text.text),
            T::TextMarked(text) => self.words(&text.text),
            T::TextPhone(text) => self.marked(Kind::Phone, |flat| flat.words(&text.text)),
            T::TextAnchor(text) => self.words(&text.text),
            T::TextMention(text) => self.marked(Kind::Mention, |flat| flat.words(&text.text)),
            T::TextHashtag(text) => self.marked(Kind::Hashtag, |flat| flat.words(&text.text)),
            T::TextBotCommand(text) => self.marked(Kind::BotCommand, |flat| flat.words(&text.text)),
            T::TextCashtag(text) => self.marked(Kind::Cashtag, |flat| flat.words(&text.text)),
            T::TextAutoUrl(text) => self.marked(Kind::Url, |flat| flat.words(&text.text)),
            T::TextAutoEmail(text) => self.marked(Kind::Email, |flat| flat.words(&text.text)),
            T::TextAutoPhone(text) => self.marked(Kind::Phone, |flat| flat.words(&text.text)),
            T::TextBankCard(text) => self.marked(Kind::BankCard, |flat| flat.words(&text.text)),
            T::TextMentionName(text) => {
                let mention = Entity {
                    user_id: Some(ChatId::user(text.user_id)),
                    ..Entity::of(Kind::MentionName, 0, 0)
                };
                self.marked_as(mention, |flat| flat.words(&text.text));
            }
            T::TextDate(text) => {
                let told = Entity {
                    date: Some(date(text.date)),
                    ..Entity::of(Kind::Date, 0, 0)
                };
                self.marked_as(told, |flat| flat.words(&text.text));
            }
            T::TextDiff(text) => self.words(&text.text),
            T::TextButton(text) => self.words(&text.text),
            T::TextTonAddress(text) => self.marked(Kind::TonAddress, |flat| flat.words(&text.text)),
        }
    }

    fn set_apart(&mut self, write: impl FnOnce(&mut Self)) {
        let start = self.text.len();
        write(self);
        if self.text.len() > start {
            self.apart.push((start, self.text.len()));
        }
    }
}

fn bullet(mark: &str, checkbox: bool, checked: bool) -> String {
    match (checkbox, checked) {
        (false, _) => format!("{mark} "),
        (true, true) => format!("{mark} ☑ "),
        (true, false) => format!("{mark} ☐ "),
    }
}
