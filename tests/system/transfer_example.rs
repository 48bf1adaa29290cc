//! The example of the page goes on where the line broke.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use reqwest::StatusCode;
use serde_json::{Value, json};
use switchboard_simulator::world::Media;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::transfer::{every_message, file, import};
use crate::support::past::{Past, with_a_past};

/// Protects whoever takes much out over a bad line: the example goes on where it was, with the history and with each file, and
/// what it makes is read back.
#[tokio::test(flavor = "multi_thread")]
async fn the_example_goes_on_where_the_line_broke() {
    let Past {
        fleet,
        account,
        person,
        id,
    } = with_a_past(250).await;
    let sim = &fleet.telegram;
    let document = Media::Document {
        name: "plan.pdf".to_owned(),
        mime: "application/pdf".to_owned(),
        size: 150_001,
    };
    let plan = sim.say_media(person, account.user, document, "the plan");
    let conversation = fleet.conversation(&account, person).await;
    let plan_row = fleet
        .wait_for_message(&conversation, "the plan", "received")
        .await["id"]
        .clone();
    every_message(&fleet, id).await;
    let (address, cuts) = breaking(fleet.address().to_owned()).await;
    let folder = tempfile::tempdir().unwrap();
    let mut runs = 0;
    loop {
        runs += 1;
        let example = tokio::process::Command::new("python3")
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/docs/examples/export.py"
            ))
            .arg(format!("conversations/{id}"))
            .arg(folder.path())
            .env("NO_PROXY", "*")
            .env("SWITCHBOARD", format!("http://{address}"))
            .output();
        let output = example.await.unwrap();
        if output.status.success() {
            break;
        }
        assert!(runs < 20, "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(runs > 2 && cuts.load(Ordering::Relaxed) > 2, "{runs}");
    let text = std::fs::read_to_string(folder.path().join("result.json")).unwrap();
    let mut made: Value = serde_json::from_str(&text).unwrap();
    let name = format!("files/{plan_row}_plan.pdf");
    let last = made["messages"].as_array_mut().unwrap().last_mut().unwrap();
    assert_eq!(last["file"], json!(name));
    let bytes = sim.file_bytes(sim.file_of(account.user, person, plan), "");
    assert_eq!(
        std::fs::read(folder.path().join(name)).unwrap(),
        bytes.unwrap()
    );
    let whole = file(&fleet.api, &format!("/export/conversations/{id}"))
        .await
        .text;
    let whole: Value = serde_json::from_str(&whole).unwrap();
    last["file"] = whole["messages"].as_array().unwrap().last().unwrap()["file"].clone();
    assert_eq!(made, whole);
    let (status, answer) = import(&fleet.api, &account.id, &text).await;
    assert_eq!(
        (status, &answer["import"]["known"]),
        (StatusCode::OK, &json!(251))
    );
}

/// A line to the service on which two answers of three break off after 40,000 bytes; how many did.
async fn breaking(service: String) -> (SocketAddr, Arc<AtomicUsize>) {
    const SHORT: u64 = 40_000;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let cuts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&cuts);
    tokio::spawn(async move {
        for number in 1.. {
            let (mut near, _) = listener.accept().await.unwrap();
            let mut far = TcpStream::connect(&service).await.unwrap();
            let (service, counted) = (service.clone(), Arc::clone(&counted));
            tokio::spawn(async move {
                // The service answers to its own name alone.
                let mut question = vec![0; 4096];
                let length = near.read(&mut question).await.unwrap();
                let question = String::from_utf8_lossy(&question[..length]);
                let question = question.replace(&address.to_string(), &service);
                far.write_all(question.as_bytes()).await.unwrap();
                let most = if number % 3 == 0 { u64::MAX } else { SHORT };
                let mut answer = far.take(most);
                let given = tokio::io::copy(&mut answer, &mut near).await;
                if given.is_ok_and(|given| given == most) {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    (address, cuts)
}
