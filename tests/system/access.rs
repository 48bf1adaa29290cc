//! Access: tokens, the launch link, and that nobody sees what belongs to somebody else.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard::web::ROUTES;
use switchboard_simulator::{AccountSpec, PersonSpec};

use super::licence_phone::connect;
use crate::support::{
    api::Api,
    fleet::{Fleet, phone},
    live::Live,
    tokens, wait,
};

fn bearer(fleet: &Fleet, token: &str) -> Api {
    fleet
        .api
        .with_header("authorization", &format!("Bearer {token}"))
}

async fn status_of(api: &Api, method: Method, path: &str, body: Option<Value>) -> StatusCode {
    api.call(method, path, body).await.0
}

/// Protects the service once there are tokens: none means no, each scope reaches as far as it says, and a token
/// that was revoked beside the running service is worthless within a second.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_made_beside_the_running_service_count_at_once() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let data = fleet.data_dir();
    let read = tokens::create(&data, "reader", "read");
    let send = tokens::create(&data, "sender", "send");
    let admin = tokens::create(&data, "boss", "admin");
    let locked = wait::until(
        "tokens to be in force",
        || fleet.api.call(Method::GET, "/accounts", None),
        |(status, _)| *status == StatusCode::UNAUTHORIZED,
    )
    .await;
    assert_eq!(locked.1["error"]["code"], "token_required");
    let response = fleet
        .api
        .request(Method::GET, "/accounts")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["www-authenticate"], "Bearer");

    let id = fleet.accounts[0].id.clone();
    let rename = || Some(json!({ "label": "Renamed" }));
    let account = format!("/accounts/{id}");
    let write = format!("/accounts/{id}/send");
    for (token, reads, sends, changes) in [
        (&read, 200, 403, 403),
        (&send, 200, 422, 403),
        (&admin, 200, 422, 200),
        (&"swb_guessed".to_owned(), 401, 401, 401),
    ] {
        let api = bearer(&fleet, token);
        let nobody = Some(json!({ "recipient": "?", "text": "Hello" }));
        let seen = [
            status_of(&api, Method::GET, &account, None).await.as_u16(),
            status_of(&api, Method::POST, &write, nobody).await.as_u16(),
            status_of(&api, Method::PATCH, &account, rename())
                .await
                .as_u16(),
        ];
        assert_eq!(seen, [reads, sends, changes]);
    }
    let by_key = fleet.api.with_header("x-api-key", &read);
    assert_eq!(
        status_of(&by_key, Method::GET, "/accounts", None).await,
        StatusCode::OK
    );
    // A token skips the check of the origin, never that of the host.
    let foreign = bearer(&fleet, &read).with_header("host", "evil.example");
    assert_eq!(
        status_of(&foreign, Method::GET, "/accounts", None).await,
        StatusCode::MISDIRECTED_REQUEST
    );

    let list = tokens::list(&data);
    assert!(list.contains("reader") && !list.contains(&read), "{list}");
    let used = wait::until(
        "the use to be noted",
        || async { tokens::list(&data) },
        |list| {
            !list
                .lines()
                .any(|line| line.ends_with("boss") && line.contains("never"))
        },
    );
    used.await;
    tokens::revoke(&data, "reader");
    wait::until(
        "the token to be worthless",
        || {
            fleet
                .api
                .with_header("x-api-key", &read)
                .call_owned(Method::GET, "/accounts")
        },
        |(status, _)| *status == StatusCode::UNAUTHORIZED,
    )
    .await;
    fleet.stop_service();
    fleet.start_service();
    assert_eq!(
        status_of(&fleet.api, Method::GET, "/accounts", None).await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        status_of(&bearer(&fleet, &admin), Method::GET, "/accounts", None).await,
        StatusCode::OK
    );
    assert!(!fleet.service().log().contains(&admin));
}

/// Protects the desk in token mode: the launch link works once, and its cookie is out of reach of scripts and sites.
#[tokio::test(flavor = "multi_thread")]
async fn the_launch_link_opens_the_desk_once() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let admin = tokens::create(&fleet.data_dir(), "boss", "admin");
    let link = bearer(&fleet, &admin).post("/launch", json!({})).await;
    let path = link["url"]
        .as_str()
        .unwrap()
        .split_once("/launch")
        .unwrap()
        .1
        .to_owned();
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let open = || {
        client
            .get(format!("http://{}/launch{path}", fleet.address()))
            .send()
    };
    let opened = open().await.unwrap();
    assert_eq!(opened.status(), StatusCode::SEE_OTHER);
    let cookie = opened.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    assert_eq!(open().await.unwrap().status(), StatusCode::UNAUTHORIZED);

    let cookie = cookie.split(';').next().unwrap();
    let desk = fleet.api.with_header("cookie", cookie);
    assert_eq!(
        status_of(&desk, Method::GET, "/accounts", None).await,
        StatusCode::OK
    );
    // A cookie is sent by browsers for anybody's page: the origin still counts.
    let foreign = desk.with_header("origin", "http://evil.example");
    let rename = Some(json!({ "label": "Stolen" }));
    let account = format!("/accounts/{}", fleet.accounts[0].id);
    assert_eq!(
        status_of(&foreign, Method::PATCH, &account, rename).await,
        StatusCode::FORBIDDEN
    );

    // A page without a cookie may be looked at; it has nothing to tell.
    assert_eq!(
        status_of(&fleet.api, Method::GET, "/", None).await,
        StatusCode::OK
    );

    let ticket = desk.post("/ws/ticket", json!({})).await["ticket"]
        .as_str()
        .unwrap()
        .to_owned();
    let opened = Live::try_open(&format!("ws://{}/ws?ticket={ticket}", fleet.address())).await;
    assert!(opened);
    let opened = Live::try_open(&format!("ws://{}/ws?ticket={ticket}", fleet.address())).await;
    assert!(!opened, "a ticket opens one socket");
    assert!(!Live::try_open(&format!("ws://{}/ws", fleet.address())).await);
}

/// What a route is called with when a stranger tries to reach somebody else's things by it.
struct Victim {
    account: String,
    conversation: i64,
    message: i64,
    chat: i64,
}

fn filled(path: &str, victim: &Victim) -> String {
    let id = match path.split('/').nth(1) {
        Some("conversations") => victim.conversation.to_string(),
        Some("messages") => victim.message.to_string(),
        _ => victim.account.clone(),
    };
    let path = path
        .replace("{id}", &id)
        .replace("{chat_id}", &victim.chat.to_string())
        .replace("{user_id}", "user123")
        .replace("{file:.*}", "js/main.js");
    match path.as_str() {
        "/search" => "/search?q=secret".to_owned(),
        "/conversations" => format!("/conversations?account_id={}", victim.account),
        _ => path,
    }
}

fn body_for(path: &str) -> Value {
    json!({
        "text": "stolen", "recipient": "contact_one", "label": "stolen", "is_active": false,
        "phone": "+9996600000", "phone_number": "+9996600000", "code": "12345", "password": "x",
        "user_id": "user123", "recipient_id": "contact_one", "phone_code": "12345", "session_id": "temp_x",
        "messages": [{ "role": "user", "content": path }], "send_to_telegram": true, "send_as_user": true,
    })
}

/// Protects owners from each other: no route at all tells or changes anything of another owner's account.
#[tokio::test(flavor = "multi_thread")]
async fn no_route_reaches_what_belongs_to_another_owner() {
    let fleet = Fleet::builder().start().await;
    let data = fleet.data_dir();
    let (mine, theirs) = (
        tokens::create(&data, "one", "licence"),
        tokens::create(&data, "two", "licence"),
    );
    let admin = bearer(&fleet, &tokens::create(&data, "boss", "admin"));
    let number = phone(1);
    let user = fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Victim"));
    let owner = fleet.api.with_header("x-license-key", &theirs);
    connect(&fleet, &owner, &number).await;
    let account = admin.get("/accounts").await["accounts"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    wait::until(
        "the account to be online",
        || admin.account(&account),
        |account| account["state"] == "online",
    )
    .await;
    let person = fleet
        .telegram
        .add_person(PersonSpec::new("Contact one").username("contact_one"));
    fleet.telegram.say(person, user, "a secret between the two");
    let seen = wait::until(
        "the message",
        || owner.conversations(),
        |all| !all.is_empty(),
    )
    .await;
    let victim = Victim {
        account: account.clone(),
        conversation: seen[0]["id"].as_i64().unwrap(),
        message: seen[0]["last_message"]["id"].as_i64().unwrap(),
        chat: person,
    };
    let before = admin.account(&account).await;

    let strangers = [
        fleet.api.with_header("x-license-key", &mine),
        bearer(&fleet, &mine),
        fleet.api.with_header("x-api-key", &mine),
    ];
    for api in &strangers {
        for (method, path) in ROUTES {
            if *path == "/ws" || *path == "/launch" {
                continue;
            }
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let body = (method != Method::GET).then(|| body_for(path));
            let (status, answer) = api.call(method.clone(), &filled(path, &victim), body).await;
            let text = answer.to_string();
            assert!(
                !text.contains("a secret between"),
                "{method} {path}: {text}"
            );
            assert!(!text.contains("Victim"), "{method} {path}: {text}");
            let names_it = path.contains("{id}") || path.contains("{chat_id}");
            if names_it {
                assert!(status.is_client_error(), "{method} {path}: {status} {text}");
            }
            assert!(
                !status.is_server_error() || *path == "/message_stream",
                "{method} {path}: {status} {text}"
            );
        }
        // The other licence's name does not help either.
        let pretending = api
            .with_header("x-license-key", &theirs)
            .with_header("authorization", &format!("Bearer {mine}"));
        assert_eq!(
            status_of(&pretending, Method::GET, "/conversations", None).await,
            StatusCode::FORBIDDEN
        );
    }
    let (after, texts) = (
        admin.account(&account).await,
        fleet.telegram.texts(user, person),
    );
    assert_eq!(
        (&after["label"], &after["is_active"], &after["state"]),
        (&before["label"], &before["is_active"], &before["state"])
    );
    assert_eq!(texts, ["a secret between the two"]);
    // Live, and from the event log.
    let mut own = Live::open_with(fleet.address(), Some(0), &[("x-license-key", &theirs)]).await;
    let mut live = Live::open_with(fleet.address(), Some(0), &[("x-license-key", &mine)]).await;
    fleet.telegram.say(person, user, "a secret between the two");
    own.until_event("message_received").await;
    for frame in live.waiting().await {
        assert_ne!(frame["data"]["account"]["id"], account.as_str(), "{frame}");
        assert!(!frame.to_string().contains(&account), "{frame}");
    }
}
