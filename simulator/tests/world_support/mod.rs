//! What the world's tests share: a client that nobody here wrote, with a key that is signed in.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

#[path = "../pool_support/mod.rs"]
mod pool_support;

use std::{future::Future, time::Duration};

use grammers_client::client::{Client, ClientConfiguration};
use grammers_client::sender::{InvocationError, SenderPool, SenderPoolFatHandle};
use grammers_session::updates::UpdatesLike;
use grammers_tl_types as tl;
use switchboard_simulator::{AccountSpec, ChatRef, PersonSpec, Simulator, world::access_hash};
use tokio::{sync::mpsc, task::JoinHandle};

pub use self::pool_support::pool;

/// The one generous limit of all waiting in these tests.
pub const LIMIT: Duration = Duration::from_secs(20);

/// Waits for a future, and says what did not come.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LIMIT, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// grammers, unmodified.
pub struct Library {
    pub client: Client,
    pub handle: SenderPoolFatHandle,
    pub updates: mpsc::Receiver<UpdatesLike>,
    runner: JoinHandle<()>,
    pub dc_id: i32,
}

impl Library {
    /// Signed in as this user, on the simulator's first data centre.
    pub fn start(simulator: &Simulator, user: i64) -> Self {
        let (dc_id, _) = simulator.dc_addresses()[0];
        let key = simulator.seed_session(user, dc_id);
        Self::with_key(simulator, dc_id, key)
    }

    pub fn with_key(simulator: &Simulator, dc_id: i32, key: [u8; 256]) -> Self {
        let addresses = simulator.dc_addresses();
        let SenderPool {
            runner,
            handle,
            updates,
        } = pool("world test", dc_id, &addresses, key, 1 << 16);
        let client = Client::with_configuration(handle.clone(), ClientConfiguration::default());
        Self {
            client,
            handle,
            updates,
            runner: tokio::spawn(runner.run()),
            dc_id,
        }
    }

    pub async fn call<R: tl::RemoteCall>(&self, request: &R) -> Result<R::Return, InvocationError> {
        soon("an answer", self.handle.invoke_in_dc(self.dc_id, request)).await
    }

    /// The next thing that was pushed.
    pub async fn pushed(&mut self) -> tl::enums::Updates {
        loop {
            match soon("a push", self.updates.recv()).await {
                Some(UpdatesLike::Updates(updates)) => return updates,
                Some(_) => {}
                None => panic!("the pool is gone"),
            }
        }
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        self.runner.abort();
    }
}

/// Name of the error that a call ended with.
pub fn error_name<T: std::fmt::Debug>(result: Result<T, InvocationError>) -> String {
    match result {
        Err(InvocationError::Rpc(error)) => error.name,
        other => panic!("expected an rpc_error, got {other:?}"),
    }
}

pub struct Town {
    pub simulator: Simulator,
    pub account: i64,
    pub friend: i64,
    pub group: i64,
    pub supergroup: i64,
    pub channel: i64,
}

/// One account with a friend, a basic group, a supergroup and a channel.
pub async fn town() -> Town {
    let simulator = Simulator::builder().seed(7).start().await.unwrap();
    let account = simulator.add_account(AccountSpec::new("+99966 2 0001", "Desk"));
    let friend = simulator.add_person(PersonSpec::new("Nadia").username("nadia_test"));
    let group = simulator.add_group("Neighbours", &[friend, account]);
    let supergroup = simulator.add_supergroup("Street", &[friend, account]);
    let channel = simulator.add_channel("News", &[friend, account]);
    Town {
        simulator,
        account,
        friend,
        group,
        supergroup,
        channel,
    }
}

impl Town {
    /// A chat as the account points at it: with the hash that it alone has.
    pub fn input_peer(&self, chat: i64) -> tl::enums::InputPeer {
        let seed = self.simulator.look(|world| world.seed);
        let hash = access_hash(seed, self.account, chat.into());
        match ChatRef::from(chat) {
            ChatRef::User(user_id) => tl::types::InputPeerUser {
                user_id,
                access_hash: hash,
            }
            .into(),
            ChatRef::Group(chat_id) => tl::types::InputPeerChat { chat_id }.into(),
            ChatRef::Channel(channel_id) => tl::types::InputPeerChannel {
                channel_id,
                access_hash: hash,
            }
            .into(),
        }
    }

    pub fn input_channel(&self, chat: i64) -> tl::enums::InputChannel {
        let tl::enums::InputPeer::Channel(peer) = self.input_peer(chat) else {
            panic!("{chat} is no channel")
        };
        tl::types::InputChannel {
            channel_id: peer.channel_id,
            access_hash: peer.access_hash,
        }
        .into()
    }
}

/// A text message.
pub fn text_to(
    peer: tl::enums::InputPeer,
    random_id: i64,
    message: &str,
) -> tl::functions::messages::SendMessage {
    tl::functions::messages::SendMessage {
        no_webpage: false,
        silent: false,
        background: false,
        clear_draft: false,
        noforwards: false,
        update_stickersets_order: false,
        invert_media: false,
        allow_paid_floodskip: false,
        peer,
        reply_to: None,
        message: message.to_owned(),
        random_id,
        reply_markup: None,
        entities: None,
        schedule_date: None,
        schedule_repeat_period: None,
        send_as: None,
        quick_reply_shortcut: None,
        effect: None,
        allow_paid_stars: None,
        suggested_post: None,
        rich_message: None,
    }
}

/// What a push is, and the texts in it.
pub fn told(updates: &tl::enums::Updates) -> Vec<String> {
    use tl::enums::{Message, Update, Updates};
    let of = |update: &Update| match update {
        Update::NewMessage(new) => match &new.message {
            Message::Message(message) => message.message.clone(),
            other => format!("{other:?}"),
        },
        Update::NewChannelMessage(new) => match &new.message {
            Message::Message(message) => message.message.clone(),
            other => format!("{other:?}"),
        },
        Update::ChannelTooLong(channel) => {
            format!("channel too long, pts {}", channel.pts.is_some())
        }
        other => format!("{other:?}"),
    };
    match updates {
        Updates::TooLong => vec!["too long".to_owned()],
        Updates::UpdateShortMessage(message) => vec![message.message.clone()],
        Updates::UpdateShortChatMessage(message) => vec![message.message.clone()],
        Updates::UpdateShort(short) => vec![of(&short.update)],
        Updates::Updates(all) => all.updates.iter().map(of).collect(),
        Updates::Combined(all) => all.updates.iter().map(of).collect(),
        Updates::UpdateShortSentMessage(sent) => vec![format!("sent {}", sent.id)],
    }
}
