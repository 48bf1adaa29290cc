//! Assistant: an existing chat-completion service, asked over HTTP, read piece by piece.

use std::time::Duration;

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use crate::{config::Assistant, domain::SecretText};

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Silence between two pieces.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);
/// A line that is longer is no answer of an assistant.
const LONGEST_LINE: usize = 1 << 20;
/// All of an answer; a message of Telegram's has 4096 units.
const LONGEST_ANSWER: usize = 256 * 1024;

/// One turn of the talk, as callers send it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Turn {
    pub role: String,
    pub content: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssistantError {
    #[error("the assistant can't be reached")]
    Unreachable,
    #[error("the assistant refused with status {0}")]
    Refused(u16),
    #[error("the assistant said nothing for a minute")]
    Silent,
    #[error("the assistant's answer broke off")]
    BrokenOff,
    #[error("the assistant's answer can't be read")]
    Garbage,
    #[error("the assistant's answer is too long")]
    TooLong,
    #[error("the assistant gave no answer")]
    Empty,
}

impl AssistantError {
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable => "assistant_unreachable",
            Self::Refused(_) => "assistant_refused",
            Self::Silent => "assistant_silent",
            Self::BrokenOff => "assistant_broke_off",
            Self::Garbage => "assistant_unreadable",
            Self::TooLong => "assistant_too_long",
            Self::Empty => "assistant_empty",
        }
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub struct AssistantClient {
    http: reqwest::Client,
    address: Url,
    key: Option<SecretText>,
    model: String,
}

impl AssistantClient {
    /// `None` when the HTTP client can't be made (no certificates on this machine, for one); the log tells.
    #[must_use]
    pub fn new(config: &Assistant) -> Option<Self> {
        // A second installation is refused and does no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .read_timeout(SILENCE_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .inspect_err(|error| {
                log::error!(target: "switchboard::web", "the assistant can't be asked: {error}");
            })
            .ok()?;
        Some(Self {
            http,
            address: completions(&config.url),
            key: config.key.clone(),
            model: config.model.clone(),
        })
    }

    /// Asks; each piece of the answer goes to `heard`, which says whether anybody still listens. `None`: nobody did.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn ask<F>(
        &self,
        turns: &[Turn],
        mut heard: impl FnMut(String) -> F,
    ) -> Result<Option<String>, AssistantError>
    where
        F: Future<Output = bool>,
    {
        let body = json!({ "model": self.model, "messages": turns, "stream": true });
        let mut request = self.http.post(self.address.clone()).json(&body);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose());
        }
        let response = request.send().await.map_err(|error| gone(&error, true))?;
        if !response.status().is_success() {
            return Err(AssistantError::Refused(response.status().as_u16()));
        }
        let mut bytes = response.bytes_stream();
        let mut lines = Lines::default();
        let mut answer = Answer::default();
        loop {
            let piece = match bytes.next().await {
                Some(piece) => piece.map_err(|error| gone(&error, false))?,
                None => break,
            };
            for line in lines.push(&piece)? {
                let Some(text) = answer.line(&line)? else {
                    continue;
                };
                if !heard(text).await {
                    return Ok(None);
                }
            }
            if answer.done {
                break;
            }
        }
        if let Some(line) = lines.rest()
            && let Some(text) = answer.line(&line)?
            && !heard(text).await
        {
            return Ok(None);
        }
        answer.whole().map(Some)
    }
}

fn gone(error: &reqwest::Error, asking: bool) -> AssistantError {
    match (error.is_timeout() && !error.is_connect(), asking) {
        (true, _) => AssistantError::Silent,
        (false, true) => AssistantError::Unreachable,
        (false, false) => AssistantError::BrokenOff,
    }
}

/// The address that is configured may be the service's root or the call itself.
fn completions(url: &Url) -> Url {
    let mut url = url.clone();
    if !url.path().ends_with("/chat/completions") {
        let path = format!("{}/chat/completions", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    url
}

/// Bytes to lines.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn push(&mut self, piece: &[u8]) -> Result<Vec<String>, AssistantError> {
        self.0.extend_from_slice(piece);
        let mut lines = Vec::new();
        while let Some(end) = self.0.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.0.drain(..=end).collect();
            let line = String::from_utf8(line).map_err(|_| AssistantError::Garbage)?;
            lines.push(line.trim_end().to_owned());
        }
        if self.0.len() > LONGEST_LINE {
            return Err(AssistantError::Garbage);
        }
        Ok(lines)
    }

    fn rest(&mut self) -> Option<String> {
        let rest = String::from_utf8(std::mem::take(&mut self.0)).ok()?;
        (!rest.trim().is_empty()).then_some(rest)
    }
}

/// What was said so far.
#[derive(Default)]
struct Answer {
    text: String,
    /// It said itself that this is all.
    done: bool,
}

impl Answer {
    /// The new piece in a line of the stream, if there is one.
    fn line(&mut self, line: &str) -> Result<Option<String>, AssistantError> {
        let line = line.trim();
        // Comments keep the line alive; other fields of an event tell nothing here.
        let other = ["event:", "id:", "retry:", ":"];
        if self.done || line.is_empty() || other.iter().any(|start| line.starts_with(start)) {
            return Ok(None);
        }
        let data = line.strip_prefix("data:").unwrap_or(line).trim();
        if data == "[DONE]" {
            self.done = true;
            return Ok(None);
        }
        let chunk: Chunk = serde_json::from_str(data).map_err(|_| AssistantError::Garbage)?;
        if chunk.error.is_some() {
            return Err(AssistantError::BrokenOff);
        }
        let Some(choice) = chunk.choices.into_iter().next() else {
            return Ok(None);
        };
        self.done |= choice.finish_reason.is_some();
        // An endpoint that does not stream sends `message` at once.
        let said = choice
            .delta
            .or(choice.message)
            .and_then(|said| said.content);
        let Some(text) = said.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        self.text.push_str(&text);
        if self.text.len() > LONGEST_ANSWER {
            return Err(AssistantError::TooLong);
        }
        Ok(Some(text))
    }

    fn whole(self) -> Result<String, AssistantError> {
        if !self.done {
            return Err(AssistantError::BrokenOff);
        }
        if self.text.trim().is_empty() {
            return Err(AssistantError::Empty);
        }
        Ok(self.text)
    }
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Content>,
    message: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    content: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Result<String, AssistantError> {
        let mut answer = Answer::default();
        for line in lines {
            answer.line(line)?;
        }
        answer.whole()
    }

    /// Protects recipients: only an answer that is whole by its own word is ever sent.
    #[test]
    fn only_a_whole_answer_counts() {
        let hello = r#"data: {"choices":[{"delta":{"content":"Hello"}}]}"#;
        let end = r#"data: {"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
        for (lines, result) in [
            (vec![hello, "data: [DONE]"], Ok("Hello".to_owned())),
            (vec![": ping", "", hello, end], Ok("Hello".to_owned())),
            (vec![hello], Err(AssistantError::BrokenOff)),
            (vec!["data: [DONE]"], Err(AssistantError::Empty)),
            (vec!["<html>busy</html>"], Err(AssistantError::Garbage)),
            (
                vec![hello, r#"data: {"error":{"message":"overloaded"}}"#],
                Err(AssistantError::BrokenOff),
            ),
            (
                vec![r#"{"choices":[{"message":{"content":"All"},"finish_reason":"stop"}]}"#],
                Ok("All".to_owned()),
            ),
        ] {
            assert_eq!(read(&lines), result, "{lines:?}");
        }
    }

    /// Protects letters that are cut in the middle by the network.
    #[test]
    fn a_letter_that_comes_in_two_pieces_is_whole_in_its_line() {
        let mut lines = Lines::default();
        let bytes = "data: привет\n".as_bytes();
        let (head, tail) = bytes.split_at(7);
        assert!(lines.push(head).unwrap().is_empty());
        assert_eq!(lines.push(tail).unwrap(), ["data: привет"]);
    }

    /// Protects configuration: root and full address mean the same.
    #[test]
    fn the_address_may_be_the_root_or_the_call() {
        for written in [
            "https://a.example/v1",
            "https://a.example/v1/",
            "https://a.example/v1/chat/completions",
        ] {
            let url = completions(&Url::parse(written).unwrap());
            assert_eq!(url.as_str(), "https://a.example/v1/chat/completions");
        }
    }
}
