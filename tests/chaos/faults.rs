//! Faults: what the simulator and Supabase are told for each kind of strike.

use std::time::Duration;

use switchboard_simulator::{
    Effect, Fault,
    wire::{Moment, WireFault},
};

use super::plan::Kind;
use crate::postgrest::Fault as Outage;

/// How Supabase is away.
pub fn outage(dice: u64) -> Outage {
    match dice % 6 {
        0 => Outage::HangUp,
        1 => Outage::Unavailable,
        2 => Outage::CutMidBody,
        3 => Outage::Paused,
        4 => Outage::Slow(Duration::from_millis(3_000)),
        _ => Outage::OriginError,
    }
}

/// What goes wrong below the calls, and how often at most.
pub fn wire_fault(kind: Kind, dice: u64) -> Option<(WireFault, Option<u32>)> {
    let around = |moment| {
        let fault = WireFault::CutAround {
            method: None,
            moment,
        };
        (fault, Some(1 + dice as u32 % 6))
    };
    Some(match kind {
        Kind::RefuseConnects | Kind::RefuseAll => (WireFault::RefuseConnects, None),
        Kind::CloseOnAccept => (WireFault::CloseOnAccept, None),
        Kind::SilentConnects => (WireFault::SilentConnects, None),
        Kind::CutBeforeProcessing => around(Moment::BeforeProcessing),
        Kind::CutBeforeAnswer => around(Moment::BeforeAnswer),
        Kind::CutAfterAnswer => around(Moment::AfterAnswer),
        Kind::CutEvery => {
            let after_ms = 300 + dice % 3_000;
            (WireFault::CutEvery { after_ms }, None)
        }
        Kind::WrongSessionId => (WireFault::WrongSessionId, Some(3)),
        Kind::BadMessage => {
            let code = [16, 17, 20, 32, 33, 48][dice as usize % 6];
            (WireFault::BadMsg { code }, Some(3))
        }
        Kind::BadSalt => (WireFault::BadSalt, Some(4)),
        Kind::Trickle => {
            let bytes_per_second = 500 + dice as u32 % 4_000;
            (WireFault::Trickle { bytes_per_second }, None)
        }
        Kind::DelayAnswers => {
            let by_ms = 100 + dice % 6_000;
            (WireFault::DelayAnswers { by_ms }, None)
        }
        Kind::DeafLine => (WireFault::DropPushes, None),
        Kind::KeyUnknown => (WireFault::TransportError { code: -404 }, None),
        Kind::TransportFlood => (WireFault::TransportError { code: -429 }, None),
        Kind::ClockAhead => {
            let seconds = 40 + dice as i32 % 4_000;
            (WireFault::WrongClock { seconds }, None)
        }
        Kind::ClockBehind => {
            let seconds = -40 - dice as i32 % 4_000;
            (WireFault::WrongClock { seconds }, None)
        }
        _ => return None,
    })
}

pub fn call_faults(kind: Kind, dice: u64) -> Vec<Fault> {
    const SENDS: &str = "messages.send*";
    const EDITS: &str = "messages.edit*";
    const DELETES: &str = "messages.delete*";
    const FORWARDS: &str = "messages.forward*";
    const READS: &str = "messages.get*";
    const DIFFERENCES: &str = "updates.get*";
    let seconds = 1 + dice as u32 % 9;
    let some = 300 + dice as u32 % 700;
    let everywhere = |effect: Effect| {
        [SENDS, EDITS, DELETES, FORWARDS, READS, DIFFERENCES]
            .map(|method| Fault::new(effect.clone()).on(method).per_mille(some))
            .to_vec()
    };
    let pushes = |effect: Effect| vec![Fault::new(effect).per_mille(100 + dice as u32 % 900)];
    match kind {
        Kind::FloodOnSends => [SENDS, EDITS, DELETES, FORWARDS]
            .map(|method| Fault::flood_wait(seconds).on(method).times(3))
            .to_vec(),
        Kind::FloodOnReads => [READS, DIFFERENCES]
            .map(|method| Fault::flood_wait(seconds).on(method).times(3))
            .to_vec(),
        Kind::FewCalls => [SENDS, READS, DIFFERENCES]
            .map(|method| Fault::calls_per_window(4, 5).on(method))
            .to_vec(),
        Kind::Errors500 => everywhere(Effect::Error {
            code: 500,
            message: "WORKER_BUSY_TOO_LONG_RETRY".to_owned(),
        }),
        Kind::NeverAnswered => everywhere(Effect::NeverAnswer),
        Kind::CutAfterCall => everywhere(Effect::CutAfter),
        Kind::SilentAfterCall => everywhere(Effect::SilentAfter),
        Kind::SlowAnswers => everywhere(Effect::SlowAnswer {
            millis: 200 + dice % 9_000,
        }),
        Kind::SlowStarts => everywhere(Effect::SlowStart {
            millis: 200 + dice % 9_000,
        }),
        Kind::UnreadableAnswers => everywhere(Effect::Unreadable),
        // As when an account moves: whoever asks is sent to the other one, for a moment.
        Kind::OtherDataCentre => [SENDS, READS]
            .map(|method| Fault::error(303, "USER_MIGRATE_2").on(method).times(2))
            .to_vec(),
        Kind::ShortPages => vec![
            Fault::new(Effect::ShortPages { messages: 3 }),
            Fault::new(Effect::DropPush).per_mille(300),
            Fault::new(Effect::DifferenceTooLong).times(1),
            Fault::new(Effect::ChannelDifferenceTooLong).times(2),
        ],
        Kind::OverlappingPages => vec![
            Fault::new(Effect::Overlap { chats: 2 }),
            Fault::new(Effect::DropPush).per_mille(300),
            Fault::new(Effect::DifferenceTooLong).times(1),
        ],
        Kind::LostParts => vec![
            Fault::new(Effect::Pretend).on("upload.save*").times(2),
            Fault::new(Effect::CutAfter).on("upload.save*").times(2),
            Fault::flood_wait(seconds)
                .on("messages.uploadMedia")
                .times(1),
            Fault::new(Effect::SilentAfter)
                .on("messages.uploadMedia")
                .times(1),
        ],
        Kind::LostPushes => pushes(Effect::DropPush),
        Kind::DoubledPushes => pushes(Effect::DuplicatePush),
        Kind::SwappedPushes => pushes(Effect::SwapPush),
        Kind::LatePushes => pushes(Effect::DelayPush {
            millis: 50 + dice % 3_000,
        }),
        Kind::BundledPushes => pushes(Effect::Bundle {
            pushes: 2 + dice as usize % 5,
        }),
        Kind::BarePushes => pushes(Effect::Bare),
        Kind::TooLongPushes => pushes(Effect::TooLong),
        Kind::ChannelTooLong => pushes(Effect::ChannelTooLong { with_pts: false }),
        Kind::ChannelTooLongWithPts => pushes(Effect::ChannelTooLong { with_pts: true }),
        // With what makes somebody ask.
        Kind::DifferenceTooLong => vec![
            Fault::new(Effect::DifferenceTooLong).times(2),
            Fault::new(Effect::DropPush).per_mille(300),
        ],
        Kind::ChannelDifferenceTooLong => vec![
            Fault::new(Effect::ChannelDifferenceTooLong).times(4),
            Fault::new(Effect::DropPush).per_mille(300),
        ],
        Kind::Slices => vec![
            Fault::new(Effect::DifferenceSlices { events: 3 }),
            Fault::new(Effect::DropPush).per_mille(300),
        ],
        Kind::ChannelSlices => vec![
            Fault::new(Effect::ChannelSlices { events: 3 }),
            Fault::new(Effect::DropPush).per_mille(300),
        ],
        Kind::DatedSlices => vec![
            Fault::new(Effect::DatedSlices { events: 3 }),
            Fault::new(Effect::DropPush).per_mille(300),
        ],
        _ => Vec::new(),
    }
}
