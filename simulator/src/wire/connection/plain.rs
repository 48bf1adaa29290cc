//! Plain: what comes unencrypted on a connection, which is a key exchange.

use std::sync::Arc;

use super::{Connection, End};
use crate::wire::{
    counters::count,
    exchange::{Made, Step, Surroundings, Violation},
    keys::{FirstSalt, Key},
    tl::Reader,
};

impl Connection {
    /// One step of a key exchange, computed where it holds nobody up.
    pub(super) async fn take_plain(&mut self, message: Vec<u8>) -> Result<(), End> {
        let shared = Arc::clone(&self.shared);
        let dc_id = self.link.dc_id;
        let now = shared.ground.seconds(Some(&self.link));
        let mut exchange = std::mem::take(&mut self.exchange);
        let computed = tokio::task::spawn_blocking(move || {
            let around = Surroundings {
                rsa: &shared.ground.config.rsa,
                options: &shared.ground.config.exchange,
                dc_id,
                now: i32::try_from(now).unwrap_or(i32::MAX),
                is_taken: &|key| shared.keys.contains(key),
            };
            let step = plain_body(&message).and_then(|body| exchange.step(body, around));
            (exchange, step)
        });
        let (exchange, step) = computed.await.map_err(|_| End::Closed)?;
        self.exchange = exchange;
        match step {
            Ok(Step::Silence) => {}
            Ok(Step::Answer(answer)) => self.answer_plain(&answer),
            Ok(Step::Made { answer, made }) => {
                self.register(made, now);
                self.answer_plain(&answer);
            }
            Err(violation) => {
                count(&self.shared.ground.counts.violations);
                self.link.refuse(violation.transport_error());
            }
        }
        Ok(())
    }

    fn answer_plain(&self, answer: &[u8]) {
        self.link.send_plain(
            self.shared.ground.message_time(Some(&self.link)) | 1,
            answer,
        );
    }

    fn register(&self, made: Made, now: i64) {
        count(&self.shared.ground.counts.keys_made);
        let first_salt = FirstSalt {
            salt: made.first_salt,
            until: now + 3600,
        };
        let expires_at = made.expires_in.map(|seconds| now + i64::from(seconds));
        self.shared.keys.add(Key::new(
            made.key,
            self.link.dc_id,
            Some(first_salt),
            expires_at,
        ));
    }
}

/// An unencrypted message: eight zero bytes, a message id, a length, and that many bytes. Padded transports may
/// bring more.
fn plain_body(message: &[u8]) -> Result<&[u8], Violation> {
    let mut reader = Reader::new(message);
    reader.take(16)?;
    let len = reader.u32()? as usize;
    Ok(reader.take(len)?)
}
