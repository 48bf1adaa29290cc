//! Reactions of a message, as one account sees them.

use grammers_tl_types::{enums, types};

use crate::world::{Body, ChatRef, Gid, World};

impl World {
    /// How a message stands with reactions, also without any.
    pub(in crate::world) fn reactions_tl(
        &self,
        viewer: i64,
        gid: Gid,
    ) -> Option<enums::MessageReactions> {
        let body = self.body(gid)?;
        reactions_tl(viewer, body).or_else(|| {
            Some(
                types::MessageReactions {
                    min: false,
                    can_see_list: false,
                    reactions_as_tags: false,
                    results: Vec::new(),
                    recent_reactions: None,
                    top_reactors: None,
                }
                .into(),
            )
        })
    }
}

pub(super) fn reactions_tl(viewer: i64, body: &Body) -> Option<enums::MessageReactions> {
    if body.reactions.is_empty() {
        return None;
    }
    let mut counted: Vec<(&str, i32, bool)> = Vec::new();
    for (emoji, by) in &body.reactions {
        match counted.iter_mut().find(|(known, ..)| known == emoji) {
            Some(entry) => (entry.1, entry.2) = (entry.1 + 1, entry.2 || *by == viewer),
            None => counted.push((emoji, 1, *by == viewer)),
        }
    }
    let results = counted.into_iter().map(|(emoji, count, chosen)| {
        let reaction = types::ReactionEmoji {
            emoticon: emoji.to_owned(),
        }
        .into();
        types::ReactionCount {
            chosen_order: chosen.then_some(0),
            reaction,
            count,
        }
        .into()
    });
    let recent = body.reactions.iter().rev().take(3).map(|(emoji, by)| {
        types::MessagePeerReaction {
            big: false,
            unread: false,
            my: *by == viewer,
            peer_id: ChatRef::User(*by).peer(),
            date: body.date,
            reaction: types::ReactionEmoji {
                emoticon: emoji.clone(),
            }
            .into(),
        }
        .into()
    });
    Some(
        types::MessageReactions {
            min: false,
            can_see_list: true,
            reactions_as_tags: false,
            results: results.collect(),
            recent_reactions: Some(recent.collect()),
            top_reactors: None,
        }
        .into(),
    )
}
