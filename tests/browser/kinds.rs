//! Every kind of message, and the lines of the service, on the page.

use grammers_tl_types::{enums, types};
use switchboard_simulator::world::{Action, Form, Media, Poll};

use super::{
    contents::{draft, told, words},
    world::{Met, met},
};
use crate::support::browser::{Desk, Look};

const ARABIC: Look = Look {
    width: 390,
    height: 780,
    language: "ar",
    dark: true,
};

fn post_kinds(met: &Met) -> [i32; 2] {
    let (sim, to) = (&met.fleet.telegram, met.account.user);
    let said = |form: Form| sim.post(met.person, to, draft("", form));
    sim.say_media(
        met.person,
        to,
        Media::Location {
            latitude: 33.5138,
            longitude: 36.2765,
        },
        "",
    );
    sim.say_media(
        met.person,
        to,
        Media::Contact {
            phone: "99966".into(),
            first_name: "Contact".into(),
            last_name: "four".into(),
            user_id: met.person,
        },
        "",
    );
    sim.say_media(
        met.person,
        to,
        Media::Sticker {
            emoji: "🎉".into()
        },
        "",
    );
    sim.say_media(
        met.person,
        to,
        Media::Voice {
            seconds: 12,
            size: 9_000,
        },
        "",
    );
    sim.say_media(
        met.person,
        to,
        Media::Video {
            seconds: 9,
            width: 640,
            height: 360,
            size: 90_000,
        },
        "a film",
    );
    sim.say_media(
        met.person,
        to,
        Media::Document {
            name: "offer.pdf".into(),
            mime: "application/pdf".into(),
            size: 40_960,
        },
        "the offer",
    );
    said(told(types::MessageMediaInvoice {
        shipping_address_requested: false,
        test: false,
        title: "Repair".to_owned(),
        description: "One hour".to_owned(),
        photo: None,
        receipt_msg_id: None,
        currency: "EUR".to_owned(),
        total_amount: 4_950,
        start_param: String::new(),
        extended_media: None,
    }));
    said(told(types::MessageMediaDice {
        value: 5,
        emoticon: "🎲".to_owned(),
        game_outcome: None,
    }));
    said(told(types::MessageMediaToDo {
        todo: types::TodoList {
            others_can_append: false,
            others_can_complete: false,
            title: words("Shopping"),
            list: vec![
                types::TodoItem {
                    id: 1,
                    title: words("Bread"),
                }
                .into(),
            ],
        }
        .into(),
        completions: None,
    }));
    said(told(enums::MessageMedia::Unsupported));
    let pressed = |text: &str, kind: enums::InlineButtonType| -> enums::KeyboardInlineButton {
        types::KeyboardInlineButton {
            style: None,
            text: text.to_owned(),
            r#type: kind,
        }
        .into()
    };
    let row = types::KeyboardInlineButtonRow {
        buttons: vec![pressed(
            "Open",
            types::InlineButtonTypeUrl {
                url: "https://example.org/".to_owned(),
            }
            .into(),
        )],
    };
    let poll = said(Form {
        poll: Some(Poll {
            question: "When?".to_owned(),
            answers: vec!["Monday".to_owned(), "Friday".to_owned()],
            right: None,
            solution: None,
            multiple: false,
            public: true,
            closed: false,
            votes: Vec::new(),
        }),
        ..Form::default()
    });
    let marked = sim.post(
        met.person,
        to,
        draft(
            "choose",
            Form {
                markup: Some(
                    types::ReplyInlineMarkup {
                        force_reply: false,
                        rows: vec![row.into()],
                    }
                    .into(),
                ),
                protected: true,
                ..Form::default()
            },
        ),
    );
    [poll, marked]
}

/// Protects everybody who is sent more than words: each kind is named, holds what it says, follows what happens to it, and
/// can be read by everyone.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_shown_and_follows_votes_and_reactions() {
    let met = met(&["Hello"]).await;
    let [poll, marked] = post_kinds(&met);
    let Met {
        fleet,
        account,
        person,
    } = &met;
    let sim = &fleet.telegram;
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_text(".message", "choose").await;
    for (css, text) in [
        (".content-card", "33.51380, 36.27650"),
        (".content-card", "Contact four"),
        (".content-card", "€49.50"),
        (".content-card", "Shows 5"),
        (".content-card", "Only in Telegram"),
        (".file-name", "offer.pdf"),
        (".todo", "0 of 1 done"),
        (".poll", "When?"),
        (".sound .time", "0:12"),
        (".badge-on", "0:09"),
        (".bot-button", "Open"),
        (".notes", "may not be forwarded or saved"),
    ] {
        desk.until_text(css, text).await;
    }
    let place = desk
        .js("document.querySelector('.content-card[data-kind=location] a').href")
        .await;
    assert!(
        place
            .as_str()
            .unwrap()
            .starts_with("https://www.openstreetmap.org/"),
        "{place}"
    );
    desk.assert_accessible("every kind").await;

    sim.vote(*person, account.user, poll, &[1]).unwrap();
    desk.until_text(".poll", "1 person voted").await;
    sim.react(*person, account.user, marked, Some("🔥"))
        .unwrap();
    desk.until_text(".reactions", "🔥").await;
    desk.assert_accessible("reactions").await;
    desk.fill("#search", "offer").await;
    desk.until_text(".result", "File “offer.pdf”").await;
    desk.close().await;

    for (look, name) in [(Look::PHONE, "phone"), (ARABIC, "arabic phone")] {
        let desk = Desk::open_with(fleet.address(), look).await;
        desk.choose("Contact one").await;
        desk.until_text(".poll", "When?").await;
        let wide = desk
            .js("document.documentElement.scrollWidth <= innerWidth && document.querySelector('#scroller').scrollWidth <= document.querySelector('#scroller').clientWidth")
            .await;
        assert_eq!(wide, true, "{name} scrolls sideways");
        desk.assert_accessible(&format!("every kind, {name}")).await;
        desk.screenshot(&format!("contents-{}", name.replace(' ', "-")))
            .await;
        desk.close().await;
    }
}

/// Protects readers of other languages: what happened in a chat is told in theirs.
#[tokio::test(flavor = "multi_thread")]
async fn service_lines_are_in_the_language_of_the_page() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["Hello"]).await;
    let group = fleet.telegram.add_group("Team", &[account.user, person]);
    let title = Action::TitleChanged {
        title: "Склад".into(),
    };
    fleet.telegram.say(person, group, "hello all");
    fleet.telegram.service(person, group, title);
    let russian = Look {
        language: "ru",
        ..Look::default()
    };
    let desk = Desk::open_with(fleet.address(), russian).await;
    desk.until_text(".row", "новое название").await;
    desk.click(".row").await;
    desk.until_text(".service", "Contact one: новое название «Склад»")
        .await;
    desk.close().await;
}
