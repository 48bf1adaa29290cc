//! The property: whatever the wire does to what happened, the store ends up with what Telegram has, except where a hole
//! says otherwise; and it does not ask without end.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    client::Client,
    packets::{LineId, packet, short},
    server::{Future, Server},
};

const CHANNELS: [i64; 3] = [7, 8, 9];

/// What becomes of a push.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Comes,
    Lost,
    Twice,
    /// Behind the next one.
    Overtaken,
}

#[derive(Clone, Debug)]
enum Op {
    Say(LineId, Fate),
    Edit(LineId, Fate),
    Delete(LineId, usize, Fate),
    /// Posts of several lines in one packet, counted by seq.
    Several(Vec<LineId>, Fate),
    Short(i64, Fate),
    ReadChannel(i64, Fate),
    Seal(Fate),
    /// Our own calls; `false`: the answer is lost with the line.
    Send(LineId, bool),
    Read(bool),
    DeleteOurs(i64, bool),
    ChannelTooLong(i64, bool),
    TooLong,
    Malformed,
    Receive(usize),
    Answer(bool),
    LookUp(usize),
    Pass(u64),
    Quiet,
    Commit,
    Restart,
    Cut,
    Full(bool),
    DifferenceTooLong,
    ChannelDifferenceTooLong,
    Unreadable(u32),
    Refresh,
    Backup,
    Restore(u8),
}

impl Op {
    /// May it leave a hole?
    fn explains_a_hole(&self) -> bool {
        matches!(
            self,
            Self::DifferenceTooLong
                | Self::ChannelDifferenceTooLong
                | Self::Unreadable(_)
                | Self::Restore(_)
        )
    }
}

fn line() -> impl Strategy<Value = LineId> {
    prop_oneof![
        2 => Just(None),
        3 => proptest::sample::select(&CHANNELS[..]).prop_map(Some),
    ]
}

fn channel() -> impl Strategy<Value = i64> {
    proptest::sample::select(&CHANNELS[..])
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Comes),
        2 => Just(Fate::Lost),
        1 => Just(Fate::Twice),
        1 => Just(Fate::Overtaken),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (line(), fate()).prop_map(|(line, fate)| Op::Say(line, fate)),
        2 => (line(), fate()).prop_map(|(line, fate)| Op::Edit(line, fate)),
        2 => (line(), 1..4_usize, fate()).prop_map(|(line, count, fate)| Op::Delete(line, count, fate)),
        2 => (proptest::collection::vec(line(), 1..4), fate()).prop_map(|(lines, fate)| Op::Several(lines, fate)),
        2 => (1..4_i64, fate()).prop_map(|(user, fate)| Op::Short(user, fate)),
        1 => (channel(), fate()).prop_map(|(channel, fate)| Op::ReadChannel(channel, fate)),
        1 => fate().prop_map(Op::Seal),
        2 => (line(), any::<bool>()).prop_map(|(line, answered)| Op::Send(line, answered)),
        1 => any::<bool>().prop_map(Op::Read),
        1 => (channel(), any::<bool>()).prop_map(|(channel, answered)| Op::DeleteOurs(channel, answered)),
        1 => (channel(), any::<bool>()).prop_map(|(channel, pts)| Op::ChannelTooLong(channel, pts)),
        1 => Just(Op::TooLong),
        1 => Just(Op::Malformed),
        8 => (1..5_usize).prop_map(Op::Receive),
        8 => any::<bool>().prop_map(Op::Answer),
        6 => (1..4_usize).prop_map(Op::LookUp),
        3 => (0..2_000_u64).prop_map(Op::Pass),
        1 => Just(Op::Quiet),
        5 => Just(Op::Commit),
        2 => Just(Op::Restart),
        2 => Just(Op::Cut),
        1 => any::<bool>().prop_map(Op::Full),
        1 => Just(Op::DifferenceTooLong),
        1 => Just(Op::ChannelDifferenceTooLong),
        1 => (1..4_u32).prop_map(Op::Unreadable),
        1 => Just(Op::Refresh),
        1 => Just(Op::Backup),
        1 => any::<u8>().prop_map(Op::Restore),
    ]
}

struct World {
    client: Client,
    overtaken: Vec<grammers_client::session::updates::UpdatesLike>,
    backup: Option<Server>,
}

impl World {
    fn push(
        &mut self,
        fate: Fate,
        make: impl Fn() -> grammers_client::session::updates::UpdatesLike,
    ) {
        match fate {
            Fate::Lost => return,
            Fate::Overtaken => {
                self.overtaken.push(make());
                return;
            }
            Fate::Comes => self.client.wire.push_back(make()),
            Fate::Twice => self.client.wire.extend([make(), make()]),
        }
        self.client.wire.extend(self.overtaken.drain(..));
    }

    fn one(&mut self, fate: Fate, update: Option<grammers_client::tl::enums::Update>) {
        let Some(update) = update else { return };
        let date = self.client.server.date;
        self.push(fate, || packet(vec![update.clone()], 0, date));
    }

    /// The answer to a call of ours, or a line that is lost with it.
    fn ours(
        &mut self,
        answered: bool,
        answer: Option<grammers_client::session::updates::UpdatesLike>,
    ) {
        match answer {
            Some(answer) if answered => self.client.wire.push_back(answer),
            Some(_) => self.cut(),
            None => {}
        }
    }

    fn cut(&mut self) {
        self.overtaken.clear();
        self.client.cut();
    }

    fn run(&mut self, op: &Op) {
        let server = &mut self.client.server;
        // Now and then several things happen within a second.
        server.date += i32::from(server.account.pts % 3 != 0);
        match op {
            Op::Say(line, fate) => {
                let update = server.say(*line);
                self.one(*fate, Some(update));
            }
            Op::Edit(line, fate) => {
                let update = server.edit(*line);
                self.one(*fate, update);
            }
            Op::Delete(line, count, fate) => {
                let update = server.delete(*line, *count);
                self.one(*fate, update);
            }
            Op::Several(lines, fate) => {
                let updates: Vec<_> = lines.iter().map(|line| server.say(*line)).collect();
                server.seq += 1;
                let (seq, date) = (server.seq, server.date);
                self.push(*fate, || packet(updates.clone(), seq, date));
            }
            Op::Short(user, fate) => {
                let update = server.say(None);
                self.push(*fate, || short(&update, *user).unwrap());
            }
            Op::ReadChannel(channel, fate) => {
                let update = server.read_channel(*channel);
                self.one(*fate, Some(update));
            }
            Op::Seal(fate) => {
                let update = server.seal();
                self.one(*fate, Some(update));
            }
            Op::Send(line, answered) => {
                let answer = server.send(*line);
                self.ours(*answered, Some(answer));
            }
            Op::Read(answered) => {
                let answer = server.read();
                self.ours(*answered, Some(answer));
            }
            Op::DeleteOurs(channel, answered) => {
                let answer = server.delete_ours(*channel);
                self.ours(*answered, answer);
            }
            Op::ChannelTooLong(channel, with_pts) => {
                let pts = with_pts.then_some(server.channels[channel].pts);
                let update = grammers_client::tl::types::UpdateChannelTooLong {
                    channel_id: *channel,
                    pts,
                };
                self.one(Fate::Comes, Some(update.into()));
            }
            Op::TooLong => {
                use grammers_client::{session::updates::UpdatesLike, tl::enums::Updates};
                self.push(Fate::Comes, || UpdatesLike::Updates(Updates::TooLong));
            }
            Op::Malformed => {
                use grammers_client::session::updates::UpdatesLike;
                self.push(Fate::Comes, || UpdatesLike::MalformedUpdates);
            }
            Op::Receive(count) => {
                for _ in 0..*count {
                    self.client.receive();
                }
            }
            Op::Answer(account_first) => {
                self.client.answer(*account_first);
            }
            Op::LookUp(count) => {
                for _ in 0..*count {
                    self.client.look_up();
                }
            }
            Op::Pass(millis) => self.client.pass(Duration::from_millis(*millis)),
            Op::Quiet => self.quiet(),
            Op::Commit => self.client.commit(),
            Op::Restart => {
                self.overtaken.clear();
                self.client.restart();
            }
            Op::Cut => self.cut(),
            Op::Full(full) => self.client.full = *full,
            Op::DifferenceTooLong => server.too_long = 1,
            Op::ChannelDifferenceTooLong => server.channel_too_long = 1,
            Op::Unreadable(count) => self.client.unreadable = *count,
            Op::Refresh => {
                self.client.sequence.refresh();
                self.client.turn();
            }
            Op::Backup => self.backup = Some(server.clone()),
            Op::Restore(how) => self.restore(*how),
        }
    }

    /// Weeks in which nothing happens cost nothing.
    fn quiet(&mut self) {
        self.overtaken.clear();
        self.client.rest();
        let asked = self.client.asked;
        for _ in 0..200 {
            self.client.pass(Duration::from_secs(3 * 60 * 60));
        }
        assert_eq!(self.client.asked, asked, "quiet lines were asked about");
    }

    /// The server is replaced by a copy of an earlier day. What nobody can tell from the numbers is left out of the
    /// model: the account must have been ahead, and be told of it before anything new happens.
    fn restore(&mut self, how: u8) {
        let Some(backup) = self.backup.take() else {
            return;
        };
        self.overtaken.clear();
        self.client.rest();
        let ours = self
            .client
            .stored
            .position
            .as_ref()
            .map(|position| position.pts);
        if ours.is_none_or(|ours| backup.account.pts >= ours) {
            return;
        }
        let (date, texts_go_on) = (self.client.server.date, self.client.server.clone());
        self.client.server = backup;
        self.client.server.date = date + 1;
        self.client.server.continue_texts(&texts_go_on);
        self.client.server.future =
            [Future::Refuses, Future::SaysEmpty, Future::TellsItsOwn][usize::from(how % 3)];
        self.cut();
        self.client.rest();
    }
}

fn check(ops: &[Op], slice: usize, announces_pts: bool) -> Result<(), TestCaseError> {
    let mut server = Server::new(&CHANNELS);
    server.slice = slice;
    server.announces_pts = announces_pts;
    let mut world = World {
        client: Client::new(server),
        overtaken: Vec::new(),
        backup: None,
    };
    world.client.rest();
    for op in ops {
        world.run(op);
        prop_assert!(
            world.client.asked < 100 + 60 * ops.len(),
            "asks without end"
        );
    }
    world.client.server.too_long = 0;
    world.client.server.channel_too_long = 0;
    world.client.unreadable = 0;
    let client = &mut world.client;
    client.rest();
    // What was lost without a sign is found by the quiet difference, and by it alone.
    client.sequence.refresh();
    let took = client.rest();
    prop_assert!(took < 60, "{took} questions at rest");
    let differences = client.differences();
    prop_assert!(
        differences.is_empty(),
        "{differences:#?} {:?}",
        client.stored
    );
    if !ops.iter().any(Op::explains_a_hole) {
        prop_assert_eq!(&client.stored.holes, &[]);
    }
    let position = client.stored.position.clone().unwrap();
    let theirs = (
        client.server.account.pts,
        client.server.qts,
        client.server.seq,
    );
    prop_assert_eq!((position.pts, position.qts), (theirs.0, theirs.1));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Protects the first promise: nothing is lost, nothing is doubled, whatever happens on the way.
    #[test]
    fn the_store_ends_up_with_what_telegram_has(
        ops in proptest::collection::vec(op(), 1..80),
        slice in prop_oneof![Just(1_000_usize), Just(2), Just(1)],
        announces_pts in any::<bool>(),
    ) {
        check(&ops, slice, announces_pts)?;
    }
}
