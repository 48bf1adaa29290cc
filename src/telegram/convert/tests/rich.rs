//! Rich texts, read as lines.

use super::{
    whole::{fixed, paragraph, plain, rich},
    *,
};
use crate::domain::MediaKind;

/// Protects rich texts from being empty: each of their lines is in the text.
#[test]
fn a_rich_text_is_read_as_lines() {
    let item = |words: &str, checked: Option<bool>| {
        types::PageListItemText {
            checkbox: checked.is_some(),
            checked: checked == Some(true),
            text: plain(words),
        }
        .into()
    };
    let numbered = types::PageListOrderedItemBlocks {
        checkbox: false,
        checked: false,
        num: None,
        blocks: vec![paragraph(plain("first")), paragraph(plain("more"))],
        value: None,
        r#type: None,
    };
    let cell = |words: &str| {
        types::PageTableCell {
            header: false,
            align_center: false,
            align_right: false,
            valign_middle: false,
            valign_bottom: false,
            text: Some(plain(words)),
            colspan: None,
            rowspan: None,
        }
        .into()
    };
    let blocks = vec![
        types::PageBlockHeading1 {
            text: plain("Title"),
        }
        .into(),
        enums::PageBlock::Divider,
        paragraph(
            types::TextConcat {
                texts: vec![plain("one "), fixed("two"), plain(" three")],
            }
            .into(),
        ),
        paragraph(enums::RichText::TextEmpty),
        types::PageBlockList {
            items: vec![
                item("a", None),
                item("b", Some(true)),
                item("c", Some(false)),
            ],
        }
        .into(),
        types::PageBlockOrderedList {
            reversed: false,
            items: vec![numbered.into()],
            start: Some(4),
            r#type: None,
        }
        .into(),
        types::PageBlockPreformatted {
            text: plain("let a = 1;"),
            language: "rust".to_owned(),
        }
        .into(),
        types::PageBlockBlockquote {
            collapsed: false,
            text: plain("said"),
            caption: plain("by somebody"),
        }
        .into(),
        types::PageBlockTable {
            bordered: false,
            striped: false,
            compact: false,
            title: plain("Prices"),
            rows: vec![
                types::PageTableRow {
                    cells: vec![cell("x"), cell("y")],
                }
                .into(),
            ],
        }
        .into(),
    ];
    let message = types::Message {
        message: String::new(),
        rich_message: rich(blocks),
        ..text(1, user(7))
    };
    let lines = "Title\none two three\n• a\n• ☑ b\n• ☐ c\n4. first\nmore\nlet a = 1;\nsaid\nby somebody\nPrices\nx | y";
    assert_eq!(converted(message.clone()).text, lines);

    // Without a word it is something, too.
    let wordless = converted(types::Message {
        rich_message: rich(vec![enums::PageBlock::Divider]),
        ..message
    });
    assert_eq!(wordless.media.unwrap().kind, MediaKind::Other);
}
