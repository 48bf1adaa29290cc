//! Seen: reactions, views and page previews, which clients hear of without an edit.

use grammers_tl_types::types;

use super::{
    Refusal, World, bad,
    ids::ChatRef,
    message::{Form, Gid},
    page::Page,
    push::Audience,
    view::file_id,
};

impl World {
    /// Every client hears the reactions as they are now, besides what the counted line says.
    pub(super) fn tell_reactions(&mut self, gid: Gid) {
        let Some(body) = self.body(gid) else { return };
        let chat = body.chat;
        for user in self.viewers(gid) {
            let Some(id) = self.id_for(user, gid) else {
                continue;
            };
            let here = match chat {
                ChatRef::User(_) => self
                    .accounts
                    .get(&user)
                    .and_then(|account| account.mailbox.copy(id))
                    .map(|copy| copy.chat),
                other => Some(other),
            };
            let (Some(here), Some(reactions)) = (here, self.reactions_tl(user, gid)) else {
                continue;
            };
            let update = types::UpdateMessageReactions {
                peer: here.peer(),
                msg_id: id,
                top_msg_id: None,
                saved_peer_id: None,
                reactions,
            };
            self.push_short(Audience::Account { user, except: None }, update.into());
        }
    }

    /// A post was seen so often.
    pub fn set_views(&mut self, channel: i64, id: i32, views: i32) -> Result<(), Refusal> {
        let gid = self
            .channels
            .get(&channel)
            .and_then(|channel| channel.gid(id));
        let gid = gid.ok_or_else(|| bad("MESSAGE_ID_INVALID"))?;
        self.form_mut(gid)?.views = views;
        self.revision += 1;
        for user in self.channel_accounts(channel) {
            let update = types::UpdateChannelMessageViews {
                channel_id: channel,
                id,
                views,
            };
            self.push_short(Audience::Account { user, except: None }, update.into());
        }
        Ok(())
    }

    /// The preview of the page that a message waits for.
    pub fn finish_page(&mut self, gid: Gid, title: &str, description: &str) -> Result<(), Refusal> {
        let id = file_id(self.seed, gid);
        let Some(url) = self.form_mut(gid)?.page.clone().map(|page| page.url) else {
            return Err(bad("WEBPAGE_NOT_FOUND"));
        };
        self.form_mut(gid)?.page = Some(Page {
            url,
            known: Some((title.to_owned(), description.to_owned())),
        });
        self.revision += 1;
        let channel = match self.body(gid).map(|body| body.chat) {
            Some(ChatRef::Channel(channel)) => Some(channel),
            _ => None,
        };
        for user in self.viewers(gid) {
            let Some(page) = self
                .body(gid)
                .and_then(|body| body.form.as_ref()?.page.as_ref())
            else {
                continue;
            };
            let webpage = page.tl(id);
            let audience = Audience::Account { user, except: None };
            // It moves nothing.
            let pts_count = 0;
            match channel {
                Some(channel_id) => {
                    let pts = self
                        .channels
                        .get(&channel_id)
                        .map_or(0, |channel| channel.pts);
                    let update = types::UpdateChannelWebPage {
                        channel_id,
                        webpage,
                        pts,
                        pts_count,
                    };
                    self.push_short(audience, update.into());
                }
                None => {
                    let pts = self
                        .accounts
                        .get(&user)
                        .map_or(0, |account| account.mailbox.pts);
                    let update = types::UpdateWebPage {
                        webpage,
                        pts,
                        pts_count,
                    };
                    self.push_short(audience, update.into());
                }
            }
        }
        Ok(())
    }

    /// What is said of how a text is said; made when there was nothing to say.
    pub fn form_mut(&mut self, gid: Gid) -> Result<&mut Form, Refusal> {
        let body = self.body_mut(gid).filter(|body| !body.deleted);
        let body = body.ok_or_else(|| bad("MESSAGE_ID_INVALID"))?;
        Ok(body.form.get_or_insert_with(|| Box::new(Form::default())))
    }
}
