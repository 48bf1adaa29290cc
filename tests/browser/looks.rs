//! Looks: light, dark, phone and Arabic, each without accessibility violations, each kept as a picture.

use switchboard_simulator::PersonSpec;

use super::world::{Met, met};
use crate::support::browser::{Desk, Look};

async fn furnished() -> Met {
    let met = met(&[
        "Is my order shipped?",
        "Can I pay on delivery? https://example.com/terms",
    ])
    .await;
    let sim = &met.fleet.telegram;
    for (name, text) in [
        ("سلمى", "مرحبا، هل الطلب جاهز؟"),
        ("Покупатель", "Здравствуйте! Есть в наличии?"),
        ("Contact two", "Thanks a lot"),
    ] {
        let person = sim.add_person(PersonSpec::new(name));
        sim.say(person, met.account.user, text);
    }
    let team = sim.add_group("Team", &[met.account.user, met.person]);
    sim.say(met.person, team, "Who is on duty today?");
    met
}

async fn shown(met: &Met, look: Look, name: &str) {
    let desk = Desk::open_with(met.fleet.address(), look).await;
    desk.until_text(".row", "Team").await;
    desk.assert_accessible(&format!("the list, {name}")).await;
    if look.width < 600 {
        desk.screenshot(&format!("{name}-list")).await;
        desk.click("#rail-opener").await;
        desk.until_text(".tile-text", "Account 1").await;
        desk.assert_accessible(&format!("the rail, {name}")).await;
        let small = desk
            .js("[...document.querySelectorAll('#rail button')].filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect()).filter((box) => box.width < 44 || box.height < 44).length")
            .await;
        assert_eq!(small, 0, "touch targets below 44 px");
        desk.keys("Escape").await;
    }
    desk.choose("Contact one").await;
    desk.until_message("Is my order shipped?", "received").await;
    if !desk
        .texts(".own .body")
        .await
        .iter()
        .any(|text| text == "On its way, tomorrow")
    {
        desk.reply("On its way, tomorrow").await;
    }
    desk.until_message("On its way, tomorrow", "sent").await;
    if look.width < 600 {
        let cut = "(() => { const one = document.querySelector('#chat-head h2 bdi'); return one.scrollWidth > one.clientWidth; })()";
        assert_eq!(desk.js(cut).await, false, "the name above the chat is cut");
        desk.fill("#reply", "What is the number of your order?")
            .await;
        let room = "document.querySelector('#reply').clientWidth / innerWidth";
        let room = desk.js(room).await.as_f64().unwrap();
        assert!(
            room > 0.9,
            "{room} of the width is left for what is written"
        );
        let small = desk
            .js("[...document.querySelectorAll('#composer button, #chat-head button:not(.account-chip)')].filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect()).filter((box) => box.width < 44 || box.height < 44).length")
            .await;
        assert_eq!(small, 0, "touch targets below 44 px");
        for (open, words) in [
            ("#chat-head .account-chip", "Fetch the whole history"),
            ("#chat-head [data-part=menu]", "Mute"),
        ] {
            desk.click(open).await;
            desk.until_text("dialog", words).await;
            let beyond = "[...document.querySelectorAll('dialog *')].filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth).map((one) => one.outerHTML.slice(0, 80)).join('\\n')";
            assert_eq!(desk.js(beyond).await, "", "cut off in {open}");
            desk.keys("Escape").await;
            desk.until_gone("dialog").await;
        }
        desk.js("{ const one = document.querySelector('#reply'); one.value = ''; one.dispatchEvent(new Event('input')); }")
            .await;
    }
    desk.leave().await;
    desk.assert_accessible(&format!("a chat, {name}")).await;
    let wide = desk
        .js("document.documentElement.scrollWidth <= innerWidth")
        .await;
    assert_eq!(wide, true, "{name} scrolls sideways");
    desk.screenshot(name).await;
    desk.close().await;
}

/// Protects everyone's way of looking at it.
#[tokio::test(flavor = "multi_thread")]
async fn light_dark_phone_and_arabic_are_accessible() {
    let met = furnished().await;
    shown(&met, Look::default(), "light").await;
    shown(
        &met,
        Look {
            dark: true,
            ..Look::default()
        },
        "dark",
    )
    .await;
    shown(&met, Look::PHONE, "phone").await;
    let arabic = Look {
        language: "ar",
        ..Look::default()
    };
    let desk = Desk::open_with(met.fleet.address(), arabic).await;
    desk.until_text(".row", "Team").await;
    assert_eq!(
        desk.js("document.documentElement.dir + document.documentElement.lang")
            .await,
        "rtlar"
    );
    desk.choose("سلمى").await;
    desk.until_text(".composer .as", "الرد باسم").await;
    desk.assert_accessible("a chat, Arabic").await;
    let mirrored = desk
        .js("document.querySelector('#rail').getBoundingClientRect().left > innerWidth / 2")
        .await;
    assert_eq!(mirrored, true);
    desk.leave().await;
    desk.screenshot("arabic").await;
    desk.close().await;
}

/// Protects the choices one makes: language and theme stay, also over a reload.
#[tokio::test(flavor = "multi_thread")]
async fn settings_are_kept() {
    let Met { fleet, .. } = met(&["Hello"]).await;
    let desk = Desk::open(fleet.address()).await;
    desk.until_text(".row", "Contact one").await;
    desk.click("#open-settings").await;
    desk.until_text(".sheet", "Mark read automatically").await;
    desk.until_text(".sheet", "0 byte of at most 2.1 GB").await;
    desk.until_text(".sheet", "SQLite").await;
    desk.until_text(".sheet", env!("CARGO_PKG_VERSION")).await;
    desk.assert_accessible("the settings").await;
    desk.js("(() => { const one = document.querySelector('#set-theme'); one.value = 'dark'; one.dispatchEvent(new Event('change')); })()").await;
    desk.until(
        "the dark theme",
        "document.documentElement.dataset.theme === 'dark'",
    )
    .await;
    desk.js("(() => { const one = document.querySelector('#set-language'); one.value = 'ru'; one.dispatchEvent(new Event('change')); })()").await;
    desk.until_text("#accounts-button", "Все аккаунты").await;
    assert_eq!(
        desk.js("document.documentElement.dataset.theme").await,
        "dark"
    );
    desk.assert_accessible("the list in Russian").await;
    desk.close().await;
}
