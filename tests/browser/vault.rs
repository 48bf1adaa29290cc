//! Vault: Supabase goes and comes back under an open desk, and a row that differs waits for a person.

use switchboard_simulator::PersonSpec;

use crate::{
    postgrest::{Fault, Project, SECRET_KEY},
    support::{
        browser::{Desk, Look},
        fleet::Fleet,
        wait,
    },
};

async fn on(project: &Project) -> Fleet {
    let fleet = Fleet::builder()
        .off_the_disk()
        .accounts(1)
        .env("SUPABASE_URL", project.url().as_str())
        .env("SUPABASE_SERVICE_KEY", SECRET_KEY)
        .env("SUPABASE_INTERVAL", "1")
        .start()
        .await;
    until_row(project, "count(session_string)", "1").await;
    fleet
}

async fn until_row(project: &Project, columns: &str, wanted: &str) {
    wait::until(
        &format!("{columns} to be {wanted} in Supabase"),
        || async { project.sql(&format!("select {columns} from public.telegram_accounts")) },
        |found| found == wanted,
    )
    .await;
}

async fn rename(desk: &Desk, label: &str) {
    desk.right_click(".tile").await;
    desk.fill("#account-label", label).await;
    desk.keys("Tab").await;
    desk.until_text(".sheet h2", label).await;
    desk.keys("Escape").await;
    desk.until_gone(".sheet").await;
}

/// Protects: an open desk says that the vault is away as soon as it is known, in the person's language, works on, and
/// says nothing any more once the vault is back; what was changed meanwhile is then in Supabase.
#[tokio::test(flavor = "multi_thread")]
async fn supabase_goes_and_comes_back_under_an_open_desk() {
    let project = Project::start();
    let fleet = on(&project).await;
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    fleet.telegram.say(person, account.user, "before");
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_message("before", "received").await;
    desk.until_gone("#banner").await;
    desk.js("window.sameDocument = true").await;

    project.gateway.always(Some(Fault::OriginError));
    desk.until_text("#banner", "The account vault is offline")
        .await;
    let reason = desk.js("document.querySelector('#banner p').title").await;
    assert!(reason.as_str().unwrap().contains("520"), "{reason}");
    desk.screenshot("vault-offline").await;
    desk.assert_accessible("the desk without its vault").await;
    fleet.telegram.say(person, account.user, "meanwhile");
    desk.until_message("meanwhile", "received").await;
    desk.reply("answered without the vault").await;
    desk.until_message("answered without the vault", "sent")
        .await;
    rename(&desk, "Renamed meanwhile").await;
    desk.until_text("#banner", "1 change waits for it").await;
    for (language, words, why) in [
        (
            "ru",
            "Хранилище аккаунтов недоступно",
            "Supabase ответил 520",
        ),
        ("ar", "خزنة الحسابات غير متاحة", "أجاب Supabase بـ 520"),
    ] {
        let other = Desk::open_with(
            fleet.address(),
            Look {
                language,
                ..Look::default()
            },
        )
        .await;
        other.until_text("#banner", words).await;
        let told = other.js("document.querySelector('#banner p').title").await;
        assert!(told.as_str().unwrap().contains(why), "{told}");
        other.close().await;
    }

    project.gateway.always(None);
    desk.until_gone("#banner").await;
    until_row(&project, "account_label", "Renamed meanwhile").await;
    assert_eq!(desk.js("window.sameDocument").await, true);
    desk.close().await;
}

/// Protects: an account that was changed here and in Supabase is shown as such without a reload, overwritten on
/// neither side, and settled by one press once a person has decided.
#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_shown_and_settled_by_a_person() {
    let project = Project::start();
    let fleet = on(&project).await;
    let desk = Desk::open(fleet.address()).await;
    desk.until_gone("#banner").await;
    project.gateway.always(Some(Fault::Unavailable));
    desk.until_text("#banner", "The account vault is offline")
        .await;
    rename(&desk, "Ours").await;
    project.sql("update public.telegram_accounts set account_label = 'Theirs'");
    project.gateway.always(None);

    desk.until_text("#banner", "Ours differs here and in Supabase")
        .await;
    desk.assert_accessible("an account that differs").await;
    desk.click("#banner button").await;
    desk.until_text(".conflict", "Its label was changed here and in Supabase")
        .await;
    desk.screenshot("vault-conflict").await;
    desk.assert_accessible("the sheet of an account that differs")
        .await;
    let label = project.sql("select account_label from public.telegram_accounts");
    assert_eq!(label, "Theirs");

    desk.click_text(".conflict button", "Keep what is here")
        .await;
    desk.until_gone(".conflict").await;
    until_row(&project, "account_label", "Ours").await;
    desk.keys("Escape").await;
    desk.until_gone("#banner").await;
    desk.close().await;
}
