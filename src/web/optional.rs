//! Optional: what a caller may leave out, a field or a whole body. What is there and can't be read is refused.

use std::{future::ready, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    error::PayloadError,
    web::{Bytes, Json},
};
use futures_util::{FutureExt, Stream, StreamExt, future::LocalBoxFuture, stream};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

/// A field that says something also when it is `null`.
pub type Given<T> = Option<Option<T>>;

/// # Errors
/// When it is there and of another type.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Given<T>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A JSON body, or none. actix' own `Option<Json<T>>` is `None` also for a body that is no JSON.
pub struct MaybeJson<T>(pub Option<T>);

impl<T: DeserializeOwned + 'static> FromRequest for MaybeJson<T> {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut body) = (request.clone(), payload.take());
        async move {
            let first = loop {
                match body.next().await {
                    None => return Ok(Self(None)),
                    Some(Ok(part)) if part.is_empty() => {}
                    Some(first) => break first,
                }
            };
            let whole = stream::once(ready(first)).chain(body);
            let whole: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> = Box::pin(whole);
            let json = Json::<T>::from_request(&request, &mut whole.into()).await?;
            Ok(Self(Some(json.into_inner())))
        }
        .boxed_local()
    }
}
