//! Sending: what is long goes in parts, no faster than they are read.

use actix_web::{error::PayloadError, web::Bytes};
use futures_util::{Stream, StreamExt};
use uuid::Uuid;

use super::carried::{PIECE, Piece};
use crate::{
    nodes::{Calls, Waiting},
    store::{CallPart, Way},
    vault::{PieceOf, Vault},
    web::ApiError,
};

/// Parts that nobody has read yet.
const WINDOW: i64 = 4;

/// A body, in parts, as they are read.
pub async fn send(
    calls: &Calls,
    vault: &Vault,
    id: Uuid,
    body: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin,
) -> Result<(), ApiError> {
    let waiting = calls.wait_on(id);
    let mut sending = Sending::new(calls, vault, id, Way::Asked, waiting);
    let mut body = body.fuse();
    while let Some(part) = body.next().await {
        match part {
            Ok(bytes) => {
                if !sending.more(bytes).await? {
                    return Ok(());
                }
            }
            Err(_) => {
                sending.end(Piece::Broken).await?;
                return Ok(());
            }
        }
    }
    sending.end(Piece::End).await
}

/// Whoever writes parts.
pub struct Sending<'a> {
    calls: &'a Calls,
    vault: &'a Vault,
    id: Uuid,
    way: Way,
    waiting: Waiting,
    gathered: Vec<u8>,
    next: i64,
}

impl<'a> Sending<'a> {
    pub const fn new(
        calls: &'a Calls,
        vault: &'a Vault,
        id: Uuid,
        way: Way,
        waiting: Waiting,
    ) -> Self {
        Self {
            calls,
            vault,
            id,
            way,
            waiting,
            gathered: Vec::new(),
            next: 0,
        }
    }

    /// `false`: nobody reads it any more.
    pub async fn more(&mut self, bytes: Bytes) -> Result<bool, ApiError> {
        self.gathered.extend_from_slice(&bytes);
        while self.gathered.len() >= PIECE {
            let rest = self.gathered.split_off(PIECE);
            let piece = std::mem::replace(&mut self.gathered, rest);
            if !self.put(&Piece::More(piece.into()).to_bytes()).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What has come so far is wanted now.
    pub async fn flush(&mut self) -> Result<bool, ApiError> {
        if self.gathered.is_empty() {
            return Ok(true);
        }
        let piece = std::mem::take(&mut self.gathered);
        self.put(&Piece::More(piece.into()).to_bytes()).await
    }

    pub async fn end(mut self, end: Piece) -> Result<(), ApiError> {
        if self.flush().await? {
            self.put(&end.to_bytes()).await?;
        }
        Ok(())
    }

    /// Waits until there is room. `false`: nobody reads it any more.
    pub async fn put(&mut self, plain: &[u8]) -> Result<bool, ApiError> {
        if self.next >= WINDOW {
            loop {
                match self.calls.rows.unread(self.id, self.way).await? {
                    None => return Ok(false),
                    Some(unread) if unread < WINDOW => break,
                    Some(_) => self.waiting.word().await,
                }
            }
        }
        let piece = match self.way {
            Way::Asked => PieceOf::Asked(self.next),
            Way::Told => PieceOf::Told(self.next),
        };
        let part = CallPart {
            number: self.next,
            sealed: self.vault.seal_call(self.id, piece, plain).await?,
        };
        self.next += 1;
        Ok(self.calls.rows.put(self.id, self.way, part).await?)
    }
}
