//! Orders: what can be asked of the simulator in JSON.

use serde::{Deserialize, Serialize};

use super::{AccountSpec, Answering, PersonSpec};
use crate::{
    dispatch::Fault,
    traffic::TrafficSpec,
    wire::WireFault,
    world::{Action, Media},
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
