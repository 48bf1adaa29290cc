//! What an answer means: for its line of updates, for the call that may be made next, and for the connection.

use std::time::{Duration, Instant};

use super::{
    LinkEvent,
    ask::{Answer, ChannelAnswer, ChannelFailure},
    cause::Flow,
    task::Task,
};
use crate::{
    domain::{Change, ChatId, Frozen, HealthFact, Holds},
    telegram::{
        error::Failure,
        sequence::{AccountTrouble, ChannelTrouble},
    },
};

/// How often the account's standing is asked for, which its refusals tell as well.
const STANDING_EVERY: Duration = Duration::from_secs(24 * 3600);
/// Channels that can't be addressed are looked for in the list of chats after this,
const UNMET_PATIENCE: Duration = Duration::from_secs(60);
/// and again after as much more.
const UNMET_PAUSE: Duration = Duration::from_secs(600);

impl Task {
    pub(super) fn answered(&mut self, answer: Answer) -> Flow {
        let now = Instant::now();
        match answer {
            Answer::Clock(trouble) => self.clock(trouble),
            Answer::Ping(answer) => self.pinged(answer),
            Answer::State(Ok(state)) => {
                self.connected();
                let steps = self.sequence.state_answer(&state, now);
                self.add(steps);
                self.suspect(now);
                Ok(())
            }
            Answer::Account(Ok(difference)) => {
                self.connected();
                let steps = self.sequence.account_answer(*difference, now);
                self.add(steps);
                self.suspect(now);
                Ok(())
            }
            Answer::State(Err(failure)) | Answer::Account(Err(failure)) => {
                self.account_failed(failure, now)
            }
            Answer::Channel(id, answer) => {
                self.channels_abreast = self.channels_abreast.saturating_sub(1);
                self.channel_answered(id, answer, now)
            }
            Answer::Position(id, stored) => {
                let steps = self.sequence.position(id, stored, now);
                self.add(steps);
                Ok(())
            }
            Answer::Standing(standing) => {
                self.stands(standing, now);
                Ok(())
            }
            Answer::Person(chat, known) => {
                let steps = self.sequence.person(chat, known, now);
                self.add(steps);
                Ok(())
            }
        }
    }

    /// A server that knows no such question says nothing about the account.
    fn stands(&mut self, standing: Result<Option<Frozen>, Failure>, now: Instant) {
        let fact = match standing {
            Ok(Some(frozen)) => Some(HealthFact::Frozen(frozen)),
            Ok(None) => Some(HealthFact::NotFrozen),
            Err(failure) if failure.is_passing() => return,
            Err(_) => None,
        };
        self.next_standing = now + STANDING_EVERY;
        if let Some(fact) = fact {
            self.report.say(LinkEvent::Health(fact));
        }
    }

    /// The server turned out to be behind us: channels are compared at once.
    fn suspect(&mut self, now: Instant) {
        if self.sequence.take_suspect() {
            self.sweep(now);
        }
    }

    fn pinged(&mut self, answer: Result<(), Failure>) -> Flow {
        match answer {
            Ok(()) => {
                self.connected();
                Ok(())
            }
            Err(failure) if failure.exit().is_none() && !failure.is_passing() => {
                // An answer, if only with an error.
                self.connected();
                Ok(())
            }
            Err(failure) => Err(self.broken(failure)),
        }
    }

    fn account_failed(&mut self, failure: Failure, now: Instant) -> Flow {
        if failure.exit().is_some() {
            return Err(self.broken(failure));
        }
        if let Some(wait) = failure.flood() {
            self.connected();
            self.account_held = Some(self.flooded(wait, Holds::Updates, now));
            self.sequence.account_failed(AccountTrouble::Held, now);
            return Ok(());
        }
        let trouble = match &failure {
            Failure::Network(_) | Failure::KeyUnknown | Failure::NoLine => {
                return Err(self.broken(failure));
            }
            // Unless it is the first question: our ping knows better whether the line lives.
            Failure::TimedOut if self.is_dialling() => return Err(self.broken(failure)),
            Failure::TimedOut => AccountTrouble::Passing,
            Failure::Unreadable => AccountTrouble::Unreadable,
            // The server's own trouble: it is behind, and the position is good.
            Failure::Rpc { name, .. } if name == "PERSISTENT_TIMESTAMP_OUTDATED" => {
                AccountTrouble::Passing
            }
            Failure::Rpc {
                code: 400, name, ..
            } if name.starts_with("PERSISTENT_TIMESTAMP") => AccountTrouble::Unusable,
            Failure::Rpc { code: 400, .. } => AccountTrouble::Unreadable,
            Failure::Rpc { .. } => AccountTrouble::Passing,
        };
        self.connected();
        log::warn!(
            "account={} its difference failed: {failure}",
            self.shared.account_id
        );
        self.lags(&failure);
        self.sequence.account_failed(trouble, now);
        self.suspect(now);
        Ok(())
    }

    fn channel_answered(
        &mut self,
        id: i64,
        answer: Result<ChannelAnswer, ChannelFailure>,
        now: Instant,
    ) -> Flow {
        let steps = match answer {
            Ok(ChannelAnswer::Difference(difference)) => {
                self.sequence.channel_answer(id, *difference, now)
            }
            Ok(ChannelAnswer::Dialog(mut answer)) => match answer.dialogs.pop() {
                Some(dialog) => {
                    let beside = (answer.users, answer.chats);
                    self.sequence.channel_dialog(id, dialog, beside, now)
                }
                None => self
                    .sequence
                    .channel_failed(id, ChannelTrouble::Passing, now),
            },
            Err(ChannelFailure::Unmet) => {
                // A new account hears of channels before the list of its chats has brought them.
                log::debug!(
                    "account={} channel={id} can't be addressed yet",
                    self.shared.account_id
                );
                self.unmet(now);
                self.sequence
                    .channel_failed(id, ChannelTrouble::Passing, now)
            }
            Err(ChannelFailure::Call(failure)) => return self.channel_failed(id, failure, now),
        };
        self.add(steps);
        Ok(())
    }

    /// A channel that nothing told us how to address. If that lasts, the list of chats tells.
    fn unmet(&mut self, now: Instant) {
        let since = *self.unmet_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= UNMET_PATIENCE {
            self.unmet_since = Some(now + UNMET_PAUSE);
            self.sweep(now);
        }
    }

    fn channel_failed(&mut self, id: i64, failure: Failure, now: Instant) -> Flow {
        if failure.exit().is_some() {
            return Err(self.broken(failure));
        }
        if let Some(wait) = failure.flood() {
            self.channels_held = Some(self.flooded(wait, Holds::Channels, now));
            let steps = self.sequence.channel_failed(id, ChannelTrouble::Held, now);
            self.add(steps);
            return Ok(());
        }
        let mut gone = false;
        let trouble = match failure {
            Failure::Network(_) | Failure::KeyUnknown | Failure::NoLine => {
                return Err(self.broken(failure));
            }
            Failure::TimedOut => ChannelTrouble::Passing,
            Failure::Unreadable => ChannelTrouble::Unreadable,
            Failure::Rpc { name, .. } if name == "PERSISTENT_TIMESTAMP_OUTDATED" => {
                ChannelTrouble::Passing
            }
            Failure::Rpc { name, .. } if name.starts_with("PERSISTENT_TIMESTAMP") => {
                ChannelTrouble::Unusable
            }
            Failure::Rpc { ref name, .. } if failure.loses_channel() => {
                gone = matches!(name.as_str(), "CHANNEL_PRIVATE" | "CHANNEL_PUBLIC_GROUP_NA");
                ChannelTrouble::Lost(name.clone())
            }
            Failure::Rpc { code, .. } => {
                log::warn!(
                    "account={} channel={id} its difference failed: {failure}",
                    self.shared.account_id
                );
                match code {
                    // The question itself may be what is refused: its dialog is asked next.
                    400..500 => ChannelTrouble::Unreadable,
                    _ => ChannelTrouble::Passing,
                }
            }
        };
        let steps = self.sequence.channel_failed(id, trouble, now);
        self.add(steps);
        if gone {
            let chat = ChatId::channel(id);
            self.report.also(Change::LostChat { chat });
        }
        Ok(())
    }

    /// Telegram wants a pause from one kind of question; everything else goes on.
    fn flooded(&mut self, wait: Duration, holds: Holds, now: Instant) -> Instant {
        let wait = wait.max(Duration::from_secs(1));
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
        self.report.say(LinkEvent::FloodWait { seconds, holds });
        now + wait
    }
}
