//! Catching up: the account's difference, then channels', one at a time; each failure stays with what it belongs to.

use std::time::{Duration, Instant};

use grammers_client::tl;

use super::{
    LinkEvent,
    boxes::{Boxes, Ready},
    task::{Flow, Stop, Task},
};
use crate::{
    domain::{Change, ChatId, Hole, Position},
    telegram::error::Failure,
};

/// How many updates of a channel come with one answer.
const CHANNEL_LIMIT: i32 = 100;
/// When a channel that failed for a passing reason is asked again.
const CHANNEL_AGAIN: Duration = Duration::from_secs(30);
/// Differences that can't be read, in a row, before the position is given up.
const UNREADABLE_LIMIT: u32 = 3;

impl Task {
    /// The first call on a line: proves it, and brings the account's position or what was missed.
    pub(super) async fn first_answer(&mut self) -> Flow<()> {
        let limit = self.shared.settings.timing.connect_limit;
        self.catching_up = Some(0);
        if self.boxes.is_none() {
            match self.stored.take().filter(|position| position.pts > 0) {
                Some(position) => self.boxes = Some(self.new_boxes(&position)),
                None => return self.begin_at_present(limit, false).await,
            }
        }
        let Some(boxes) = &mut self.boxes else {
            return Ok(());
        };
        boxes.line_lost();
        match boxes.account_request() {
            Some(request) => self.account_step(&request, limit).await,
            None => Ok(()),
        }
    }

    fn new_boxes(&self, position: &Position) -> Boxes {
        Boxes::new(position, self.shared.settings.timing.gap_patience)
    }

    /// Takes Telegram's present for the position. With `hole`, what lies before is reported as missing.
    pub(super) async fn begin_at_present(&mut self, limit: Duration, hole: bool) -> Flow<()> {
        let tl::enums::updates::State::State(state) = loop {
            match self
                .call(&tl::functions::updates::GetState {}, limit)
                .await?
            {
                Ok(state) => break state,
                Err(failure) => match failure.flood() {
                    Some(wait) => {
                        self.flood(wait).await?;
                        self.wait_quietly(wait).await?;
                    }
                    None => return Err(self.failed(&failure)),
                },
            }
        };
        self.connected().await?;
        let present = Position {
            pts: state.pts.max(1),
            qts: state.qts,
            date: state.date,
            seq: state.seq,
            channels: Vec::new(),
        };
        let mut ready = Ready::default();
        match &mut self.boxes {
            Some(boxes) => boxes.restart(&state),
            None => self.boxes = Some(self.new_boxes(&present)),
        }
        if hole {
            ready.holes.push(Hole::Account);
        }
        self.deliver_at(ready, present).await
    }

    /// One step towards the present, when there is one to make.
    pub(super) async fn catch_up(&mut self) -> Flow<bool> {
        let now = Instant::now();
        if self.hold.is_some_and(|until| now < until) {
            return Ok(false);
        }
        self.hold = None;
        self.ask_again(now).await;
        let Some(boxes) = &mut self.boxes else {
            return Ok(false);
        };
        if let Some(request) = boxes.account_request() {
            let limit = self.shared.settings.timing.difference_limit;
            Box::pin(self.account_step(&request, limit)).await?;
            self.shed_if_deep();
            return Ok(true);
        }
        if let Some((channel, pts)) = boxes.channel_request() {
            Box::pin(self.channel_step(channel, pts)).await?;
            self.shed_if_deep();
            return Ok(true);
        }
        if let Some(updates) = self.catching_up.take() {
            self.emit(LinkEvent::CaughtUp { updates }).await?;
        }
        Ok(false)
    }

    /// Channels whose time to be asked again has come.
    async fn ask_again(&mut self, now: Instant) {
        let mut due = Vec::new();
        self.later.retain(|(at, channel)| {
            if *at <= now {
                due.push(*channel);
            }
            *at > now
        });
        for channel in due {
            self.seed(&[channel]).await;
            if let Some(boxes) = &mut self.boxes {
                boxes.channel_behind(channel);
            }
        }
    }

    /// Looks up stored positions, so that the channels' first update shows a gap before it.
    pub(super) async fn seed(&mut self, channels: &[i64]) {
        for channel in channels {
            let stored = self.shared.peers.channel_pts(*channel).await;
            if let Some(boxes) = &mut self.boxes {
                boxes.seed(*channel, stored);
            }
        }
    }

    async fn account_step(
        &mut self,
        request: &tl::functions::updates::GetDifference,
        limit: Duration,
    ) -> Flow<()> {
        let difference = match self.call(request, limit).await? {
            Ok(difference) => difference,
            Err(Failure::Unreadable) => return self.unreadable().await,
            Err(failure) => {
                if let Some(wait) = failure.flood() {
                    return self.flood(wait).await;
                }
                return match &failure {
                    Failure::Rpc { code: 400, .. } => self.give_up_position(&failure).await,
                    _ => Err(self.failed(&failure)),
                };
            }
        };
        self.connected().await?;
        self.unreadable = 0;
        let mut unseeded = Vec::new();
        if let Some(boxes) = &self.boxes {
            boxes.unseeded(Boxes::difference_updates(&difference), &mut unseeded);
        }
        self.seed(&unseeded).await;
        let Some(boxes) = &mut self.boxes else {
            return Ok(());
        };
        let ready = boxes.apply_account(difference);
        self.deliver(ready).await
    }

    /// A server-side slip in the schema would be asked for again for ever: after three tries the present is taken.
    async fn unreadable(&mut self) -> Flow<()> {
        self.unreadable += 1;
        if self.unreadable < UNREADABLE_LIMIT {
            return Ok(());
        }
        self.unreadable = 0;
        self.give_up_position(&Failure::Unreadable).await
    }

    async fn give_up_position(&mut self, failure: &Failure) -> Flow<()> {
        log::warn!(
            "account={} the stored position can't be used: {failure}",
            self.shared.account_id
        );
        let limit = self.shared.settings.timing.call_limit;
        self.begin_at_present(limit, true).await
    }

    async fn channel_step(&mut self, channel: i64, pts: i32) -> Flow<()> {
        let chat = ChatId::channel(channel);
        let Some(access_hash) = self.shared.access_hash(chat).await else {
            // A new account hears of channels before the list of its chats has brought them; that brings their
            // position and their history as well.
            log::debug!(
                "account={} channel={channel} is not known yet",
                self.shared.account_id
            );
            if let Some(boxes) = &mut self.boxes {
                boxes.drop_channel(channel);
            }
            return Ok(());
        };
        let request = tl::functions::updates::GetChannelDifference {
            force: false,
            channel: tl::types::InputChannel {
                channel_id: channel,
                access_hash,
            }
            .into(),
            filter: tl::enums::ChannelMessagesFilter::Empty,
            pts,
            limit: CHANNEL_LIMIT,
        };
        let limit = self.shared.settings.timing.difference_limit;
        let failure = match self.call(&request, limit).await? {
            Ok(difference) => return self.apply_channel(channel, difference).await,
            Err(failure) => failure,
        };
        if let Some(wait) = failure.flood() {
            return self.flood(wait).await;
        }
        if failure.exit().is_some() {
            return Err(self.failed(&failure));
        }
        match failure {
            // One channel's silence is not the line's: the ping knows better.
            Failure::TimedOut => self.postpone(channel),
            Failure::Rpc { code, ref name, .. }
                if code >= 500 || name == "PERSISTENT_TIMESTAMP_OUTDATED" =>
            {
                self.postpone(channel);
            }
            Failure::Unreadable => return self.channel_anew(channel).await,
            Failure::Rpc { ref name, .. } if name.starts_with("PERSISTENT_TIMESTAMP") => {
                return self.channel_anew(channel).await;
            }
            Failure::Rpc { ref name, .. } => {
                let gone = matches!(name.as_str(), "CHANNEL_PRIVATE" | "CHANNEL_PUBLIC_GROUP_NA");
                return self.channel_lost(channel, name, gone).await;
            }
            Failure::Network(_) | Failure::KeyUnknown => return Err(self.failed(&failure)),
        }
        Ok(())
    }

    async fn apply_channel(
        &mut self,
        channel: i64,
        difference: tl::enums::updates::ChannelDifference,
    ) -> Flow<()> {
        let Some(boxes) = &mut self.boxes else {
            return Ok(());
        };
        match boxes.apply_channel(channel, difference) {
            Ok(ready) => self.deliver(ready).await,
            Err(()) => self.channel_anew(channel).await,
        }
    }

    fn postpone(&mut self, channel: i64) {
        if let Some(boxes) = &mut self.boxes {
            boxes.postpone_channel();
        }
        self.later.push((Instant::now() + CHANNEL_AGAIN, channel));
    }

    /// The channel's stored position is of no use: it begins anew with its next update, behind a hole.
    async fn channel_anew(&mut self, channel: i64) -> Flow<()> {
        if let Some(boxes) = &mut self.boxes {
            boxes.drop_channel(channel);
        }
        let ready = Ready {
            holes: vec![Hole::Channel {
                channel_id: channel,
            }],
            ..Ready::default()
        };
        self.deliver(ready).await
    }

    /// The channel can't be followed; everything else goes on.
    async fn channel_lost(&mut self, channel: i64, reason: &str, gone: bool) -> Flow<()> {
        if let Some(boxes) = &mut self.boxes {
            boxes.drop_channel(channel);
        }
        let hole = Hole::ChannelLost {
            channel_id: channel,
            reason: reason.to_owned(),
        };
        let mut batch = self.new_batch();
        batch.holes.push(hole);
        if gone {
            batch.changes.push(Change::LostChat {
                chat: ChatId::channel(channel),
            });
        }
        self.emit_batch(batch).await
    }

    /// What a failed call means for the line.
    pub(super) fn failed(&mut self, failure: &Failure) -> Stop {
        if let Some(exit) = failure.exit() {
            return Stop::End(exit);
        }
        if *failure == Failure::KeyUnknown {
            return self.key_unknown();
        }
        self.unanswered = *failure == Failure::TimedOut;
        Stop::Lost(failure.to_string())
    }

    /// Telegram wants a pause from differences. What comes by itself is still taken: it applies, without moving the
    /// position, and comes again with the difference.
    async fn flood(&mut self, wait: Duration) -> Flow<()> {
        let wait = wait.max(Duration::from_secs(1));
        self.hold = Some(Instant::now() + wait);
        // A flood wait is an answer: the line lives.
        self.connected().await?;
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
        self.emit(LinkEvent::FloodWait {
            seconds,
            what: "updates",
        })
        .await
    }
}
