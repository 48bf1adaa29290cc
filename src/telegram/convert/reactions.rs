//! Reactions: how many of each, ours among them, and whom Telegram names.

use grammers_client::tl;
use tl::enums::{MessagePeerReaction, MessageReactions, Reaction as R, ReactionCount};

use super::{clean, people::People};
use crate::domain::Reaction;

const MOST: usize = 200;

/// And do they say nothing of this account's own?
pub(super) fn reactions(
    reactions: &MessageReactions,
    people: &People<'_>,
) -> (Vec<Reaction>, bool) {
    let MessageReactions::Reactions(reactions) = reactions;
    let recent = || reactions.recent_reactions.iter().flatten();
    let counted =
        reactions
            .results
            .iter()
            .take(MOST)
            .filter_map(|ReactionCount::Count(counted)| {
                let mut reaction = kind(&counted.reaction)?;
                reaction.count = clean::count(counted.count);
                reaction.mine = counted.chosen_order.is_some();
                let who = recent()
                    .filter(|MessagePeerReaction::Reaction(one)| one.reaction == counted.reaction);
                reaction.who = who
                    .map(|MessagePeerReaction::Reaction(one)| people.peer(&one.peer_id))
                    .collect();
                Some(reaction)
            });
    (counted.collect(), reactions.min)
}

fn kind(reaction: &R) -> Option<Reaction> {
    let of = |emoji: &str| Reaction {
        emoji: emoji.to_owned(),
        count: 0,
        mine: false,
        custom_emoji_id: None,
        paid: false,
        who: Vec::new(),
    };
    Some(match reaction {
        R::Empty => return None,
        R::Emoji(emoji) => of(&clean::line(emoji.emoticon.clone())),
        R::CustomEmoji(emoji) => Reaction {
            custom_emoji_id: Some(emoji.document_id.to_string()),
            ..of("")
        },
        R::Paid => Reaction {
            paid: true,
            ..of("⭐")
        },
    })
}
