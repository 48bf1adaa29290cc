//! Fetched: a file that a caller names by its address instead of sending it. It comes over HTTPS alone, from public addresses
//! alone, to the staging folder, piece by piece.

use std::{sync::Arc, time::Duration};

use actix_web::http::StatusCode;
use futures_util::StreamExt;
use reqwest::{Client, redirect::Policy};
use tokio::time::timeout;
use url::Url;

use super::ApiError;
use crate::{
    domain::AccountId,
    staging::{Offered, Staged, Staging},
    webhooks::{AddressGuard, ResolveError},
};

const LONGEST_URL: usize = 2048;
const CONNECT: Duration = Duration::from_secs(10);
/// For the head of the answer, and for each piece of the file.
const PIECE: Duration = Duration::from_secs(30);
/// For all of it: two gibibytes at ten megabits a second.
const WHOLE: Duration = Duration::from_secs(1800);

/// A file of at most so many bytes, from `text`.
pub async fn fetch(
    guard: &AddressGuard,
    text: &str,
    (staging, account, most): (&Staging, AccountId, u64),
) -> Result<(Staged, Offered), ApiError> {
    let url = checked(guard, text)?;
    // A second installation is refused and does no harm.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .https_only(true)
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT)
        .dns_resolver(Arc::new(guard.clone()))
        .build()
        .map_err(ApiError::internal)?;
    let all = stage(&client, url, (staging, account, most));
    timeout(WHOLE, all)
        .await
        .map_err(|_| away("the file did not come in time"))?
}

/// An address that may be asked.
fn checked(guard: &AddressGuard, text: &str) -> Result<Url, ApiError> {
    let invalid = || {
        ApiError::unprocessable(
            "file_url_invalid",
            "file_url is an https address of at most 2048 characters, without a name and password in it",
        )
    };
    if text.len() > LONGEST_URL {
        return Err(invalid());
    }
    let url = Url::parse(text).map_err(|_| invalid())?;
    let plain = url.scheme() == "https"
        && url.host().is_some()
        && url.username().is_empty()
        && url.password().is_none();
    if !plain {
        return Err(invalid());
    }
    guard
        .check(&url)
        .map_err(|error| ApiError::unprocessable("url_not_allowed", error.to_string()))?;
    Ok(url)
}

async fn stage(
    client: &Client,
    url: Url,
    (staging, account, most): (&Staging, AccountId, u64),
) -> Result<(Staged, Offered), ApiError> {
    let asked = timeout(PIECE, client.get(url.clone()).send()).await;
    let answer = asked
        .map_err(|_| away("its server does not answer"))?
        .map_err(|error| refused_or_away(&error))?;
    if answer.status() != reqwest::StatusCode::OK {
        return Err(away(&format!(
            "its server answers {}",
            answer.status().as_u16()
        )));
    }
    let kind = answer.headers().get(reqwest::header::CONTENT_TYPE);
    let offered = Offered {
        name: name_of(&url),
        mime: kind.and_then(|kind| kind.to_str().ok()).map(str::to_owned),
        ..Offered::default()
    };
    let mut writer = staging.begin(account, most, answer.content_length())?;
    let mut pieces = answer.bytes_stream();
    while let Some(piece) = timeout(PIECE, pieces.next())
        .await
        .map_err(|_| away("its server stopped sending"))?
    {
        writer
            .write(&piece.map_err(|_| away("it broke off"))?)
            .await?;
    }
    Ok((writer.finish().await?, offered))
}

/// The last part of its path.
fn name_of(url: &Url) -> Option<String> {
    let last = url.path_segments()?.next_back()?;
    let name = percent_decoded(last);
    (!name.is_empty()).then_some(name)
}

fn percent_decoded(text: &str) -> String {
    // As one pair of a query: the same escapes.
    let pair = text
        .replace('+', "%2B")
        .replace('&', "%26")
        .replace('=', "%3D");
    let decoded = url::form_urlencoded::parse(pair.as_bytes()).next();
    decoded.map_or_else(String::new, |(name, _)| name.into_owned())
}

/// A name that leads where it may not is seen only when it is resolved.
fn refused_or_away(error: &reqwest::Error) -> ApiError {
    use std::error::Error as _;
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(ResolveError::NotAllowed(refused)) = inner.downcast_ref() {
            return ApiError::unprocessable("url_not_allowed", refused.to_string());
        }
        cause = inner.source();
    }
    away("its server can't be reached")
}

fn away(why: &str) -> ApiError {
    ApiError::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "file_url_unreachable",
        format!("the file can't be had from its address, nothing was sent: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects what stands beside the service, and secrets: only an https address of the outside is asked.
    #[test]
    fn only_public_https_addresses_are_asked() {
        let guard = AddressGuard::default();
        let code = |url: &str| checked(&guard, url).map_err(|error| error.code).map(drop);
        assert_eq!(code("https://files.example/prices.pdf"), Ok(()));
        for url in [
            "http://files.example/prices.pdf",
            "ftp://files.example/a",
            "file:///etc/passwd",
            "https://name:password@files.example/a",
            "prices.pdf",
            &format!("https://files.example/{}", "a".repeat(LONGEST_URL)),
        ] {
            assert_eq!(code(url), Err("file_url_invalid"), "{url}");
        }
        for url in [
            "https://127.0.0.1/a",
            "https://[::1]/a",
            "https://169.254.169.254/latest",
        ] {
            assert_eq!(code(url), Err("url_not_allowed"), "{url}");
        }
    }

    #[test]
    fn a_file_is_called_as_its_address_ends() {
        let name = |url: &str| name_of(&Url::parse(url).unwrap());
        assert_eq!(
            name("https://files.example/a/price%20list.pdf?b=c").as_deref(),
            Some("price list.pdf")
        );
        assert_eq!(name("https://files.example/"), None);
    }
}
