//! Examples: the clients and steps that the documents show, as they are.

use std::{path::Path, process::Stdio};

use switchboard_simulator::{AccountSpec, PersonSpec};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
};

use crate::support::{fleet::Fleet, python, tokens, wait};

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

/// The first block of that language, on the service of a test.
fn block(document: &str, language: &str, fleet: &Fleet) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(document);
    let text = std::fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once(&format!("```{language}\n")).unwrap();
    let (block, _) = rest.split_once("\n```").unwrap();
    let served = block.replace("http://127.0.0.1:8080", &fleet.service().url(""));
    assert!(
        language != "sh" || served != block,
        "{document} calls another service"
    );
    served + "\n"
}

fn program(name: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Child {
    Command::new(name)
        .args(arguments)
        .env("no_proxy", "*")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn ended(child: Child) -> String {
    let ended = tokio::time::timeout(wait::LIMIT, child.wait_with_output());
    let output = ended.await.expect("it ends").unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Protects whoever connects a first account by a program, or brings one along from Telethon: the pages' steps, as they stand, end with
/// an account that is online.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_account_comes_as_the_pages_say() {
    const NUMBER: &str = "+9996621234";
    let fleet = Fleet::builder().start().await;
    fleet
        .telegram
        .add_account(AccountSpec::new(NUMBER, "Support"));
    let steps = block("first-account.md", "sh", &fleet);
    let (asks, answers) = steps.split_at(steps.find("/login/code").unwrap());
    let begin = asks.rfind('\n').unwrap() + 1;
    let (asks, line) = asks.split_at(begin);
    let mut bash = program("bash", &["-es"]);
    let mut input = bash.stdin.take().unwrap();
    input.write_all(asks.as_bytes()).await.unwrap();
    let code = || async { fleet.telegram.code_for(NUMBER) };
    let code = wait::until("a code", code, Option::is_some).await.unwrap();
    let answers = format!("{line}{}", answers.replacen("22222", &code, 1));
    input.write_all(answers.as_bytes()).await.unwrap();
    drop(input);
    assert_eq!(ended(bash).await.trim(), "done");
    let accounts = fleet.api.get("/accounts").await;
    let first = &accounts["accounts"][0];
    assert_eq!(
        (&first["label"], &first["state"]),
        (&"Support".into(), &"online".into())
    );

    // The file of a service on Telethon that was stopped.
    let user = fleet
        .telegram
        .add_account(AccountSpec::new("+9996621235", "Brought along"));
    let (dc, address) = fleet.telegram.dc_addresses()[0];
    let (place, port) = (dc.to_string(), address.port().to_string());
    let key = fleet.telegram.seed_session(user, dc);
    let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.session");
    let file = file.to_str().unwrap();
    const MADE: &str = "import sys\nfrom telethon.sessions import SQLiteSession\nfrom telethon.crypto import AuthKey\n\
                        s = SQLiteSession(sys.argv[1])\ns.set_dc(int(sys.argv[3]), '127.0.0.1', int(sys.argv[4]))\n\
                        s.auth_key = AuthKey(bytes.fromhex(sys.argv[2]))\ns.save()\ns.close()\n";
    let python = python::with("foreign").await;
    ended(program(&python, &["-c", MADE, file, &key, &place, &port])).await;
    let to_text = block("migration.md", "python", &fleet);
    let session = ended(program(&python, &["-c", &to_text, file])).await;
    let hands_in = block("migration.md", "sh", &fleet);
    let mut bash = program("bash", &["-ec", &hands_in]);
    let mut input = bash.stdin.take().unwrap();
    input.write_all(session.as_bytes()).await.unwrap();
    drop(input);
    let answer: serde_json::Value = serde_json::from_str(&ended(bash).await).unwrap();
    let id = answer["account"]["id"].as_str().unwrap();
    fleet.wait_for_state(id, "online").await;
}
