//! Corpus: what the targets begin with: what a Telegram really says, written down once, and what people and programs give.
//! `cargo test --test fuzz -- --ignored` writes the files anew.

use grammers_session::updates::UpdatesLike;
use grammers_tl_types::{Deserializable, Serializable, enums, functions, types};
use sha2::{Digest, Sha256};
use switchboard_simulator::{AccountSpec, Media, PersonSpec, Simulator};

use super::folder;
use crate::world_support::Library;

fn keep(target: &str, bytes: &[u8]) {
    let dir = folder(target);
    std::fs::create_dir_all(&dir).unwrap();
    let digest = Sha256::digest(bytes);
    let name: String = digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    std::fs::write(dir.join(name), bytes).unwrap();
}

/// One step of a script for `updates`.
fn step(kind: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len()).expect("it is short");
    [&[kind], length.to_le_bytes().as_slice(), contents].concat()
}

/// Everything that the target has to begin with.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes the corpus anew, by request"]
async fn writes_the_corpus() {
    let telegram = Simulator::builder().seed(7).start().await.unwrap();
    let account = telegram.add_account(AccountSpec::new("+9996610001", "Desk"));
    let friend = telegram.add_person(PersonSpec::new("Nadia"));
    let supergroup = telegram.add_supergroup("Traders", &[friend, account]);
    let mut library = Library::start(&telegram, account);
    let begun = library
        .call(&functions::updates::GetState {})
        .await
        .unwrap();
    let enums::updates::State::State(begun) = begun;
    let first = telegram.say(friend, account, "Hello 😀, is it on its way?");
    let second = telegram.say(friend, supergroup, "To everybody");
    let picture = Media::Photo {
        width: 640,
        height: 480,
    };
    telegram.say_media(friend, account, picture, "a picture");
    telegram
        .edit(friend, account, first, "Hello again")
        .unwrap();
    telegram
        .react(friend, supergroup, second, Some("👍"))
        .unwrap();
    telegram.pin(friend, supergroup, second, true).unwrap();
    telegram.typing(friend, account);
    telegram.delete(friend, account, &[first]);
    let mut packets = Vec::new();
    while packets.len() < 6 {
        let pushed =
            tokio::time::timeout(std::time::Duration::from_secs(2), library.updates.recv());
        let Ok(Some(update)) = pushed.await else {
            break;
        };
        if let UpdatesLike::Updates(updates) = update {
            packets.push(updates.to_bytes());
        }
    }
    assert!(packets.len() >= 3, "{}", packets.len());
    let ask = functions::updates::GetDifference {
        pts: begun.pts,
        pts_limit: None,
        pts_total_limit: None,
        date: begun.date,
        qts: begun.qts,
        qts_limit: None,
    };
    let difference = library.call(&ask).await.unwrap().to_bytes();
    let state = types::updates::State { pts: 105, ..begun }.to_bytes();
    let ask = functions::messages::GetDialogs {
        exclude_pinned: false,
        folder_id: None,
        offset_date: 0,
        offset_id: 0,
        offset_peer: enums::InputPeer::Empty,
        limit: 20,
        hash: 0,
    };
    let dialogs = library.call(&ask).await.unwrap();
    let messages = match dialogs {
        enums::messages::Dialogs::Dialogs(all) => all.messages,
        enums::messages::Dialogs::Slice(all) => all.messages,
        enums::messages::Dialogs::NotModified(_) => Vec::new(),
    };
    for packet in &packets {
        keep("conversion", packet);
        keep("updates", &step(0, packet));
        if let Ok(enums::Updates::Updates(whole)) = enums::Updates::from_bytes(packet) {
            for update in whole.updates {
                keep("conversion", &update.to_bytes());
            }
        }
    }
    for message in messages {
        keep("conversion", &message.to_bytes());
    }
    let all: Vec<u8> = packets.iter().flat_map(|packet| step(0, packet)).collect();
    keep("updates", &all);
    let answers = [
        step(7, &[]),
        step(2, &difference),
        step(2, &state),
        step(3, &[2]),
        step(4, &[9]),
        step(5, &[]),
    ];
    keep(
        "updates",
        &[answers.concat(), all.clone(), answers.concat()].concat(),
    );
    keep(
        "updates",
        &[
            step(1, &packets[0]),
            step(6, &[]),
            step(2, &difference),
            all,
        ]
        .concat(),
    );
    telegram.shutdown().await;
    by_hand();
}

fn by_hand() {
    let key: Vec<u8> = (0..=255).collect();
    let telethon = [&[2, 127, 0, 0, 1, 1, 187], key.as_slice()].concat();
    let pyrogram = [
        &[2, 0, 0, 48, 57, 0],
        key.as_slice(),
        &[0, 0, 0, 0, 0, 0, 0, 5, 0],
    ]
    .concat();
    for bytes in [telethon.as_slice(), &pyrogram, b"1AgAAAA", b""] {
        keep("session_import", bytes);
    }
    let key = switchboard_simulator::wire::ServerKey::well_known().public_pem();
    for bytes in [
        key.as_bytes(),
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        b"\x30\x82\x01\x0a\x02\x82\x01\x01\x00",
    ] {
        keep("pem", bytes);
    }
    for mark in 1..=6_u8 {
        keep("cursor", &[&[mark], [1_u8; 24].as_slice()].concat());
    }
    for typed in [
        "hello",
        "\"quoted\" AND NEAR(x)",
        "a* OR b:c ^d",
        "Ünïcode 中文 \u{1}\u{2}",
        "() - + {}",
        "col : 'x'",
    ] {
        keep("search", typed.as_bytes());
    }
    for text in ["v1.abcd1234.AAAA", "v1..", "v2.x.y", "plain bytes"] {
        keep("envelope", text.as_bytes());
    }
    let part = |head: &str, body: &str| {
        format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n")
    };
    let forms = [
        part("name=\"text\"", "hello") + "--b--\r\n",
        part("name=\"as\"", "photo")
            + &part("name=\"file\"; filename=\"a.png\"", "\u{89}PNG")
            + "--b--\r\n",
        part("name=\"waveform\"", "[1,2,3]")
            + &part("name=\"f\"; filename*=UTF-8''%41", "OggS")
            + "--b--",
        part("name=\"file\"; filename=\"x\"", "no end"),
    ];
    for form in forms {
        keep("form", form.as_bytes());
    }
    for frame in [
        &[0x89, 0x80, 1, 2, 3, 4][..],
        &[0x81, 0x85, 1, 2, 3, 4, 105, 103, 111, 104, 110],
        &[0x88, 0x82, 0, 0, 0, 0, 3, 232],
        &[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4],
    ] {
        keep("frames", frame);
    }
    let settings = [
        "--listen\n0.0.0.0:8080\n--allowed-host\ndesk.example\n",
        "--telegram-dc\n2@127.0.0.1:4430\n--telegram-api-id\n12345\n",
        "--proxy\nsocks5:name:password@127.0.0.1:1080\n--webhook\nhttps:example.org\n",
        "serve\n--media-cache\n3GiB\n--reply-patience\n60\n",
    ];
    for text in settings {
        keep("configuration", text.as_bytes());
    }
    for bytes in [
        &[5, 0][..],
        &[5, 0, 0, 1, 127, 0, 0, 1, 1, 187],
        b"HTTP/1.1 200 OK\r\n\r\n",
        &[0x16, 3, 3, 0, 4, 1, 2, 3, 4],
        &[12, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4],
    ] {
        keep("relay", bytes);
    }
}
