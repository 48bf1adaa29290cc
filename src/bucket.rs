//! Bucket: the S3 bucket that a setting names, as others use it.

use std::{sync::Arc, time::Duration};

use object_store::{
    ClientOptions, Error, ObjectStore, RetryConfig, aws::AmazonS3Builder, path::Path,
};

/// For an answer, and for the next bytes.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// `s3://bucket/prefix`; region, keys and endpoint by the usual `AWS_` variables. With the prefix under which everything lies.
///
/// # Errors
/// When address or variables make no sense.
pub fn open(address: &str) -> Result<(Arc<dyn ObjectStore>, Path), Error> {
    // A second installation is refused and does no harm.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = ClientOptions::new()
        .with_connect_timeout(PATIENCE)
        .with_read_timeout(PATIENCE)
        // A large file may take its reader hours.
        .with_timeout_disabled();
    let retry = RetryConfig {
        max_retries: 3,
        retry_timeout: PATIENCE * 3,
        ..RetryConfig::default()
    };
    // Options of the environment first: what is said here holds.
    let mut builder = AmazonS3Builder::from_env()
        .with_url(address)
        .with_client_options(client)
        .with_retry(retry);
    if std::env::var("AWS_ALLOW_HTTP").is_ok_and(|allow| allow == "true") {
        builder = builder.with_allow_http(true);
    }
    let rest = address.strip_prefix("s3://").unwrap_or_default();
    let prefix = rest.split_once('/').map_or("", |(_, prefix)| prefix);
    Ok((Arc::new(builder.build()?), Path::from(prefix)))
}
