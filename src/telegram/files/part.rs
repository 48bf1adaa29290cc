//! One part: asked for where the file lies, signed in there when that is missing.

use std::{future::Future, time::Duration};

use grammers_client::tl;
use tokio::time::timeout;

use super::{
    FileError, FilePart,
    lines::{FileLine, FileLines, Way},
};
use crate::{
    domain::FilePlace,
    telegram::{CallError, error::Failure},
};

/// A part of half a megabyte over a slow line, with seven others beside it.
const PART_LIMIT: Duration = Duration::from_secs(60);
/// Signing in on another data centre.
const SIGN_IN_LIMIT: Duration = Duration::from_secs(20);
/// A file moves once, if at all; and a key is signed in once.
const TRIES: u32 = 4;

/// What Telegram is shown. `peer`: for the photo of a person or a chat.
pub(in crate::telegram) fn location(
    place: &FilePlace,
    peer: Option<tl::enums::InputPeer>,
) -> Option<tl::enums::InputFileLocation> {
    Some(match place {
        FilePlace::Document(pass) => tl::types::InputDocumentFileLocation {
            id: pass.id,
            access_hash: pass.access_hash,
            file_reference: pass.reference.clone(),
            thumb_size: pass.size.clone(),
        }
        .into(),
        FilePlace::Photo(pass) => tl::types::InputPhotoFileLocation {
            id: pass.id,
            access_hash: pass.access_hash,
            file_reference: pass.reference.clone(),
            thumb_size: pass.size.clone(),
        }
        .into(),
        FilePlace::PeerPhoto { photo_id, .. } => tl::types::InputPeerPhotoFileLocation {
            big: false,
            peer: peer?,
            photo_id: *photo_id,
        }
        .into(),
    })
}

/// Bytes from `offset` on, at most `limit` of them; fewer only at the file's end. `export` asks home for an
/// authorization on another data centre.
pub(in crate::telegram) async fn get<F>(
    lines: &FileLines,
    location: tl::enums::InputFileLocation,
    mut dc: i32,
    (offset, limit): (i64, i32),
    export: impl Fn(i32) -> F,
) -> Result<FilePart, FileError>
where
    F: Future<Output = Result<tl::types::auth::ExportedAuthorization, CallError>>,
{
    // Files are no reason for Telegram to push anything on this line (core.telegram.org/method/invokeWithoutUpdates).
    let request = tl::functions::InvokeWithoutUpdates {
        query: tl::functions::upload::GetFile {
            precise: false,
            cdn_supported: false,
            location,
            offset,
            limit,
        },
    };
    let mut last = Failure::network("the file moves about");
    for _ in 0..TRIES {
        if let Some(wait) = lines.held(Way::Down) {
            return Err(FileError::FloodWait(wait));
        }
        let line = lines.line(dc).await.map_err(FileError::of)?;
        let signed_in = *line.signed_in.lock().await;
        let answer = {
            let _turn = line.parts.acquire().await;
            line.calls.at(dc, &request, PART_LIMIT).await
        };
        let failure = match answer {
            Ok(tl::enums::upload::File::File(file)) => {
                return Ok(FilePart {
                    bytes: file.bytes,
                    dc,
                });
            }
            Ok(tl::enums::upload::File::CdnRedirect(_)) => {
                return Err(FileError::Refused {
                    code: "CDN_REDIRECT".to_owned(),
                });
            }
            Err(failure) => failure,
        };
        match &failure {
            Failure::Rpc {
                code: 303,
                value: Some(elsewhere),
                ..
            } => dc = i32::try_from(*elsewhere).unwrap_or(dc),
            Failure::Rpc { code: 401, .. } if dc != lines.home() => {
                sign_in(&line, dc, signed_in, &export).await?;
            }
            Failure::Network(_) | Failure::TimedOut | Failure::NoLine => {
                lines.drop_line(dc, &line);
                return Err(FileError::of(failure));
            }
            // Of the key there, not of the account.
            Failure::Rpc { name, .. } if dc != lines.home() && name == "AUTH_KEY_DUPLICATED" => {
                return Err(FileError::Network(format!("data centre {dc}: {name}")));
            }
            _ => {
                if let Some(wait) = failure.flood() {
                    lines.hold(Way::Down, wait);
                }
                return Err(FileError::of(failure));
            }
        }
        last = failure;
    }
    // A key that stays signed out elsewhere says nothing of the account.
    Err(FileError::Network(format!("data centre {dc}: {last}")))
}

/// Once for all parts that were refused.
async fn sign_in<F>(
    line: &FileLine,
    dc: i32,
    before: u64,
    export: &impl Fn(i32) -> F,
) -> Result<(), FileError>
where
    F: Future<Output = Result<tl::types::auth::ExportedAuthorization, CallError>>,
{
    let mut signed_in = line.signed_in.lock().await;
    if *signed_in != before {
        return Ok(());
    }
    let exported = timeout(SIGN_IN_LIMIT, export(dc))
        .await
        .map_err(|_| FileError::Network("no answer in time".to_owned()))??;
    let import = tl::functions::auth::ImportAuthorization {
        id: exported.id,
        bytes: exported.bytes,
    };
    line.calls
        .at(dc, &import, SIGN_IN_LIMIT)
        .await
        .map_err(|failure| match failure {
            // Of the key there, not of the account.
            Failure::Rpc {
                code: 401, name, ..
            } => FileError::Network(name),
            failure => FileError::of(failure),
        })?;
    *signed_in += 1;
    Ok(())
}
