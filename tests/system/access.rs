//! Access: tokens, the launch link, and that nobody sees what belongs to somebody else.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard::web::ROUTES;
use switchboard_simulator::{AccountSpec, PersonSpec};

use super::{licence_phone::connect, user_api::authorize};
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

/// Protects scripts that make a token and use it: it counts with its first call, however lately the service looked.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_counts_with_its_first_call() {
    let fleet = Fleet::builder().start().await;
    tokens::create(&fleet.data_dir(), "first", "read");
    for number in 0..40 {
        let token = tokens::create(&fleet.data_dir(), &format!("number {number}"), "read");
        let api = bearer(&fleet, &token);
        let status = status_of(&api, Method::GET, "/accounts", None).await;
        assert_eq!(status, StatusCode::OK, "token {number}");
    }
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
    /// The Telegram user.
    user: i64,
    account: String,
    conversation: i64,
    message: i64,
}

const SECRET: &str = "a secret between the two";
const SECRET_NAME: &str = "Victim";

fn filled(path: &str, victim: &Victim, chat: i64) -> String {
    let id = match path.split('/').nth(1) {
        Some("conversations") => victim.conversation.to_string(),
        Some("messages") => victim.message.to_string(),
        _ => victim.account.clone(),
    };
    let path = path
        .replace("{id}", &id)
        .replace("{chat_id}", &chat.to_string())
        .replace("{hash}", "1")
        .replace("{name}", "00000000-0000-4000-8000-000000000001")
        .replace("{user_id}", "user123")
        .replace("{file:.*}", "js/main.js");
    assert!(!path.contains('{'), "{path}: say what stands for this");
    match path.as_str() {
        "/search" => "/search?q=secret".to_owned(),
        "/conversations" => format!("/conversations?account_id={}", victim.account),
        _ => path,
    }
}

fn body_for(path: &str, chat: i64) -> Value {
    json!({
        "text": "stolen", "recipient": chat.to_string(), "label": "stolen", "is_active": false,
        "phone": "+9996600000", "phone_number": "+9996600000", "code": "12345", "password": "x",
        "user_id": "user123", "recipient_id": chat.to_string(), "phone_code": "12345", "session_id": "temp_x",
        "messages": [{ "role": "user", "content": path }], "send_to_telegram": true, "send_as_user": true,
    })
}

/// Signs somebody in by the portal, as the caller that `api` is.
async fn connect_portal(fleet: &Fleet, api: &Api, number: &str) {
    let body = json!({ "phone": number });
    api.post("/telegram/auth/phone/", body).await;
    let code = fleet.code_for(number).await;
    let body = json!({ "phone": number, "code": code });
    api.post("/telegram/auth/verify/", body).await;
}

/// Protects owners from each other: no route at all tells or changes anything of another owner's account, be it a
/// licence's, a user's or a portal caller's. The routes are the service's own list, so a new one is tried as well.
#[tokio::test(flavor = "multi_thread")]
async fn no_route_reaches_what_belongs_to_another_owner() {
    let fleet = Fleet::builder().start().await;
    let data = fleet.data_dir();
    let (mine, theirs) = (
        tokens::create(&data, "one", "licence"),
        tokens::create(&data, "two", "licence"),
    );
    let admin = bearer(&fleet, &tokens::create(&data, "boss", "admin"));
    let owner = fleet.api.with_header("x-license-key", &theirs);
    let numbers = [phone(1), phone(2), phone(3)];
    let users = numbers.clone().map(|number| {
        let spec = AccountSpec::new(&number, SECRET_NAME);
        fleet.telegram.add_account(spec)
    });
    connect(&fleet, &owner, &numbers[0]).await;
    authorize(&fleet, &admin, "user123", &numbers[1]).await;
    connect_portal(&fleet, &admin, &numbers[2]).await;
    let person = fleet
        .telegram
        .add_person(PersonSpec::new("Contact one").username("contact_one"));
    for user in users {
        fleet.telegram.say(person, user, SECRET);
    }
    let conversations = wait::until(
        "the messages",
        || admin.conversations(),
        |all| all.len() == users.len(),
    )
    .await;
    let mut victims = Vec::new();
    for conversation in conversations {
        let account = conversation["account_id"].as_str().unwrap().to_owned();
        let online = wait::until(
            "the account to be online",
            || admin.account(&account),
            |account| account["state"] == "online",
        );
        victims.push(Victim {
            user: online.await["user"]["id"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap(),
            account,
            conversation: conversation["id"].as_i64().unwrap(),
            message: conversation["last_message"]["id"].as_i64().unwrap(),
        });
    }
    // Somebody else's, for tokens that are for that one alone.
    let number = phone(4);
    let user = fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Another"));
    let body = json!({ "label": "Another", "session": fleet.session_string(user) });
    let added = admin.post("/accounts/add", body).await;
    let another = added["account"]["id"].clone();
    let before = admin.get("/accounts").await["accounts"].clone();

    let mut strangers = vec![
        fleet.api.with_header("x-license-key", &mine),
        bearer(&fleet, &mine),
        fleet.api.with_header("x-api-key", &mine),
    ];
    for scope in ["read", "send", "admin"] {
        let body = json!({ "name": scope, "scope": scope, "account_ids": [another] });
        let made = admin.post("/tokens", body).await;
        strangers.push(bearer(&fleet, made["secret"].as_str().unwrap()));
    }
    for api in &strangers {
        for victim in &victims {
            try_every_route(api, victim, person).await;
        }
    }
    for api in strangers.iter().take(3) {
        // The other licence's name does not help either.
        let pretending = api
            .with_header("x-license-key", &theirs)
            .with_header("authorization", &format!("Bearer {mine}"));
        assert_eq!(
            status_of(&pretending, Method::GET, "/conversations", None).await,
            StatusCode::FORBIDDEN
        );
    }
    // Each caller of the portal has its own, also when its token reaches further elsewhere.
    let other = bearer(&fleet, &tokens::create(&data, "other", "send"));
    let session = other.get("/telegram/session/info/").await;
    assert_eq!(session["session"], Value::Null);
    for path in ["/telegram/chats/", "/telegram/user/info/"] {
        let status = status_of(&other, Method::GET, path, None).await;
        assert_eq!(status, StatusCode::CONFLICT, "{path}");
    }

    let after = admin.get("/accounts").await["accounts"].clone();
    let kept = |account: &Value| {
        [
            "id",
            "label",
            "is_active",
            "state",
            "user",
            "outbox_pending",
            "unread",
        ]
        .map(|key| account[key].clone())
    };
    let all = |accounts: &Value| {
        accounts
            .as_array()
            .unwrap()
            .iter()
            .map(kept)
            .collect::<Vec<_>>()
    };
    let stays = |account: &&[Value; 7]| {
        victims
            .iter()
            .any(|victim| account[0] == victim.account.as_str())
    };
    let (before, after) = (all(&before), all(&after));
    assert_eq!(
        before.iter().filter(stays).collect::<Vec<_>>(),
        after.iter().filter(stays).collect::<Vec<_>>()
    );
    for victim in &victims {
        assert_eq!(fleet.telegram.texts(victim.user, person), [SECRET]);
        assert_eq!(fleet.telegram.keys_of(victim.user).len(), 1);
    }
    // Live, and from the event log.
    let mut own = Live::open_with(fleet.address(), Some(0), &[("x-license-key", &theirs)]).await;
    let mut live = Live::open_with(fleet.address(), Some(0), &[("x-license-key", &mine)]).await;
    fleet.telegram.say(person, users[0], SECRET);
    own.until_event("message_received").await;
    for frame in live.waiting().await {
        for victim in &victims {
            assert!(!frame.to_string().contains(&victim.account), "{frame}");
        }
    }
}

async fn try_every_route(api: &Api, victim: &Victim, chat: i64) {
    for (method, path) in ROUTES {
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let body = (method != Method::GET).then(|| body_for(path, chat));
        let path_filled = filled(path, victim, chat);
        let (status, answer) = api.call(method.clone(), &path_filled, body).await;
        let text = answer.to_string();
        for secret in [SECRET, SECRET_NAME, &victim.account] {
            assert!(!text.contains(secret), "{method} {path}: {text}");
        }
        let names_it = ["{id}", "{chat_id}", "{user_id}"]
            .iter()
            .any(|part| path.contains(part));
        if names_it {
            assert!(status.is_client_error(), "{method} {path}: {status} {text}");
        }
        assert!(
            !status.is_server_error() || *path == "/message_stream",
            "{method} {path}: {status} {text}"
        );
    }
}
