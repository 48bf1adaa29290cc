//! Media in a bucket: whole files lie on an S3 server that nobody here wrote, and nothing of them stays on the disk.

use std::{fs, path::Path};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use reqwest::{Method, StatusCode};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use switchboard_simulator::{PersonSpec, world::Media};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::support::{fleet::Fleet, wait};

const KEY: &str = "desk";
const SECRET: &str = "not a real secret";

/// Serves the folders under `root` as buckets.
async fn serve(root: &Path) -> (String, JoinHandle<()>) {
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(root).unwrap());
    builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
    let service = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let http = Builder::new(TokioExecutor::new());
        while let Ok((socket, _)) = listener.accept().await {
            let line = http
                .serve_connection(TokioIo::new(socket), service.clone())
                .into_owned();
            tokio::spawn(async move { drop(line.await) });
        }
    });
    (address, server)
}

/// Names and sizes of what lies under a folder, the server's own notes left out.
fn objects(folder: &Path) -> Vec<(String, u64)> {
    let Ok(files) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for file in files {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        if file.path().is_dir() {
            found.extend(objects(&file.path()));
        } else if !name.starts_with('.') {
            found.push((name, file.metadata().unwrap().len()));
        }
    }
    found.sort();
    found
}

/// Protects the other store: files go there once they are whole, come from there afterwards, in ranges too, also when the
/// account is away and after a new start; and they go with the account.
#[tokio::test(flavor = "multi_thread")]
async fn whole_files_lie_in_the_bucket() {
    let root = tempfile::tempdir().unwrap();
    let bucket = root.path().join("files");
    fs::create_dir(&bucket).unwrap();
    let (address, server) = serve(root.path()).await;
    let mut fleet = Fleet::builder()
        .accounts(1)
        .env("SWITCHBOARD_MEDIA_STORE", "s3://files/desk/media")
        .env("AWS_ENDPOINT", &address)
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_ALLOW_HTTP", "true")
        .start()
        .await;
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    let calls = |fleet: &Fleet| {
        let methods = |world: &switchboard_simulator::world::World| {
            world.methods.get("upload.getFile").copied()
        };
        fleet.telegram.look(methods).unwrap_or_default()
    };
    let mut urls = Vec::new();
    for (name, size) in [("small", 1_000), ("parts", 20 << 20), ("nothing", 0)] {
        let media = Media::Document {
            name: name.to_owned(),
            mime: "application/octet-stream".to_owned(),
            size,
        };
        let id = fleet.telegram.say_media(person, account.user, media, name);
        let file = fleet.telegram.file_of(account.user, person, id);
        let conversation = fleet.conversation(&account, person).await;
        let message = fleet
            .wait_for_message(&conversation, name, "received")
            .await;
        let url = message["media"]["url"].as_str().unwrap().to_owned();
        urls.push((url, fleet.telegram.file_bytes(file, "").unwrap()));
    }
    let fetch = async |fleet: &Fleet| {
        for (url, wanted) in &urls {
            let answer = fleet.api.request(Method::GET, url).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            assert!(answer.bytes().await.unwrap() == wanted[..], "{url}");
        }
    };
    fetch(&fleet).await;
    let there = wait::until(
        "three objects",
        || async { objects(&bucket) },
        |objects| objects.len() == 3,
    )
    .await;
    let mut sizes: Vec<u64> = there.iter().map(|(_, size)| *size).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [0, 1_000, 20 << 20]);
    wait::until(
        "the folder to be empty",
        || async { objects(&fleet.data_dir().join("media")) },
        Vec::is_empty,
    )
    .await;
    let asked = calls(&fleet);
    fetch(&fleet).await;
    fleet.stop_service();
    fleet.start_service();
    fleet.wait_for_state(&account.id, "online").await;
    fleet.set_active(&account, false).await;
    fetch(&fleet).await;
    let (url, wanted) = &urls[1];
    let request = fleet.api.request(Method::GET, url);
    let answer = request
        .header("range", "bytes=9000000-9000009")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
    assert!(answer.bytes().await.unwrap() == wanted[9_000_000..9_000_010]);
    assert_eq!(calls(&fleet), asked, "it was fetched from Telegram again");
    let path = format!("/accounts/{}?history=delete", account.id);
    let (status, body) = fleet.api.call(Method::DELETE, &path, None).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(objects(&bucket), []);
    server.abort();
}
