//! Answering: people who write back to the accounts that write to them, after a moment.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::Simulator;
use crate::{
    traffic::phrases,
    world::{ChatRef, mix},
};

/// How somebody writes back.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Answering {
    /// What is said, one after the other and from the start again; everyday phrases of several languages when empty.
    pub texts: Vec<String>,
    pub after_ms: u64,
    /// Shows as typing meanwhile.
    pub typing: bool,
}

impl Default for Answering {
    fn default() -> Self {
        Self {
            texts: Vec::new(),
            after_ms: 1500,
            typing: true,
        }
    }
}

/// Who writes back, and how.
pub(super) struct Book {
    seed: u64,
    entries: Mutex<HashMap<i64, (Answering, usize)>>,
}

impl Book {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            entries: Mutex::default(),
        }
    }

    /// The person's next answer.
    fn next(&self, person: i64) -> Option<(Answering, String)> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (how, told) = entries.get_mut(&person)?;
        let turn = *told;
        *told += 1;
        let chance = mix(self.seed ^ mix(person as u64 ^ ((turn as u64) << 32)));
        let own = how.texts.get(turn % how.texts.len().max(1)).cloned();
        Some((
            how.clone(),
            own.unwrap_or_else(|| phrases::answer(person as u64, chance).to_owned()),
        ))
    }
}

impl Simulator {
    /// From now on this person answers what accounts write to it in private.
    pub fn let_answer(&self, person: i64, how: Answering) {
        let mut entries = self
            .answering
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        entries.insert(person, (how, 0));
    }
}

/// Reads every send as it comes, and has it answered.
pub(super) async fn run(simulator: Simulator) {
    let mut changes = simulator.subscribe();
    let mut seen = 0;
    loop {
        let news: Vec<(i64, i64)> = simulator.look(|world| {
            let sends = world.ledger_sends.get(seen..).unwrap_or(&[]);
            seen = world.ledger_sends.len();
            sends
                .iter()
                .map(|send| (send.account, send.chat_id))
                .collect()
        });
        for (account, chat_id) in news {
            let ChatRef::User(person) = ChatRef::from(chat_id) else {
                continue;
            };
            let Some((how, text)) = simulator.answering.next(person) else {
                continue;
            };
            let speaker = simulator.clone();
            drop(tokio::spawn(async move {
                let pause = Duration::from_millis(how.after_ms / 2);
                tokio::time::sleep(pause).await;
                speaker.read(person, account, 0);
                if how.typing {
                    speaker.typing(person, account);
                }
                tokio::time::sleep(pause).await;
                speaker.say(person, account, &text);
            }));
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}
