//! Nodes on the desk: two real services on one PostgreSQL, seen from one of them.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    api::Api, browser::Desk, engine, fleet::Fleet, service::ServiceProcess, wait,
};

/// Another node on the same database.
fn beside(fleet: &Fleet, home: &TempDir) -> ServiceProcess {
    let data = home.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::copy(fleet.data_dir().join("master.key"), data.join("master.key")).unwrap();
    let database = engine::database_of(&fleet.data_dir()).unwrap();
    fleet.start_on_database(&data, &engine::url_of(&database))
}

/// Protects whoever runs several nodes: the desk says which there are and what each has, one is emptied and taken back by keyboard, an
/// account's sheet says who serves it; and where one service is alone, nothing speaks of nodes.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_seen_and_emptied_on_the_desk() {
    let fleet = Fleet::builder()
        .accounts(2)
        .on_its_own_postgres()
        .start()
        .await;
    let desk = Desk::open(fleet.address()).await;
    desk.click("#open-settings").await;
    desk.until(
        "the settings without nodes",
        "document.querySelector('section.nodes')?.hidden === true",
    )
    .await;
    let home = tempfile::tempdir().unwrap();
    let second = beside(&fleet, &home);

    // They come by themselves, with one account each.
    desk.until_text(".nodes li:first-child", "the one that answers you")
        .await;
    desk.until(
        "two nodes with an account each",
        "[...document.querySelectorAll('.nodes li[data-state=alive]')].filter((one) => one.textContent.includes('accounts: 1 ')).length === 2",
    )
    .await;
    desk.until_text(".nodes", &second.address).await;
    desk.assert_accessible("nodes").await;
    desk.screenshot("nodes").await;

    // By keyboard; the button keeps the focus while what it says changes.
    let other = "document.querySelector('.nodes li:last-child [data-act=\"nodes.drain\"]')";
    desk.js(&format!("{other}.focus()")).await;
    desk.keys("Enter").await;
    desk.until(
        "the second node to be empty",
        "document.querySelector('.nodes li:last-child[data-state=draining]')?.textContent.includes('accounts: 0 ')",
    )
    .await;
    desk.until(
        "the focus to stay",
        &format!(
            "document.activeElement === {other} && {other}.textContent === 'Let it take part again'"
        ),
    )
    .await;
    desk.keys("Enter").await;
    desk.until(
        "the second node to have an account again",
        "document.querySelector('.nodes li:last-child[data-state=alive]')?.textContent.includes('accounts: 1 ')",
    )
    .await;
    desk.keys("Escape").await;

    // Who serves which account is said on its sheet.
    let owners = [Api::new(fleet.address()), Api::new(&second.address)];
    let told = owners[0].get("/nodes").await;
    let its = |node: &Value| {
        let account = node["accounts"][0]["id"].as_str().unwrap().to_owned();
        (account, node["address"].as_str().unwrap().to_owned())
    };
    for (account, address) in told["nodes"].as_array().unwrap().iter().map(its) {
        desk.right_click(&format!("[data-account='{account}'] .tile"))
            .await;
        desk.until_text(".facts", "Served by").await;
        desk.until_text(".facts", &address).await;
        desk.keys("Escape").await;
    }

    second.stop();
    let alone = || async { fleet.api.get("/nodes").await };
    wait::until("the other one to be gone", alone, |told| {
        told["nodes"].as_array().unwrap().len() == 1
    })
    .await;
    desk.click("#open-settings").await;
    desk.until(
        "the settings without nodes",
        "document.querySelector('section.nodes')?.hidden === true",
    )
    .await;
    desk.close().await;
}

/// Protects an operator from a vault that is out of reach for one node alone: the banner says for which, and why, on the desk of each of
/// them, and goes when that node has gone.
#[tokio::test(flavor = "multi_thread")]
async fn the_banner_names_the_node_that_does_not_reach_the_vault() {
    let mut fleet = Fleet::builder().accounts(1).on_postgres().start().await;
    // Nobody listens there.
    fleet.set_env("SUPABASE_URL", "http://127.0.0.1:1");
    fleet.set_env("SUPABASE_SERVICE_KEY", "sb_secret_of_a_test");
    let home = tempfile::tempdir().unwrap();
    let second = beside(&fleet, &home);
    let desks = [
        Desk::open(fleet.address()).await,
        Desk::open(&second.address).await,
    ];
    for desk in &desks {
        desk.until_text("#banner", &second.address).await;
        let why = desk.js("document.querySelector('#banner p').title").await;
        let why = why.as_str().expect("it says why");
        assert!(why.starts_with("Supabase can’t be reached"), "{why}");
    }
    let [first, other] = desks;
    other.close().await;
    first
        .assert_accessible("a vault that one node does not reach")
        .await;
    second.stop();
    first.until_gone("#banner").await;
    first.close().await;
}
