//! People: making them, and speaking as them.
//!
//! Message ids mean what [`World::id_for`](crate::world::World::id_for) says: a channel's own id; in a private
//! chat the id that the account has it under; in a basic group the id of its account with the lowest user id.

use grammers_tl_types::enums;

use super::{AccountSpec, PersonSpec, Simulator, chats::channel_of};
use crate::world::{
    Action, Body, ChatRef, Draft, Forward, GENERAL, Gid, Media, Password, Refusal, Spot, User,
    World, bad,
};

impl Simulator {
    pub fn add_account(&self, spec: AccountSpec) -> i64 {
        // The password is stretched outside the world's lock: it takes a while.
        let password = spec.password.as_deref().map(|text| {
            let (salt1, salt2) =
                self.with(|world| (world.random_bytes::<40>(), world.random_bytes::<16>()));
            Password::new(
                text,
                salt1.to_vec(),
                salt2.to_vec(),
                spec.password_hint.clone(),
            )
        });
        self.with(|world| {
            let user = User {
                first_name: spec.first_name,
                last_name: spec.last_name,
                username: spec.username,
                phone: Some(spec.phone),
                premium: spec.premium,
                ..User::default()
            };
            let id = world.add_account(user, spec.home_dc, spec.registered, None);
            if let Ok(account) = world.account_mut(id) {
                account.password = password;
                account.language = spec.language;
            }
            id
        })
    }

    pub fn add_person(&self, spec: PersonSpec) -> i64 {
        let PersonSpec {
            first_name,
            last_name,
            username,
            phone,
            bot,
            number_hidden,
        } = spec;
        let user = User {
            first_name,
            last_name,
            username,
            phone,
            bot,
            number_hidden,
            ..User::default()
        };
        self.with(|world| world.add_user(user))
    }

    /// Says something in a topic of a forum; 1 is General.
    pub fn say_in_topic(&self, from: i64, forum: i64, topic: i32, text: &str) -> i32 {
        let topic = if topic == GENERAL { 0 } else { topic };
        let draft = Draft {
            spot: Spot { topic, thread: 0 },
            ..Draft::text(text)
        };
        self.post(from, forum, draft)
    }

    /// Writes to a channel, into the thread that somebody has there.
    pub fn say_to_channel(&self, from: i64, monoforum: i64, text: &str) -> i32 {
        let spot = Spot {
            topic: 0,
            thread: from,
        };
        let draft = Draft {
            spot,
            ..Draft::text(text)
        };
        self.post(from, monoforum, draft)
    }

    /// Puts somebody into somebody's address book.
    pub fn add_contact(&self, owner: i64, contact: i64) {
        self.with(|world| {
            if let Ok(account) = world.account_mut(owner) {
                account.contacts.insert(contact);
                account.known.insert(contact);
            }
        });
    }

    /// Says something as a person (or as an account, from a device that isn't there). To say it to an account in
    /// private, `chat` is that account's id.
    pub fn say(&self, from: i64, chat: impl Into<ChatRef>, text: &str) -> i32 {
        self.post(from, chat, Draft::text(text))
    }

    /// Says it as an answer to another message of the chat.
    pub fn answer(&self, from: i64, chat: impl Into<ChatRef>, to: i32, text: &str) -> i32 {
        let chat = chat.into();
        self.with(|world| {
            let reply_to = world.find(from, chat, to);
            let spot = reply_to
                .and_then(|gid| world.body(gid))
                .map(|body| body.spot);
            world
                .post(
                    from,
                    chat,
                    Draft {
                        reply_to,
                        spot: spot.unwrap_or_default(),
                        ..Draft::text(text)
                    },
                    None,
                )
                .id
        })
    }

    /// The messages of a supergroup or channel may not be forwarded, or may again.
    pub fn protect(&self, channel: i64, protected: bool) {
        if let Ok(id) = channel_of(channel) {
            self.with(|world| {
                if let Some(channel) = world.channels.get_mut(&id) {
                    channel.protected = protected;
                }
            });
        }
    }

    /// Forwards a message of one chat into another, as a person or an account; the id that it has there.
    ///
    /// # Errors
    /// When there is no such message.
    pub fn forward(
        &self,
        by: i64,
        chat: impl Into<ChatRef>,
        id: i32,
        to: impl Into<ChatRef>,
    ) -> Result<i32, Refusal> {
        let (chat, to) = (chat.into(), to.into());
        self.with(|world| {
            let gid = found(world, by, chat, id)?;
            let Some(body) = world.body(gid).cloned() else {
                return Err(bad("MESSAGE_ID_INVALID"));
            };
            let forwarded = Forward {
                from: body.from,
                date: body.date,
                channel: None,
            };
            let draft = Draft {
                forwarded: Some(forwarded),
                media: body.media.map(|media| *media),
                file: body.file,
                form: body.form.map(|form| *form).unwrap_or_default(),
                ..Draft::text(body.text)
            };
            Ok(world.post(by, to, draft, None).id)
        })
    }

    /// Telegram itself writes to an account.
    pub fn notify(&self, user: i64, text: &str) -> i32 {
        self.with(|world| world.notify(user, text).id)
    }

    /// Somebody gives the account's number to my.telegram.org; answers the code that the account's devices are told.
    ///
    /// # Errors
    /// When nobody is signed in to that number.
    pub fn web_login(&self, phone: &str) -> Result<String, Refusal> {
        self.with(|world| world.web_login(phone))
    }

    /// Sends a picture, a file, a place, …, with or without words to it.
    pub fn say_media(
        &self,
        from: i64,
        chat: impl Into<ChatRef>,
        media: Media,
        caption: &str,
    ) -> i32 {
        self.post(
            from,
            chat,
            Draft {
                media: Some(media),
                ..Draft::text(caption)
            },
        )
    }

    /// Gives a person, an account or a chat a photo; answers its number.
    pub fn set_photo(&self, of: impl Into<ChatRef>) -> i64 {
        let of = of.into();
        self.with(|world| {
            let id = world.new_profile_photo();
            let photo = match of {
                ChatRef::User(user) => world.users.get_mut(&user).map(|user| &mut user.photo),
                ChatRef::Group(group) => world.groups.get_mut(&group).map(|group| &mut group.photo),
                ChatRef::Channel(channel) => world
                    .channels
                    .get_mut(&channel)
                    .map(|channel| &mut channel.photo),
            };
            if let Some(photo) = photo {
                *photo = id;
            }
            id
        })
    }

    /// A service message by itself.
    pub fn service(&self, from: i64, chat: impl Into<ChatRef>, action: Action) -> i32 {
        self.post(
            from,
            chat,
            Draft {
                action: Some(action),
                ..Draft::default()
            },
        )
    }

    /// Sends an account something through a secret chat that one of its clients would have: sealed bytes, which move
    /// its qts. Answers the qts.
    ///
    /// # Errors
    /// When `to` is no account.
    pub fn say_encrypted(&self, secret_chat: i32, to: i64, bytes: &[u8]) -> Result<i32, Refusal> {
        self.with(|world| world.post_encrypted(to, secret_chat, bytes.to_vec()))
    }

    pub fn post(&self, from: i64, chat: impl Into<ChatRef>, draft: Draft) -> i32 {
        let chat = chat.into();
        self.with(|world| world.post(from, chat, draft, None).id)
    }

    /// # Errors
    /// When there is no such message or it is somebody else's.
    pub fn edit(
        &self,
        from: i64,
        chat: impl Into<ChatRef>,
        id: i32,
        text: &str,
    ) -> Result<(), Refusal> {
        let chat = chat.into();
        self.with(|world| {
            let gid = found(world, from, chat, id)?;
            let entities = world.body(gid).and_then(Body::entities);
            let words = (text, entities.unwrap_or_default());
            world.edit(from, gid, words, None, None).map(|_| ())
        })
    }

    /// Deletes messages for everybody.
    pub fn delete(&self, from: i64, chat: impl Into<ChatRef>, ids: &[i32]) {
        let chat = chat.into();
        self.with(|world| {
            if let ChatRef::Channel(id) = chat {
                world.delete_in_channel(id, ids, None);
                return;
            }
            let gids: Vec<Gid> = ids
                .iter()
                .filter_map(|id| world.find(from, chat, *id))
                .collect();
            world.delete_everywhere(from, &gids, None);
        });
    }

    /// Hides a channel's history up to a message from everybody.
    pub fn clear_history(&self, channel: i64, up_to: i32) {
        if let ChatRef::Channel(id) = channel.into() {
            self.with(|world| world.clear_channel(id, up_to));
        }
    }

    /// Has read the chat up to a message; 0: all of it.
    pub fn read(&self, by: i64, chat: impl Into<ChatRef>, max_id: i32) {
        let chat = chat.into();
        self.with(|world| match chat {
            ChatRef::Channel(id) => world.read_channel(by, id, max_id, None).map(|_| ()),
            _ => world.read_mail(by, chat, max_id, None).map(|_| ()),
        })
        .unwrap_or_default();
    }

    pub fn typing(&self, by: i64, chat: impl Into<ChatRef>) {
        let chat = chat.into();
        self.with(|world| {
            world.typing(
                by,
                chat,
                enums::SendMessageAction::SendMessageTypingAction,
                None,
            )
        });
    }

    pub fn set_online(&self, user: i64, online: bool) {
        self.with(|world| world.set_online(user, online));
    }

    pub fn rename(&self, user: i64, first_name: &str, last_name: &str) {
        self.with(|world| world.rename(user, first_name, last_name));
    }

    /// # Errors
    /// When there is no such message.
    pub fn react(
        &self,
        by: i64,
        chat: impl Into<ChatRef>,
        id: i32,
        emoji: Option<&str>,
    ) -> Result<(), Refusal> {
        let chat = chat.into();
        self.with(|world| {
            let gid = found(world, by, chat, id)?;
            world.react(by, gid, emoji, None).map(|_| ())
        })
    }

    /// # Errors
    /// When there is no such message.
    pub fn pin(
        &self,
        by: i64,
        chat: impl Into<ChatRef>,
        id: i32,
        pinned: bool,
    ) -> Result<(), Refusal> {
        let chat = chat.into();
        self.with(|world| {
            let gid = found(world, by, chat, id)?;
            world.pin(by, gid, pinned, None).map(|_| ())
        })
    }

    /// # Errors
    /// When the chat is a private one or not there.
    pub fn join(&self, chat: impl Into<ChatRef>, user: i64) -> Result<(), Refusal> {
        let chat = chat.into();
        self.with(|world| world.join(chat, user, user)).map(|_| ())
    }

    /// `by` other than the user itself: it is thrown out.
    ///
    /// # Errors
    /// When the chat is a private one or not there.
    pub fn leave(&self, chat: impl Into<ChatRef>, user: i64, by: i64) -> Result<(), Refusal> {
        let chat = chat.into();
        self.with(|world| world.leave(chat, user, by)).map(|_| ())
    }

    /// # Errors
    /// When the chat is a private one or not there.
    pub fn set_title(&self, chat: impl Into<ChatRef>, by: i64, title: &str) -> Result<(), Refusal> {
        let chat = chat.into();
        self.with(|world| world.set_title(chat, by, title, None))
            .map(|_| ())
    }
}

fn found(world: &World, by: i64, chat: ChatRef, id: i32) -> Result<Gid, Refusal> {
    world
        .find(by, chat, id)
        .ok_or_else(|| bad("MESSAGE_ID_INVALID"))
}
