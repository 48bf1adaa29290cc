//! Albums: files put up before anything is sent, and several of them sent as one
//! (core.telegram.org/api/files#albums-grouped-media).

use grammers_tl_types::{enums, functions::messages as f};

use super::{
    Call, reply, scheduled,
    sent::{check_caption, check_random_id, sent_updates, ttl_of},
    upload,
};
use crate::world::{Draft, Form, Gid, Media, Posted, Refusal, World, bad};

const MOST: usize = 10;

/// What goes together in one album.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Seen,
    Heard,
    Papers,
}

fn kind_of(media: &Media) -> Option<Kind> {
    match media {
        Media::Photo { .. } | Media::Video { .. } => Some(Kind::Seen),
        Media::Document { mime, .. } if mime.starts_with("audio/") => Some(Kind::Heard),
        Media::Document { mime, .. } if mime != "image/gif" => Some(Kind::Papers),
        _ => None,
    }
}

/// May this stand where the message has its media now? In an album it has to go with the others.
pub fn check_replacement(world: &World, gid: Gid, media: &Media) -> Result<(), Refusal> {
    let Some(body) = world.body(gid) else {
        return Err(bad("MESSAGE_ID_INVALID"));
    };
    let new = kind_of(media).ok_or_else(|| bad("MEDIA_NEW_INVALID"))?;
    let Some(before) = &body.media else {
        return Ok(());
    };
    let before = kind_of(before).ok_or_else(|| bad("MEDIA_PREV_INVALID"))?;
    let of_album = body.form.as_ref().is_some_and(|form| form.album.is_some());
    if of_album && new != before {
        return Err(bad("MEDIA_GROUPED_INVALID"));
    }
    Ok(())
}

/// Keeps a file for a chat and sends nothing.
pub fn upload_media(
    world: &mut World,
    call: &Call,
    r: f::UploadMedia,
) -> Result<enums::MessageMedia, Refusal> {
    let chat = world.resolve_peer(call.user, &r.peer)?;
    world.may_write(call.user, chat)?;
    let (media, file) = upload::media_and_file(world, call.user, &r.media)?;
    if file == 0 {
        return Err(bad("MEDIA_INVALID"));
    }
    Ok(world.file_media(call.user, &media, file))
}

pub fn send_multi_media(
    world: &mut World,
    call: &Call,
    r: f::SendMultiMedia,
) -> Result<enums::Updates, Refusal> {
    let chat = world.resolve_peer(call.user, &r.peer)?;
    if r.multi_media.is_empty() {
        return Err(bad("MEDIA_EMPTY"));
    }
    if r.multi_media.len() > MOST {
        return Err(bad("MULTI_MEDIA_TOO_LONG"));
    }
    let (reply_to, spot) = reply::target(world, call.user, chat, r.reply_to.as_ref())?;
    let mut items: Vec<(Media, Draft)> = Vec::new();
    for item in r.multi_media {
        let enums::InputSingleMedia::Media(item) = item;
        check_random_id(world, call.user, item.random_id)?;
        check_caption(world, call.user, &item.message)?;
        if items
            .iter()
            .any(|(_, draft)| draft.random_id == item.random_id)
        {
            return Err(bad("RANDOM_ID_INVALID"));
        }
        // What is put up and not yet a file of Telegram's own does not go into an album.
        use enums::InputMedia as M;
        if !matches!(item.media, M::Photo(_) | M::Document(_)) {
            return Err(bad("MEDIA_INVALID"));
        }
        let (media, file) = upload::media_and_file(world, call.user, &item.media)?;
        let draft = Draft {
            text: item.message,
            media: Some(media.clone()),
            file,
            form: Form {
                entities: item.entities.unwrap_or_default(),
                ttl: ttl_of(&item.media),
                protected: r.noforwards,
                ..Form::default()
            },
            reply_to,
            spot,
            random_id: item.random_id,
            silent: r.silent,
            ..Draft::default()
        };
        items.push((media, draft));
    }
    let kinds: Option<Vec<Kind>> = items.iter().map(|(media, _)| kind_of(media)).collect();
    let kinds = kinds.ok_or_else(|| bad("MEDIA_INVALID"))?;
    if kinds.windows(2).any(|pair| pair[0] != pair[1]) {
        return Err(bad("MEDIA_INVALID"));
    }
    let album = (items.len() > 1).then(|| world.random_i64() >> 8);
    let drafts = items.into_iter().map(|(_, mut draft)| {
        draft.form.album = album;
        draft
    });
    let drafts: Vec<Draft> = drafts.collect();
    if let Some(at) = r.schedule_date {
        return scheduled::plan(world, call, chat, drafts, at);
    }
    let mut posted: Vec<(Posted, i64)> = Vec::new();
    for draft in drafts {
        let random_id = draft.random_id;
        posted.push((world.send(call.user, call.key(), chat, draft)?, random_id));
    }
    Ok(sent_updates(world, call, chat, &posted))
}
