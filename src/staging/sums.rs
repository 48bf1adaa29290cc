//! Sums of a file that comes in.

use md5::Md5;
use sha2::{Digest, Sha256};

use crate::domain::SMALL_FILE;

pub(super) struct Sums {
    sha256: Sha256,
    /// `None`: it is longer than those of which Telegram wants it, and this sum is the slow one.
    md5: Option<Md5>,
    length: u64,
}

impl Default for Sums {
    fn default() -> Self {
        Self {
            sha256: Sha256::default(),
            md5: Some(Md5::default()),
            length: 0,
        }
    }
}

impl Sums {
    pub fn add(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.sha256.update(bytes);
        if self.length > SMALL_FILE {
            self.md5 = None;
        }
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
    }

    /// SHA-256 and MD5; the second is empty where nobody wants it.
    pub fn finish(self) -> (String, String) {
        let md5 = self.md5.map(|md5| hex(&md5.finalize()));
        (hex(&self.sha256.finalize()), md5.unwrap_or_default())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects small files, which Telegram refuses under another sum; the sum of a larger one is never sent.
    #[test]
    fn small_files_have_both_sums() {
        let sums = |length: u64| {
            let mut sums = Sums::default();
            let whole = vec![7; usize::try_from(length).unwrap()];
            for piece in whole.chunks(300_000) {
                sums.add(piece);
            }
            let (sha256, md5) = sums.finish();
            assert_eq!(sha256, hex(&Sha256::digest(&whole)));
            (md5, hex(&Md5::digest(&whole)))
        };
        for length in [0, 1, SMALL_FILE] {
            let (ours, whole) = sums(length);
            assert_eq!(ours, whole, "{length}");
        }
        assert_eq!(sums(SMALL_FILE + 1).0, "");
    }
}
