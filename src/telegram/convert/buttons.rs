//! Buttons under a message, or instead of the keyboard.

use grammers_client::tl;
use tl::enums::{
    ButtonType as B, InlineButtonType as I, InputUser, KeyboardButton, KeyboardButtonRow,
    KeyboardInlineButton, KeyboardInlineButtonRow, ReplyMarkup,
};

use super::clean;
use crate::domain::{Button, ButtonKind as Kind, ChatId};

const MOST_ROWS: usize = 100;
const MOST_IN_ROW: usize = 20;

/// Markup without a button (a keyboard is taken away, an answer is asked for) has none here either.
pub(super) fn buttons(markup: &ReplyMarkup) -> Vec<Vec<Button>> {
    match markup {
        ReplyMarkup::ReplyKeyboardHide(_) | ReplyMarkup::ReplyKeyboardForceReply(_) => Vec::new(),
        ReplyMarkup::ReplyKeyboardMarkup(markup) => {
            let rows = markup.rows.iter().take(MOST_ROWS);
            rows.map(|KeyboardButtonRow::Row(row)| {
                row.buttons
                    .iter()
                    .take(MOST_IN_ROW)
                    .map(of_keyboard)
                    .collect()
            })
            .collect()
        }
        ReplyMarkup::ReplyInlineMarkup(markup) => {
            let rows = markup.rows.iter().take(MOST_ROWS);
            rows.map(|KeyboardInlineButtonRow::Row(row)| {
                row.buttons.iter().take(MOST_IN_ROW).map(inline).collect()
            })
            .collect()
        }
    }
}

fn button(text: &str, kind: Kind) -> Button {
    Button {
        text: clean::line(text.to_owned()),
        kind,
        url: None,
        copies: None,
        user_id: None,
    }
}

fn of_keyboard(KeyboardButton::Button(pressed): &KeyboardButton) -> Button {
    let of = |kind| button(&pressed.text, kind);
    match &pressed.r#type {
        B::Default => of(Kind::Text),
        B::RequestPhone
        | B::RequestGeoLocation
        | B::RequestPoll(_)
        | B::RequestPeer(_)
        | B::InputButtonTypeRequestPeer(_) => of(Kind::Request),
        B::SimpleWebView(page) => Button {
            url: clean::url(page.url.clone()),
            ..of(Kind::App)
        },
    }
}

fn inline(KeyboardInlineButton::Button(pressed): &KeyboardInlineButton) -> Button {
    let of = |kind| button(&pressed.text, kind);
    let leading = |kind, url: &str| Button {
        url: clean::url(url.to_owned()),
        ..of(kind)
    };
    let person = |id| Button {
        user_id: id,
        ..of(Kind::User)
    };
    match &pressed.r#type {
        I::Url(link) => leading(Kind::Url, &link.url),
        I::UrlAuth(link) => leading(Kind::Url, &link.url),
        I::InputInlineButtonTypeUrlAuth(link) => leading(Kind::Url, &link.url),
        I::WebView(page) => leading(Kind::App, &page.url),
        I::Callback(_) => of(Kind::Callback),
        I::Game => of(Kind::Game),
        I::Buy => of(Kind::Pay),
        I::SwitchInline(_) => of(Kind::Inline),
        I::UserProfile(profile) => person(Some(ChatId::user(profile.user_id))),
        I::InputInlineButtonTypeUserProfile(profile) => person(match &profile.user_id {
            InputUser::User(user) => Some(ChatId::user(user.user_id)),
            InputUser::FromMessage(user) => Some(ChatId::user(user.user_id)),
            InputUser::Empty | InputUser::UserSelf => None,
        }),
        I::Copy(copy) => Button {
            copies: Some(clean::block(copy.copy_text.clone())),
            ..of(Kind::Copy)
        },
        I::Disabled => of(Kind::Disabled),
    }
}
