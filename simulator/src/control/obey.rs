//! Obey: how each order is carried out.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Order, Simulator};
use crate::{
    wire::{FaultScope, WireFault},
    world::{ChatRef, Refusal, bad},
};

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
