//! What people do in Supabase's table editor is done here, and an absent Supabase does no harm.

use serde_json::{Value, json};

use crate::{
    on,
    postgrest::{Fault, Project},
    support::{engine, fleet::API_HASH, wait},
};

async fn until_both_are_in(project: &Project) {
    wait::until(
        "both to be in Supabase",
        || async { project.sql("select count(session_string) from public.telegram_accounts") },
        |count| count == "2",
    )
    .await;
}

/// Protects a login from a slip in Supabase's table, and the list of devices from what was meant: an account whose row was
/// deleted there stops; removed here too, its session ends at Telegram, though no line stood.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_deleted_in_supabase_is_signed_out_when_it_is_removed_here_too() {
    let project = Project::start();
    let fleet = on(&project).accounts(2).start().await;
    let account = fleet.accounts[0].clone();
    until_both_are_in(&project).await;
    project.sql(&format!(
        "delete from public.telegram_accounts where id = '{}'",
        account.id
    ));
    fleet.wait_for_state(&account.id, "stopped").await;
    assert_eq!(fleet.telegram.keys_of(account.user).len(), 1);
    let path = format!("/accounts/{}?history=delete", account.id);
    let (status, body) = fleet.api.call(reqwest::Method::DELETE, &path, None).await;
    assert_eq!(status, 200, "{body}");
    wait::until(
        "the session to end",
        || async { fleet.telegram.keys_of(account.user) },
        Vec::is_empty,
    )
    .await;
    fleet.wait_for_state(&fleet.accounts[1].id, "online").await;
}

/// Protects all accounts from one: an account that was removed here, but changed in Supabase at the same time, comes back;
/// with its history kept or deleted, it keeps no start from happening.
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_account_that_comes_back_keeps_nobody_from_starting() {
    let project = Project::start();
    let mut fleet = on(&project).accounts(3).start().await;
    let [kept, deleted, other] = [0, 1, 2].map(|index| fleet.accounts[index].id.clone());
    wait::until(
        "all to be in Supabase",
        || async { project.sql("select count(session_string) from public.telegram_accounts") },
        |count| count == "3",
    )
    .await;
    project.gateway.always(Some(Fault::Paused));
    for (id, history) in [(&kept, "keep"), (&deleted, "delete")] {
        let path = format!("/accounts/{id}?history={history}");
        let (status, body) = fleet.api.call(reqwest::Method::DELETE, &path, None).await;
        assert_eq!(status, 200, "{body}");
        project.sql(&format!(
            "update public.telegram_accounts set account_label = 'Changed there' where id = '{id}'"
        ));
    }
    project.gateway.always(None);
    let listed = |all: &serde_json::Value| {
        let accounts = all["accounts"].as_array().unwrap().clone();
        accounts
            .iter()
            .filter(|account| account["label"] == "Changed there")
            .count()
    };
    let both = || fleet.api.get("/accounts");
    wait::until("both to come back", both, |all| listed(all) == 2).await;
    fleet.stop_service();
    fleet.start_service();
    fleet.wait_for_state(&other, "online").await;
    let all = fleet.api.get("/accounts").await;
    assert_eq!(listed(&all), 2, "{all}");
}

/// Protects: what people do in Supabase's table editor is done at the node that has the account, whichever node sees it first.
#[tokio::test(flavor = "multi_thread")]
async fn of_several_nodes_the_one_that_has_an_account_follows_supabase() {
    let project = Project::start();
    let mut fleet = on(&project).accounts(2).on_its_own_postgres().start().await;
    let database = engine::database_of(&fleet.data_dir()).unwrap();
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::copy(fleet.data_dir().join("master.key"), data.join("master.key")).unwrap();
    // It does not look for itself: all that it learns of it learns from the other one.
    fleet.set_env("SUPABASE_INTERVAL", "86400");
    let _second = fleet.start_on_database(&data, &engine::url_of(&database));
    let owned = || async {
        engine::rows::<Value>(
            &database,
            "SELECT a.id AS id FROM account_leases l JOIN accounts a ON a.no = l.account_no WHERE l.owner = \
             (SELECT id FROM nodes ORDER BY started_at DESC LIMIT 1)",
        )
    };
    let shared = wait::until("the accounts to be shared", owned, |owned| owned.len() == 1).await;
    let theirs = shared[0]["id"].as_str().unwrap().to_owned();
    for account in &fleet.accounts {
        fleet.wait_for_state(&account.id, "online").await;
    }
    until_both_are_in(&project).await;
    let set = |what: &str| {
        project.sql(&format!(
            "update public.telegram_accounts set {what} where id = '{theirs}'"
        ));
    };
    let named = async |label: &str| {
        wait::until(
            "the new name",
            || fleet.api.account(&theirs),
            |account| account["label"] == label,
        )
        .await;
    };
    set("is_active = false, account_label = 'Renamed'");
    fleet.wait_for_state(&theirs, "stopped").await;
    named("Renamed").await;
    set("is_active = true");
    fleet.wait_for_state(&theirs, "online").await;
    project.sql(&format!(
        "insert into public.telegram_accounts (account_label, api_id, api_hash) values ('By hand', 1, '{API_HASH}'); \
         delete from public.telegram_accounts where id = '{theirs}'"
    ));
    fleet.wait_for_state(&theirs, "stopped").await;
    wait::until(
        "the account added by hand",
        || fleet.api.get("/accounts"),
        |all| all.to_string().contains("By hand"),
    )
    .await;
    let left = || async { engine::rows::<Value>(&database, "SELECT kind FROM vault_news") };
    wait::until("nothing to be left to do", left, Vec::is_empty).await;
}

/// Protects: what people do in Supabase's table editor is done here, and an absent Supabase is said and does no harm.
#[tokio::test(flavor = "multi_thread")]
async fn the_service_follows_supabase_and_does_without_it() {
    let project = Project::start();
    let mut fleet = on(&project).accounts(2).start().await;
    let (one, two) = (fleet.accounts[0].id.clone(), fleet.accounts[1].id.clone());
    until_both_are_in(&project).await;
    project.sql(&format!(
        "update public.telegram_accounts set is_active = false, account_label = 'Renamed' where id = '{one}'"
    ));
    let stopped = fleet.wait_for_state(&one, "stopped").await;
    assert_eq!(stopped["is_active"], false);
    wait::until(
        "the new name",
        || fleet.api.account(&one),
        |account| account["label"] == "Renamed",
    )
    .await;
    project.sql(&format!(
        "update public.telegram_accounts set is_active = true where id = '{one}';
         insert into public.telegram_accounts (account_label, api_id, api_hash) values ('By hand', 1, '{API_HASH}')"
    ));
    fleet.wait_for_state(&one, "online").await;
    wait::until(
        "the account added by hand",
        || fleet.api.get("/accounts"),
        |all| {
            all["accounts"]
                .as_array()
                .unwrap()
                .iter()
                .any(|account| account["label"] == "By hand" && account["state"] == "signed_out")
        },
    )
    .await;
    // It is sealed there, too, and nothing is left to be pushed.
    wait::until(
        "what was typed to be sealed",
        || async {
            project.sql("select count(*) from public.telegram_accounts where api_hash like 'v1.%'")
        },
        |count| count == "3",
    )
    .await;

    project.gateway.always(Some(Fault::Paused));
    fleet.stop_service();
    fleet.start_service();
    for id in [&one, &two] {
        fleet.wait_for_state(id, "online").await;
    }
    let ready = wait::until(
        "the vault to be offline",
        || fleet.api.get("/health/ready"),
        |ready| ready["vault"]["state"] == "offline",
    )
    .await;
    assert!(
        ready["vault"]["reason"]
            .as_str()
            .unwrap()
            .contains("paused"),
        "{ready}"
    );
    let mut live = fleet.live(None).await;
    let told = live.until_event("vault_status").await;
    assert_eq!(told["data"]["vault"]["state"], "offline", "{told}");
    assert!(
        told.get("seq").is_none(),
        "it is no event of the log: {told}"
    );
    let off = json!({ "is_active": false, "label": "Switched off here" });
    let (status, body) = fleet
        .api
        .call(
            reqwest::Method::PATCH,
            &format!("/accounts/{two}"),
            Some(off),
        )
        .await;
    assert_eq!(status, 200, "{body}");
    live.until(|frame| frame["data"]["vault"]["queued"] == 1)
        .await;
    project.gateway.always(None);
    live.until(|frame| frame["data"]["vault"]["state"] == "online")
        .await;
    wait::until(
        "the queued change to arrive",
        || async {
            project.sql(&format!(
                "select is_active, account_label from public.telegram_accounts where id = '{two}'"
            ))
        },
        |row| row == "f|Switched off here",
    )
    .await;
    project.sql(&format!(
        "delete from public.telegram_accounts where id = '{one}'"
    ));
    fleet.wait_for_state(&one, "stopped").await;
}
