//! Sealed file: a file of any length under the master key: a first line that says what it is, then envelopes, one a line.
//!
//! Each envelope is bound to this file and to its place in it, and the last one says so: pieces that were swapped, left out,
//! cut off or taken from another file are noticed.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    cipher::{Binding, CipherError, Purpose},
    keyring::Keyring,
};
use crate::domain::AccountId;

const FIRST_LINE: &str = "switchboard sealed copy 1 ";
/// In an envelope this stays well below the longest one.
const PIECE: usize = 256 * 1024;
const LONGEST_LINE: u64 = 1024 * 1024;
const LAST: u8 = 1;

#[derive(Debug, thiserror::Error)]
pub enum SealedFileError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("piece {piece}: {source}")]
    Cipher { piece: u64, source: CipherError },
    #[error("it is cut: its last piece is missing")]
    Cut,
    #[error("something follows its last piece")]
    Longer,
    #[error("it is no sealed copy")]
    Other,
}

/// Does it begin as one does?
///
/// # Errors
/// When it can't be read.
pub fn is_sealed(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?
        .take(FIRST_LINE.len() as u64)
        .read_to_end(&mut start)?;
    Ok(start == FIRST_LINE.as_bytes())
}

/// Seals `from` into `to`, which must not be there.
///
/// # Errors
/// When one can't be read or the other not written. What was written by then is removed.
pub fn seal_file(keys: &Keyring, from: &Path, to: &Path) -> Result<(), SealedFileError> {
    let mut from = File::open(from)?;
    write_new(to, |to| {
        let id = Uuid::new_v4();
        writeln!(to, "{FIRST_LINE}{id}")?;
        let mut piece = Zeroizing::new(vec![0; PIECE]);
        for number in 1.. {
            let length = fill(&mut from, &mut piece)?;
            let last = length < PIECE;
            let mut data = Zeroizing::new(vec![u8::from(last)]);
            data.extend_from_slice(piece.get(..length).unwrap_or_default());
            let sealed = keys.seal(&place(id), number, &data);
            let sealed = sealed.map_err(|source| SealedFileError::Cipher {
                piece: number,
                source,
            })?;
            writeln!(to, "{sealed}")?;
            if last {
                break;
            }
        }
        Ok(())
    })
}

/// Opens `from` into `to`, which must not be there.
///
/// # Errors
/// As [`seal_file`]; also when it was altered, cut, or sealed with a key that is not there.
pub fn open_file(keys: &Keyring, from: &Path, to: &Path) -> Result<(), SealedFileError> {
    let mut from = BufReader::new(File::open(from)?);
    let first = line(&mut from)?.ok_or(SealedFileError::Other)?;
    let id = first
        .strip_prefix(FIRST_LINE)
        .and_then(|id| id.parse().ok());
    let id: Uuid = id.ok_or(SealedFileError::Other)?;
    write_new(to, |to| {
        for number in 1_u64.. {
            let sealed = line(&mut from)?.ok_or(SealedFileError::Cut)?;
            let failed = |source| SealedFileError::Cipher {
                piece: number,
                source,
            };
            let opened = keys.open(&sealed, &place(id)).map_err(failed)?;
            if opened.epoch != number {
                return Err(failed(CipherError::Tampered));
            }
            let (last, data) = opened
                .bytes
                .expose()
                .split_first()
                .ok_or(failed(CipherError::Tampered))?;
            to.write_all(data)?;
            if *last == LAST {
                break;
            }
        }
        match line(&mut from)? {
            None => Ok(()),
            Some(_) => Err(SealedFileError::Longer),
        }
    })
}

const fn place(id: Uuid) -> Binding {
    Binding {
        account: AccountId(id),
        api_id: 0,
        purpose: Purpose::Copy,
    }
}

/// For its owner alone, and on the disk when this returns.
fn write_new(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), SealedFileError>,
) -> Result<(), SealedFileError> {
    let file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    let mut file = BufWriter::new(file);
    let written = write(&mut file).and_then(|()| {
        file.flush()?;
        Ok(file.get_ref().sync_all()?)
    });
    if written.is_err() {
        // What is there is worth nothing.
        let _ = std::fs::remove_file(path);
    }
    written
}

/// As much as there is, up to a whole piece.
fn fill(from: &mut File, piece: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// The next line without its end; `None`: there is none.
fn line(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut text = String::new();
    if from.take(LONGEST_LINE).read_line(&mut text)? == 0 {
        return Ok(None);
    }
    Ok(Some(text.trim_end_matches('\n').to_owned()))
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD};

    use super::*;
    use crate::{domain::SecretText, vault::KeySource};

    fn keys(seed: u8) -> Keyring {
        // Far enough from an example.
        let bytes: Vec<u8> = (0..32_u8)
            .map(|at| at.wrapping_mul(73).wrapping_add(seed))
            .collect();
        let text = SecretText::new(BASE64_STANDARD.encode(bytes));
        Keyring::load(KeySource::Text(text)).unwrap()
    }

    /// Protects a copy: what comes out is what went in, whatever its length; nobody without the key, and no part of it, is
    /// taken for the whole.
    #[test]
    fn what_was_sealed_comes_back_or_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for (round, length) in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7]
            .into_iter()
            .enumerate()
        {
            let plain: Vec<u8> = (0..length).map(|byte| (byte % 251) as u8).collect();
            let [from, sealed, back] =
                ["from", "sealed", "back"].map(|name| at(&format!("{name}{round}")));
            std::fs::write(&from, &plain).unwrap();
            seal_file(&keys(7), &from, &sealed).unwrap();
            assert!(is_sealed(&sealed).unwrap() && !is_sealed(&from).unwrap());
            open_file(&keys(7), &sealed, &back).unwrap();
            assert!(std::fs::read(&back).unwrap() == plain, "{length}");
        }
        let whole = std::fs::read_to_string(at("sealed5")).unwrap();
        let lines: Vec<&str> = whole.lines().collect();
        let refused = |lines: &[&str], name: &str| {
            std::fs::write(at(name), lines.join("\n")).unwrap();
            let out = at(&format!("{name}-out"));
            let refused = open_file(&keys(7), &at(name), &out).unwrap_err();
            assert!(!out.exists(), "a part was left behind");
            refused
        };
        let swapped = [lines[0], lines[2], lines[1], lines[3], lines[4]];
        assert!(matches!(
            refused(&swapped, "swapped"),
            SealedFileError::Cipher { piece: 1, .. }
        ));
        assert!(matches!(refused(&lines[..4], "cut"), SealedFileError::Cut));
        let longer = [&lines[..], &[lines[1]]].concat();
        assert!(matches!(
            refused(&longer, "longer"),
            SealedFileError::Longer
        ));
        let other = std::fs::read_to_string(at("sealed4")).unwrap();
        let other: Vec<&str> = other.lines().collect();
        let mixed = [lines[0], other[1], lines[2], lines[3], lines[4]];
        assert!(matches!(
            refused(&mixed, "mixed"),
            SealedFileError::Cipher { piece: 1, .. }
        ));
        assert!(matches!(
            refused(&lines[1..], "headless"),
            SealedFileError::Other
        ));
        let stranger = open_file(&keys(9), &at("sealed5"), &at("stranger")).unwrap_err();
        assert!(
            stranger.to_string().contains("key ring does not have"),
            "{stranger}"
        );
    }
}
