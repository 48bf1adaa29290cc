//! Files out through whatever may happen on their way: cuts, floods, lost parts, restarts and `kill -9` at random moments.
//! Telethon on the other side gets each of them exactly once, whole.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::StatusCode;
use serde_json::Value;
use switchboard_simulator::{AccountSpec, Effect, Fault, Simulator};
use tokio::process::Command;

use super::senders::lines;
use crate::support::{
    fleet::{Fleet, phone},
    forms::{Form, Sample, film, paper, photo, voice},
    python, wait,
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// How many rounds; `SWITCHBOARD_ROUNDS` takes another number.
fn rounds() -> u64 {
    std::env::var("SWITCHBOARD_ROUNDS").map_or(12, |text| text.parse().unwrap())
}

/// What Telethon has of a chat.
async fn received(telegram: &Simulator, number: &str, sender: i64) -> Vec<Value> {
    let control = telegram
        .serve_control(([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let mut command = Command::new(python::with("foreign").await);
    command
        .arg(format!("{ROOT}/tests/senders/telethon_receiver.py"))
        .args([number, &sender.to_string()])
        .env("PYTHONPATH", format!("{ROOT}/simulator/tests/telethon"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SIMULATOR_CONTROL", format!("http://{control}"));
    let mut told = lines(&mut command).await;
    assert_eq!(told.pop().unwrap()["done"], true);
    told
}

/// What goes out in one round, and as what it has to arrive.
fn letter(round: u64) -> (Vec<Sample>, Option<&'static str>, &'static str) {
    let seed = round * 100;
    match round % 6 {
        0 => (vec![paper(seed, 3 << 20)], None, "document"),
        1 => (vec![photo(seed, 200, 150)], None, "photo"),
        2 => (
            (0..3).map(|at| photo(seed + at, 120, 90)).collect(),
            None,
            "photo",
        ),
        3 => (vec![voice(seed, 100)], Some("voice"), "voice"),
        4 => (vec![paper(seed, (10 << 20) + 77)], None, "document"),
        _ => (vec![film(seed, 1 << 20)], None, "video"),
    }
}

fn form_of(samples: &[Sample], wanted: Option<&str>, caption: &str) -> Form {
    let form = Form::default().field("text", caption);
    let form = match wanted {
        Some(wanted) => form.field("as", wanted),
        None => form,
    };
    samples.iter().fold(form, Form::add)
}

const CALLS: [&str; 5] = [
    "upload.saveFilePart",
    "upload.saveBigFilePart",
    "messages.uploadMedia",
    "messages.sendMedia",
    "messages.sendMultiMedia",
];

/// Something happens to the calls to come.
fn trouble(telegram: &Simulator, user: i64, chance: &mut StdRng) {
    let call = CALLS[chance.random_range(0..CALLS.len())];
    let effect = match chance.random_range(0..7) {
        0 => Fault::flood_wait(1),
        1 => Fault::error(420, "FLOOD_PREMIUM_WAIT_1"),
        2 => Fault::new(Effect::Cut),
        3 => Fault::new(Effect::CutAfter),
        4 => Fault::error(500, "INTERNAL"),
        5 => Fault::new(Effect::SlowAnswer { millis: 150 }),
        _ => Fault::new(Effect::Pretend).on("upload.saveFilePart"),
    };
    let effect = if effect.effect == Effect::Pretend {
        effect
    } else {
        effect.on(call)
    };
    telegram.set_fault(effect.account(user).times(1));
}

/// Protects the promise that everything here is built on, for files: nothing lost, nothing sent twice, every byte right.
#[tokio::test(flavor = "multi_thread")]
async fn files_arrive_once_and_whole_whatever_happens_on_their_way() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let telegram = fleet.telegram.clone();
    let account = fleet.accounts[0].clone();
    let number = phone(53);
    let other = telegram.add_account(AccountSpec::new(&number, "Receiver"));
    telegram.say(other, account.user, "hello");
    let conversation = fleet.conversation(&account, other).await;
    let path = format!("/conversations/{}/reply", conversation["id"]);

    let seed = std::env::var("SWITCHBOARD_SEED").map_or(20_261_129, |text| text.parse().unwrap());
    let mut chance = StdRng::seed_from_u64(seed);
    let mut struck = [0_u32; 5];
    for round in 0..rounds() {
        let (samples, wanted, _) = letter(round);
        let form = form_of(&samples, wanted, &format!("round {round}"));
        let key = format!("round-{round}");
        trouble(&telegram, account.user, &mut chance);
        let posted = tokio::spawn({
            let (api, path, form, key) =
                (fleet.api.clone(), path.clone(), form.clone(), key.clone());
            async move { api.try_form(&path, form, Some(&key)).await }
        });
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..500))).await;
        let what = chance.random_range(0..5);
        match what {
            0 | 1 => {
                fleet.kill_service();
                fleet.start_service();
            }
            2 => {
                fleet.stop_service();
                fleet.start_service();
            }
            3 => telegram.cut(account.user),
            _ => {
                telegram.expire_uploads();
                telegram.lose_part(account.user, 0);
            }
        }
        struck[what] += 1;
        // Whoever does not know sends again under the same key.
        let known = posted.await.unwrap();
        if !known.is_ok_and(|(status, _)| status == StatusCode::ACCEPTED) {
            let again = fleet.api.try_form(&path, form, Some(&key)).await;
            let (status, answer) = again.unwrap();
            assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        }
    }
    fleet.wait_for_state(&account.id, "online").await;
    wait::until(
        "the outbox to be empty",
        || async { fleet.api.account(&account.id).await["outbox_pending"].as_i64() },
        |pending| *pending == Some(0),
    )
    .await;
    telegram.clear_faults();

    let told = received(&telegram, &number, account.user).await;
    let mut seen = told.iter();
    for round in 0..rounds() {
        let (samples, _, kind) = letter(round);
        let mut album = None;
        for (at, sample) in samples.iter().enumerate() {
            let one = seen
                .next()
                .unwrap_or_else(|| panic!("round {round} is missing"));
            let caption = if at == 0 {
                format!("round {round}")
            } else {
                String::new()
            };
            assert_eq!(one["text"], caption.as_str(), "{one}");
            assert_eq!(one["kind"], kind, "{one}");
            assert_eq!(
                one["sha256"],
                sample.sha256().as_str(),
                "round {round}: {one}"
            );
            let of_album = album.get_or_insert(one["album"].clone());
            assert_eq!(one["album"], *of_album);
            assert_eq!(one["album"].is_null(), samples.len() == 1, "{one}");
        }
    }
    assert_eq!(seen.next(), None, "nothing came twice");
    if rounds() >= 12 {
        assert!(
            struck.iter().filter(|times| **times > 0).count() >= 3,
            "{struck:?}"
        );
    }
}
