//! Sounds: voices and films, and what can not be played.

use switchboard_simulator::world::{Media, samples};

use super::world::{Met, met};
use crate::support::browser::Desk;

/// Protects whoever presses Play: what can't be played says so and can be saved; nothing is played or fetched by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_sound_that_cannot_be_played_says_so() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["Hello"]).await;
    let voice = Media::Voice {
        seconds: 12,
        size: 9_000,
    };
    fleet.telegram.say_media(person, account.user, voice, "");
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_text(".sound .time", "0:12").await;
    let media = "performance.getEntriesByType('resource').filter((one) => /\\/media$/.test(one.name)).length";
    assert_eq!(desk.js(media).await, 0);
    desk.click(".sound .play").await;
    desk.until_text(".sound .media-trouble", "cannot play it here")
        .await;
    let saved = desk
        .js("document.querySelector('.sound .media-trouble a').hasAttribute('download')")
        .await;
    assert_eq!(saved, true);
    desk.click(".sound .speed").await;
    desk.until_text(".sound .speed", "1.5×").await;
    desk.assert_accessible("a sound that cannot be played")
        .await;
    desk.close().await;
}

/// Every sound and film that is played from here on, in order.
const LISTEN: &str = "(() => { window.heard = []; const play = HTMLMediaElement.prototype.play; \
    HTMLMediaElement.prototype.play = function () { if (!window.heard.includes(this)) window.heard.push(this); return play.call(this); }; })()";

/// Moves what is played to a second before its end.
fn near_the_end(seconds: u32) -> String {
    format!(
        "(() => {{ const at = document.querySelector('.sound.now input'); at.value = '{}'; at.dispatchEvent(new Event('input', {{ bubbles: true }})); }})()",
        seconds - 1
    )
}

/// Protects whoever listens: a voice message plays when asked to, faster when wanted, one at a time and on to the next;
/// a film plays in its place.
#[tokio::test(flavor = "multi_thread")]
async fn voices_and_films_play_faster_and_on_to_the_next() {
    let Met {
        fleet,
        account,
        person,
    } = met(&["Hello"]).await;
    for media in [samples::voice(), samples::voice(), samples::film()] {
        fleet.telegram.say_media(person, account.user, media, "");
    }
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until(
        "two voices and a film",
        "document.querySelectorAll('.sound').length === 2 && document.querySelector('.play-mark')",
    )
    .await;
    desk.js(LISTEN).await;
    desk.click(".sound .speed").await;
    desk.click(".sound .speed").await;
    desk.click(".sound .play").await;
    desk.until(
        "it at twice the speed",
        "window.heard[0]?.playbackRate === 2 && window.heard[0].currentTime > 0.2",
    )
    .await;
    desk.js(&near_the_end(7)).await;
    desk.until(
        "the next one",
        "window.heard.length === 2 && window.heard[0].ended && window.heard[1].src !== window.heard[0].src && window.heard[1].currentTime > 0",
    )
    .await;
    desk.js(&near_the_end(7)).await;
    desk.until("the end", "window.heard[1].ended").await;
    desk.until_text(".sound.now .time", "0:07 / 0:07").await;
    assert_eq!(desk.js("window.heard.length").await, 2);

    desk.click(".picture:has(.play-mark)").await;
    desk.until(
        "the film",
        "window.heard[2]?.videoWidth === 320 && window.heard[2].currentTime > 0.1",
    )
    .await;
    desk.until_gone(".coming-ring").await;
    desk.close().await;
}
