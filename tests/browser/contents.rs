//! Contents: what people send besides plain words, shown in place, opened, heard of and safe.

use grammers_tl_types::{enums, types};
use switchboard_simulator::{
    PersonSpec,
    world::{Draft, Form, Media},
};

use super::world::{Met, met};
use crate::support::browser::Desk;

pub fn draft(text: &str, form: Form) -> Draft {
    Draft {
        form,
        ..Draft::text(text)
    }
}

pub fn told(media: impl Into<enums::MessageMedia>) -> Form {
    Form {
        told: Some(media.into()),
        ..Form::default()
    }
}

pub fn words(text: &str) -> enums::TextWithEntities {
    types::TextWithEntities {
        text: text.to_owned(),
        entities: Vec::new(),
    }
    .into()
}

pub fn photo(width: i32, height: i32) -> Media {
    Media::Photo { width, height }
}

/// A text with a part of each kind that is shown in a way of its own.
fn formatted() -> Draft {
    let text = "🎉 bold secret bank.example here fn main() {}\n";
    let (offset, length) = (3, 4);
    let entities: Vec<enums::MessageEntity> = vec![
        types::MessageEntityBold { offset, length }.into(),
        types::MessageEntityItalic { offset, length: 2 }.into(),
        types::MessageEntitySpoiler {
            offset: 8,
            length: 6,
        }
        .into(),
        types::MessageEntityTextUrl {
            offset: 15,
            length: 12,
            url: "https://evil.example/login".to_owned(),
        }
        .into(),
        types::MessageEntityTextUrl {
            offset: 28,
            length: 4,
            url: "https://example.org/terms".to_owned(),
        }
        .into(),
        types::MessageEntityPre {
            offset: 33,
            length: 12,
            language: "rust".to_owned(),
        }
        .into(),
    ];
    let form = Form {
        entities,
        ..Form::default()
    };
    draft(text, form)
}

/// Protects what people meant by how they wrote it, and whoever reads it from where a link really leads.
#[tokio::test(flavor = "multi_thread")]
async fn formatted_text_is_shown_as_written_and_links_say_where_they_lead() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["Hello"]).await;
    fleet.telegram.post(person, account.user, formatted());
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_text(".body strong", "bold").await;
    assert_eq!(desk.texts(".body strong em").await, ["bo"]);
    assert_eq!(desk.texts(".code-block code").await, ["fn main() {}"]);
    desk.until_text(".code-head", "rust").await;
    desk.assert_accessible("a formatted message").await;

    // Covered, it is nothing that a reader's voice or a search on the page would give away.
    let covered = "getComputedStyle(document.querySelector('.spoiler .covered')).visibility";
    assert_eq!(desk.js(covered).await, "hidden");
    desk.js("document.querySelector('.spoiler').focus()").await;
    desk.keys("Enter").await;
    desk.until_text(".spoiler.shown", "secret").await;

    let plain =
        "[...document.querySelectorAll('.body a')].find((one) => one.textContent === 'here')";
    let facts = desk
        .js(&format!(
            "(() => {{ const one = {plain}; return [one.href, one.rel, one.dataset.address].join(' '); }})()"
        ))
        .await;
    assert_eq!(
        facts,
        "https://example.org/terms noopener noreferrer https://example.org/terms"
    );
    desk.until_text(".body a.misleading", "evil.example").await;
    desk.click(".body a.misleading").await;
    desk.until_text(".sheet", "https://evil.example/login")
        .await;
    desk.assert_accessible("the question about a link").await;
    desk.keys("Escape").await;
    desk.until_gone(".sheet").await;
    desk.close().await;
}

/// Protects eyes and patience: pictures have their room before they are there, an album is one, and the full screen goes
/// through it by keys.
#[tokio::test(flavor = "multi_thread")]
async fn pictures_stand_in_their_room_and_open_over_the_window() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["Hello"]).await;
    let sim = &fleet.telegram;
    sim.say_media(person, account.user, photo(1_600, 1_200), "the broken part");
    for n in 0..3 {
        let form = Form {
            album: Some(77),
            ..Form::default()
        };
        let text = if n == 0 { "three views" } else { "" };
        let one = Draft {
            media: Some(photo(1_280, 960 + n)),
            ..draft(text, form)
        };
        sim.post(person, account.user, one);
    }
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_text(".body", "three views").await;
    desk.until(
        "the album as one bubble",
        "document.querySelectorAll('.album .picture').length === 3 && document.querySelectorAll('.message').length === 3",
    )
    .await;
    desk.until(
        "every small picture",
        "document.querySelectorAll('.small-picture[data-there]').length === 4",
    )
    .await;
    let room = desk
        .js("(() => { const box = document.querySelector('.picture-room:not(.in-album)').getBoundingClientRect(); return [Math.round(box.width), Math.round(box.height)]; })()")
        .await;
    assert_eq!(room, serde_json::json!([360, 270]));
    desk.assert_accessible("pictures").await;

    desk.click(".album .picture").await;
    desk.until_text(".viewer header", "1 of 3").await;
    desk.assert_accessible("the full screen").await;
    desk.until(
        "the whole picture",
        "[...document.querySelectorAll('.viewer .frame img')].pop().naturalWidth === 1280",
    )
    .await;
    desk.keys("ArrowRight").await;
    desk.until_text(".viewer header", "2 of 3").await;
    desk.keys("End").await;
    desk.until_text(".viewer header", "3 of 3").await;
    desk.keys("+").await;
    desk.until(
        "it larger",
        "/scale\\(1\\.4\\)/.test(document.querySelector('.viewer .frame').style.transform)",
    )
    .await;
    desk.keys("0").await;
    desk.until(
        "it whole again",
        "/scale\\(1\\)/.test(document.querySelector('.viewer .frame').style.transform)",
    )
    .await;
    desk.keys("Escape").await;
    desk.until_gone(".viewer").await;
    let back = desk
        .js("document.activeElement.classList.contains('picture')")
        .await;
    assert_eq!(back, true);
    desk.keys("Enter").await;
    desk.until_text(".viewer header", "1 of 3").await;
    desk.click(".viewer header [aria-label=Reply]").await;
    desk.until_gone(".viewer").await;
    desk.until_text(".answering", "Contact one").await;
    desk.until(
        "the answer to be written",
        "document.activeElement.id === 'reply'",
    )
    .await;
    desk.close().await;
}

/// Protects from empty grey boxes: what Telegram no longer has is said in words.
#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_is_gone_says_so() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["Hello"]).await;
    let id = fleet
        .telegram
        .say_media(person, account.user, photo(800, 600), "");
    let file = fleet.telegram.file_of(person, account.user, id);
    fleet.telegram.forget_file(file);
    let mut desk = Desk::open(fleet.address()).await;
    desk.expect_console("410");
    desk.choose("Contact one").await;
    desk.until_text(".media-trouble", "Telegram no longer has this file")
        .await;
    desk.assert_accessible("a picture that is gone").await;
    desk.close().await;
}

/// Protects recognition: a chat has its photo where it has one, and letters else.
#[tokio::test(flavor = "multi_thread")]
async fn chats_have_their_photos_or_letters() {
    let Met { fleet, account, .. } = met(&["Hello"]).await;
    let other = fleet.telegram.add_person(PersonSpec::new("Contact two"));
    fleet.telegram.set_photo(other);
    fleet.telegram.say(other, account.user, "with a photo");
    let desk = Desk::open(fleet.address()).await;
    desk.until_text(".row", "with a photo").await;
    desk.until(
        "the photo",
        "document.querySelectorAll('.row .avatar img').length === 1",
    )
    .await;
    desk.until(
        "the letters",
        "[...document.querySelectorAll('.row .avatar')].some((one) => one.textContent === 'CO')",
    )
    .await;
    desk.close().await;
}

/// Protects whoever has a slow line: a file and a picture on the way show how far they are, and can be stopped.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_its_way_shows_how_far_it_is_and_can_be_stopped() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["Hello"]).await;
    let file = Media::Document {
        name: "offer.pdf".into(),
        mime: "application/pdf".into(),
        size: 3_000_000,
    };
    fleet.telegram.say_media(person, account.user, file, "");
    fleet
        .telegram
        .say_media(person, account.user, photo(1_600, 1_200), "");
    let mut desk = Desk::open(fleet.address()).await;
    desk.expect_console("net::ERR_");
    desk.choose("Contact one").await;
    desk.until(
        "the small picture",
        "document.querySelector('.small-picture[data-there]')",
    )
    .await;
    desk.slow_line(200_000).await;
    desk.click("a.content-card.file").await;
    desk.until(
        "how far it is",
        "Number(document.querySelector('.file-coming .coming-ring [role=progressbar]').getAttribute('aria-valuenow')) > 0",
    )
    .await;
    desk.assert_accessible("a file on its way").await;
    desk.screenshot("file-on-its-way").await;
    desk.click(".file-coming .ring-stop").await;
    desk.until_gone(".coming-ring").await;
    let saved = "document.querySelector('a.content-card.file').hasAttribute('data-saved')";
    assert_eq!(desk.js(saved).await, false);

    desk.slow_line(2_000).await;
    desk.click(".picture").await;
    desk.until("the ring", "document.querySelector('.viewer .coming-ring')")
        .await;
    desk.click(".viewer .ring-stop").await;
    desk.slow_line(-1).await;
    desk.click(".viewer .come").await;
    desk.until(
        "the whole picture",
        "[...document.querySelectorAll('.viewer .frame img')].pop().naturalWidth === 1600 && !document.querySelector('.viewer .coming-ring')",
    )
    .await;
    desk.close().await;
}

/// Protects whoever was told something else before: every text that an edited message had can be read.
#[tokio::test(flavor = "multi_thread")]
async fn an_edited_message_shows_what_it_said_before() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["Hello"]).await;
    let sim = &fleet.telegram;
    let id = sim.say(person, account.user, "it costs 100");
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_message("it costs 100", "received").await;
    for text in ["it costs 120", "it costs 150"] {
        sim.edit(person, account.user, id, text).unwrap();
        desk.until_message(text, "received").await;
    }
    desk.click(".edits").await;
    desk.until(
        "all three texts",
        "document.querySelectorAll('.versions .body').length === 3",
    )
    .await;
    assert_eq!(
        desk.texts(".versions .body").await,
        ["it costs 150", "it costs 120", "it costs 100"]
    );
    desk.assert_accessible("the versions of a message").await;
    desk.screenshot("versions").await;
    desk.keys("Escape").await;
    desk.until_gone(".sheet").await;
    desk.close().await;
}
