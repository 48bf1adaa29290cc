//! What stands between the account and somebody before it writes to them, and what Telegram shows of somebody to others.

use grammers_client::tl;
use tl::{enums::RequirementToContact as R, functions, types};

use super::{Recipient, formatting::input_user, resolve, shared::Shared};
use crate::{
    domain::{ChatId, Wanted},
    telegram::CallError,
};

async fn user(shared: &Shared, chat: ChatId) -> Result<tl::enums::InputUser, CallError> {
    let peer = resolve::input_peer(shared, chat).await?;
    input_user(&peer).ok_or(CallError::Unresolvable)
}

/// What a person wants of whoever writes to them unasked (core.telegram.org/api/paid-messages). `None`: nothing.
pub(super) async fn wanted(shared: &Shared, chat: ChatId) -> Result<Option<Wanted>, CallError> {
    let id = vec![user(shared, chat).await?];
    let answer = shared
        .call(functions::users::GetRequirementsToContact { id })
        .await?;
    Ok(match answer.into_iter().next() {
        Some(R::PaidMessages(paid)) => u32::try_from(paid.stars_amount)
            .ok()
            .filter(|stars| *stars > 0)
            .map(|stars| Wanted {
                stars: Some(stars),
                premium: false,
            }),
        Some(R::Premium) => Some(Wanted {
            stars: None,
            premium: true,
        }),
        Some(R::Empty) | None => None,
    })
}

/// Does Telegram warn whoever looks at this person that they use an unofficial app (`unofficial_security_risk`)?
pub(super) async fn is_marked(shared: &Shared, recipient: &Recipient) -> Result<bool, CallError> {
    let peer = resolve::resolve(shared, recipient).await?;
    let id = user(shared, peer.id).await?;
    let tl::enums::users::UserFull::Full(types::users::UserFull { full_user, .. }) =
        shared.call(functions::users::GetFullUser { id }).await?;
    let tl::enums::UserFull::Full(full) = full_user;
    Ok(full.unofficial_security_risk)
}
