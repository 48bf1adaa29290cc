//! Live: a dashboard's WebSocket, by a client that nobody here wrote.

use std::time::Instant;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use super::{frames, wait::LIMIT};

/// How a socket ended.
#[derive(Debug)]
pub struct Farewell {
    /// When the line was gone.
    pub at: Instant,
    pub code: Option<u16>,
    pub reason: String,
    /// How many came before.
    pub frames: usize,
}

pub struct Live {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub hello: Value,
    /// Number of the last event that was read.
    pub seq: i64,
}

impl Live {
    pub async fn open(address: &str, after: Option<i64>) -> Self {
        Self::open_with(address, after, &[]).await
    }

    pub async fn open_with(
        address: &str,
        after: Option<i64>,
        headers: &[(&'static str, &str)],
    ) -> Self {
        let query = after.map_or_else(String::new, |seq| format!("?after={seq}"));
        let mut request = format!("ws://{address}/ws{query}")
            .into_client_request()
            .unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (socket, _) = connect_async(request).await.unwrap();
        let mut live = Self {
            socket,
            hello: Value::Null,
            seq: after.unwrap_or(0),
        };
        live.hello = live.next().await;
        assert_eq!(live.hello["event"], "hello");
        live
    }

    /// Goes on after a number; `None`: it is not let in, or broke at once.
    pub async fn resume(
        address: &str,
        after: i64,
        headers: &[(&'static str, &str)],
    ) -> Option<Self> {
        let mut request = format!("ws://{address}/ws?after={after}")
            .into_client_request()
            .ok()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().ok()?);
        }
        let mut live = Self {
            socket: connect_async(request).await.ok()?.0,
            hello: Value::Null,
            seq: after,
        };
        live.hello = live.until_broken().await?;
        Some(live)
    }

    /// Opens with a ticket.
    pub async fn open_by_ticket(address: &str, ticket: &str) -> Self {
        let (socket, _) = connect_async(format!("ws://{address}/ws?ticket={ticket}"))
            .await
            .unwrap();
        let mut live = Self {
            socket,
            hello: Value::Null,
            seq: 0,
        };
        live.hello = live.next().await;
        live
    }

    /// Reads until the service ends it.
    pub async fn until_closed(mut self) -> Farewell {
        let limit = tokio::time::Instant::now() + LIMIT;
        let mut frames = 0;
        let mut reason = None;
        loop {
            let message = tokio::time::timeout_at(limit, self.socket.next())
                .await
                .expect("the socket stayed open");
            match message {
                Some(Ok(Message::Text(text))) => {
                    assert!(reason.is_none(), "something came after the goodbye: {text}");
                    frames += 1;
                }
                Some(Ok(Message::Close(close))) => reason = close,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            }
        }
        Farewell {
            at: Instant::now(),
            code: reason.as_ref().map(|reason| reason.code.into()),
            reason: reason.map_or_else(String::new, |reason| reason.reason.to_string()),
            frames,
        }
    }

    /// Is it let in?
    pub async fn try_open(address: &str) -> bool {
        connect_async(address).await.is_ok()
    }

    /// Every frame that was written before the answer to a ping.
    pub async fn waiting(&mut self) -> Vec<Value> {
        let ping = Message::Ping(b"so far".as_slice().into());
        self.socket.send(ping).await.unwrap();
        let mut frames = Vec::new();
        loop {
            match self.socket.next().await.unwrap().unwrap() {
                Message::Text(text) => frames.push(serde_json::from_str(&text).unwrap()),
                Message::Pong(payload) if payload.as_ref() == b"so far" => return frames,
                _ => {}
            }
        }
    }

    /// The next frame.
    pub async fn next(&mut self) -> Value {
        // Heartbeats come for ever: the limit is for a frame, not for any sign of life.
        tokio::time::timeout(LIMIT, self.any())
            .await
            .expect("no frame in time")
    }

    /// The next frame, whenever it comes.
    pub async fn any(&mut self) -> Value {
        self.until_broken().await.expect("the socket ended")
    }

    /// The next frame, whenever it comes; `None`: the socket ended.
    pub async fn until_broken(&mut self) -> Option<Value> {
        loop {
            let message = self.socket.next().await?.ok()?;
            if let Message::Text(text) = message {
                let frame: Value = serde_json::from_str(&text).unwrap();
                frames::hold(&frame);
                if let Some(seq) = frame["seq"].as_i64() {
                    assert!(
                        seq > self.seq,
                        "numbers must rise: {seq} after {}",
                        self.seq
                    );
                    self.seq = seq;
                }
                return Some(frame);
            }
        }
    }

    /// The next frame that is wanted; others are skipped.
    pub async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let frame = self.next().await;
            if wanted(&frame) {
                return frame;
            }
            assert!(
                start.elapsed() < LIMIT,
                "waited {LIMIT:?}; the last frame was {frame:#}"
            );
        }
    }

    pub async fn until_event(&mut self, event: &str) -> Value {
        self.until(|frame| frame["event"] == event).await
    }
}
