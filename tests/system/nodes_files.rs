//! Files across nodes: what one node took or keeps, any other sends and hands out.

use reqwest::{Method, StatusCode};
use serde_json::json;
use switchboard_simulator::world::Media;

use super::{media_bucket, two_nodes::Nodes};
use crate::support::{
    api::Api,
    fleet::{Fleet, FleetAccount, FleetBuilder},
    forms::{Form, Sample, digest, paper},
    wait,
};

/// A reply with a file that the second node took while Telegram was away, and that node is killed.
async fn a_file_that_waits(nodes: &mut Nodes) -> (FleetAccount, i64, i64, Sample) {
    let account = nodes.one_of(1);
    let (person, talk) = nodes.talk(&account, "Contact one").await;
    let away = nodes.fleet.keep_away(&account).await;
    let sample = paper(11, 3_000_000);
    let (status, told) = nodes.apis[1]
        .form(
            &format!("/conversations/{talk}/reply"),
            Form::default().field("text", "the offer").add(&sample),
        )
        .await;
    assert_eq!(status, StatusCode::ACCEPTED, "{told}");
    nodes.kill_second();
    nodes.fleet.telegram.wire().clear_fault(away);
    nodes.miss_the_dead();
    nodes.fleet.wait_for_state(&account.id, "online").await;
    (account, person, talk, sample)
}

/// Sent exactly once, and byte for byte.
async fn until_it_is_there(
    nodes: &Nodes,
    (account, person, talk, sample): (&FleetAccount, i64, i64, &Sample),
) {
    let conversation = json!({ "id": talk });
    let fleet = &nodes.fleet;
    let sent = fleet.wait_for_message(&conversation, "the offer", "sent");
    let sent = sent.await;
    let texts = fleet.telegram.texts(account.user, person);
    assert_eq!(texts.iter().filter(|text| *text == "the offer").count(), 1);
    let id = sent["message_id"].as_str().unwrap().parse().unwrap();
    let file = fleet.telegram.file_of(account.user, person, id);
    let bytes = fleet.telegram.file_bytes(file, "").unwrap();
    assert_eq!(digest(&bytes), digest(&sample.bytes));
}

/// Both nodes keep files in the same bucket.
fn with_a_bucket(address: &str) -> FleetBuilder {
    Fleet::builder()
        .env("SWITCHBOARD_MEDIA_STORE", "s3://files/desk/media")
        .env("AWS_ENDPOINT", address)
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", media_bucket::KEY)
        .env("AWS_SECRET_ACCESS_KEY", media_bucket::SECRET)
        .env("AWS_ALLOW_HTTP", "true")
}

/// Protects files that wait to be sent, where there is a bucket: the death of the node that took them loses none, and nothing of them
/// stays when they are sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_the_bucket_is_sent_by_the_next_node() {
    let root = tempfile::tempdir().unwrap();
    let bucket = root.path().join("files");
    std::fs::create_dir(&bucket).unwrap();
    let (address, server) = media_bucket::serve(root.path()).await;
    let builder = with_a_bucket(&address);
    let mut nodes = Nodes::of_fleet(builder, 2).await;
    let (account, person, talk, sample) = a_file_that_waits(&mut nodes).await;
    until_it_is_there(&nodes, (&account, person, talk, &sample)).await;
    let staged = || async { media_bucket::objects(&bucket.join("desk/media/staged")) };
    wait::until("nothing to be left in the bucket", staged, Vec::is_empty).await;
    let own = nodes.fleet.data_dir().join("staged");
    let left = || async { media_bucket::objects(&own) };
    wait::until("nothing to be left in the folder", left, Vec::is_empty).await;
    server.abort();
}

/// Protects the same in a folder that all nodes see: what one of them took, and is still taking, no other removes.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_a_shared_folder_is_sent_by_the_next_node() {
    let shared = tempfile::tempdir().unwrap();
    let path = shared.path().to_str().unwrap();
    let builder = Fleet::builder().env("SWITCHBOARD_STAGED_PATH", path);
    let mut nodes = Nodes::of_fleet(builder, 2).await;
    let (account, person, talk, sample) = a_file_that_waits(&mut nodes).await;
    until_it_is_there(&nodes, (&account, person, talk, &sample)).await;
    let left = || async { media_bucket::objects(shared.path()) };
    wait::until("nothing to be left in the folder", left, Vec::is_empty).await;
    // Somebody sends a file right now, at another node.
    let folder = shared.path().join(&account.id);
    std::fs::create_dir_all(&folder).unwrap();
    let coming = folder.join(uuid::Uuid::new_v4().to_string());
    std::fs::write(&coming, "its first bytes").unwrap();
    nodes.start_second();
    assert!(coming.exists());
}

/// Protects the same without either: the message says what it waits for, and goes out when the node that has its file is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_a_dead_node_has_waits_for_it() {
    let mut nodes = Nodes::with(2).await;
    let (account, person, talk, sample) = a_file_that_waits(&mut nodes).await;
    let conversation = json!({ "id": talk });
    let fleet = &nodes.fleet;
    let waits = wait::until(
        "the message to say what it waits for",
        || fleet.wait_for_message(&conversation, "the offer", "pending"),
        |message| message["waits_for"] == "file_elsewhere",
    )
    .await;
    assert!(waits["retry_at"].is_string(), "{waits}");
    nodes.start_second();
    until_it_is_there(&nodes, (&account, person, talk, &sample)).await;
}

/// Protects copies to chats of an account at another node: the file is fetched by the node that has it.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_copied_to_an_account_of_another_node() {
    let nodes = Nodes::with(2).await;
    let telegram = &nodes.fleet.telegram;
    for node in [0, 1] {
        let (from, to) = (nodes.one_of(node), nodes.one_of(1 - node));
        let (person, talk) = nodes.talk(&from, &format!("Contact {node}")).await;
        let (other, there) = nodes.talk(&to, &format!("Colleague {node}")).await;
        let media = Media::Document {
            name: "report.bin".to_owned(),
            mime: "application/octet-stream".to_owned(),
            size: 2_000_000,
        };
        let id = telegram.say_media(person, from.user, media, "a report");
        let file = telegram.file_of(from.user, person, id);
        let conversation = json!({ "id": talk });
        let fleet = &nodes.fleet;
        let report = fleet.wait_for_message(&conversation, "a report", "received");
        let body = json!({ "message_ids": [report.await["id"]], "conversation_ids": [there] });
        nodes.apis[0].post("/messages/forward", body).await;
        let conversation = json!({ "id": there });
        let copy = fleet.wait_for_message(&conversation, "a report", "sent");
        let id = copy.await["message_id"].as_str().unwrap().parse().unwrap();
        let copied = telegram.file_of(to.user, other, id);
        assert_eq!(
            digest(&telegram.file_bytes(copied, "").unwrap()),
            digest(&telegram.file_bytes(file, "").unwrap())
        );
    }
}

/// Protects the pictures on every desk: small ones and photos come from any node; and from the bucket a file comes while nobody has its
/// account.
#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_the_bucket_is_handed_out_by_any_node() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("files")).unwrap();
    let (address, server) = media_bucket::serve(root.path()).await;
    let mut nodes = Nodes::of_fleet(with_a_bucket(&address), 2).await;
    let account = nodes.one_of(1);
    let (person, talk) = nodes.talk(&account, "Contact one").await;
    let media = Media::Document {
        name: "report.bin".to_owned(),
        mime: "application/octet-stream".to_owned(),
        size: 1_000_000,
    };
    let telegram = nodes.fleet.telegram.clone();
    let id = telegram.say_media(person, account.user, media, "a report");
    let wanted = digest(
        &telegram
            .file_bytes(telegram.file_of(account.user, person, id), "")
            .unwrap(),
    );
    let photo = Media::Photo {
        width: 640,
        height: 480,
    };
    telegram.say_media(person, account.user, photo, "a picture");
    let conversation = json!({ "id": talk });
    let fleet = &nodes.fleet;
    let report = fleet.wait_for_message(&conversation, "a report", "received");
    let report = report.await["media"]["url"].as_str().unwrap().to_owned();
    let picture = fleet.wait_for_message(&conversation, "a picture", "received");
    let picture = picture.await["media"]["url"].as_str().unwrap().to_owned();
    let bytes = async |api: &Api, path: &str| {
        let answer = api.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        digest(&answer.bytes().await.unwrap())
    };
    for path in [&picture, &format!("{picture}/thumb"), &report] {
        let [one, other] = &nodes.apis;
        assert_eq!(bytes(one, path).await, bytes(other, path).await, "{path}");
    }
    let kept = || async { media_bucket::objects(&root.path().join("files/desk/media")).len() };
    wait::until("both to lie there", kept, |kept| *kept >= 4).await;
    nodes.kill_second();
    assert_eq!(bytes(&nodes.apis[0], &report).await, wanted);
    server.abort();
}
