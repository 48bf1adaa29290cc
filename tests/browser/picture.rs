//! Picture: the README's screenshot, of the demo as anybody sees it.
//!
//! `cargo test --test browser -- --ignored picture` writes `docs/desk.png`.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::support::browser::Desk;

/// `switchboard demo`, ended when this is dropped.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn demo() -> (Demo, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .args(["demo", "--listen", "127.0.0.1:0", "--rate", "3"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let address = lines
        .find_map(|line| line.strip_prefix("listening on http://").map(str::to_owned))
        .unwrap();
    std::thread::spawn(move || lines.for_each(drop));
    (Demo(child), address)
}

/// Shows what the README promises: the desk is alive by itself.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes docs/desk.png"]
async fn picture_of_the_demo() {
    let (_demo, address) = demo();
    let desk = Desk::open(&address).await;
    desk.until(
        "a lively list",
        "document.querySelectorAll('.row').length >= 12",
    )
    .await;
    desk.until(
        "three accounts",
        "document.querySelectorAll('.tile').length === 3",
    )
    .await;
    desk.choose("Contact two").await;
    desk.until(
        "something to answer",
        "document.querySelectorAll('.message').length >= 2",
    )
    .await;
    desk.reply("On its way, it arrives tomorrow.").await;
    desk.until_message("On its way, it arrives tomorrow.", "sent")
        .await;
    desk.until(
        "an answer",
        "document.querySelector('.message:last-child:not(.own)')",
    )
    .await;
    desk.fill("#reply", "You are welcome").await;
    desk.leave().await;
    let shot = desk.screenshot("demo").await;
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/desk.png");
    std::fs::copy(shot, picture).unwrap();
    desk.close().await;
}
