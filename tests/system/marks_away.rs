//! Marks of an absence: how far others have read says no update that is told again.

use switchboard_simulator::PersonSpec;

use crate::support::{fleet::Fleet, oracle::until_faithful, wait::until};
/// Protects read marks of what happened while the service was off: Telegram tells them once, to whoever listens, and the list of chats
/// tells them afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn what_others_read_while_nobody_listened_is_seen() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    let group = fleet
        .telegram
        .add_supergroup("Supergroup", &[person, account.user]);
    fleet.telegram.say(person, group, "hello");
    let said = fleet.telegram.say(account.user, group, "from the phone");
    until_faithful(&fleet, &account, &[group]).await;
    let conversation = fleet.conversation(&account, group).await;
    assert!(conversation["read_outbox_max_id"].as_i64() < Some(said.into()));
    fleet.stop_service();
    fleet.telegram.read(person, group, said);
    fleet.start_service();
    until(
        "what was read",
        || fleet.conversation(&account, group),
        |conversation| conversation["read_outbox_max_id"] == said,
    )
    .await;
}

/// Protects the count of unread messages: what came after the phone had read stays unread, though the difference tells of the messages
/// first, and of the mark, with the count of its moment, behind them.
#[tokio::test(flavor = "multi_thread")]
async fn what_came_after_the_phone_had_read_is_unread() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    fleet.telegram.say(person, account.user, "hello");
    until_faithful(&fleet, &account, &[person]).await;
    fleet.stop_service();
    fleet
        .telegram
        .say(person, account.user, "read on the phone");
    fleet.telegram.read(account.user, person, 0);
    fleet.telegram.say(person, account.user, "not read");
    fleet.telegram.say(person, account.user, "nor this");
    fleet.start_service();
    until_faithful(&fleet, &account, &[person]).await;
    let conversation = fleet.conversation(&account, person).await;
    assert_eq!(conversation["unread"], 2, "{conversation}");
}
