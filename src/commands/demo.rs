//! Demo: the service on a simulated Telegram, so that anybody can look at a living desk within a second: three
//! accounts, people who answer, groups, a channel, several scripts, one account that reconnects now and then and
//! one that needs a person.

use std::{io, net::SocketAddr, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE};
use rand::RngExt;
use switchboard_simulator::{
    AccountSpec, PersonSpec, Simulator,
    control::Answering,
    traffic::{TrafficHandle, TrafficSpec},
    world::{Draft, Form, Media, samples},
};
use tempfile::TempDir;

use crate::{
    cli::{DemoArgs, Settings},
    domain::{ApiCredentials, SecretText},
};

/// The simulated Telegram and the directory; both end with the value.
pub struct Demo {
    telegram: Simulator,
    traffic: TrafficHandle,
    accounts: Vec<DemoAccount>,
    directory: TempDir,
}

/// One account that the demo signs in.
struct DemoAccount {
    label: &'static str,
    colour: u8,
    user: i64,
}

/// An account as the service's own API takes it.
pub struct Arrival {
    pub label: &'static str,
    pub colour: u8,
    pub session: SecretText,
}

/// Any pair does for a simulated Telegram.
const API_ID: i32 = 12_345;
const API_HASH: &str = "00000000000000000000000000000000";

const LABELS: [(&str, u8); 3] = [("Sales", 7), ("Support", 2), ("Склад", 10)];
/// In the order in which the simulator deals out the languages, so that each speaks as the name says.
const PEOPLE: [&str; 16] = [
    "客户",
    "ग्राहक",
    "Kundin",
    "לקוח",
    "Contact two",
    "Покупатель",
    "زبون",
    "Cliente",
    "客人",
    "ख़रीदार",
    "Kunde",
    "לקוחה",
    "Contact one",
    "Клиентка",
    "زبونة",
    "Clienta",
];
/// How long the line that breaks now and then holds, in seconds.
const LINE_HOLDS: std::ops::Range<u64> = 25..60;

impl Demo {
    /// Starts the simulated Telegram and its people.
    ///
    /// # Errors
    /// When no port or directory is to be had.
    pub async fn start(args: &DemoArgs) -> io::Result<Self> {
        let telegram = Simulator::builder().seed(args.seed).dcs(2).start().await?;
        let accounts: Vec<DemoAccount> = LABELS
            .into_iter()
            .enumerate()
            .map(|(index, (label, colour))| DemoAccount {
                label,
                colour,
                user: telegram.add_account(AccountSpec::new(&format!("+9996620{index:03}"), label)),
            })
            .collect();
        let chats = populate(&telegram, &accounts);
        let traffic = telegram.traffic(TrafficSpec {
            seed: args.seed,
            rate_per_second: args.rate,
            chats,
            reactions: 8,
            formatted: 25,
            ..TrafficSpec::default()
        });
        Ok(Self {
            telegram,
            traffic,
            accounts,
            directory: tempfile::tempdir()?,
        })
    }

    /// The settings of a service that talks to this Telegram alone.
    ///
    /// # Errors
    /// When the key file can't be written.
    pub fn settings(&self, listen: &str) -> io::Result<Settings> {
        let key = self.directory.path().join("telegram.pem");
        std::fs::write(&key, self.telegram.public_key_pem())?;
        let addresses = self.telegram.dc_addresses();
        Ok(Settings {
            listen: listen.to_owned(),
            data_dir: self.directory.path().join("data"),
            telegram_dc: addresses
                .iter()
                .map(|(id, address)| format!("{id}@{address}"))
                .collect(),
            telegram_dc_key: Some(key),
            api_id: Some(API_ID.to_string()),
            api_hash: Some(API_HASH.to_owned()),
            ..Settings::default()
        })
    }

    #[must_use]
    pub fn api(&self) -> ApiCredentials {
        ApiCredentials {
            api_id: API_ID,
            api_hash: SecretText::new(API_HASH),
        }
    }

    /// The accounts, each with a session as another client would bring it along.
    #[must_use]
    pub fn arrivals(&self) -> Vec<Arrival> {
        let Some((dc, SocketAddr::V4(address))) = self.telegram.dc_addresses().first().copied()
        else {
            return Vec::new();
        };
        self.accounts
            .iter()
            .map(|account| {
                let mut bytes = vec![u8::try_from(dc).unwrap_or(2)];
                bytes.extend(address.ip().octets());
                bytes.extend(address.port().to_be_bytes());
                bytes.extend(self.telegram.seed_session(account.user, dc));
                Arrival {
                    label: account.label,
                    colour: account.colour,
                    session: SecretText::new(format!("1{}", URL_SAFE.encode(bytes))),
                }
            })
            .collect()
    }

    /// The troubles of real life: one line breaks now and then, one account is signed out on another device.
    pub async fn trouble(&self) {
        let [_, breaking, leaving] = self.accounts.as_slice() else {
            return;
        };
        tokio::time::sleep(Duration::from_secs(8)).await;
        self.telegram.revoke_sessions(leaving.user);
        loop {
            let holds = rand::rng().random_range(LINE_HOLDS);
            tokio::time::sleep(Duration::from_secs(holds)).await;
            self.telegram.cut(breaking.user);
        }
    }

    pub async fn stop(self) {
        self.traffic.stop();
        self.telegram.shutdown().await;
    }
}

/// People, groups and a channel, with something already said. Answers the chats where talk goes on.
fn populate(telegram: &Simulator, accounts: &[DemoAccount]) -> Vec<i64> {
    let people: Vec<i64> = PEOPLE
        .iter()
        .map(|name| telegram.add_person(PersonSpec::new(name)))
        .collect();
    let mut chats = people.clone();
    for person in &people {
        telegram.let_answer(*person, Answering::default());
    }
    for person in people.iter().step_by(2) {
        telegram.set_photo(*person);
    }
    for (index, account) in accounts.iter().enumerate() {
        for person in people.iter().skip(index).step_by(accounts.len()) {
            telegram.say(
                *person,
                account.user,
                switchboard_simulator::traffic::phrases::phrase(person.unsigned_abs(), 0),
            );
        }
        if let Some(person) = people.get(index) {
            show_kinds(telegram, *person, account.user);
        }
        let mut members = vec![account.user];
        members.extend(people.iter().skip(index).take(4));
        chats.push(telegram.add_group(["Team", "Доставка", "المستودع"][index % 3], &members));
    }
    let everybody: Vec<i64> = people
        .iter()
        .copied()
        .chain(accounts.iter().map(|account| account.user))
        .collect();
    chats.push(telegram.add_supergroup("Customers' corner", &everybody));
    open_forum(telegram, &everybody);
    if let Some(editor) = people.first() {
        let mut readers = vec![*editor];
        readers.extend(accounts.iter().map(|account| account.user));
        chats.push(telegram.add_channel("News channel", &readers));
    }
    chats
}

/// A forum with two topics, and a word in each.
fn open_forum(telegram: &Simulator, members: &[i64]) {
    let Some(founder) = members.get(4) else {
        return;
    };
    let mut members = members.to_vec();
    members.retain(|member| member != founder);
    members.insert(0, *founder);
    let forum = telegram.add_forum("Workshop", &members);
    for (title, text) in [
        ("Orders", "Two chairs for Friday, please."),
        ("Returns", "One leg is loose."),
    ] {
        if let Ok(topic) = telegram.add_topic(forum, *founder, title) {
            telegram.say_in_topic(*founder, forum, topic, text);
        }
    }
}

/// One of what people send besides words, so that each account has something to look at and listen to.
fn show_kinds(telegram: &Simulator, person: i64, account: i64) {
    let media = [
        Media::Document {
            name: "offer.pdf".to_owned(),
            mime: "application/pdf".to_owned(),
            size: 482_000,
        },
        samples::voice(),
        samples::film(),
        Media::Poll {
            question: "📦 10:00 / 16:00?".to_owned(),
            answers: vec!["10:00".to_owned(), "16:00".to_owned()],
        },
        Media::Sticker {
            emoji: "👋".to_owned(),
        },
    ];
    for one in media {
        telegram.say_media(person, account, one, "");
    }
    for side in 0..3 {
        let picture = Media::Photo {
            width: 1_280,
            height: 960 - side * 120,
        };
        telegram.post(
            person,
            account,
            Draft {
                media: Some(picture),
                form: Form {
                    album: Some(person),
                    ..Form::default()
                },
                ..Draft::default()
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use switchboard_simulator::traffic::phrases::phrase;

    use super::*;

    /// Protects the first impression: nobody in the demo has a name of one language and speaks another.
    #[tokio::test]
    async fn people_of_the_demo_speak_as_their_names_say() {
        let telegram = Simulator::builder().seed(7).dcs(2).start().await.unwrap();
        for (index, (label, _)) in LABELS.iter().enumerate() {
            telegram.add_account(AccountSpec::new(&format!("+9996620{index:03}"), label));
        }
        for name in PEOPLE {
            let id = telegram.add_person(PersonSpec::new(name));
            let greeting = match name {
                "客户" | "客人" => "你好",
                "ग्राहक" | "ख़रीदार" => "नमस्ते",
                "Kundin" | "Kunde" => "Grüß Gott",
                "לקוח" | "לקוחה" => "שלום",
                "Contact one" | "Contact two" => "Hi!",
                "Покупатель" | "Клиентка" => "Добрый день",
                "زبون" | "زبونة" => "السلام",
                _ => "¡Hola!",
            };
            let says = phrase(id.unsigned_abs(), 0);
            assert!(says.starts_with(greeting), "{name} ({id}) says {says:?}");
        }
        telegram.shutdown().await;
    }
}
