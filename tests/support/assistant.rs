//! Assistant: a stand-in for a chat-completion service, on a socket of its own. It writes what it was told to
//! write, at the pace it was told.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

#[derive(Clone, Debug)]
pub enum Behaviour {
    /// These pieces, this far apart, and a proper end.
    Says(Vec<String>, Duration),
    /// A piece, and then the line breaks.
    BreaksOff,
    /// Bytes that mean nothing.
    Garbage,
    /// An HTTP error.
    Refuses,
}

#[derive(Clone)]
pub struct Assistant {
    pub url: String,
    behaviour: Arc<Mutex<Behaviour>>,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Assistant {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let assistant = Self {
            url: format!("http://{}/v1", listener.local_addr().unwrap()),
            behaviour: Arc::new(Mutex::new(Behaviour::Refuses)),
            asked: Arc::default(),
        };
        let serving = assistant.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let serving = serving.clone();
                // A caller that goes away ends its own answer.
                tokio::spawn(async move {
                    let _ = serving.answer(socket).await;
                });
            }
        });
        assistant
    }

    pub fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }

    /// What it was asked, in order.
    pub fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }

    async fn answer(&self, mut socket: TcpStream) -> std::io::Result<()> {
        let body = read_request(&mut socket).await?;
        self.asked.lock().unwrap().push(body);
        let behaviour = self.behaviour.lock().unwrap().clone();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        match behaviour {
            Behaviour::Refuses => {
                let refusal = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
                socket.write_all(refusal.as_bytes()).await?;
            }
            Behaviour::Garbage => {
                socket.write_all(head.as_bytes()).await?;
                chunk(&mut socket, "data: <html>\u{1}\u{2}not an answer\n\n").await?;
            }
            Behaviour::BreaksOff => {
                socket.write_all(head.as_bytes()).await?;
                chunk(&mut socket, &piece("Half an ans")).await?;
                // Long enough to be read before the line breaks.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Behaviour::Says(pieces, pause) => {
                socket.write_all(head.as_bytes()).await?;
                for text in pieces {
                    chunk(&mut socket, &piece(&text)).await?;
                    tokio::time::sleep(pause).await;
                }
                chunk(&mut socket, "data: [DONE]\n\n").await?;
                socket.write_all(b"0\r\n\r\n").await?;
            }
        }
        socket.shutdown().await
    }
}

fn piece(text: &str) -> String {
    let data = json!({ "choices": [{ "index": 0, "delta": { "content": text } }] });
    format!("data: {data}\n\n")
}

async fn chunk(socket: &mut TcpStream, text: &str) -> std::io::Result<()> {
    let chunk = format!("{:x}\r\n{text}\r\n", text.len());
    socket.write_all(chunk.as_bytes()).await?;
    socket.flush().await
}

async fn read_request(socket: &mut TcpStream) -> std::io::Result<Value> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let read = socket.read(&mut part).await?;
        bytes.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length:")?
                        .trim()
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            if body.len() >= length {
                return Ok(serde_json::from_str(body).unwrap_or(Value::Null));
            }
        }
        if read == 0 {
            return Ok(Value::Null);
        }
    }
}
