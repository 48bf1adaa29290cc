//! Orders: what can be asked of the simulator in JSON, and how each is carried out.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{AccountSpec, Answering, PersonSpec, Simulator};
use crate::{
    dispatch::Fault,
    traffic::TrafficSpec,
    wire::{FaultScope, WireFault},
    world::{Action, ChatRef, Media, Refusal, bad},
};

/// One order. `chat` is a marked id: user, -basic group, -100… channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Order {
    AddAccount(AccountSpec),
    AddPerson(PersonSpec),
    AddGroup {
        title: String,
        members: Vec<i64>,
    },
    AddSupergroup {
        title: String,
        members: Vec<i64>,
    },
    AddChannel {
        title: String,
        members: Vec<i64>,
    },
    AddForum {
        title: String,
        members: Vec<i64>,
    },
    AddTopic {
        forum: i64,
        by: i64,
        title: String,
    },
    CloseTopic {
        forum: i64,
        topic: i32,
    },
    SayInTopic {
        from: i64,
        forum: i64,
        topic: i32,
        text: String,
    },
    /// A broadcast channel's direct messages.
    AddMonoforum {
        channel: i64,
    },
    SayToChannel {
        from: i64,
        monoforum: i64,
        text: String,
    },
    /// The server no longer knows which random ids an account used.
    ForgetRandomIds {
        user: i64,
    },
    AddContact {
        owner: i64,
        contact: i64,
    },
    Say {
        from: i64,
        chat: i64,
        text: String,
    },
    SayMany {
        from: i64,
        chat: i64,
        texts: Vec<String>,
    },
    SayMedia {
        from: i64,
        chat: i64,
        media: Media,
        #[serde(default)]
        caption: String,
    },
    SetPhoto {
        of: i64,
    },
    SetFilesDc {
        dc: i32,
    },
    SetCdn {
        cdn: bool,
    },
    ExpireFileReferences,
    ForgetFile {
        user: i64,
        chat: i64,
        id: i32,
    },
    /// Text that stands for sealed bytes: nobody opens them.
    SayEncrypted {
        secret_chat: i32,
        to: i64,
        text: String,
    },
    Answer {
        from: i64,
        chat: i64,
        to: i32,
        text: String,
    },
    Forward {
        by: i64,
        chat: i64,
        id: i32,
        to: i64,
    },
    /// Telegram itself (user 777000) writes to an account.
    Notify {
        user: i64,
        text: String,
    },
    WebLogin {
        phone: String,
    },
    Service {
        from: i64,
        chat: i64,
        action: Action,
    },
    Edit {
        from: i64,
        chat: i64,
        id: i32,
        text: String,
    },
    Delete {
        from: i64,
        chat: i64,
        ids: Vec<i32>,
    },
    Read {
        by: i64,
        chat: i64,
        #[serde(default)]
        max_id: i32,
    },
    Typing {
        by: i64,
        chat: i64,
    },
    React {
        by: i64,
        chat: i64,
        id: i32,
        emoji: Option<String>,
    },
    Pin {
        by: i64,
        chat: i64,
        id: i32,
        pinned: bool,
    },
    Online {
        user: i64,
        online: bool,
    },
    Rename {
        user: i64,
        first_name: String,
        #[serde(default)]
        last_name: String,
    },
    Join {
        chat: i64,
        user: i64,
    },
    Leave {
        chat: i64,
        user: i64,
        by: i64,
    },
    SetTitle {
        chat: i64,
        by: i64,
        title: String,
    },
    LetAnswer {
        person: i64,
        #[serde(flatten)]
        how: Answering,
    },
    Code {
        phone: String,
    },
    AcceptQr {
        token: String,
        by: i64,
    },
    SeedSession {
        user: i64,
        dc: i32,
    },
    RevokeSessions {
        user: i64,
    },
    Ban {
        user: i64,
    },
    Freeze {
        user: i64,
    },
    Pardon {
        user: i64,
    },
    LimitStrangers {
        user: i64,
        limited: bool,
    },
    SetPrice {
        person: i64,
        stars: i64,
    },
    DeleteAccount {
        user: i64,
    },
    DestroyKeys {
        user: i64,
    },
    Cut {
        user: i64,
    },
    Advance {
        seconds: u64,
    },
    SetFault(Fault),
    SetWireFault {
        #[serde(default)]
        user: Option<i64>,
        #[serde(default)]
        dc: Option<i32>,
        #[serde(default)]
        times: Option<u32>,
        fault: WireFault,
    },
    ClearFaults,
    Traffic(TrafficSpec),
    StopTraffic,
}

impl Simulator {
    /// Carries out one order.
    ///
    /// # Errors
    /// When the world refuses it.
    pub fn obey(&self, order: Order) -> Result<Value, Refusal> {
        let done = json!({ "ok": true });
        let id = |id: i32| json!({ "id": id });
        Ok(match order {
            Order::AddAccount(spec) => json!({ "id": self.add_account(spec) }),
            Order::AddPerson(spec) => json!({ "id": self.add_person(spec) }),
            Order::AddGroup { title, members } => json!({ "id": self.add_group(&title, &members) }),
            Order::AddSupergroup { title, members } => {
                json!({ "id": self.add_supergroup(&title, &members) })
            }
            Order::AddChannel { title, members } => {
                json!({ "id": self.add_channel(&title, &members) })
            }
            Order::AddForum { title, members } => json!({ "id": self.add_forum(&title, &members) }),
            Order::AddTopic { forum, by, title } => id(self.add_topic(forum, by, &title)?),
            Order::SayInTopic {
                from,
                forum,
                topic,
                text,
            } => id(self.say_in_topic(from, forum, topic, &text)),
            Order::AddMonoforum { channel } => json!({ "id": self.add_monoforum(channel)? }),
            Order::SayToChannel {
                from,
                monoforum,
                text,
            } => id(self.say_to_channel(from, monoforum, &text)),
            Order::Say { from, chat, text } => id(self.say(from, chat, &text)),
            Order::SayMany { from, chat, texts } => {
                json!({ "ids": texts.iter().map(|text| self.say(from, chat, text)).collect::<Vec<_>>() })
            }
            Order::SayMedia {
                from,
                chat,
                media,
                caption,
            } => id(self.say_media(from, chat, media, &caption)),
            Order::SetPhoto { of } => json!({ "id": self.set_photo(of) }),
            Order::SayEncrypted {
                secret_chat,
                to,
                text,
            } => json!({ "qts": self.say_encrypted(secret_chat, to, text.as_bytes())? }),
            Order::Answer {
                from,
                chat,
                to,
                text,
            } => id(self.answer(from, chat, to, &text)),
            Order::Forward {
                by,
                chat,
                id: of,
                to,
            } => id(self.forward(by, chat, of, to)?),
            Order::Notify { user, text } => id(self.notify(user, &text)),
            Order::WebLogin { phone } => json!({ "code": self.web_login(&phone)? }),
            Order::Service { from, chat, action } => id(self.service(from, chat, action)),
            Order::Code { phone } => json!({ "code": self.code_for(&phone) }),
            Order::SeedSession { user, dc } => {
                use base64::Engine as _;
                json!({ "key": base64::engine::general_purpose::STANDARD.encode(self.seed_session(user, dc)) })
            }
            Order::SetFault(fault) => json!({ "fault": self.set_fault(fault) }),
            Order::SetWireFault {
                user,
                dc,
                times,
                fault,
            } => {
                self.set_wire_faults(user, dc, times, &fault);
                done
            }
            other => {
                self.obey_quietly(other)?;
                done
            }
        })
    }

    /// Orders whose only answer is that they were carried out.
    fn obey_quietly(&self, order: Order) -> Result<(), Refusal> {
        match order {
            Order::CloseTopic { forum, topic } => self.close_topic(forum, topic)?,
            Order::SetFilesDc { dc } => self.set_files_dc(dc),
            Order::SetCdn { cdn } => self.set_cdn(cdn),
            Order::ExpireFileReferences => self.expire_file_references(),
            Order::ForgetFile { user, chat, id } => {
                self.forget_file(self.file_of(user, chat, id));
            }
            Order::ForgetRandomIds { user } => self.forget_random_ids(user),
            Order::AddContact { owner, contact } => self.add_contact(owner, contact),
            Order::Edit {
                from,
                chat,
                id,
                text,
            } => self.edit(from, chat, id, &text)?,
            Order::Delete { from, chat, ids } => self.delete(from, chat, &ids),
            Order::Read { by, chat, max_id } => self.read(by, chat, max_id),
            Order::Typing { by, chat } => self.typing(by, chat),
            Order::React {
                by,
                chat,
                id,
                emoji,
            } => self.react(by, chat, id, emoji.as_deref())?,
            Order::Pin {
                by,
                chat,
                id,
                pinned,
            } => self.pin(by, chat, id, pinned)?,
            Order::Online { user, online } => self.set_online(user, online),
            Order::Rename {
                user,
                first_name,
                last_name,
            } => self.rename(user, &first_name, &last_name),
            Order::Join { chat, user } => self.join(chat, user)?,
            Order::Leave { chat, user, by } => self.leave(chat, user, by)?,
            Order::SetTitle { chat, by, title } => {
                self.set_title(ChatRef::from(chat), by, &title)?
            }
            Order::LetAnswer { person, how } => self.let_answer(person, how),
            Order::AcceptQr { token, by } => self.accept_qr(&token, by)?,
            Order::RevokeSessions { user } => self.revoke_sessions(user),
            Order::Ban { user } => self.ban(user),
            Order::Freeze { user } => self.freeze(user),
            Order::Pardon { user } => self.pardon(user),
            Order::LimitStrangers { user, limited } => self.limit_strangers(user, limited),
            Order::SetPrice { person, stars } => self.set_price(person, stars),
            Order::DeleteAccount { user } => self.delete_account(user),
            Order::DestroyKeys { user } => self.destroy_keys(user),
            Order::Cut { user } => self.cut(user),
            Order::Advance { seconds } => self.advance(Duration::from_secs(seconds)),
            Order::ClearFaults => self.clear_faults(),
            Order::Traffic(spec) => self.start_traffic(spec),
            Order::StopTraffic => self.stop_traffic(),
            _ => return Err(bad("ORDER_INVALID")),
        }
        Ok(())
    }

    /// A fault below the calls: for one account's keys, for a data centre, or for all.
    fn set_wire_faults(
        &self,
        user: Option<i64>,
        dc: Option<i32>,
        times: Option<u32>,
        fault: &WireFault,
    ) {
        let scopes: Vec<FaultScope> = match (user, dc) {
            (Some(user), _) => self
                .keys_of(user)
                .into_iter()
                .map(FaultScope::Key)
                .collect(),
            (None, Some(dc)) => vec![FaultScope::Dc(dc)],
            (None, None) => vec![FaultScope::All],
        };
        for scope in scopes {
            self.wire().set_fault(scope, fault.clone(), times);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the JSON that scripts outside this crate write.
    #[test]
    fn orders_are_read_as_the_readme_writes_them() {
        for (text, name) in [
            (
                r#"{"do":"add_account","phone":"+99966 20009","first_name":"Desk","password":"x"}"#,
                "AddAccount",
            ),
            (
                r#"{"do":"say","from":1,"chat":-1001900001,"text":"Hello!"}"#,
                "Say",
            ),
            (
                r#"{"do":"set_fault","method":"messages.*","times":1,"effect":{"effect":"error","code":420,"message":"FLOOD_WAIT_5"}}"#,
                "SetFault",
            ),
            (
                r#"{"do":"set_fault","effect":{"effect":"drop_push"},"account":5,"per_mille":100}"#,
                "SetFault",
            ),
            (
                r#"{"do":"set_wire_fault","fault":{"kind":"cut","reset":true},"user":7}"#,
                "SetWireFault",
            ),
            (
                r#"{"do":"let_answer","person":3,"after_ms":10}"#,
                "LetAnswer",
            ),
            (
                r#"{"do":"say_media","from":1,"chat":2,"media":{"kind":"voice","seconds":1,"size":2}}"#,
                "SayMedia",
            ),
            (
                r#"{"do":"service","from":1,"chat":-2,"action":{"action":"left","user":4}}"#,
                "Service",
            ),
            (r#"{"do":"traffic","rate_per_second":5.0}"#, "Traffic"),
            (r#"{"do":"clear_faults"}"#, "ClearFaults"),
        ] {
            let order: Order = serde_json::from_str(text).unwrap();
            assert!(format!("{order:?}").starts_with(name), "{order:?}");
        }
    }
}
