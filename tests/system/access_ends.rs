//! The end of access: what was open ends within a second, everywhere, and a service that had a token stays locked.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use diesel::{Connection, connection::SimpleConnection, sqlite::SqliteConnection};
use futures_util::StreamExt;
use reqwest::{Method, StatusCode};
use serde_json::json;
use switchboard::{
    domain::Timestamp,
    store::{NewToken, StorePlace, TokenFile},
    web::{new_token, sha256_hex},
};
use switchboard_simulator::PersonSpec;

use super::{assistant_stream, user_api::authorize};
use crate::support::{
    api::Api,
    assistant::{Assistant, Behaviour},
    fleet::{Fleet, phone},
    live::{Farewell, Live},
    tokens, wait,
};

pub const A_SECOND: Duration = Duration::from_secs(1);
/// RFC 6455, 7.4.1: a policy is against it.
const POLICY: u16 = 1008;

pub fn bearer(fleet: &Fleet, token: &str) -> Api {
    let value = format!("Bearer {token}");
    fleet.api.with_header("authorization", &value)
}

/// Status and code of `GET /accounts`.
pub async fn asked(api: &Api) -> (StatusCode, String) {
    let (status, answer) = api.call(Method::GET, "/accounts", None).await;
    let code = answer["error"]["code"].as_str().unwrap_or_default();
    (status, code.to_owned())
}

pub fn refused(code: &str) -> (StatusCode, String) {
    (StatusCode::UNAUTHORIZED, code.to_owned())
}

pub async fn until_asked(api: &Api, wanted: StatusCode) -> Instant {
    let what = format!("GET /accounts to answer {wanted}");
    wait::until(&what, || asked(api), |(status, _)| *status == wanted).await;
    Instant::now()
}

/// As somebody else who writes the file.
fn sql(data: &Path, text: &str) {
    let path = data.join("switchboard.db");
    let mut conn = SqliteConnection::establish(&path.to_string_lossy()).unwrap();
    conn.batch_execute("PRAGMA busy_timeout = 10000;").unwrap();
    conn.batch_execute(text).unwrap();
}

async fn code_of_link(api: &Api) -> String {
    let link = api.post("/launch", json!({})).await;
    let (_, code) = link["url"].as_str().unwrap().split_once("code=").unwrap();
    code.to_owned()
}

/// Opens a launch link: the status, and the cookie if one was given.
async fn launched(fleet: &Fleet, code: &str) -> (StatusCode, Option<String>) {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let url = fleet.service().url(&format!("/launch?code={code}"));
    let response = client.get(url).send().await.unwrap();
    let cookie = response.headers().get("set-cookie").map(|cookie| {
        let cookie = cookie.to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    });
    (response.status(), cookie)
}

async fn ticket_of(api: &Api) -> String {
    let answer = api.post("/ws/ticket", json!({})).await;
    answer["ticket"].as_str().unwrap().to_owned()
}

pub fn assert_ended(farewell: &Farewell, since: Instant, word: &str) {
    let took = farewell.at.saturating_duration_since(since);
    assert!(took < A_SECOND, "it took {took:?}: {farewell:?}");
    assert_eq!(farewell.code, Some(POLICY), "{farewell:?}");
    assert!(farewell.reason.contains(word), "{farewell:?}");
}

/// Protects a service whose last token goes: it does not fall open, not for a moment, not after a restart and not when
/// the rows are gone; to open it again is a command that says what it does, and the next token locks it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_had_a_token_stays_locked_until_it_is_unlocked() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let data = fleet.data_dir();
    assert!(tokens::list(&data).contains("the service is open"));
    assert!(!tokens::list(&data).contains("locked"));
    let admin = tokens::create(&data, "boss", "admin");
    until_asked(&bearer(&fleet, &admin), StatusCode::OK).await;
    until_asked(&fleet.api, StatusCode::UNAUTHORIZED).await;

    let said = tokens::revoke(&data, "boss");
    assert!(said.contains("locked") && said.contains("unlock"), "{said}");
    let revoked = Instant::now();
    while revoked.elapsed() < 2 * A_SECOND {
        assert_eq!(asked(&fleet.api).await, refused("token_required"));
    }
    assert_eq!(
        asked(&bearer(&fleet, &admin)).await,
        refused("token_invalid")
    );
    let (_, answer) = fleet.api.call(Method::GET, "/accounts", None).await;
    let words = answer["error"]["message"].as_str().unwrap();
    assert!(words.contains("switchboard token create"), "{words}");
    let list = tokens::list(&data);
    assert!(
        list.contains("locked") && list.contains("revoked"),
        "{list}"
    );
    let check = tokens::command("check", &data, &[]);
    assert!(check.stdout.contains("locked"), "{check:?}");
    // The page itself holds nothing, and tells a person what is wanted.
    let page = fleet.api.call(Method::GET, "/", None).await;
    assert_eq!(page.0, StatusCode::OK);

    fleet.stop_service();
    fleet.start_service();
    assert_eq!(asked(&fleet.api).await, refused("token_required"));
    assert!(fleet.service().log().contains("nobody can come in"));
    fleet.stop_service();
    sql(&data, "DELETE FROM api_tokens");
    fleet.start_service();
    assert_eq!(asked(&fleet.api).await, refused("token_required"));
    assert!(tokens::list(&data).contains("locked"));

    // Not by accident.
    let tried = tokens::tried(&data, &["unlock"]);
    assert_eq!(tried.code, Some(2), "{tried:?}");
    assert!(
        tried.stderr.contains("--everybody-on-this-machine"),
        "{tried:?}"
    );
    assert_eq!(asked(&fleet.api).await, refused("token_required"));
    let said = tokens::unlock(&data);
    assert!(said.contains("everybody on this machine"), "{said}");
    let unlocked = Instant::now();
    let open = until_asked(&fleet.api, StatusCode::OK).await;
    assert!(open - unlocked < A_SECOND);
    let tried = tokens::tried(&data, &["unlock", "--everybody-on-this-machine"]);
    assert_eq!(tried.code, Some(0), "{tried:?}");
    assert!(tried.stdout.contains("open already"), "{tried:?}");

    let said = tokens::tried(&data, &["create", "--name", "next", "--scope", "admin"]);
    assert!(said.stderr.contains("locked"), "{said:?}");
    until_asked(&fleet.api, StatusCode::UNAUTHORIZED).await;
    // Somebody still has a token: that is not the moment to let everybody in.
    let tried = tokens::tried(&data, &["unlock", "--everybody-on-this-machine"]);
    assert_eq!(tried.code, Some(2), "{tried:?}");
    assert!(tried.stderr.contains("revoke"), "{tried:?}");
    assert_eq!(asked(&fleet.api).await, refused("token_required"));
    until_asked(&bearer(&fleet, &said.stdout), StatusCode::OK).await;
}

/// Protects against whoever came in while the service was open: socket, ticket, launch code and desk end with the first
/// token, and what is said later reaches none of them.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_open_before_the_first_token_ends_within_a_second() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    let user = fleet.accounts[0].user;
    let socket = fleet.live(None).await;
    let by_ticket = Live::open_by_ticket(fleet.address(), &ticket_of(&fleet.api).await).await;
    let ticket = ticket_of(&fleet.api).await;
    let code = code_of_link(&fleet.api).await;
    // Nobody needs to prove anything yet: the link leads to the desk, and leaves no cookie that would stay.
    let opened = launched(&fleet, &code_of_link(&fleet.api).await).await;
    assert_eq!(opened, (StatusCode::SEE_OTHER, None));
    // As an older version left one.
    let (_, cookie) = add(&mut file_of(&fleet.data_dir()), "desk");
    let (_, port) = fleet.address().split_once(':').unwrap();
    let cookie = format!("switchboard_{port}={cookie}");
    let desk = fleet.api.with_header("cookie", &cookie);
    assert_eq!(asked(&desk).await.0, StatusCode::OK);
    fleet.telegram.say(person, user, "while it was open");

    let admin = tokens::create(&fleet.data_dir(), "boss", "admin");
    let locked = Instant::now();
    let ends = tokio::join!(socket.until_closed(), by_ticket.until_closed());
    for farewell in [ends.0, ends.1] {
        assert_ended(&farewell, locked, "locked");
    }
    assert_eq!(asked(&fleet.api).await, refused("token_required"));
    assert_eq!(asked(&desk).await, refused("token_invalid"));
    let late = format!("ws://{}/ws?ticket={ticket}", fleet.address());
    assert!(!Live::try_open(&late).await);
    assert_eq!(launched(&fleet, &code).await.0, StatusCode::UNAUTHORIZED);
    // Nor does any of it come back when the door is opened and locked again.
    tokens::revoke(&fleet.data_dir(), "boss");
    tokens::unlock(&fleet.data_dir());
    until_asked(&fleet.api, StatusCode::OK).await;
    let next = tokens::create(&fleet.data_dir(), "next", "admin");
    until_asked(&bearer(&fleet, &next), StatusCode::OK).await;
    until_asked(&fleet.api, StatusCode::UNAUTHORIZED).await;
    assert_eq!(asked(&desk).await, refused("token_invalid"));
    assert_eq!(
        asked(&bearer(&fleet, &admin)).await.0,
        StatusCode::UNAUTHORIZED
    );
}

/// Everything that one token opened.
struct Opened {
    api: Api,
    desk: Api,
    sockets: Vec<Live>,
    ticket: String,
    code: String,
}

async fn open_all(fleet: &Fleet, token: &str) -> Opened {
    let api = bearer(fleet, token);
    let (_, cookie) = launched(fleet, &code_of_link(&api).await).await;
    let cookie = cookie.unwrap();
    let desk = fleet.api.with_header("cookie", &cookie);
    // A desk that was opened from a desk.
    let (_, second) = launched(fleet, &code_of_link(&desk).await).await;
    let second = second.unwrap();
    let sockets = vec![
        Live::open_with(
            fleet.address(),
            None,
            &[("authorization", &format!("Bearer {token}"))],
        )
        .await,
        Live::open_by_ticket(fleet.address(), &ticket_of(&api).await).await,
        Live::open_with(fleet.address(), None, &[("cookie", &cookie)]).await,
        Live::open_with(fleet.address(), None, &[("cookie", &second)]).await,
    ];
    Opened {
        ticket: ticket_of(&api).await,
        code: code_of_link(&api).await,
        api,
        desk,
        sockets,
    }
}

impl Opened {
    async fn assert_ended(self, fleet: &Fleet, since: Instant) {
        let ends = self.sockets.into_iter().map(Live::until_closed);
        for farewell in futures_util::future::join_all(ends).await {
            assert_ended(&farewell, since, "revoked or has expired");
        }
        for api in [&self.api, &self.desk] {
            assert_eq!(asked(api).await, refused("token_invalid"));
        }
        let late = format!("ws://{}/ws?ticket={}", fleet.address(), self.ticket);
        assert!(!Live::try_open(&late).await);
        let (status, cookie) = launched(fleet, &self.code).await;
        assert_eq!((status, cookie), (StatusCode::UNAUTHORIZED, None));
    }
}

/// Protects against whoever got hold of a token: revoked beside the running service, or expired, it ends with all that
/// was opened by it, within a second; other people's sockets go on.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_token_opened_ends_with_it_within_a_second() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let data = fleet.data_dir();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    let keeper = tokens::create(&data, "keeper", "admin");
    let revoked = tokens::create(&data, "revoked", "admin");
    let expiring = tokens::create(&data, "expiring", "admin");
    until_asked(&bearer(&fleet, &expiring), StatusCode::OK).await;
    let headers = format!("Bearer {keeper}");
    let mut other = Live::open_with(fleet.address(), None, &[("authorization", &headers)]).await;
    let opened = open_all(&fleet, &revoked).await;
    let passing = open_all(&fleet, &expiring).await;

    tokens::revoke(&data, "revoked");
    opened.assert_ended(&fleet, Instant::now()).await;

    let id = tokens::id_of(&data, "expiring");
    let end = Timestamp::now().plus(Duration::from_millis(400));
    sql(
        &data,
        &format!(
            "UPDATE api_tokens SET expires_at = {} WHERE id = {id}",
            end.millis()
        ),
    );
    assert_eq!(asked(&passing.api).await.0, StatusCode::OK, "not yet");
    let left = Duration::from_millis(
        u64::try_from((end.millis() - Timestamp::now().millis()).max(0)).unwrap(),
    );
    let expires = Instant::now() + left;
    passing.assert_ended(&fleet, expires).await;

    fleet
        .telegram
        .say(person, fleet.accounts[0].user, "still there?");
    let frame = other.until_event("message_received").await;
    assert_eq!(frame["data"]["message"]["text"], "still there?");
}

/// Protects an answer on its way: it breaks off with the caller's token, and nothing is sent for a caller who lost it.
#[tokio::test(flavor = "multi_thread")]
async fn a_streaming_answer_ends_with_its_token() {
    let assistant = Assistant::start().await;
    let fleet = Fleet::builder()
        .env("ASSISTANT_URL", &assistant.url)
        .env("ASSISTANT_MODEL", "small")
        .start()
        .await;
    let number = phone(1);
    let spec = switchboard_simulator::AccountSpec::new(&number, "Writer");
    let user = fleet.telegram.add_account(spec);
    let contact = PersonSpec::new("Contact one").username("contact_one");
    let person = fleet.telegram.add_person(contact);
    authorize(&fleet, &fleet.api, "user123", &number).await;
    let data = fleet.data_dir();
    tokens::create(&data, "keeper", "admin");
    let sender = tokens::create(&data, "sender", "send");
    let api = bearer(&fleet, &sender);
    until_asked(&api, StatusCode::OK).await;

    let pieces = (0..200).map(|number| format!("piece {number} ")).collect();
    assistant.behave(Behaviour::Says(pieces, Duration::from_millis(50)));
    let request = api.request(Method::POST, "/message_stream");
    let response = request
        .json(&assistant_stream::question(true))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let mut stream = response.bytes_stream();
    stream.next().await.unwrap().unwrap();
    tokens::revoke(&data, "sender");
    let revoked = Instant::now();
    let mut broke = false;
    while let Some(piece) = stream.next().await {
        let took = revoked.elapsed();
        assert!(took < A_SECOND, "still streaming after {took:?}");
        broke |= piece.is_err();
    }
    assert!(revoked.elapsed() < A_SECOND);
    assert!(broke, "an answer that was cut must not look whole");
    assert_eq!(asked(&api).await, refused("token_invalid"));
    // Another answer, sent whole, proves that the first had its time.
    let pieces = (0..250).map(|_| "later ".to_owned()).collect();
    assistant.behave(Behaviour::Says(pieces, Duration::from_millis(50)));
    let next = tokens::create(&data, "next", "send");
    let api = bearer(&fleet, &next);
    let request = api.request(Method::POST, "/message_stream");
    let body = assistant_stream::question(true);
    let text = request.json(&body).send().await.unwrap().text().await;
    assert!(text.unwrap().contains("\"done\""));
    let sent = fleet.telegram.texts(user, person);
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(sent[0].starts_with("later"), "{sent:?}");
}

pub fn file_of(data: &Path) -> TokenFile {
    let file = TokenFile::open(&StorePlace::File(data.join("switchboard.db"))).unwrap();
    file.expect("there is a database")
}

pub fn add(file: &mut TokenFile, scope: &str) -> (i64, String) {
    let text = new_token();
    let token = NewToken {
        name: "one of many".to_owned(),
        scope: scope.to_owned(),
        hash: sha256_hex(text.expose()),
        expires_at: None,
        launched_by: None,
        accounts: None,
    };
    (file.add(&token).unwrap(), text.expose().to_owned())
}
