//! Files under raw calls: which part is given, where, to whom, and with which words it is refused.

mod world_support;

use grammers_tl_types::{enums, functions as f, types};
use switchboard_simulator::{AccountSpec, world::Media};
use world_support::{Library, Town, error_name, town};

/// What the account sees of the newest message with its friend.
async fn document(town: &Town, library: &Library) -> types::Document {
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

fn bytes(answer: enums::upload::File) -> Vec<u8> {
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

fn part(file_id: i64, number: i32, total: i32, bytes: Vec<u8>) -> f::upload::SaveBigFilePart {
    f::upload::SaveBigFilePart {
        file_id,
        file_part: number,
        file_total_parts: total,
        bytes,
    }
}

async fn save(library: &Library, file_id: i64, bytes: &[u8]) -> enums::InputFile {
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

fn as_document(file: enums::InputFile, mime: &str) -> enums::InputMedia {
    types::InputMediaUploadedDocument {
        nosound_video: false,
        force_file: true,
        spoiler: false,
        file,
        thumb: None,
        mime_type: mime.to_owned(),
        attributes: Vec::new(),
        stickers: None,
        video_cover: None,
        video_timestamp: None,
        ttl_seconds: None,
    }
    .into()
}

fn as_photo(file: enums::InputFile) -> enums::InputMedia {
    types::InputMediaUploadedPhoto {
        spoiler: false,
        live_photo: false,
        file,
        stickers: None,
        ttl_seconds: None,
        video: None,
    }
    .into()
}

/// What Telegram made of a file that is not sent yet.
async fn put_up(
    town: &Town,
    library: &Library,
    media: enums::InputMedia,
) -> Result<enums::InputMedia, String> {
    let request = f::messages::UploadMedia {
        business_connection_id: None,
        peer: town.input_peer(town.friend),
        media,
    };
    match library.call(&request).await {
        Ok(enums::MessageMedia::Document(media)) => {
            let Some(enums::Document::Document(document)) = media.document else {
                panic!("an empty document")
            };
            let id = types::InputDocument {
                id: document.id,
                access_hash: document.access_hash,
                file_reference: document.file_reference,
            };
            Ok(types::InputMediaDocument {
                spoiler: false,
                id: id.into(),
                video_cover: None,
                video_timestamp: None,
                ttl_seconds: None,
                query: None,
            }
            .into())
        }
        Ok(enums::MessageMedia::Photo(media)) => {
            let Some(enums::Photo::Photo(photo)) = media.photo else {
                panic!("an empty photo")
            };
            let id = types::InputPhoto {
                id: photo.id,
                access_hash: photo.access_hash,
                file_reference: photo.file_reference,
            };
            Ok(types::InputMediaPhoto {
                spoiler: false,
                live_photo: false,
                id: id.into(),
                ttl_seconds: None,
                video: None,
            }
            .into())
        }
        Ok(other) => panic!("{other:?}"),
        refused => Err(error_name(refused)),
    }
}

fn album(town: &Town, media: &[(enums::InputMedia, i64)]) -> f::messages::SendMultiMedia {
    let multi_media = media.iter().map(|(media, random_id)| {
        types::InputSingleMedia {
            media: media.clone(),
            random_id: *random_id,
            message: String::new(),
            entities: None,
        }
        .into()
    });
    f::messages::SendMultiMedia {
        silent: false,
        background: false,
        clear_draft: false,
        noforwards: false,
        update_stickersets_order: false,
        invert_media: false,
        allow_paid_floodskip: false,
        peer: town.input_peer(town.friend),
        reply_to: None,
        multi_media: multi_media.collect(),
        schedule_date: None,
        send_as: None,
        quick_reply_shortcut: None,
        effect: None,
        allow_paid_stars: None,
    }
}

/// Protects the rules of uploads: what Telegram refuses is refused here, before and after the parts are there.
#[tokio::test(flavor = "multi_thread")]
async fn uploads_keep_to_telegrams_rules() {
    let town = town().await;
    let library = Library::start(&town.simulator, town.account);
    for (number, total, length, wanted) in [
        (0, 4, 0, "FILE_PART_EMPTY"),
        (0, 4, (512 << 10) + 1024, "FILE_PART_TOO_BIG"),
        (0, 4, 3 * 1024, "FILE_PART_SIZE_INVALID"),
        (0, 4, 1000, "FILE_PART_SIZE_INVALID"),
        (4, 4, 1024, "FILE_PARTS_INVALID"),
        (4000, 4001, 1024, "FILE_PART_INVALID"),
    ] {
        let refused = library.call(&part(1, number, total, vec![0; length])).await;
        assert_eq!(error_name(refused), wanted, "{number} {total} {length}");
    }
    let bytes = vec![7; 3 << 19];
    let file = save(&library, 2, &bytes).await;
    assert!(town.simulator.lose_part(town.account, 1));
    let refused = put_up(&town, &library, as_document(file, "a/b")).await;
    assert_eq!(refused.unwrap_err(), "FILE_PART_MISSING");
    let file = save(&library, 3, &bytes).await;
    town.simulator.expire_uploads();
    let refused = put_up(&town, &library, as_document(file, "a/b")).await;
    assert_eq!(refused.unwrap_err(), "FILE_PARTS_INVALID");
    let small = f::upload::SaveFilePart {
        file_id: 4,
        file_part: 0,
        bytes: b"abc".to_vec(),
    };
    library.call(&small).await.unwrap();
    for (md5, wanted) in [
        (
            "00000000000000000000000000000000",
            Some("MD5_CHECKSUM_INVALID"),
        ),
        ("900150983cd24fb0d6963f7d28e17f72", None),
    ] {
        let file = types::InputFile {
            id: 4,
            parts: 1,
            name: "a.txt".to_owned(),
            md5_checksum: md5.to_owned(),
        };
        let answer = put_up(&town, &library, as_document(file.into(), "text/plain")).await;
        assert_eq!(answer.err().as_deref(), wanted);
    }
    // No picture, and pictures that are too long.
    let file = save(&library, 5, &[1; 100]).await;
    let refused = put_up(&town, &library, as_photo(file)).await;
    assert_eq!(refused.unwrap_err(), "IMAGE_PROCESS_FAILED");
    let mut head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x15\0\0\0\x01".to_vec();
    let file = save(&library, 6, &head).await;
    let refused = put_up(&town, &library, as_photo(file)).await;
    assert_eq!(refused.unwrap_err(), "PHOTO_INVALID_DIMENSIONS");
    head[19] = 0x14;
    let file = save(&library, 7, &head).await;
    assert!(put_up(&town, &library, as_photo(file)).await.is_ok());
    town.simulator.shutdown().await;
}

/// Protects albums: only files that were put up, of kinds that mix, each with a random id of its own; a repeat is the same.
#[tokio::test(flavor = "multi_thread")]
async fn albums_keep_to_telegrams_rules() {
    let town = town().await;
    let library = Library::start(&town.simulator, town.account);
    let head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10";
    let mut put = Vec::new();
    for id in 1..=3 {
        let file = save(&library, id, head).await;
        put.push(put_up(&town, &library, as_photo(file)).await.unwrap());
    }
    let file = save(&library, 4, b"words").await;
    let paper = put_up(&town, &library, as_document(file, "text/plain"))
        .await
        .unwrap();
    let raw = as_photo(save(&library, 5, head).await);
    let [one, two, three] = put.try_into().unwrap();
    for (media, wanted) in [
        (vec![(raw, 1)], "MEDIA_INVALID"),
        (vec![(one.clone(), 1), (paper, 2)], "MEDIA_INVALID"),
        (
            vec![(one.clone(), 1), (two.clone(), 1)],
            "RANDOM_ID_INVALID",
        ),
        (vec![(one.clone(), 0)], "RANDOM_ID_EMPTY"),
        (
            (1..=11).map(|id| (one.clone(), id)).collect(),
            "MULTI_MEDIA_TOO_LONG",
        ),
    ] {
        let refused = library.call(&album(&town, &media)).await;
        assert_eq!(error_name(refused), wanted);
    }
    let request = album(&town, &[(one, 11), (two, 12), (three, 13)]);
    library.call(&request).await.unwrap();
    library.call(&request).await.unwrap();
    let ledger = town.simulator.ledger_of(town.account);
    let chat = &ledger[&town.friend].messages;
    let albums: Vec<i64> = chat.iter().map(|message| message.album).collect();
    assert_eq!(chat.len(), 3);
    assert!(albums[0] != 0 && albums.iter().all(|album| *album == albums[0]));
    assert!(
        chat.iter()
            .all(|message| message.file.as_ref().unwrap().size == head.len() as i64)
    );
    // References of what was put up end, too.
    town.simulator.expire_file_references();
    let mut late = request;
    for item in &mut late.multi_media {
        let enums::InputSingleMedia::Media(item) = item;
        item.random_id += 100;
    }
    assert_eq!(
        error_name(library.call(&late).await),
        "FILE_REFERENCE_EXPIRED"
    );
    town.simulator.shutdown().await;
}
