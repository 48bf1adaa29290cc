//! Pushes and differences that go wrong, and a server that was restored from a copy.

use crate::world_support::{Library, Town, town};
use grammers_tl_types::{enums, functions as f};
use switchboard_simulator::{Effect, Fault};

use crate::{bare, get_me, heard};

async fn difference(library: &Library, pts: i32, date: i32) -> enums::updates::Difference {
    let (pts_limit, pts_total_limit, qts_limit) = (None, None, None);
    let call = f::updates::GetDifference {
        pts,
        pts_limit,
        pts_total_limit,
        date,
        qts: 0,
        qts_limit,
    };
    library.call(&call).await.unwrap()
}

/// Protects: a restored server has the numbers and messages of the day of its copy, and goes on from them.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_server_goes_on_from_its_copy() {
    let town = town().await;
    let simulator = &town.simulator;
    let library = Library::start(simulator, town.account);
    simulator.say(town.friend, town.account, "kept");
    let state = || async {
        let enums::updates::State::State(state) =
            library.call(&f::updates::GetState {}).await.unwrap();
        state.pts
    };
    let (pts, texts) = (state().await, simulator.texts(town.account, town.friend));
    let backup = simulator.backup();
    simulator.say(town.friend, town.account, "lost");
    assert_eq!(state().await, pts + 1);
    simulator.restore(backup);
    while library.call(&get_me()).await.is_err() {}
    assert_eq!(state().await, pts);
    assert_eq!(simulator.texts(town.account, town.friend), texts);
    simulator.say(town.friend, town.account, "anew");
    assert_eq!(state().await, pts + 1);
    simulator.shutdown().await;
}

/// Protects: every form of both differences.
#[tokio::test(flavor = "multi_thread")]
async fn differences_come_in_slices_whole_and_too_long() {
    let town = town().await;
    let simulator = &town.simulator;
    let library = Library::start(simulator, town.account);
    let enums::updates::State::State(state) = library.call(&f::updates::GetState {}).await.unwrap();
    for number in 0..7 {
        simulator.say(town.friend, town.account, &format!("m {number}"));
    }
    simulator.set_fault(Fault::new(Effect::DifferenceSlices { events: 3 }));
    let (mut pts, mut date, mut texts, mut slices) = (state.pts, state.date, 0, 0);
    loop {
        match difference(&library, pts, date).await {
            enums::updates::Difference::Slice(slice) => {
                let enums::updates::State::State(state) = slice.intermediate_state;
                (pts, date) = (state.pts, state.date);
                texts += slice.new_messages.len();
                slices += 1;
            }
            enums::updates::Difference::Difference(last) => {
                texts += last.new_messages.len();
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((texts, slices), (7, 2));
    simulator.clear_faults();
    simulator.set_fault(Fault::new(Effect::DifferenceTooLong).times(1));
    let long = difference(&library, state.pts, state.date).await;
    let enums::updates::Difference::TooLong(long) = long else {
        panic!("{long:?}")
    };
    assert_eq!(long.pts, pts + 1);

    let call = |pts: i32, limit: i32| f::updates::GetChannelDifference {
        force: false,
        channel: town.input_channel(town.supergroup),
        filter: enums::ChannelMessagesFilter::Empty,
        pts,
        limit,
    };
    let at = simulator.look(|world| world.channels[&bare(town.supergroup)].pts);
    let empty = library.call(&call(at, 10)).await.unwrap();
    assert!(
        matches!(&empty, enums::updates::ChannelDifference::Empty(e) if e.r#final && e.timeout.is_some())
    );
    let ids: Vec<i32> = (0..4)
        .map(|n| simulator.say(town.friend, town.supergroup, &format!("s {n}")))
        .collect();
    simulator
        .edit(town.friend, town.supergroup, ids[0], "s 0, corrected")
        .unwrap();
    simulator.delete(town.friend, town.supergroup, &[ids[1]]);
    let part = library.call(&call(at, 2)).await.unwrap();
    assert!(
        matches!(&part, enums::updates::ChannelDifference::Difference(d) if !d.r#final && d.pts == at + 2)
    );
    let whole = library.call(&call(at, 100)).await.unwrap();
    let enums::updates::ChannelDifference::Difference(whole) = whole else {
        panic!("{whole:?}")
    };
    assert!(whole.r#final);
    assert_eq!(
        (whole.new_messages.len(), whole.other_updates.len()),
        (3, 2)
    );
    simulator.set_fault(
        Fault::new(Effect::ChannelDifferenceTooLong)
            .channel(bare(town.supergroup))
            .times(1),
    );
    let long = library.call(&call(at, 100)).await.unwrap();
    let enums::updates::ChannelDifference::TooLong(long) = long else {
        panic!("{long:?}")
    };
    let enums::Dialog::Dialog(dialog) = long.dialog else {
        panic!("a channel's dialog")
    };
    assert_eq!(dialog.pts, Some(whole.pts));
    simulator.shutdown().await;
}

/// A client that has heard something already: its connection is there.
async fn listener(town: &Town) -> Library {
    let mut library = Library::start(&town.simulator, town.account);
    library.call(&f::updates::GetState {}).await.unwrap();
    town.simulator.say(town.friend, town.account, "hello");
    assert_eq!(heard(&mut library, 1).await, ["hello"]);
    library
}

/// Protects: lost, doubled, late and overtaken pushes, and the two notices that come instead of one.
#[tokio::test(flavor = "multi_thread")]
async fn pushes_are_lost_doubled_late_swapped_or_replaced() {
    let town = town().await;
    let simulator = &town.simulator;
    let mut library = listener(&town).await;
    let say = |text: &str| simulator.say(town.friend, town.account, text);
    let news = |effect: Effect| {
        Fault::new(effect)
            .account(town.account)
            .update("updateNewMessage")
            .times(1)
    };

    simulator.set_fault(news(Effect::DropPush));
    say("lost");
    say("after it");
    assert_eq!(heard(&mut library, 1).await, ["after it"]);
    simulator.set_fault(news(Effect::DuplicatePush));
    say("twice");
    assert_eq!(heard(&mut library, 2).await, ["twice", "twice"]);
    simulator.set_fault(news(Effect::DelayPush { millis: 200 }));
    say("late");
    say("on time");
    assert_eq!(heard(&mut library, 2).await, ["on time", "late"]);
    simulator.set_fault(news(Effect::SwapPush));
    say("second");
    say("first");
    assert_eq!(heard(&mut library, 2).await, ["first", "second"]);
    simulator.set_fault(news(Effect::TooLong));
    say("unsaid");
    assert_eq!(heard(&mut library, 1).await, ["too long"]);
    for with_pts in [true, false] {
        let fault = Fault::new(Effect::ChannelTooLong { with_pts })
            .channel(bare(town.channel))
            .times(1);
        simulator.set_fault(fault);
        simulator.say(town.friend, town.channel, "unsaid");
        assert_eq!(
            heard(&mut library, 1).await,
            [format!("channel too long, pts {with_pts}")]
        );
    }
    simulator.say(town.friend, town.channel, "said");
    assert_eq!(heard(&mut library, 1).await, ["said"]);
    simulator.shutdown().await;
}

/// Protects: a push that was held back to be overtaken comes even when the faults are cleared before anything did.
#[tokio::test(flavor = "multi_thread")]
async fn clearing_the_faults_loses_no_push_that_was_held_back() {
    let town = town().await;
    let mut library = listener(&town).await;
    town.simulator
        .set_fault(Fault::new(Effect::SwapPush).account(town.account));
    town.simulator.say(town.friend, town.account, "second");
    town.simulator.clear_faults();
    town.simulator.say(town.friend, town.account, "first");
    assert_eq!(heard(&mut library, 2).await, ["first", "second"]);
    town.simulator.shutdown().await;
}
