//! Where the files of a message lie, read from Telegram's own object that is kept beside it.

use grammers_client::tl;
use tl::enums::MessageMedia as M;

use super::{object::inflated, some};
use crate::domain::{
    FileLocation, FilePass, FilePlace, MessageFiles, MessageObject, Thumb as Small, preview_jpeg,
};

/// The side of a picture that a list of messages shows.
const WANTED_SIDE: i32 = 320;

/// `None`: another layer wrote it, or it can't be read; Telegram has to be asked.
pub(in crate::telegram) fn of_object(object: &MessageObject) -> Option<MessageFiles> {
    inflated(object).as_ref().map(of_message)
}

pub(in crate::telegram) fn of_message(message: &tl::enums::Message) -> MessageFiles {
    match message {
        tl::enums::Message::Message(message) => {
            message.media.as_ref().map(of_media).unwrap_or_default()
        }
        // A chat's new photo.
        tl::enums::Message::Service(message) => match &message.action {
            tl::enums::MessageAction::ChatEditPhoto(action) => of_photo(&action.photo),
            _ => MessageFiles::default(),
        },
        tl::enums::Message::Empty(_) => MessageFiles::default(),
    }
}

fn of_media(media: &M) -> MessageFiles {
    let page = |document: Option<&tl::enums::Document>, photo: Option<&tl::enums::Photo>| {
        document
            .map(of_document)
            .or_else(|| photo.map(of_photo))
            .unwrap_or_default()
    };
    match media {
        // Whoever sent it wants it to vanish once it was seen: it is not fetched, so that it is not kept.
        M::Photo(media) if media.ttl_seconds.is_some() => MessageFiles::default(),
        M::Document(media) if media.ttl_seconds.is_some() => MessageFiles::default(),
        M::Photo(media) => page(None, media.photo.as_ref()),
        M::Document(media) => page(media.document.as_ref(), None),
        M::WebPage(media) => match &media.webpage {
            tl::enums::WebPage::Page(found) => page(found.document.as_ref(), found.photo.as_ref()),
            _ => MessageFiles::default(),
        },
        M::Game(media) => {
            let tl::enums::Game::Game(game) = &media.game;
            page(game.document.as_ref(), Some(&game.photo))
        }
        M::PaidMedia(media) => media
            .extended_media
            .iter()
            .find_map(|media| match media {
                tl::enums::MessageExtendedMedia::Media(media) => Some(of_media(&media.media)),
                tl::enums::MessageExtendedMedia::Preview(_) => None,
            })
            .unwrap_or_default(),
        _ => MessageFiles::default(),
    }
}

fn of_photo(photo: &tl::enums::Photo) -> MessageFiles {
    let tl::enums::Photo::Photo(photo) = photo else {
        return MessageFiles::default();
    };
    let at = |size: &Fetchable| FileLocation {
        dc: photo.dc_id,
        place: FilePlace::Photo(FilePass {
            id: photo.id,
            access_hash: photo.access_hash,
            reference: photo.file_reference.clone(),
            size: size.name.to_owned(),
        }),
        size: size.bytes,
        mime: Some("image/jpeg".to_owned()),
        name: None,
    };
    let sizes = fetchable(&photo.sizes);
    let largest = sizes.iter().max_by_key(|size| (size.side, size.bytes));
    MessageFiles {
        file: largest.map(&at),
        thumb: inline(&photo.sizes)
            .or_else(|| small(&sizes).map(|size| Small::At(at(size))))
            .or_else(|| stripped(&photo.sizes)),
    }
}

fn of_document(document: &tl::enums::Document) -> MessageFiles {
    let tl::enums::Document::Document(document) = document else {
        return MessageFiles::default();
    };
    let place = |size: &str| {
        FilePlace::Document(FilePass {
            id: document.id,
            access_hash: document.access_hash,
            reference: document.file_reference.clone(),
            size: size.to_owned(),
        })
    };
    let name = document.attributes.iter().find_map(|attribute| {
        let tl::enums::DocumentAttribute::Filename(file) = attribute else {
            return None;
        };
        some(file.file_name.clone())
    });
    let thumbs = document.thumbs.as_deref().unwrap_or_default();
    let sizes = fetchable(thumbs);
    MessageFiles {
        file: Some(FileLocation {
            dc: document.dc_id,
            place: place(""),
            size: u64::try_from(document.size).ok(),
            mime: some(document.mime_type.clone()),
            name,
        }),
        thumb: inline(thumbs)
            .or_else(|| {
                small(&sizes).map(|size| {
                    Small::At(FileLocation {
                        dc: document.dc_id,
                        place: place(size.name),
                        size: size.bytes,
                        mime: Some("image/jpeg".to_owned()),
                        name: None,
                    })
                })
            })
            .or_else(|| stripped(thumbs)),
    }
}

/// One size that Telegram gives out.
struct Fetchable<'a> {
    name: &'a str,
    /// The longer one.
    side: i32,
    bytes: Option<u64>,
}

fn fetchable(sizes: &[tl::enums::PhotoSize]) -> Vec<Fetchable<'_>> {
    use tl::enums::PhotoSize as P;
    sizes
        .iter()
        .filter_map(|size| match size {
            P::Size(size) => Some(Fetchable {
                name: &size.r#type,
                side: size.w.max(size.h),
                bytes: u64::try_from(size.size).ok().filter(|bytes| *bytes > 0),
            }),
            P::Progressive(size) => Some(Fetchable {
                name: &size.r#type,
                side: size.w.max(size.h),
                bytes: size
                    .sizes
                    .last()
                    .and_then(|bytes| u64::try_from(*bytes).ok()),
            }),
            _ => None,
        })
        .collect()
}

/// The smallest that fills a list's picture, else the largest there is.
fn small<'a, 'b>(sizes: &'a [Fetchable<'b>]) -> Option<&'a Fetchable<'b>> {
    let enough = sizes.iter().filter(|size| size.side >= WANTED_SIDE);
    enough
        .min_by_key(|size| size.side)
        .or_else(|| sizes.iter().max_by_key(|size| size.side))
}

/// A whole small picture that came along.
fn inline(sizes: &[tl::enums::PhotoSize]) -> Option<Small> {
    sizes.iter().find_map(|size| match size {
        tl::enums::PhotoSize::PhotoCachedSize(size) if size.w.max(size.h) >= WANTED_SIDE / 2 => {
            Some(Small::Inline(size.bytes.clone()))
        }
        _ => None,
    })
}

fn stripped(sizes: &[tl::enums::PhotoSize]) -> Option<Small> {
    sizes.iter().find_map(|size| match size {
        tl::enums::PhotoSize::PhotoStrippedSize(size) => {
            preview_jpeg(&size.bytes).map(Small::Inline)
        }
        _ => None,
    })
}
