//! Form: what a message has besides its text, in Telegram's types.

use grammers_tl_types::{enums, types};

use super::{
    super::{
        World,
        message::{Body, Form, Gid},
    },
    file_id, rich_tl,
};

impl World {
    pub(super) fn dress(
        &self,
        viewer: i64,
        gid: Gid,
        body: &Body,
        form: &Form,
        message: &mut types::Message,
    ) {
        message.grouped_id = form.album;
        message.from_scheduled = form.from_scheduled;
        if form.rich || form.blocks.is_some() {
            message.message = String::new();
            message.rich_message = Some(form.blocks.clone().unwrap_or_else(|| rich_tl(&body.text)));
        }
        let id = file_id(self.seed, gid);
        if let Some(told) = &form.told {
            message.media = Some(told.clone());
        }
        if let Some(poll) = &form.poll {
            message.media = Some(poll.media(viewer, id));
        }
        if let Some(page) = &form.page {
            message.media = Some(
                types::MessageMediaWebPage {
                    force_large_media: false,
                    force_small_media: false,
                    manual: false,
                    safe: false,
                    webpage: page.tl(id),
                }
                .into(),
            );
        }
        if let (Some(ttl), Some(media)) = (form.ttl, &mut message.media) {
            match media {
                enums::MessageMedia::Photo(media) => media.ttl_seconds = Some(ttl),
                enums::MessageMedia::Document(media) => media.ttl_seconds = Some(ttl),
                _ => {}
            }
        }
        message.reply_markup.clone_from(&form.markup);
        message.noforwards = form.protected;
        if form.views > 0 {
            message.views = Some(form.views);
            message.forwards = Some(0);
        }
    }
}
