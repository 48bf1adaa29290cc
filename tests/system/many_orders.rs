//! Many orders: what waits in one account costs the others nothing.

use futures_util::{StreamExt, stream};
use switchboard_simulator::PersonSpec;

use crate::support::{fleet::Fleet, wait};

const MANY: usize = 1_000;
const CHATS: usize = 4;

/// Protects everybody else when one account can't send: a thousand orders wait for its line, another account's replies go out
/// meanwhile, nothing is read over and over for them, and in the end each arrives once and in order.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_that_wait_cost_the_others_nothing() {
    let fleet = Fleet::builder().accounts(2).start().await;
    let [away, here] = [fleet.accounts[0].clone(), fleet.accounts[1].clone()];
    let telegram = &fleet.telegram;
    let mut chats = Vec::new();
    for number in 0..CHATS {
        let person = telegram.add_person(PersonSpec::new(&format!("Contact {number}")));
        telegram.say(person, away.user, "hello");
        let conversation = fleet.conversation(&away, person).await;
        chats.push((person, conversation["id"].as_i64().unwrap()));
    }
    let writer = telegram.add_person(PersonSpec::new("Writer"));
    telegram.say(writer, here.user, "hello");
    let quick = fleet.conversation(&here, writer).await;
    let dead = fleet.keep_away(&away).await;
    let queue = chats.iter().map(|(_, conversation)| async {
        // Each chat in its own order.
        for number in 0..MANY / CHATS {
            fleet.api.reply(*conversation, &number.to_string()).await;
        }
    });
    stream::iter(queue)
        .buffer_unordered(CHATS)
        .collect::<Vec<()>>()
        .await;
    let account = fleet.api.account(&away.id).await;
    assert_eq!(account["outbox_pending"], MANY);
    for number in 0..10 {
        let text = format!("meanwhile {number}");
        fleet.api.reply(quick["id"].as_i64().unwrap(), &text).await;
        fleet.wait_for_message(&quick, &text, "sent").await;
    }
    let account = fleet.api.account(&away.id).await;
    assert_eq!(
        account["outbox_pending"], MANY,
        "none of them left meanwhile"
    );
    telegram.wire().clear_fault(dead);
    let pending = async || fleet.api.account(&away.id).await["outbox_pending"].clone();
    wait::until("all to be out", pending, |pending| *pending == 0).await;
    let ledger = telegram.ledger_of(away.user);
    for (person, _) in chats {
        let ours = ledger[&person].messages.iter().filter(|one| one.out);
        let texts: Vec<&str> = ours.map(|one| one.text.as_str()).collect();
        let wanted: Vec<String> = (0..MANY / CHATS).map(|number| number.to_string()).collect();
        assert_eq!(texts, wanted);
    }
}
