//! Questions beside the loop: to Telegram, and to the store. Each is a future that ends with an [`Answer`].

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use grammers_client::tl;
use tokio::time::sleep;

use super::{BookAway, shared::Shared, standing};
use crate::{
    domain::{ChatId, Frozen},
    telegram::{
        clock,
        error::Failure,
        pool::Calls,
        sequence::{AccountAsk, ChannelAsk, Need},
    },
};

/// The store is asked again after it could not answer, slower each time.
const STORE_FIRST: Duration = Duration::from_millis(100);
const STORE_LAST: Duration = Duration::from_secs(5);

pub(super) type Asked = BoxFuture<'static, Answer>;

pub(super) enum Answer {
    /// What is wrong with this machine's clock.
    Clock(Option<i64>),
    /// To a ping that only proves the line.
    Ping(Result<(), Failure>),
    State(Result<tl::types::updates::State, Failure>),
    Account(Result<Box<tl::enums::updates::Difference>, Failure>),
    Channel(i64, Result<ChannelAnswer, ChannelFailure>),
    /// From the store.
    Position(i64, Option<i32>),
    Person(ChatId, bool),
    /// What the configuration says of a freeze.
    Standing(Result<Option<Frozen>, Failure>),
}

pub(super) enum ChannelAnswer {
    Difference(Box<tl::enums::updates::ChannelDifference>),
    Dialog(Box<tl::types::messages::PeerDialogs>),
}

pub(super) enum ChannelFailure {
    /// The account was never told how to address it.
    Unmet,
    Call(Failure),
}

impl From<Failure> for ChannelFailure {
    fn from(failure: Failure) -> Self {
        Self::Call(failure)
    }
}

/// Asked where there is reason to doubt the clock.
pub(super) fn clock(shared: &Arc<Shared>, doubted: bool) -> Asked {
    let shared = Arc::clone(shared);
    Box::pin(async move {
        let (session, settings) = (&shared.session, &shared.settings);
        let doubted = doubted || clock::was_wrong(session, settings).await;
        Answer::Clock(match doubted {
            true => clock::trouble(session, settings).await,
            false => None,
        })
    })
}

pub(super) fn ping(calls: Calls, limit: Duration) -> Asked {
    Box::pin(async move {
        let ping = tl::functions::Ping { ping_id: 0 };
        Answer::Ping(calls.home(&ping, limit).await.map(|_| ()))
    })
}

pub(super) fn standing(calls: Calls, limit: Duration) -> Asked {
    Box::pin(async move { Answer::Standing(standing::ask(&calls, limit).await) })
}

pub(super) fn account(calls: Calls, ask: AccountAsk, limit: Duration) -> Asked {
    Box::pin(async move {
        match ask {
            AccountAsk::State => {
                let answer = calls.home(&tl::functions::updates::GetState {}, limit);
                let answer = answer.await;
                Answer::State(answer.map(|tl::enums::updates::State::State(state)| state))
            }
            AccountAsk::Difference(request) => {
                Answer::Account(calls.home(&request, limit).await.map(Box::new))
            }
        }
    })
}

pub(super) fn channel(shared: &Arc<Shared>, calls: Calls, id: i64, ask: ChannelAsk) -> Asked {
    let shared = Arc::clone(shared);
    Box::pin(async move { Answer::Channel(id, ask_channel(&shared, &calls, id, ask).await) })
}

async fn ask_channel(
    shared: &Shared,
    calls: &Calls,
    channel_id: i64,
    ask: ChannelAsk,
) -> Result<ChannelAnswer, ChannelFailure> {
    let chat = ChatId::channel(channel_id);
    let Some(access_hash) = access_hash(shared, chat).await else {
        return Err(ChannelFailure::Unmet);
    };
    let limit = shared.settings.timing.difference_limit;
    match ask {
        ChannelAsk::Difference { pts, limit: most } => {
            let request = tl::functions::updates::GetChannelDifference {
                force: false,
                channel: tl::types::InputChannel {
                    channel_id,
                    access_hash,
                }
                .into(),
                filter: tl::enums::ChannelMessagesFilter::Empty,
                pts,
                limit: most,
            };
            let answer = calls.home(&request, limit).await?;
            Ok(ChannelAnswer::Difference(Box::new(answer)))
        }
        ChannelAsk::Dialog => {
            let peer = tl::types::InputPeerChannel {
                channel_id,
                access_hash,
            };
            let peer = tl::types::InputDialogPeer { peer: peer.into() };
            let request = tl::functions::messages::GetPeerDialogs {
                peers: vec![peer.into()],
            };
            let tl::enums::messages::PeerDialogs::Dialogs(answer) =
                calls.home(&request, limit).await?;
            Ok(ChannelAnswer::Dialog(Box::new(answer)))
        }
    }
}

pub(super) fn look_up(shared: &Arc<Shared>, need: Need) -> Asked {
    let shared = Arc::clone(shared);
    Box::pin(async move {
        match need {
            Need::Position(id) => Answer::Position(id, channel_pts(&shared, id).await),
            Need::Person(chat) => Answer::Person(chat, access_hash(&shared, chat).await.is_some()),
        }
    })
}

/// Asking the store until it answers: that it can't be read says nothing about what it holds.
struct Patience<'a> {
    shared: &'a Shared,
    pause: Duration,
}

impl<'a> Patience<'a> {
    const fn new(shared: &'a Shared) -> Self {
        let pause = STORE_FIRST;
        Self { shared, pause }
    }

    async fn wait(&mut self, away: &BookAway) {
        log::warn!("account={} waits: {away}", self.shared.account_id);
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(STORE_LAST);
    }
}

async fn access_hash(shared: &Shared, chat: ChatId) -> Option<i64> {
    let mut patience = Patience::new(shared);
    loop {
        match shared.access_hash(chat).await {
            Ok(hash) => return hash,
            Err(away) => patience.wait(&away).await,
        }
    }
}

async fn channel_pts(shared: &Shared, channel: i64) -> Option<i32> {
    let mut patience = Patience::new(shared);
    loop {
        match shared.peers.channel_pts(channel).await {
            Ok(pts) => return pts,
            Err(away) => patience.wait(&away).await,
        }
    }
}
