//! As `telegram/fuzzing.rs`: bodies of uploads.

use std::path::Path;

use actix_web::{FromRequest, http::header, test::TestRequest, web};
use futures_util::FutureExt;

use super::form::Form;
use crate::{domain::AccountId, staging::Staging};

const MOST: u64 = 4_096;

/// A form is read to an end or refused; none of its files is longer than allowed, and none stays that nobody takes.
pub fn form(folder: &Path, bytes: &[u8]) {
    let Ok(staging) = Staging::open(folder.to_owned()) else {
        return;
    };
    let system = actix_web::rt::System::new();
    system.block_on(read(bytes, &staging));
}

async fn read(bytes: &[u8], staging: &Staging) {
    let (request, mut body) = TestRequest::post()
        .insert_header((header::CONTENT_TYPE, "multipart/form-data; boundary=b"))
        .insert_header((header::CONTENT_LENGTH, bytes.len()))
        .set_payload(bytes.to_vec())
        .to_http_parts();
    let payload = web::Payload::from_request(&request, &mut body).now_or_never();
    let Some(Ok(payload)) = payload else { return };
    let mut form = Form::open(&request, payload);
    match form.read(staging, AccountId(uuid::Uuid::nil()), MOST).await {
        Ok(()) => {
            for name in ["text", "as", "waveform", "keep_metadata"] {
                let _ = form.field(name);
            }
            let _ = form.guise(staging).await;
        }
        Err(_) => form.drain().await,
    }
}
