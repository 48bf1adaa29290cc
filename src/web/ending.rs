//! Ending: an answer that goes on (a WebSocket, a stream) ends when its caller loses the right to it.
//!
//! Stands between whoever makes the answer and the line: each time the line takes something, the right is looked at first.
//! What was made but not taken is dropped, so a reader that fell behind gets none of it either.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    dev::ServiceResponse,
    http::{Method, StatusCode},
    web::{Bytes, Data},
};

use super::{
    Access, ApiError, Service,
    doors::{Doors, Lost},
};

/// Ties an answer to the right of the caller. One that only tells, and came too late, is not given at all.
pub fn bind(
    response: ServiceResponse<BoxBody>,
    service: &Data<Service>,
    access: Access,
) -> ServiceResponse<BoxBody> {
    let reading = matches!(*response.request().method(), Method::GET | Method::HEAD);
    if reading && let Some(lost) = service.doors.lost(&access) {
        return response.error_response(ApiError::from(lost));
    }
    let socket = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let doors = service.doors.clone();
    response.map_body(|_, body| {
        if matches!(body.size(), BodySize::None) {
            return body;
        }
        match body.try_into_bytes() {
            Ok(whole) => BoxBody::new(whole),
            Err(body) => BoxBody::new(Bound {
                body,
                lost: Some(Box::pin(until_lost(doors, access))),
                socket,
            }),
        }
    })
}

async fn until_lost(doors: Doors, access: Access) -> Lost {
    doors.until_lost(&access).await
}

/// The line is cut: a client must not take what came for the whole.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.text())]
struct Cut(Lost);

struct Bound {
    body: BoxBody,
    /// `None` once the goodbye was said.
    lost: Option<Pin<Box<dyn Future<Output = Lost>>>>,
    socket: bool,
}

impl MessageBody for Bound {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let Some(lost) = &mut self.lost else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(lost) = lost.as_mut().poll(cx) {
            self.lost = None;
            // Whoever made the answer hears in this way that nobody wants it any more.
            self.body = BoxBody::new(());
            return Poll::Ready(Some(if self.socket {
                Ok(goodbye(lost))
            } else {
                Err(Cut(lost).into())
            }));
        }
        Pin::new(&mut self.body).poll_next(cx)
    }
}

/// A close frame with 1008, "violates policy", and the reason (RFC 6455, 5.5.1 and 7.4.1). Written here because the
/// socket's own actor is gone, with everything that it had not sent yet.
fn goodbye(lost: Lost) -> Bytes {
    const FIN_AND_CLOSE: u8 = 0x88;
    const POLICY: u16 = 1008;
    let reason = lost.text().as_bytes();
    let mut payload = POLICY.to_be_bytes().to_vec();
    payload.extend(reason);
    // A control frame has 125 bytes at most; the texts are shorter, see the test.
    let length = u8::try_from(payload.len()).unwrap_or(125);
    let mut frame = vec![FIN_AND_CLOSE, length];
    frame.extend(payload.into_iter().take(125));
    frame.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the reason that a socket's reader is told: it fits whole into one control frame.
    #[test]
    fn a_goodbye_is_one_whole_frame() {
        for lost in [Lost::Ended, Lost::Locked] {
            let frame = goodbye(lost);
            assert!(frame.len() <= 127, "{lost:?}");
            assert_eq!(usize::from(frame[1]), frame.len() - 2);
            assert_eq!(&frame[4..], lost.text().as_bytes());
        }
    }
}
