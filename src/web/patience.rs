//! Patience: how long a request's body may take, and whose it is to the end. Whoever sends a byte now and then must not hold a
//! handler for ever, and whoever loses the right meanwhile brings nothing in any more.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    HttpMessage,
    dev::{Payload, ServiceRequest},
    error::PayloadError,
    http::header,
    rt::time::{Sleep, sleep},
    web::Bytes,
};
use futures_util::Stream;

use super::{
    Access, ApiError,
    doors::{Doors, Lost},
};

/// Takes JSON of any length.
const LONG: &str = "/accounts/{id}/import";
/// For a whole body of JSON, which has 1 MiB at most.
const WHOLE: Duration = Duration::from_secs(20);
/// For the next part of anything larger.
const PART: Duration = Duration::from_secs(30);

/// Ends the body with an error once it takes too long, or its sender has no right to send it any more.
pub fn bound(request: &mut ServiceRequest, doors: &Doors, access: &Access) {
    let headers = request.headers();
    let json = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
        && request.match_pattern().as_deref() != Some(LONG);
    if headers.contains_key(header::UPGRADE) {
        return;
    }
    let body = match request.take_payload() {
        Payload::None => return,
        body => body,
    };
    let (doors, access) = (doors.clone(), access.clone());
    let bound = Bound {
        body: Box::pin(body),
        lost: Box::pin(async move { doors.until_lost(&access).await }),
        each: (!json).then_some(PART),
        end: Box::pin(sleep(if json { WHOLE } else { PART })),
        over: false,
    };
    let body: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> = Box::pin(bound);
    request.set_payload(body.into());
}

struct Bound {
    body: Pin<Box<Payload>>,
    lost: Pin<Box<dyn Future<Output = Lost>>>,
    /// The time begins anew with each part.
    each: Option<Duration>,
    end: Pin<Box<Sleep>>,
    over: bool,
}

impl Stream for Bound {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        if let Poll::Ready(lost) = self.lost.as_mut().poll(cx) {
            self.over = true;
            return Poll::Ready(Some(Err(PayloadError::Io(io::Error::other(
                ApiError::from(lost),
            )))));
        }
        if let Poll::Ready(part) = self.body.as_mut().poll_next(cx) {
            if let Some(each) = self.each {
                self.end.set(sleep(each));
            }
            return Poll::Ready(part);
        }
        if self.end.as_mut().poll(cx).is_ready() {
            self.over = true;
            let late = io::Error::new(io::ErrorKind::TimedOut, "the body did not come in time");
            return Poll::Ready(Some(Err(PayloadError::Io(late))));
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};

    use super::*;

    fn body(parts: impl Stream<Item = Bytes> + 'static, each: Option<Duration>) -> Bound {
        let parts: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> =
            Box::pin(parts.map(Ok));
        Bound {
            body: Box::pin(parts.into()),
            lost: Box::pin(std::future::pending()),
            each,
            end: Box::pin(sleep(each.unwrap_or(WHOLE))),
            over: false,
        }
    }

    fn every(pause: Duration) -> impl Stream<Item = Bytes> {
        stream::unfold((), move |()| async move {
            sleep(pause).await;
            Some((Bytes::from_static(b" "), ()))
        })
    }

    /// Protects handlers: a body that trickles ends in time, a large one may go on as long as it moves.
    #[tokio::test(start_paused = true)]
    async fn a_body_that_takes_too_long_is_ended() {
        let began = tokio::time::Instant::now();
        let parts: Vec<_> = body(every(Duration::from_secs(3)), None).collect().await;
        assert_eq!(parts.len(), 7, "six parts and the end");
        assert!(matches!(parts.last(), Some(Err(PayloadError::Io(_)))));
        assert_eq!(began.elapsed(), WHOLE);
        let mut moving = body(every(Duration::from_secs(29)), Some(PART));
        for _ in 0..20 {
            assert!(moving.next().await.unwrap().is_ok());
        }
        let mut stuck = body(every(Duration::from_secs(31)), Some(PART));
        assert!(stuck.next().await.unwrap().is_err());
        assert!(stuck.next().await.is_none());
    }
}
