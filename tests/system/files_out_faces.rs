//! Files out by the older callers' calls: as a form, by an address, and from the portal.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use rcgen::generate_simple_self_signed;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{AccountSpec, PersonSpec, Simulator};

use super::{chat_portal, user_api::authorize};
use crate::support::{
    fleet::{Fleet, FleetBuilder, phone},
    forms::{Form, Sample, paper, photo},
    keys::exactly,
    wait,
};

const SEND: &str = "/telegram/user/send";

struct Scene {
    fleet: Fleet,
    user: i64,
    person: i64,
}

impl Scene {
    async fn of(builder: FleetBuilder) -> Self {
        let fleet = builder.start().await;
        let user = fleet
            .telegram
            .add_account(AccountSpec::new(&phone(1), "Writer"));
        let person = fleet
            .telegram
            .add_person(PersonSpec::new("Contact one").username("contact_one"));
        authorize(&fleet, &fleet.api, "user123", &phone(1)).await;
        Self {
            fleet,
            user,
            person,
        }
    }

    async fn refused(&self, body: Value) -> (u16, String) {
        let (status, answer) = self.fleet.api.call(Method::POST, SEND, Some(body)).await;
        exactly(&answer, &["status", "success", "code", "message"]);
        (status.as_u16(), answer["code"].as_str().unwrap().to_owned())
    }

    fn sums(&self) -> Vec<String> {
        sums(&self.fleet.telegram, self.user, self.person)
    }
}

/// What the account has sent to a person.
fn sums(telegram: &Simulator, user: i64, person: i64) -> Vec<String> {
    let ledger = telegram.ledger_of(user);
    let sent = ledger[&person].messages.iter().filter(|one| one.out);
    sent.map(|one| {
        one.file
            .as_ref()
            .map_or_else(String::new, |file| file.sha256.clone())
    })
    .collect()
}

fn form(samples: &[Sample]) -> Form {
    let form = Form::default()
        .field("user_id", "user123")
        .field("recipient_id", "@contact_one")
        .field("text", "prices");
    samples.iter().fold(form, Form::add)
}

/// Protects callers of system C: a form's files arrive before the answer, once for each key; what it lacks is said in their words.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_sends_files_as_a_form() {
    let scene = Scene::of(Fleet::builder()).await;
    let api = &scene.fleet.api;
    let album = [photo(1, 90, 60), photo(2, 60, 90)];
    let (status, answer) = api.form(SEND, form(&album)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    exactly(
        &answer,
        &["status", "success", "message_id", "date", "message_ids"],
    );
    assert_eq!(answer["message_ids"][0], answer["message_id"]);
    let wanted: Vec<String> = album.iter().map(Sample::sha256).collect();
    assert_eq!(scene.sums(), wanted);
    let again = form(&[paper(3, 70_000)]);
    for _ in 0..2 {
        let (status, answer) = api
            .try_form(SEND, again.clone(), Some("key"))
            .await
            .unwrap();
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    assert_eq!(scene.sums().len(), 3);
    let late = Form::default()
        .add(&paper(4, 100))
        .field("user_id", "user123");
    let (status, answer) = api.form(SEND, late).await;
    exactly(&answer, &["status", "success", "code", "message"]);
    assert_eq!(
        (status.as_u16(), &answer["code"]),
        (422, &json!("invalid_field"))
    );
}

/// A web server behind TLS, with the files of a folder.
struct FileServer(Child);

impl FileServer {
    fn start(dir: &Path) -> (Self, String) {
        let made = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
        let both = made.signing_key.serialize_pem() + made.cert.pem().as_str();
        std::fs::write(dir.join("pair.pem"), both).unwrap();
        let script = "
import http.server, ssl
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path == '/moved':
            self.send_response(302)
            self.send_header('Location', '/prices.pdf')
            self.end_headers()
        elif self.path == '/short':
            self.send_response(200)
            self.send_header('Content-Length', '100000')
            self.end_headers()
            self.wfile.write(b'1234')
        else:
            super().do_GET()
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('pair.pem')
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
";
        let mut child = Command::new("python3")
            .args(["-c", script])
            .current_dir(dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut port = String::new();
        let mut lines = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut lines, &mut port).unwrap();
        (Self(child), format!("https://localhost:{}", port.trim()))
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Protects what stands beside the service: a file's address is https, public or allowed by the operator, and leads nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_sends_a_file_by_its_address() {
    let dir = tempfile::tempdir().unwrap();
    let prices = paper(1, 300_000);
    std::fs::write(dir.path().join("prices.pdf"), &prices.bytes).unwrap();
    let (_server, base) = FileServer::start(dir.path());
    let builder = Fleet::builder()
        .env("SWITCHBOARD_WEBHOOK_ALLOW", "127.0.0.1/32")
        .env(
            "SSL_CERT_FILE",
            dir.path().join("cert.pem").to_str().unwrap(),
        );
    let scene = Scene::of(builder).await;
    let body = |url: &str| json!({ "user_id": "user123", "recipient_id": "contact_one", "text": "prices", "file_url": url });
    let api = &scene.fleet.api;
    let answer = api.post(SEND, body(&format!("{base}/prices.pdf"))).await;
    exactly(
        &answer,
        &["status", "success", "message_id", "date", "message_ids"],
    );
    assert_eq!(scene.sums(), [prices.sha256()]);
    for (url, wanted) in [
        (format!("{base}/gone.pdf"), "file_url_unreachable"),
        (format!("{base}/moved"), "file_url_unreachable"),
        (format!("{base}/short"), "file_url_unreachable"),
        (base.replace("https", "http"), "file_url_invalid"),
        ("https://127.0.0.2/a".to_owned(), "url_not_allowed"),
        ("https://[::1]/a".to_owned(), "url_not_allowed"),
    ] {
        let refused = scene.refused(body(&url)).await;
        assert_eq!(refused, (422, wanted.to_owned()), "{url}");
    }
    assert_eq!(scene.sums().len(), 1);
}

/// Protects the same without the operator's word: a name that leads to this machine is refused as well.
#[tokio::test(flavor = "multi_thread")]
async fn no_address_leads_to_this_machine() {
    let scene = Scene::of(Fleet::builder()).await;
    for url in [
        "https://localhost/a",
        "https://127.0.0.1/a",
        "https://10.1.2.3/a",
    ] {
        let body = json!({ "user_id": "user123", "recipient_id": "contact_one", "file_url": url });
        let refused = scene.refused(body).await;
        assert_eq!(refused, (422, "url_not_allowed".to_owned()), "{url}");
    }
}

/// Protects the portal's people: they answer with text and with files, and see them in the chat.
#[tokio::test(flavor = "multi_thread")]
async fn the_portal_answers_with_text_and_files() {
    let fleet = Fleet::builder().start().await;
    let api = &fleet.api;
    let number = phone(1);
    let user = fleet
        .telegram
        .add_account(AccountSpec::new(&number, "Reader"));
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    fleet.telegram.say(person, user, "hello");
    chat_portal::sign_in(&fleet, api, &number).await;
    let path = format!("/telegram/chats/{person}/messages");
    wait::until(
        "the chat",
        || api.call(Method::GET, &path, None),
        |(status, _)| status.is_success(),
    )
    .await;
    let (status, answer) = api
        .call(Method::POST, &path, Some(json!({ "text": "words" })))
        .await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    assert_eq!(answer["messages"][0]["text"], "words");
    let file = paper(1, 90_000);
    let form = Form::default().field("text", "prices").add(&file);
    let (status, answer) = api.form(&format!("{path}/"), form).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    assert_eq!(answer["messages"][0]["upload"]["total"], 90_000);
    wait::until(
        "both to arrive",
        async || sums(&fleet.telegram, user, person),
        |sums| *sums == [String::new(), file.sha256()],
    )
    .await;
    let elsewhere = api.call(
        Method::POST,
        "/telegram/chats/99/messages",
        Some(json!({ "text": "a" })),
    );
    let (status, answer) = elsewhere.await;
    assert_eq!(
        (status.as_u16(), &answer["error"]["code"]),
        (404, &json!("chat_not_found"))
    );
}
