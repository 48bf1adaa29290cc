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

pub const KEY: &str = "desk";
pub const SECRET: &str = "not a real secret";

/// Serves the folders under `root` as buckets.
pub async fn serve(root: &Path) -> (String, JoinHandle<()>) {
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
pub fn objects(folder: &Path) -> Vec<(String, u64)> {
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

/// The files among them, without the notes of who has which.
fn kept(folder: &Path) -> Vec<(String, u64)> {
    let mut all = objects(folder);
    all.retain(|(name, _)| uuid::Uuid::parse_str(name).is_err());
    all
}

/// A service whose files lie in a bucket of this server's.
async fn fleet(accounts: usize, address: &str) -> Fleet {
    Fleet::builder()
        .accounts(accounts)
        .env("SWITCHBOARD_MEDIA_STORE", "s3://files/desk/media")
        .env("AWS_ENDPOINT", address)
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_ALLOW_HTTP", "true")
        .start()
        .await
}

fn calls(fleet: &Fleet) -> u64 {
    let asked = fleet
        .telegram
        .look(|world| world.methods.get("upload.getFile").copied());
    asked.unwrap_or_default()
}

/// Protects the other store: files go there once they are whole, come from there afterwards, in ranges too, also when the
/// account is away and after a new start; and they go with the account.
#[tokio::test(flavor = "multi_thread")]
async fn whole_files_lie_in_the_bucket() {
    let root = tempfile::tempdir().unwrap();
    let bucket = root.path().join("files");
    fs::create_dir(&bucket).unwrap();
    let (address, server) = serve(root.path()).await;
    let mut fleet = fleet(1, &address).await;
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
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
        || async { kept(&bucket) },
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

/// Protects Telegram's patience, and the bound: a file that two accounts have is fetched once, and stays when one of them goes;
/// what the bucket has let go, or has only a part of, is fetched again and is whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_two_accounts_is_fetched_once_and_what_the_bucket_lets_go_comes_again() {
    let root = tempfile::tempdir().unwrap();
    let bucket = root.path().join("files");
    fs::create_dir(&bucket).unwrap();
    let (address, server) = serve(root.path()).await;
    let fleet = fleet(2, &address).await;
    let [one, two] = [fleet.accounts[0].clone(), fleet.accounts[1].clone()];
    let telegram = &fleet.telegram;
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    let group = telegram.add_supergroup("Team", &[person, one.user, two.user]);
    let media = Media::Document {
        name: "plan.bin".to_owned(),
        mime: "application/octet-stream".to_owned(),
        size: 3 << 20,
    };
    let id = telegram.say_media(person, group, media, "the plan");
    let file = telegram.file_of(one.user, group, id);
    let wanted = telegram.file_bytes(file, "").unwrap();
    let get = async |account: &crate::support::fleet::FleetAccount| {
        let conversation = fleet.conversation(account, group).await;
        let message = fleet
            .wait_for_message(&conversation, "the plan", "received")
            .await;
        let url = message["media"]["url"].as_str().unwrap().to_owned();
        let answer = fleet.api.request(Method::GET, &url).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(answer.bytes().await.unwrap() == wanted[..]);
    };
    // Whoever asks before the folder is empty is served from there.
    let until_kept = async |many: usize| {
        let folder = fleet.data_dir().join("media");
        let look = || async { (kept(&bucket).len(), objects(&folder).len()) };
        wait::until("the object", look, |there| *there == (many, 0)).await;
    };
    get(&one).await;
    until_kept(1).await;
    let asked = calls(&fleet);
    get(&two).await;
    get(&two).await;
    until_kept(2).await;
    assert_eq!(calls(&fleet), asked, "the second account fetched it again");
    let path = format!("/accounts/{}?history=delete", one.id);
    let (status, body) = fleet.api.call(Method::DELETE, &path, None).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    until_kept(1).await;
    assert_eq!(objects(&bucket).len(), 2, "the file, and who has it");
    get(&two).await;
    assert_eq!(calls(&fleet), asked);

    let object = || {
        let mut folders = vec![bucket.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false if path.metadata().unwrap().len() > 0 => return path,
                    false => {}
                }
            }
        }
        panic!("nothing lies there");
    };
    fs::remove_file(object()).unwrap();
    get(&two).await;
    assert!(calls(&fleet) > asked);
    until_kept(1).await;
    let asked = calls(&fleet);
    let half = fs::File::options().write(true).open(object()).unwrap();
    half.set_len(1 << 20).unwrap();
    get(&two).await;
    assert!(calls(&fleet) > asked, "half a file was served");
    server.abort();
}
