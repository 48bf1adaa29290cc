//! Events over REST: the same numbers as on the WebSocket, for programs that ask from time to time or wait for the next.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
    web,
};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::{
    Access, ApiError, Service,
    conversations::check_limit,
    socket::{sees, text_for},
};
use crate::{
    broadcast::{Frame, Since},
    domain::Seq,
};

/// The longest wait of one call, in seconds.
const LONGEST_WAIT: u64 = 60;
/// Events looked at for one answer at most, those of others included; the answer says how far it came.
const LOOKED_AT: usize = 5000;

#[derive(Deserialize)]
pub struct After {
    after: Option<i64>,
    limit: Option<u32>,
    wait: Option<u64>,
}

pub async fn list_events(
    service: web::Data<Service>,
    access: Access,
    query: web::Query<After>,
) -> Result<HttpResponse, ApiError> {
    let limit = check_limit(query.limit)? as usize;
    let wait = query.wait.unwrap_or(0);
    if wait > LONGEST_WAIT {
        return Err(ApiError::bad_request(
            "invalid_wait",
            "wait is a number of seconds from 0 to 60",
        ));
    }
    let mut newest = service.broadcast.newest();
    let Some(after) = query.after else {
        let now = *newest.borrow();
        return Ok(answer(&[], now));
    };
    if after < 0 {
        return Err(invalid_after());
    }
    // A number from the future belongs to another database. What is committed is told a moment later.
    if Seq(after) > *newest.borrow() && Seq(after) > service.store.last_seq().await? {
        return Err(resync());
    }
    let deadline = Instant::now() + Duration::from_secs(wait);
    let mut cursor = Seq(after);
    loop {
        newest.mark_unchanged();
        let (found, reached) = look(&service, &access, cursor, limit).await?;
        cursor = reached;
        let waits = found.is_empty() && Instant::now() < deadline;
        if !waits {
            return Ok(answer(&found, cursor));
        }
        tokio::select! {
            lost = service.doors.until_lost(&access) => return Err(lost.into()),
            news = timeout_at(deadline, newest.changed()) => {
                // The service stops: what there is is told.
                if matches!(news, Ok(Err(_))) {
                    return Ok(answer(&[], cursor));
                }
            }
        }
    }
}

/// What the caller sees of what follows, and how far that goes.
async fn look(
    service: &Service,
    access: &Access,
    after: Seq,
    limit: usize,
) -> Result<(Vec<Arc<str>>, Seq), ApiError> {
    let mut cursor = after;
    let mut found = Vec::new();
    let mut looked_at = 0;
    while found.len() < limit && looked_at < LOOKED_AT {
        let frames = portion(service, cursor).await?;
        if frames.is_empty() {
            break;
        }
        for frame in &frames {
            if found.len() == limit {
                break;
            }
            cursor = frame.seq();
            looked_at += 1;
            if sees(service, access, frame) {
                found.push(text_for(access, frame));
            }
        }
    }
    Ok((found, cursor))
}

/// The ring first, for it has events as they were told.
async fn portion(service: &Service, after: Seq) -> Result<Vec<Arc<Frame>>, ApiError> {
    const PORTION: u32 = 200;
    if let Since::Frames(frames) = service.broadcast.after(after, PORTION as usize) {
        return Ok(frames);
    }
    let events = service.store.events_after(after, PORTION).await?;
    // Asked last: what went while they were read is seen to be gone.
    let oldest = service.store.oldest_seq().await?;
    if after.0 + 1 < oldest.0 {
        return Err(resync());
    }
    Ok(events
        .into_iter()
        .map(|event| Arc::new(Frame::new(event)))
        .collect())
}

pub fn invalid_after() -> ApiError {
    ApiError::bad_request("invalid_after", "after is a number from 0 on")
}

fn resync() -> ApiError {
    ApiError::new(
        StatusCode::GONE,
        "resync",
        "events after this number are not known (any more): load the state anew and go on with GET /events without `after`",
    )
}

fn answer(events: &[Arc<str>], next: Seq) -> HttpResponse {
    let body = format!(
        "{{\"events\":[{}],\"next_after\":{}}}",
        events.join(","),
        next.0
    );
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .body(body)
}
