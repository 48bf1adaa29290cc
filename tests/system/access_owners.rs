//! Owners: no route reaches what belongs to another one.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard::web::ROUTES;
use switchboard_simulator::{AccountSpec, PersonSpec};

use super::{
    access::{bearer, status_of},
    licence_phone::connect,
    user_api::authorize,
};
use crate::support::{
    api::Api,
    fleet::{Fleet, phone},
    live::Live,
    tokens, wait,
};

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
