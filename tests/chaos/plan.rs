//! Plan: what goes wrong when, and to whom. Pure: one seed gives one plan.

use std::{fmt, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::Args;

/// What can go wrong.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Kind {
    // Lines.
    Cut,
    CutWithReset,
    HalfOpen,
    RefuseConnects,
    RefuseAll,
    CloseOnAccept,
    SilentConnects,
    CutBeforeProcessing,
    CutBeforeAnswer,
    CutAfterAnswer,
    CutEvery,
    Garbage,
    TruncatedFrame,
    WrongSessionId,
    BadMessage,
    BadSalt,
    Trickle,
    DelayAnswers,
    DeafLine,
    KeyUnknown,
    TransportFlood,
    ClockAhead,
    ClockBehind,
    // Calls.
    FloodOnSends,
    FloodOnReads,
    FewCalls,
    Errors500,
    NeverAnswered,
    CutAfterCall,
    SilentAfterCall,
    SlowAnswers,
    SlowStarts,
    UnreadableAnswers,
    OtherDataCentre,
    ShortPages,
    OverlappingPages,
    LostParts,
    UploadsExpired,
    // Pushes and differences.
    LostPushes,
    DoubledPushes,
    SwappedPushes,
    LatePushes,
    BundledPushes,
    BarePushes,
    TooLongPushes,
    ChannelTooLong,
    ChannelTooLongWithPts,
    DifferenceTooLong,
    ChannelDifferenceTooLong,
    Slices,
    DatedSlices,
    ChannelSlices,
    // Accounts.
    Revoked,
    KeyLost,
    Frozen,
    Restarted,
    SwitchedOff,
    IdsForgotten,
    // Chats.
    GroupMoved,
    // The service and what it stands on.
    Killed,
    KilledTwice,
    Terminated,
    /// It finds a database of an earlier version, and is killed while it upgrades that.
    Upgraded,
    Stopped,
    StoreLocked,
    FilesElsewhere,
    DiskFull,
    DiskReadOnly,
    ClockJumped,
    SupabaseGone,
    ProxyDied,
    // Listeners.
    StalledReader,
    TokenRevoked,
}

impl Kind {
    pub const ALL: [Self; 73] = {
        use Kind as K;
        [
            K::Killed,
            K::Cut,
            K::CutWithReset,
            K::HalfOpen,
            K::RefuseConnects,
            K::RefuseAll,
            K::CloseOnAccept,
            K::SilentConnects,
            K::CutBeforeProcessing,
            K::CutBeforeAnswer,
            K::CutAfterAnswer,
            K::CutEvery,
            K::Garbage,
            K::TruncatedFrame,
            K::WrongSessionId,
            K::BadMessage,
            K::BadSalt,
            K::Trickle,
            K::DelayAnswers,
            K::DeafLine,
            K::KeyUnknown,
            K::TransportFlood,
            K::ClockAhead,
            K::ClockBehind,
            K::FloodOnSends,
            K::FloodOnReads,
            K::FewCalls,
            K::Errors500,
            K::NeverAnswered,
            K::CutAfterCall,
            K::SilentAfterCall,
            K::SlowAnswers,
            K::SlowStarts,
            K::UnreadableAnswers,
            K::LostPushes,
            K::DoubledPushes,
            K::SwappedPushes,
            K::LatePushes,
            K::TooLongPushes,
            K::ChannelTooLong,
            K::ChannelTooLongWithPts,
            K::DifferenceTooLong,
            K::ChannelDifferenceTooLong,
            K::Slices,
            K::DatedSlices,
            K::Revoked,
            K::KeyLost,
            K::Frozen,
            K::Restarted,
            K::SwitchedOff,
            K::KilledTwice,
            K::Terminated,
            K::Stopped,
            K::StoreLocked,
            K::FilesElsewhere,
            K::StalledReader,
            K::OtherDataCentre,
            K::ShortPages,
            K::OverlappingPages,
            K::LostParts,
            K::UploadsExpired,
            K::BundledPushes,
            K::BarePushes,
            K::ChannelSlices,
            K::IdsForgotten,
            K::DiskFull,
            K::DiskReadOnly,
            K::ClockJumped,
            K::SupabaseGone,
            K::ProxyDied,
            K::TokenRevoked,
            K::GroupMoved,
            K::Upgraded,
        ]
    };

    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// Happens in a moment; nothing stands until it is taken back.
    fn is_moment(self) -> bool {
        use Kind as K;
        matches!(
            self,
            K::Cut
                | K::CutWithReset
                | K::HalfOpen
                | K::Garbage
                | K::TruncatedFrame
                | K::Restarted
                | K::Killed
                | K::KilledTwice
                | K::Terminated
                | K::Upgraded
                | K::FilesElsewhere
                | K::UploadsExpired
                | K::IdsForgotten
                | K::GroupMoved
        )
    }

    /// Meets everybody, or nobody in particular.
    fn is_for_all(self) -> bool {
        use Kind as K;
        matches!(
            self,
            K::RefuseAll
                | K::CloseOnAccept
                | K::SilentConnects
                | K::Killed
                | K::KilledTwice
                | K::Terminated
                | K::Upgraded
                | K::Stopped
                | K::StoreLocked
                | K::FilesElsewhere
                | K::UploadsExpired
                | K::GroupMoved
                | K::DiskFull
                | K::DiskReadOnly
                | K::ClockJumped
                | K::SupabaseGone
                | K::ProxyDied
                | K::StalledReader
                | K::TokenRevoked
        )
    }

    /// Of what meets one account at a time: a login is gone by it, and somebody has to sign in.
    fn is_for_one(self) -> bool {
        use Kind as K;
        matches!(
            self,
            K::Revoked | K::KeyLost | K::Frozen | K::Restarted | K::SwitchedOff | K::IdsForgotten
        )
    }
}

/// One thing that goes wrong.
#[derive(Clone, Debug)]
pub struct Strike {
    pub kind: Kind,
    pub at: Duration,
    pub lasts: Duration,
    /// Indices of accounts; empty: all.
    pub whom: Vec<usize>,
    /// For what the kind leaves open.
    pub dice: u64,
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub length: Duration,
    pub strikes: Vec<Strike>,
}

impl Plan {
    pub fn draw(args: &Args, seed: u64) -> Self {
        let mut chance = StdRng::seed_from_u64(seed);
        let length = Duration::from_secs_f64(args.minutes.max(0.05) * 60.0);
        let count = (args.minutes * args.strikes as f64).ceil() as usize;
        let mut deck = Vec::new();
        let mut strikes: Vec<Strike> = (0..count)
            .map(|number| {
                if deck.is_empty() {
                    deck = shuffled(args, &mut chance);
                }
                // Whatever the deck gives: often enough it is a kill.
                let drawn = if number % 7 == 3 && args.only.is_empty() {
                    Kind::Killed
                } else {
                    deck.pop().unwrap_or(Kind::Killed)
                };
                strike(drawn, args.accounts, length, &mut chance)
            })
            .collect();
        strikes.sort_by_key(|strike| strike.at);
        let from = Duration::from_secs_f64(args.from.max(0.0) * 60.0);
        strikes.retain(|strike| strike.at >= from);
        for strike in &mut strikes {
            strike.at -= from;
        }
        Self {
            seed,
            length: length.saturating_sub(from),
            strikes,
        }
    }
}

/// Each kind comes once before any comes again.
fn shuffled(args: &Args, chance: &mut StdRng) -> Vec<Kind> {
    let mut deck: Vec<Kind> = Kind::ALL
        .into_iter()
        .filter(|kind| args.only.is_empty() || args.only.contains(&kind.name()))
        .collect();
    deck.shuffle(chance);
    deck
}

pub fn strike(kind: Kind, accounts: usize, length: Duration, chance: &mut StdRng) -> Strike {
    let at = length.mul_f64(chance.random_range(0.02..0.97));
    let longest = match kind {
        Kind::RefuseAll | Kind::CloseOnAccept | Kind::SilentConnects => 8_000,
        Kind::KeyUnknown | Kind::TransportFlood => 6_000,
        Kind::StoreLocked | Kind::DiskFull | Kind::DiskReadOnly => 12_000,
        // Now and then for as long as a person looks at something else.
        Kind::Stopped if chance.random_ratio(1, 6) => 70_000,
        _ => 18_000,
    };
    let lasts = if kind.is_moment() {
        Duration::ZERO
    } else {
        Duration::from_millis(chance.random_range(800..longest))
    };
    let whom = if kind.is_for_all() || !kind.is_for_one() && chance.random_ratio(1, 4) {
        Vec::new()
    } else {
        let count = if kind.is_for_one() {
            1
        } else {
            chance.random_range(1..=4)
        };
        (0..count)
            .map(|_| chance.random_range(0..accounts))
            .collect()
    };
    Strike {
        kind,
        at,
        lasts,
        whom,
        dice: chance.random(),
    }
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)?;
        if !self.lasts.is_zero() {
            write!(f, " for {:.1} s", self.lasts.as_secs_f64())?;
        }
        match self.whom.as_slice() {
            [] => Ok(()),
            some => write!(f, " to {some:?}"),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {}, {:.1} minutes",
            self.seed,
            self.length.as_secs_f64() / 60.0
        )?;
        for strike in &self.strikes {
            writeln!(f, "{:7.2} s  {strike}", strike.at.as_secs_f64())?;
        }
        Ok(())
    }
}
