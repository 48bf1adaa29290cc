//! Sink: bare grammers as a process of its own, so that its memory can be seen. It says each message's account and number and keeps nothing.

use std::{
    io::{BufRead, Read, Write},
    net::SocketAddrV4,
    path::Path,
};

use base64::{Engine, engine::general_purpose::URL_SAFE};
use grammers_client::sender::SenderPool;
use grammers_session::updates::UpdatesLike;
use grammers_tl_types::functions;
use tokio::sync::mpsc;

use super::{parts::paced::number_in_push, world_support};

/// `file`: a session string of Telethon's kind a line.
pub async fn run(file: &Path) {
    let lines = std::io::BufReader::new(std::fs::File::open(file).expect("sessions")).lines();
    let (tell, mut told) = mpsc::unbounded_channel::<String>();
    let mut starts = Vec::new();
    let mut runners = Vec::new();
    for (at, line) in lines.map_while(Result::ok).enumerate() {
        let (pool, home) = pool(&line);
        let handle = pool.handle.clone();
        runners.push(tokio::spawn(pool.runner.run()));
        let (mut updates, tell) = (pool.updates, tell.clone());
        starts.push(tokio::spawn(async move {
            let state = handle.invoke_in_dc(home, &functions::updates::GetState {});
            state.await.expect("signed in");
            tokio::spawn(async move {
                while let Some(update) = updates.recv().await {
                    if let UpdatesLike::Updates(updates) = update
                        && let Some(number) = number_in_push(&updates)
                    {
                        let _ = tell.send(format!("{at} {number}\n"));
                    }
                }
            });
            handle
        }));
    }
    let mut handles = Vec::new();
    for start in starts {
        handles.push(start.await.expect("online"));
    }
    let _ = tell.send("online\n".to_owned());
    let writing = tokio::spawn(async move {
        let mut lines = Vec::new();
        while told.recv_many(&mut lines, 1_000).await > 0 {
            let mut out = std::io::stdout().lock();
            let whole = out.write_all(lines.concat().as_bytes());
            if whole.and_then(|()| out.flush()).is_err() {
                return;
            }
            lines.clear();
        }
    });
    // Until nobody wants it any longer.
    let ended =
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()).is_ok());
    let _ = ended.await;
    writing.abort();
    for runner in runners {
        runner.abort();
    }
}

fn pool(session: &str) -> (SenderPool, i32) {
    let bytes = URL_SAFE.decode(&session[1..]).expect("base64");
    let (dc, rest) = bytes.split_first().expect("a data centre");
    let id = i32::from(*dc);
    let ip: [u8; 4] = rest[..4].try_into().expect("four bytes");
    let port = u16::from_be_bytes([rest[4], rest[5]]);
    let address = SocketAddrV4::new(ip.into(), port).into();
    let key = rest[6..].try_into().expect("a key");
    let pool = world_support::pool("sink", id, &[(id, address)], key, 1 << 16);
    (pool, id)
}
