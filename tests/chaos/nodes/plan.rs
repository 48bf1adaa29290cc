//! Plan: what goes wrong among several nodes, when and to which. Pure: one seed gives one plan.

use std::{fmt, time::Duration};

use rand::{
    RngExt, SeedableRng,
    rngs::StdRng,
    seq::{IndexedRandom, SliceRandom},
};

use super::super::{
    at_telegram::is_act,
    faults::{call_faults, wire_fault},
    plan::{Kind as Single, Strike as SingleStrike, strike},
};

/// What can go wrong.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Kind {
    // One node.
    /// `kill -9`, and it is started again.
    Killed,
    /// SIGTERM, and it is started again.
    Terminated,
    /// SIGSTOP, and SIGCONT before anybody else may take its accounts.
    Stopped,
    /// SIGSTOP for longer than that.
    StoppedForLong,
    /// Cut off from PostgreSQL, not from Telegram, and told so.
    CutOff,
    CutOffForLong,
    /// The same, and nobody is told.
    Unheard,
    UnheardForLong,
    /// Cut off from Telegram, not from PostgreSQL, and told so.
    CutOffFromTelegram,
    /// The same, and nobody is told.
    UnheardByTelegram,
    Drained,
    /// Its time of day is wrong.
    ClockOff,
    // The database.
    DatabaseRestarted,
    DatabaseCrashed,
    DatabaseAway,
    /// So long that all give their accounts up.
    DatabaseAwayForLong,
    FailedOver,
    /// The one that takes over has another time of day.
    FailedOverInTime,
    DatabaseClockOff,
    // Telegram.
    LinesCut,
    /// Whatever goes wrong there with one service.
    AtTelegram,
    // Who comes in.
    TokenRevoked,
}

/// Of a hundred draws, those of what goes wrong at Telegram.
const AT_TELEGRAM: u32 = 20;

/// What the library below takes for a reason to panic, which ends a line and its session with it.
const NOT_AMONG_NODES: [Single; 1] = [Single::WrongSessionId];

fn is_at_telegram(kind: Single) -> bool {
    let fault = || wire_fault(kind, 0).is_some() || !call_faults(kind, 0).is_empty();
    !NOT_AMONG_NODES.contains(&kind) && (is_act(kind) || fault())
}

impl Kind {
    const ALL: [Self; 21] = [
        Self::Killed,
        Self::Terminated,
        Self::Stopped,
        Self::StoppedForLong,
        Self::CutOff,
        Self::CutOffForLong,
        Self::Unheard,
        Self::UnheardForLong,
        Self::CutOffFromTelegram,
        Self::UnheardByTelegram,
        Self::Drained,
        Self::ClockOff,
        Self::DatabaseRestarted,
        Self::DatabaseCrashed,
        Self::DatabaseAway,
        Self::DatabaseAwayForLong,
        Self::FailedOver,
        Self::FailedOverInTime,
        Self::DatabaseClockOff,
        Self::LinesCut,
        Self::TokenRevoked,
    ];

    /// At once, or for how many seconds.
    const fn lasts(self) -> (f64, f64) {
        match self {
            Self::Killed | Self::Terminated => (0.3, 9.0),
            Self::Stopped | Self::CutOff | Self::Unheard | Self::CutOffFromTelegram => (1.0, 20.0),
            Self::StoppedForLong => (36.0, 48.0),
            Self::CutOffForLong | Self::UnheardForLong => (26.0, 75.0),
            // Lines are given up after 24 s.
            Self::UnheardByTelegram => (2.0, 45.0),
            Self::Drained => (4.0, 25.0),
            Self::ClockOff => (5.0, 40.0),
            Self::DatabaseClockOff => (5.0, 20.0),
            Self::DatabaseAway => (1.0, 12.0),
            Self::DatabaseAwayForLong => (27.0, 40.0),
            // Until another one follows.
            Self::FailedOver | Self::FailedOverInTime => (2.0, 12.0),
            Self::TokenRevoked => (1.0, 20.0),
            Self::AtTelegram => (0.8, 18.0),
            Self::DatabaseRestarted | Self::DatabaseCrashed | Self::LinesCut => (0.0, 0.0),
        }
    }

    /// It is no node's.
    pub const fn is_of_all(self) -> bool {
        self.is_of_the_database()
            || matches!(self, Self::LinesCut | Self::AtTelegram | Self::TokenRevoked)
    }

    /// At most one of these at a time.
    pub const fn is_of_the_database(self) -> bool {
        matches!(
            self,
            Self::DatabaseRestarted
                | Self::DatabaseCrashed
                | Self::DatabaseAway
                | Self::DatabaseAwayForLong
                | Self::FailedOver
                | Self::FailedOverInTime
                | Self::DatabaseClockOff
        )
    }
}

#[derive(Clone, Debug)]
pub struct Strike {
    pub at: Duration,
    pub lasts: Duration,
    pub kind: Kind,
    /// To which, where it is a node's.
    pub node: usize,
    pub dice: u64,
    /// What goes wrong at Telegram.
    pub there: Option<SingleStrike>,
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)?;
        if let Some(there) = &self.there {
            return write!(f, ": {there}");
        }
        if !self.kind.is_of_all() {
            write!(f, " of node {}", self.node)?;
        }
        if !self.lasts.is_zero() {
            write!(f, ", {:.1} s", self.lasts.as_secs_f64())?;
        }
        Ok(())
    }
}

pub struct Plan {
    pub length: Duration,
    pub strikes: Vec<Strike>,
}

impl Plan {
    pub fn draw(
        seed: u64,
        minutes: f64,
        (nodes, accounts): (usize, usize),
        only: &[String],
    ) -> Self {
        let length = Duration::from_secs(60).mul_f64(minutes);
        let mut chance = StdRng::seed_from_u64(seed ^ 0x0de5);
        let mut strikes = Vec::new();
        let mut deck: Vec<Kind> = Vec::new();
        let there: Vec<Single> = Single::ALL
            .into_iter()
            .filter(|kind| is_at_telegram(*kind))
            .collect();
        let mut at = Duration::from_secs(2);
        // One thing at a time for the database, and for each node.
        let mut database = Duration::ZERO;
        let mut busy = vec![Duration::ZERO; nodes];
        while at < length {
            if deck.is_empty() {
                deck = Kind::ALL.to_vec();
                deck.shuffle(&mut chance);
            }
            let free: Vec<usize> = (0..nodes).filter(|node| busy[*node] <= at).collect();
            let fits = |kind: &Kind| match (kind.is_of_the_database(), kind.is_of_all()) {
                (true, _) => database <= at,
                (false, all) => all || !free.is_empty(),
            };
            let Some(place) = deck.iter().rposition(fits) else {
                at += Duration::from_secs(1);
                continue;
            };
            let kind = match chance.random_range(0..100) < AT_TELEGRAM {
                true => Kind::AtTelegram,
                false => deck.remove(place),
            };
            let (least, most) = kind.lasts();
            let lasts = match most > least {
                true => chance.random_range(least..most),
                false => least,
            };
            let there = there
                .choose(&mut chance)
                .filter(|_| kind == Kind::AtTelegram)
                .map(|kind| strike(*kind, accounts, length, &mut chance));
            let strike = Strike {
                at,
                lasts: match &there {
                    Some(there) => there.lasts,
                    None => Duration::from_secs_f64(lasts),
                },
                kind,
                node: match free.as_slice() {
                    [] => 0,
                    free => free[chance.random_range(0..free.len())],
                },
                dice: chance.random(),
                there,
            };
            let over = at + strike.lasts + Duration::from_secs(1);
            match (kind.is_of_the_database(), kind.is_of_all()) {
                (true, _) => database = over,
                (false, false) => busy[strike.node] = over,
                (false, true) => {}
            }
            at += Duration::from_secs_f64(chance.random_range(2.0..8.0));
            let name = format!("{kind:?}");
            if only.is_empty() || only.contains(&name) {
                strikes.push(strike);
            }
        }
        Self { length, strikes }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for strike in &self.strikes {
            writeln!(f, "{:7.1} s  {strike}", strike.at.as_secs_f64())?;
        }
        Ok(())
    }
}
