//! The same bytes over loopback with nothing done to them.

use std::time::Instant;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{CONNECTIONS, UPDATE_LEN, WINDOW};

/// Frames of a push's size, written in the batches that a busy connection writes, and cut on the other side.
pub async fn frames(total: u64) -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let frame = frame_of(UPDATE_LEN);
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..CONNECTIONS {
        let batch = frame.repeat(16);
        tasks.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            for _ in 0..total / CONNECTIONS / 16 {
                stream.write_all(&batch).await.unwrap();
            }
        }));
        let (stream, _) = listener.accept().await.unwrap();
        tasks.push(tokio::spawn(read_frames(
            stream,
            total / CONNECTIONS / 16 * 16,
        )));
    }
    for task in tasks {
        task.await.unwrap();
    }
    total as f64 / begun.elapsed().as_secs_f64()
}

fn frame_of(body: usize) -> Vec<u8> {
    let len = 24 + 32 + body + 16;
    let mut frame = (len as u32).to_le_bytes().to_vec();
    frame.resize(4 + len, 1);
    frame
}

async fn read_frames(mut stream: TcpStream, total: u64) {
    let (mut bytes, mut seen) = (Vec::with_capacity(64 << 10), 0);
    while seen < total {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0);
        let mut at = 0;
        while let Some(len) = bytes[at..].first_chunk::<4>() {
            let end = at + 4 + u32::from_le_bytes(*len) as usize;
            if end > bytes.len() {
                break;
            }
            at = end;
            seen += 1;
        }
        bytes.drain(..at);
    }
}

/// A window of frames goes over, and each comes back.
pub async fn calls(total: u64) -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let frame = frame_of(20);
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..CONNECTIONS {
        let frame = frame.clone();
        tasks.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let (mut sent, mut back) = (0, 0);
            let mut bytes = vec![0; 64 << 10];
            let all = total / CONNECTIONS * frame.len() as u64;
            while back < all {
                let room =
                    (WINDOW * frame.len() as u64).saturating_sub(sent - back) / frame.len() as u64;
                let batch = frame.repeat(room.min((all - sent) / frame.len() as u64) as usize);
                sent += batch.len() as u64;
                stream.write_all(&batch).await.unwrap();
                back += stream.read(&mut bytes).await.unwrap() as u64;
            }
        }));
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let mut bytes = vec![0; 64 << 10];
            while let Ok(len @ 1..) = stream.read(&mut bytes).await {
                if stream.write_all(&bytes[..len]).await.is_err() {
                    break;
                }
            }
        });
    }
    for task in tasks {
        task.await.unwrap();
    }
    total as f64 / begun.elapsed().as_secs_f64()
}
