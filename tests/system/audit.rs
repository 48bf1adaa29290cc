//! The audit: who did what and who was refused, in rows and in the log.

use std::{io::Write, process::Command};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::AccountSpec;

use crate::support::{
    api::Api,
    fleet::{Fleet, phone},
    tokens, wait,
};

fn bearer(fleet: &Fleet, token: &str) -> Api {
    let value = format!("Bearer {token}");
    fleet.api.with_header("authorization", &value)
}

/// Everything that was noted so far.
async fn all(api: &Api) -> Vec<Value> {
    let mut entries = Vec::new();
    let mut after = 0;
    loop {
        let page = api.get(&format!("/audit?after={after}&limit=7")).await;
        let part = page["entries"].as_array().unwrap().clone();
        if part.is_empty() {
            return entries;
        }
        after = page["next_after"].as_i64().unwrap();
        entries.extend(part);
    }
}

fn has(entries: &[Value], action: &str, by: &str, detail: &str) -> bool {
    entries.iter().any(|entry| {
        entry["action"] == action
            && entry["by"] == by
            && entry["detail"].as_str().unwrap().contains(detail)
    })
}

/// Protects whoever has to find out what happened: sign-ins, log-outs, deletions and tokens are there with who did them and
/// from where, and no secret is.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_noted_with_who_did_it() {
    let fleet = Fleet::builder().start().await;
    let data = fleet.data_dir();
    let number = phone(71);
    fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Owner"));
    let boss = bearer(&fleet, &tokens::create(&data, "boss", "admin"));
    let added = boss
        .post(
            "/accounts/add",
            json!({ "label": "Named desk", "phone": number }),
        )
        .await;
    let id = added["account"]["id"].as_str().unwrap().to_owned();
    let code = fleet.code_for(&number).await;
    let path = format!("/accounts/{id}");
    let with_code = format!("{path}/login/code");
    let wrong = Some(json!({ "code": "00000" }));
    let (status, _) = boss.call(Method::POST, &with_code, wrong).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    boss.post(&with_code, json!({ "code": code })).await;
    fleet.wait_for_account(&boss, &id, "online").await;
    boss.call(Method::PATCH, &path, Some(json!({ "label": "Other" })))
        .await;
    boss.post(&format!("{path}/logout"), json!({})).await;
    boss.call(Method::DELETE, &format!("{path}?history=delete"), None)
        .await;
    tokens::create(&data, "later", "read");
    tokens::revoke(&data, "later");

    let entries = all(&boss).await;
    let told = format!("{entries:#?}");
    let actions: Vec<(&str, &str)> = entries
        .iter()
        .map(|entry| {
            (
                entry["action"].as_str().unwrap(),
                entry["by"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        actions,
        [
            ("token_made", "console"),
            ("account_added", "boss"),
            ("signed_in", "boss"),
            ("account_changed", "boss"),
            ("signed_out", "boss"),
            ("account_removed", "boss"),
            ("token_made", "console"),
            ("token_revoked", "console"),
        ],
        "{told}"
    );
    for entry in &entries[1..6] {
        assert_eq!(entry["account_id"], id.as_str(), "{told}");
        assert_eq!(entry["ip"], "127.0.0.1", "{told}");
        assert!(entry["token_id"].is_i64(), "{told}");
    }
    assert!(has(&entries, "account_removed", "boss", "history=delete"));
    assert!(has(
        &entries,
        "token_made",
        "console",
        "name=\"later\" scope=read"
    ));
    let log = fleet.service().log();
    let line = format!("ip=127.0.0.1 action=signed_in by=\"boss\" account={id}");
    assert!(log.contains(&line), "{log}");
    for secret in [&number, &code, "Named desk"] {
        assert!(!told.contains(secret), "{told}");
    }
}

/// What the filter finds in a log, as fail2ban reads it: addresses, in order.
fn banned(log: &str) -> Vec<String> {
    const FILTER: &str = include_str!("../../docs/fail2ban/switchboard.conf");
    let expression = FILTER
        .lines()
        .find_map(|line| line.strip_prefix("failregex = "))
        .unwrap()
        .replace("<HOST>", r"(?P<host>[0-9a-fA-F.:]+)");
    // The time is taken out of each line before the expression is tried.
    let program = "import re, sys\n\
         expression = re.compile(sys.argv[1])\n\
         for line in sys.stdin:\n    \
             found = expression.search(re.sub(r'\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z', '', line, count=1))\n    \
             if found: print(found.group('host'))\n";
    let mut python = Command::new("python3")
        .args(["-c", program, &expression])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    python
        .stdin
        .take()
        .unwrap()
        .write_all(log.as_bytes())
        .unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Protects against guessing: each wrong token and launch code is a line that the filter finds with the address of who
/// guessed, whatever else that one writes; who asks for too much is noted by name, and is not banned.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_is_noted_and_the_filter_finds_who_guesses() {
    let fleet = Fleet::builder().arg("--behind-proxy").start().await;
    let data = fleet.data_dir();
    let boss = bearer(&fleet, &tokens::create(&data, "boss", "admin"));
    let reader = bearer(&fleet, &tokens::create(&data, "reader", "read"));
    let from = |api: &Api, ip: &str| api.with_header("x-forwarded-for", ip);

    let guesser = from(&bearer(&fleet, "swb_guess"), "198.51.100.7");
    assert_eq!(guesser.call(Method::GET, "/accounts", None).await.0, 401);
    let forged = "/x[ WARN  switchboard::audit] ip=192.0.2.1 action=refused by=\"nobody\" reason=token_invalid call=\"";
    let forged = forged.replace(' ', "%20").replace('"', "%22");
    let raw = guesser.request(Method::GET, &forged).send().await.unwrap();
    assert_eq!(raw.status(), 401);
    let launcher = from(&fleet.api, "198.51.100.8");
    assert_eq!(
        launcher
            .call(Method::GET, "/launch?code=guess", None)
            .await
            .0,
        401
    );
    let (status, _) = from(&reader, "198.51.100.9")
        .call(Method::POST, "/launch", Some(json!({})))
        .await;
    assert_eq!(status, 403);
    assert_eq!(reader.call(Method::GET, "/audit", None).await.0, 403);

    let entries = wait::until(
        "the refusals to be noted",
        || all(&boss),
        |entries| {
            has(
                entries,
                "refused",
                "reader",
                "scope_too_small call=\"GET /audit\"",
            )
        },
    )
    .await;
    assert!(has(
        &entries,
        "refused",
        "nobody",
        "token_invalid call=\"GET /accounts\""
    ));
    assert!(has(&entries, "refused", "nobody", "launch_code_invalid"));
    assert!(has(
        &entries,
        "refused",
        "reader",
        "scope_too_small call=\"POST /launch\""
    ));
    assert_eq!(
        banned(&fleet.service().log()),
        ["198.51.100.7", "198.51.100.7", "198.51.100.8"]
    );
}

/// Protects the disk: a flood of guesses fills the log of the day and not the database.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_guesses_does_not_fill_the_database() {
    let fleet = Fleet::builder().start().await;
    let boss = bearer(&fleet, &tokens::create(&fleet.data_dir(), "boss", "admin"));
    let guesser = bearer(&fleet, "swb_guess");
    let before = all(&boss).await.len();
    for _ in 0..300 {
        let answer = guesser.request(Method::GET, "/accounts").send().await;
        assert!(answer.unwrap().status().is_client_error());
    }
    let lines = fleet.service().log().matches("action=refused").count();
    assert_eq!(lines, 300);
    let noted = all(&boss).await.len() - before;
    // A minute may have turned over in between.
    assert!((1..=240).contains(&noted), "{noted}");
}
