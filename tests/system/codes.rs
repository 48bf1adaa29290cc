//! Codes: what Telegram itself writes to an account (user 777000) opens that account to whoever reads it. So its codes
//! are kept nowhere and told to nobody, whichever way they came.

use std::collections::BTreeSet;

use grammers_tl_types::types::MessageEntityBold;
use reqwest::Method;
use serde_json::{Value, json};
use switchboard_simulator::{
    Effect, Fault,
    world::{ChatRef, Draft, Form, TELEGRAM},
};

use super::codes_scene::{MASK, Scene};
use crate::support::{rows, tokens, wait};

/// Protects every account: a code that Telegram told it is in no file, table, index, event, frame, webhook, answer or
/// line of the log, whether it came live, by an edit, from history, in a difference, for the web, in another language
/// or forwarded; the words around it stay.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_telegram_told_is_kept_nowhere_and_told_to_nobody() {
    let mut scene = Scene::start().await;
    let user = scene.account.user;

    scene.sign_in_elsewhere("live");
    scene.until_told("Login code").await;
    scene.sign_in_elsewhere("repeated");
    scene.until_told("Login code").await;

    let web = scene.fleet.telegram.web_login(&scene.account.phone);
    scene.codes.push(("of the web", web.unwrap()));
    scene.until_told("Web login code").await;

    let language = |code: &str| {
        scene.fleet.telegram.with(|world| {
            world.account_mut(user).unwrap().language = Some(code.to_owned());
        });
    };
    language("fa");
    scene.sign_in_elsewhere("in another language");
    scene.until_told("کد ورود").await;
    let language = |code: &str| {
        scene.fleet.telegram.with(|world| {
            world.account_mut(user).unwrap().language = Some(code.to_owned());
        });
    };
    language("ru");
    scene.sign_in_elsewhere("in Russian");
    scene.until_told("Код для входа").await;

    // An edit that brings one.
    let id = scene
        .fleet
        .telegram
        .notify(user, "Your code is on its way.");
    let edited = "604918273";
    scene.codes.push(("edited", edited.to_owned()));
    let text = format!("Login code: {edited}. It was on its way.");
    scene
        .fleet
        .telegram
        .edit(TELEGRAM, user, id, &text)
        .unwrap();
    scene.until_told("It was on its way").await;

    // Forwarded by the account's owner, to others and to itself.
    let forwarded = "718293645";
    scene.codes.push(("forwarded", forwarded.to_owned()));
    let id = scene
        .fleet
        .telegram
        .notify(user, &format!("Login code: {forwarded}"));
    for chat in [scene.group, user] {
        let telegram = &scene.fleet.telegram;
        let mine = telegram.look(|world| {
            let gid = world.find_mail(user, id).unwrap();
            let body = world.body(gid).unwrap();
            body.copies.iter().find(|(of, _)| *of == user).unwrap().1
        });
        telegram
            .forward(user, ChatRef::User(TELEGRAM), mine, chat)
            .unwrap();
    }
    scene.until_marked("Nothing secret in between.").await;

    // While the service is away: in a difference.
    scene.fleet.kill_service();
    scene.sign_in_elsewhere("in a difference");
    scene.fleet.start_service();
    scene
        .fleet
        .wait_for_state(&scene.account.id, "online")
        .await;
    scene.live = scene.fleet.live(Some(scene.live.seq)).await;
    scene.until_marked("Nothing secret at the end.").await;
    let last = "Nothing secret at the end.";
    wait::until(
        "the end at the webhook",
        || async { scene.receiver.texts() },
        |texts| texts.iter().any(|text| text == last),
    )
    .await;
    wait::until(
        "the end in the search index",
        || scene.fleet.api.get("/search?q=secret+at+the+end"),
        |found| found["messages"] != json!([]),
    )
    .await;

    let leaks = scene.leaks().await;
    let places: BTreeSet<&str> = leaks
        .iter()
        .map(|leak| leak.split(" at ").next().unwrap())
        .collect();
    assert!(
        leaks.is_empty(),
        "{} leaks:\n{places:#?}\n{leaks:#?}",
        leaks.len()
    );

    // The words stay, and whoever looks sees that something was taken out.
    let conversation = scene.fleet.conversation(&scene.account, TELEGRAM).await;
    let messages = scene
        .fleet
        .api
        .messages(conversation["id"].as_i64().unwrap())
        .await;
    let masked: Vec<&str> = messages
        .iter()
        .filter(|message| message["masked"] == true)
        .map(|message| message["text"].as_str().unwrap())
        .collect();
    assert_eq!(masked.len(), 9, "{masked:#?}");
    assert!(masked.iter().all(|text| text.contains(MASK)), "{masked:#?}");
    assert_eq!(masked[6], format!("Login code: {MASK}. It was on its way."));
    let plain = messages.iter().filter(|message| message["masked"] == false);
    assert_eq!(plain.count(), 2);
    for chat in [scene.group, user] {
        let conversation = scene.fleet.conversation(&scene.account, chat).await;
        let newest = &conversation["last_message"];
        assert_eq!(newest["text"], format!("Login code: {MASK}"), "{newest}");
        assert_eq!(newest["masked"], true);
    }
}

/// Protects every account from what is kept beside the rows: a formatted, a rich, a forwarded and a quoted message of
/// Telegram's have their codes in no object, whether small or deflated.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_in_no_kept_object() {
    let mut scene = Scene::start().await;
    let (user, group) = (scene.account.user, scene.group);
    let file = scene.fleet.data_dir().join("switchboard.db");
    let [formatted, rich] = ["604918273", "718293645"];
    for (how, code) in [("formatted", formatted), ("rich", rich)] {
        scene.codes.push((how, code.to_owned()));
    }
    let telegram = &scene.fleet.telegram;
    let words = format!(
        "Login code: {formatted}. {}",
        "Do not give it away. ".repeat(40)
    );
    let bold = MessageEntityBold {
        offset: 6,
        length: 15,
    };
    let form = Form {
        entities: vec![bold.into()],
        ..Form::default()
    };
    let draft = |text: &str, form: Form| Draft {
        form,
        ..Draft::text(text)
    };
    let told = telegram.post(TELEGRAM, user, draft(&words, form));
    let form = Form {
        rich: true,
        ..Form::default()
    };
    let text = format!("Login code: {rich}");
    telegram.post(TELEGRAM, user, draft(&text, form));
    // Its owner quotes the code where it was told, and whoever sees it forwarded quotes it there.
    let quote = |of| Draft {
        reply_to: Some(of),
        ..draft(
            "is that it?",
            Form {
                quote: Some(format!("Login code: {formatted}")),
                ..Form::default()
            },
        )
    };
    let of = telegram.look(|world| world.find_mail(user, told).unwrap());
    telegram.post(user, ChatRef::User(TELEGRAM), quote(of));
    let own = telegram.look(|world| world.id_for(user, of).unwrap());
    let forwarded = telegram
        .forward(user, ChatRef::User(TELEGRAM), own, group)
        .unwrap();
    let of = telegram.look(|world| world.find(user, ChatRef::from(group), forwarded).unwrap());
    let friend = telegram.look(|world| {
        let ChatRef::Group(id) = ChatRef::from(group) else {
            panic!("a basic group");
        };
        let members = &world.groups[&id].members;
        *members.iter().find(|member| **member != user).unwrap()
    });
    telegram.post(friend, group, quote(of));
    scene.until_marked("Nothing secret at the end.").await;

    let leaks = scene.leaks().await;
    assert!(leaks.is_empty(), "{leaks:#?}");
    // The formatted one, its forward and the quote of it are kept all the same.
    let kept = "SELECT count(*) AS n FROM message_objects o JOIN messages m ON m.id = o.message_row WHERE m.service IS NULL";
    assert_eq!(rows::number(&file, kept), 3);
    let quotes = "SELECT coalesce(quote, 'none') AS t FROM messages WHERE text = 'is that it?' ORDER BY message_no";
    assert_eq!(
        rows::texts(&file, quotes),
        [format!("Login code: {MASK}"), "none".to_owned()]
    );
}

/// Protects both sides of a masked code: an admin sees it, fetched anew and kept nowhere, with a line in the log that says
/// who; nobody else does, and whoever can't is told why.
#[tokio::test(flavor = "multi_thread")]
async fn an_admin_may_look_at_a_code_and_the_log_says_who() {
    let mut scene = Scene::start().await;
    scene.sign_in_elsewhere("live");
    let told = scene.until_told("Login code").await;
    let (id, code) = (told["id"].as_i64().unwrap(), scene.codes[1].1.clone());
    let path = format!("/messages/{id}/reveal");
    let api = scene.fleet.api.clone();

    let shown = api.request(Method::POST, &path).send().await.unwrap();
    assert_eq!(shown.status(), 200);
    assert_eq!(shown.headers()["cache-control"], "no-store");
    let shown: Value = shown.json().await.unwrap();
    let text = shown["text"].as_str().unwrap();
    assert!(text.starts_with(&format!("Login code: {code}.")), "{text}");
    let (status, held) = api.call(Method::POST, &path, None).await;
    assert_eq!((status.as_u16(), &held), (200, &shown));

    let account = scene.account.id.clone();
    let line = |by: &str| {
        format!("action=reveal by=\"{by}\" account={account} label=\"Sales\" message={id}")
    };
    let log = scene.fleet.service().log();
    let lines = |log: &str, by: &str| {
        let audit = |text: &&str| text.contains("switchboard::audit") && text.ends_with(&line(by));
        log.lines().filter(audit).count()
    };
    assert_eq!(lines(&log, "local desk"), 2);

    // Nothing to show, or nowhere to fetch it from.
    scene
        .fleet
        .telegram
        .notify(scene.account.user, "Nothing in it.");
    let plain = scene.until_told("Nothing in it.").await["id"].clone();
    let refused = async |path: String| {
        let (status, body) = api.call(Method::POST, &path, None).await;
        let code = body["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        (status.as_u16(), code)
    };
    assert_eq!(
        refused(format!("/messages/{plain}/reveal")).await,
        (409, "message_not_masked".to_owned())
    );
    assert_eq!(
        refused("/messages/987654/reveal".to_owned()).await,
        (404, "message_not_found".to_owned())
    );
    scene.fleet.set_active(&scene.account, false).await;
    let (status, body) = api.call(Method::POST, &path, None).await;
    assert_eq!(
        (status.as_u16(), &body["error"]["code"]),
        (409, &json!("account_unavailable"))
    );
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("start it"),
        "{body}"
    );
    scene.fleet.set_active(&scene.account, true).await;

    // With tokens, an admin's only, and by its name.
    let data = scene.fleet.data_dir();
    let with = |name: &str, scope: &str| {
        let token = tokens::create(&data, name, scope);
        api.with_header("authorization", &format!("Bearer {token}"))
    };
    let [read, send, duty] = [
        with("reader", "read"),
        with("sender", "send"),
        with("Duty", "admin"),
    ];
    wait::until(
        "tokens to be in force",
        || api.call(Method::GET, "/accounts", None),
        |(status, _)| *status == 401,
    )
    .await;
    for narrow in [read, send] {
        let (status, body) = narrow.call(Method::POST, &path, None).await;
        let code = &body["error"]["code"];
        assert_eq!((status.as_u16(), code), (403, &json!("scope_too_small")));
    }
    let (status, again) = duty.call(Method::POST, &path, None).await;
    assert_eq!((status.as_u16(), &again), (200, &shown));
    assert_eq!(lines(&scene.fleet.service().log(), "Duty"), 1);
    // Whose right ends while Telegram is asked sees nothing any more.
    let leaver = with("Leaver", "admin");
    let slow = Fault::new(Effect::SlowStart { millis: 2000 }).on("messages.getMessages");
    let slow = scene.fleet.telegram.set_fault(slow.times(1));
    let asked = path.clone();
    let asking = tokio::spawn(async move { leaver.call(Method::POST, &asked, None).await });
    wait::until(
        "Telegram to be asked",
        async || scene.fleet.telegram.fault_hits(slow),
        |hits| *hits > 0,
    )
    .await;
    tokens::revoke(&data, "Leaver");
    let (status, body) = asking.await.unwrap();
    assert_eq!(
        (status.as_u16(), &body["error"]["code"]),
        (401, &json!("token_invalid"))
    );

    // Telegram no longer has it.
    let (user, number) = (scene.account.user, told["message_id"].as_str().unwrap());
    scene
        .fleet
        .telegram
        .delete(TELEGRAM, user, &[number.parse().unwrap()]);
    let (status, body) = duty.call(Method::POST, &path, None).await;
    assert_eq!(
        (status.as_u16(), &body["error"]["code"]),
        (410, &json!("message_gone"))
    );

    scene.fleet.api = duty;
    assert_eq!(scene.leaks().await, [""; 0]);
}
