//! Files under raw calls: which part is given, where, to whom, and with which words it is refused.

mod uploads;
#[path = "../world_support/mod.rs"]
mod world_support;

use grammers_tl_types::{enums, functions as f, types};
use switchboard_simulator::{AccountSpec, world::Media};
use world_support::{Library, Town, error_name, town};

/// What the account sees of the newest message with its friend.
pub async fn document(town: &Town, library: &Library) -> types::Document {
    let history = f::messages::GetHistory {
        peer: town.input_peer(town.friend),
        offset_id: 0,
        offset_date: 0,
        add_offset: 0,
        limit: 1,
        max_id: 0,
        min_id: 0,
        hash: 0,
    };
    let messages = match library.call(&history).await.unwrap() {
        enums::messages::Messages::Messages(m) => m.messages,
        enums::messages::Messages::Slice(m) => m.messages,
        other => panic!("{other:?}"),
    };
    let enums::Message::Message(message) = messages.into_iter().next().unwrap() else {
        panic!("no message")
    };
    let Some(enums::MessageMedia::Document(media)) = message.media else {
        panic!("no document")
    };
    let Some(enums::Document::Document(document)) = media.document else {
        panic!("an empty document")
    };
    document
}

fn get(document: &types::Document, offset: i64, limit: i32) -> f::upload::GetFile {
    f::upload::GetFile {
        precise: false,
        cdn_supported: false,
        location: types::InputDocumentFileLocation {
            id: document.id,
            access_hash: document.access_hash,
            file_reference: document.file_reference.clone(),
            thumb_size: String::new(),
        }
        .into(),
        offset,
        limit,
    }
}

pub fn bytes(answer: enums::upload::File) -> Vec<u8> {
    match answer {
        enums::upload::File::File(file) => file.bytes,
        other => panic!("{other:?}"),
    }
}

fn say(town: &Town, size: i64) {
    let media = Media::Document {
        name: "a.bin".to_owned(),
        mime: "application/octet-stream".to_owned(),
        size,
    };
    town.simulator
        .say_media(town.friend, town.account, media, "");
}

/// Protects what is measured beside files: a line that carries them goes on with the threads for that, nothing of it lost; one that
/// carries none stays where it is.
#[test]
fn lines_of_files_go_on_with_threads_of_their_own() {
    let threads = || {
        let mut threads = tokio::runtime::Builder::new_multi_thread();
        threads.worker_threads(2).enable_all().build().unwrap()
    };
    let (main, aside) = (threads(), threads());
    main.block_on(async {
        let town = town().await;
        say(&town, 3 << 20);
        let fetched = async || {
            let library = Library::start(&town.simulator, town.account);
            let document = document(&town, &library).await;
            let mut all = Vec::new();
            for part in 0..6 {
                let part = get(&document, part << 19, 1 << 19);
                all.extend(bytes(library.call(&part).await.unwrap()));
            }
            (library, all)
        };
        let (library, before) = fetched().await;
        town.simulator.wire().files_on(aside.handle().clone());
        library.call(&f::updates::GetState {}).await.unwrap();
        let lines = || aside.metrics().num_alive_tasks();
        let other = Library::start(&town.simulator, town.account);
        other.call(&f::updates::GetState {}).await.unwrap();
        // The one that has carried a file before goes, too.
        assert_eq!(lines(), 1);
        let (library, all) = fetched().await;
        assert_eq!(lines(), 2);
        assert!(all == before && all.len() == 3 << 20);
        // What goes up, on the same line.
        save(&library, 7, &all).await;
        library.call(&f::updates::GetState {}).await.unwrap();
    });
}

/// Protects the rules that a client is held to: what breaks one of them at Telegram breaks it here.
#[tokio::test(flavor = "multi_thread")]
async fn parts_keep_to_telegrams_rules() {
    let town = town().await;
    say(&town, 3 << 20);
    let library = Library::start(&town.simulator, town.account);
    let document = document(&town, &library).await;
    assert_eq!(document.size, 3 << 20);
    for (offset, limit, wanted) in [
        (1, 4096, "OFFSET_INVALID"),
        (0, 1000, "LIMIT_INVALID"),
        (0, 2 << 20, "LIMIT_INVALID"),
        (0, 3 * 4096, "LIMIT_INVALID"),
        (768 << 10, 512 << 10, "LIMIT_INVALID"),
    ] {
        let refused = library.call(&get(&document, offset, limit)).await;
        assert_eq!(error_name(refused), wanted, "{offset} {limit}");
    }
    let mut other = document.clone();
    other.access_hash ^= 1;
    let refused = library.call(&get(&other, 0, 4096)).await;
    assert_eq!(error_name(refused), "FILE_ID_INVALID");
    let mut whole = Vec::new();
    while whole.len() < 3 << 20 {
        let part = get(&document, whole.len() as i64, 512 << 10);
        whole.extend(bytes(library.call(&part).await.unwrap()));
    }
    assert_eq!(Some(whole), town.simulator.file_bytes(document.id, ""));
    let behind = library.call(&get(&document, 3 << 20, 4096)).await.unwrap();
    assert!(bytes(behind).is_empty());
    town.simulator.shutdown().await;
}

/// Protects: a reference ends, a new one opens the same file, and nobody else's hash does.
#[tokio::test(flavor = "multi_thread")]
async fn references_expire_and_hashes_are_per_account() {
    let town = town().await;
    let other = town
        .simulator
        .add_account(AccountSpec::new("+99966 2 0002", "Other"));
    say(&town, 5_000);
    let library = Library::start(&town.simulator, town.account);
    let old = document(&town, &library).await;
    let strangers = Library::start(&town.simulator, other);
    let refused = strangers.call(&get(&old, 0, 8192)).await;
    assert_eq!(error_name(refused), "FILE_ID_INVALID");
    town.simulator.expire_file_references();
    let refused = library.call(&get(&old, 0, 8192)).await;
    assert_eq!(error_name(refused), "FILE_REFERENCE_EXPIRED");
    let new = document(&town, &library).await;
    assert_eq!(new.id, old.id);
    let found = bytes(library.call(&get(&new, 0, 8192)).await.unwrap());
    assert_eq!(found.len(), 5_000);
    town.simulator.shutdown().await;
}

/// Protects: a file lies on one data centre, and a key there needs the account's authorization.
#[tokio::test(flavor = "multi_thread")]
async fn files_are_fetched_where_they_lie() {
    let town = town().await;
    town.simulator.set_files_dc(4);
    town.simulator.set_cdn(true);
    say(&town, 2 << 20);
    let library = Library::start(&town.simulator, town.account);
    let document = document(&town, &library).await;
    assert_eq!(document.dc_id, 4);
    let part = get(&document, 0, 4096);
    assert_eq!(error_name(library.call(&part).await), "FILE_MIGRATE");
    // A key of the other data centre, as one that a key exchange made.
    let stranger = town
        .simulator
        .add_account(AccountSpec::new("+99966 2 0003", "Nobody").home_dc(4));
    let key = town.simulator.seed_session(stranger, 4);
    let there = Library::with_key(&town.simulator, 4, key);
    there.call(&f::auth::LogOut {}).await.unwrap();
    assert_eq!(error_name(there.call(&part).await), "AUTH_KEY_UNREGISTERED");
    let export = f::auth::ExportAuthorization { dc_id: 4 };
    let enums::auth::ExportedAuthorization::Authorization(exported) =
        library.call(&export).await.unwrap();
    there
        .call(&f::auth::ImportAuthorization {
            id: exported.id,
            bytes: exported.bytes,
        })
        .await
        .unwrap();
    assert_eq!(bytes(there.call(&part).await.unwrap()).len(), 4096);
    let to_cdn = f::upload::GetFile {
        cdn_supported: true,
        ..part.clone()
    };
    let redirected = there.call(&to_cdn).await.unwrap();
    assert!(matches!(redirected, enums::upload::File::CdnRedirect(_)));
    town.simulator.end_sessions(town.account, "SESSION_REVOKED");
    assert_eq!(error_name(there.call(&part).await), "SESSION_REVOKED");
    town.simulator.shutdown().await;
}

pub fn part(file_id: i64, number: i32, total: i32, bytes: Vec<u8>) -> f::upload::SaveBigFilePart {
    f::upload::SaveBigFilePart {
        file_id,
        file_part: number,
        file_total_parts: total,
        bytes,
    }
}

pub async fn save(library: &Library, file_id: i64, bytes: &[u8]) -> enums::InputFile {
    let parts: Vec<&[u8]> = bytes.chunks(512 << 10).collect();
    for (number, bytes) in parts.iter().enumerate() {
        let request = part(file_id, number as i32, parts.len() as i32, bytes.to_vec());
        assert!(library.call(&request).await.unwrap());
    }
    types::InputFileBig {
        id: file_id,
        parts: parts.len() as i32,
        name: "a.bin".to_owned(),
    }
    .into()
}
