//! Media: how much is kept, and where.

use url::Url;

use super::checker::Checker;
use crate::cli::Settings;

/// A number of bytes as people write it.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit: u64 = match text.get(digits.len()..)?.trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

impl Checker {
    pub(super) fn media_cache(&mut self, settings: &Settings) -> u64 {
        const DEFAULT: u64 = 2 << 30;
        const VARIABLE: &str = "SWITCHBOARD_MEDIA_CACHE";
        let given = settings.media_cache.as_deref().unwrap_or_default().trim();
        if given.is_empty() {
            return DEFAULT;
        }
        bytes(given).unwrap_or_else(|| {
            self.report(
                VARIABLE,
                "is not a size such as 500MiB or 2GiB (B, KiB, MiB, GiB, TiB)",
            );
            DEFAULT
        })
    }

    pub(super) fn media_store(&mut self, settings: &Settings) -> Option<String> {
        let given = settings.media_store.as_deref().unwrap_or_default().trim();
        if given.is_empty() {
            return None;
        }
        let bucket = Url::parse(given).ok().filter(|url| {
            url.scheme() == "s3" && url.host_str().is_some() && url.query().is_none()
        });
        if bucket.is_none() {
            self.report(
                "SWITCHBOARD_MEDIA_STORE",
                "is not the address of a bucket, such as s3://bucket/prefix",
            );
        }
        bucket.map(|_| given.to_owned())
    }
}
