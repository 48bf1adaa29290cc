//! Examples: the clients that the documents show, as they are.

use std::process::Stdio;

use switchboard_simulator::PersonSpec;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::support::{fleet::Fleet, tokens, wait};

/// Protects whoever begins with an example: each waits for a message, answers it once and sees that it was sent.
#[tokio::test(flavor = "multi_thread")]
async fn every_example_has_a_conversation() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let token = tokens::create(&fleet.data_dir(), "example", "send");
    let user = fleet.accounts[0].user;
    for (program, file) in [
        ("python3", "answer.py"),
        ("node", "answer.mjs"),
        ("bash", "answer.sh"),
    ] {
        let person = fleet.telegram.add_person(PersonSpec::new(file));
        let mut example = Command::new(program)
            .arg(format!(
                "{}/docs/examples/{file}",
                env!("CARGO_MANIFEST_DIR")
            ))
            .env("NO_PROXY", "*")
            .env("SWITCHBOARD", fleet.service().url(""))
            .env("SWITCHBOARD_TOKEN", &token)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(example.stdout.take().unwrap()).lines();
        let mut line = async || {
            let line = tokio::time::timeout(wait::LIMIT, lines.next_line());
            line.await.expect("it says something").unwrap()
        };
        assert_eq!(line().await.as_deref(), Some("listening"), "{file}");
        fleet.telegram.say(person, user, "Is it ready?");
        assert_eq!(line().await.as_deref(), Some("sent"), "{file}");
        assert!(example.wait().await.unwrap().success(), "{file}");
        let said = fleet.telegram.texts(user, person);
        let answers = said
            .iter()
            .filter(|text| *text == "You wrote: Is it ready?");
        assert_eq!(answers.count(), 1, "{file}: {said:?}");
    }
}
