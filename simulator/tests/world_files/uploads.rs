//! Files that go up, and albums of them.

use crate::world_support::{Library, Town, error_name, town};
use grammers_tl_types::{enums, functions as f, types};

use crate::{part, save};

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
