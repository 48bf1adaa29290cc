//! Leak scan: looks for secrets in whatever was left behind, in the forms they usually leak in.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};

/// Shorter pieces would be found by chance.
const PIECE: usize = 8;
/// A long secret leaks piece by piece as well.
const WINDOW: usize = 16;

/// What must not be found.
#[derive(Default)]
pub struct Secrets {
    names: Vec<String>,
    /// By their first bytes.
    needles: HashMap<[u8; PIECE], Vec<(String, Vec<u8>)>>,
    codes: Vec<(String, String)>,
}

impl Secrets {
    /// A text: as it is, in base64, in hexadecimal, in UTF-16.
    pub fn text(&mut self, name: &str, text: &str) {
        assert!(text.len() >= PIECE, "{name} is too short to look for");
        self.names.push(name.to_owned());
        self.all_forms(name, text.as_bytes());
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.needle(name, "UTF-16", &utf16);
    }

    /// Key material: every random-looking piece of it.
    pub fn bytes(&mut self, name: &str, bytes: &[u8]) {
        self.names.push(name.to_owned());
        for window in bytes.windows(WINDOW).step_by(WINDOW / 2) {
            let kinds: HashSet<u8> = window.iter().copied().collect();
            if kinds.len() > WINDOW / 2 {
                self.all_forms(name, window);
            }
        }
    }

    /// What texts and keys are called.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.names.iter()
    }

    /// A few digits: only where they stand alone.
    pub fn code(&mut self, name: &str, code: &str) {
        self.codes.push((name.to_owned(), code.to_owned()));
    }

    fn all_forms(&mut self, name: &str, bytes: &[u8]) {
        self.needle(name, "as it is", bytes);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.needle(name, "hexadecimal", hex.as_bytes());
        self.needle(name, "hexadecimal", hex.to_uppercase().as_bytes());
        // Wherever it begins inside a longer encoded text.
        for shift in 0..3 {
            let Some(rest) = bytes.get((3 - shift) % 3..) else {
                continue;
            };
            let whole = &rest[..rest.len() / 3 * 3];
            self.needle(
                name,
                "base64",
                BASE64_STANDARD_NO_PAD.encode(whole).as_bytes(),
            );
            self.needle(
                name,
                "base64url",
                BASE64_URL_SAFE_NO_PAD.encode(whole).as_bytes(),
            );
        }
    }

    fn needle(&mut self, name: &str, form: &str, bytes: &[u8]) {
        let Some(first) = bytes.first_chunk::<PIECE>() else {
            return;
        };
        let entry = self.needles.entry(*first).or_default();
        entry.push((format!("{name} ({form})"), bytes.to_vec()));
    }

    /// What was found in `contents`, each by name and place.
    pub fn find(&self, place: &str, contents: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for at in 0..contents.len().saturating_sub(PIECE - 1) {
            let Some(first) = contents[at..].first_chunk::<PIECE>() else {
                break;
            };
            for (name, needle) in self.needles.get(first).into_iter().flatten() {
                if contents[at..].starts_with(needle) {
                    found.push(format!(
                        "{name} in {place} at {at}: {}",
                        around(contents, at)
                    ));
                }
            }
        }
        for (name, code) in &self.codes {
            for (at, window) in contents.windows(code.len()).enumerate() {
                let before = at.checked_sub(1).and_then(|before| contents.get(before));
                let after = contents.get(at + code.len());
                let alone = ![before, after]
                    .into_iter()
                    .flatten()
                    .any(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
                if alone && window == code.as_bytes() {
                    found.push(format!(
                        "{name} in {place} at {at}: {}",
                        around(contents, at)
                    ));
                }
            }
        }
        found
    }

    /// Every file below `directory`, but those named.
    pub fn find_in_files(&self, directory: &Path, except: &[&str]) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                found.extend(self.find_in_files(&path, except));
            } else if !except.contains(&name.as_str()) {
                found.extend(self.find(&path.display().to_string(), &fs::read(&path).unwrap()));
            }
        }
        found
    }
}

fn around(contents: &[u8], at: usize) -> String {
    let from = at.saturating_sub(60);
    let to = (at + 20).min(contents.len());
    String::from_utf8_lossy(&contents[from..to]).replace(['\n', '\0'], " ")
}

/// Protects the scan itself: it finds what was hidden in any of the forms.
#[test]
fn the_scan_finds_a_secret_in_every_form() {
    let key: Vec<u8> = (0..64_u8).map(|byte| byte.wrapping_mul(151) ^ 90).collect();
    let mut secrets = Secrets::default();
    secrets.text("password", "correct horse battery");
    secrets.bytes("key", &key);
    secrets.code("code", "48213");
    for hidden in [
        b"xx correct horse battery yy".to_vec(),
        [&b"binary"[..], &key[3..40]].concat(),
        BASE64_STANDARD_NO_PAD
            .encode([&b"z"[..], &key].concat())
            .into_bytes(),
        BASE64_URL_SAFE_NO_PAD
            .encode([&b"zz"[..], &key].concat())
            .into_bytes(),
        BASE64_URL_SAFE_NO_PAD
            .encode("the correct horse battery!")
            .into_bytes(),
        b"code \"48213\"".to_vec(),
    ] {
        assert!(!secrets.find("here", &hidden).is_empty(), "{hidden:?}");
    }
    assert!(
        secrets
            .find("here", b"1482139 at 127.0.0.1:48213x, horse battery")
            .is_empty()
    );
}
