//! Orders: the way of an account's replies while a thousand orders of another wait for a line that is dead.

use futures_util::future::join_all;
use switchboard_simulator::wire::{FaultScope, WireFault};

use super::{people, percentile, told, uploads::reply};
use crate::support::fleet::Fleet;

const WAITING: usize = 1_000;
const CHATS: usize = 4;
const REPLIES: usize = 400;

pub async fn run() {
    let fleet = Fleet::builder().accounts(2).start().await;
    let telegram = &fleet.telegram;
    let [away, here] = [fleet.accounts[0].clone(), fleet.accounts[1].clone()];
    let mut chats = Vec::new();
    for person in people(telegram, CHATS) {
        telegram.say(person, away.user, "hello");
        let conversation = fleet.conversation(&away, person).await;
        chats.push(conversation["id"].as_i64().expect("a number"));
    }
    let person = people(telegram, 1)[0];
    telegram.say(person, here.user, "hello");
    let words = fleet.conversation(&here, person).await["id"]
        .as_i64()
        .expect("a number");
    let mut ways = Vec::new();
    for round in ["alone", "beside them"] {
        if round == "beside them" {
            let key = telegram.keys_of(away.user)[0];
            telegram
                .wire()
                .set_fault(FaultScope::Key(key), WireFault::RefuseConnects, None);
            telegram.cut(away.user);
            fleet.wait_for_state(&away.id, "reconnecting").await;
            join_all(chats.iter().map(|chat| async {
                for number in 0..WAITING / CHATS {
                    fleet.api.reply(*chat, &number.to_string()).await;
                }
            }))
            .await;
            let account = fleet.api.account(&away.id).await;
            assert_eq!(account["outbox_pending"], WAITING);
        }
        let mut times = Vec::new();
        for number in 0..REPLIES {
            let text = format!("{round} {number}");
            times.push(reply(&fleet, words, person, here.user, &text).await);
        }
        told(
            &format!("a reply's way, POST to Telegram, {round}"),
            &mut times,
        );
        ways.push(percentile(&mut times, 0.99));
    }
    println!(
        "{WAITING} pending orders of another account: p99 {:>+.2} ms of what it is without them",
        ways[1] - ways[0]
    );
}
