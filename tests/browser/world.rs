//! World: what most browser tests begin with.

use switchboard_simulator::PersonSpec;

use crate::support::fleet::{Fleet, FleetAccount};

/// An account and somebody who has written to it.
pub struct Met {
    pub fleet: Fleet,
    pub account: FleetAccount,
    pub person: i64,
}

/// One account; "Contact one" has written each of `texts` to it.
pub async fn met(texts: &[&str]) -> Met {
    let fleet = Fleet::builder().off_the_disk().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let person = fleet
        .telegram
        .add_person(PersonSpec::new("Contact one").username("contact1"));
    for text in texts {
        fleet.telegram.say(person, account.user, text);
    }
    if let Some(last) = texts.last() {
        let conversation = fleet.conversation(&account, person).await;
        fleet
            .wait_for_message(&conversation, last, "received")
            .await;
    }
    Met {
        fleet,
        account,
        person,
    }
}
