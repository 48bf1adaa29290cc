//! Targets: each reader that strangers' bytes go through, by name. `fuzz/` runs these very functions under libFuzzer.

use switchboard::{cli::Cli, config::Config, store, telegram, vault, web};

pub type Target = fn(&[u8]);

pub const ALL: [(&str, Target); 11] = [
    ("session_import", telegram::fuzzing::session_import),
    ("updates", telegram::fuzzing::updates),
    ("conversion", telegram::fuzzing::conversion),
    ("relay", telegram::fuzzing::relay),
    ("pem", telegram::fuzzing::pem),
    ("cursor", store::fuzzing::cursor),
    ("search", store::fuzzing::search),
    ("envelope", vault::fuzzing::envelope),
    ("form", form),
    ("frames", frames),
    ("configuration", configuration),
];

/// Bodies of uploads, in a folder that goes with each.
pub fn form(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    web::fuzzing::form(folder.path(), bytes);
}

/// What a dashboard sends on its socket, in two cuts that must give the same.
pub fn frames(bytes: &[u8]) {
    let whole = read(bytes, bytes.len().max(1));
    assert_eq!(
        whole,
        read(bytes, 3),
        "what is read depends on how it was cut"
    );
}

fn read(bytes: &[u8], size: usize) -> Vec<String> {
    use actix_http::ws::Codec;
    use bytes::BytesMut;
    use tokio_util::codec::Decoder;
    let (mut codec, mut buffer, mut read) = (Codec::new(), BytesMut::new(), Vec::new());
    for piece in bytes.chunks(size) {
        buffer.extend_from_slice(piece);
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(frame)) => read.push(format!("{frame:?}")),
                Ok(None) => break,
                Err(error) => {
                    read.push(error.to_string());
                    return read;
                }
            }
        }
    }
    read
}

/// Settings, a line each: what can't be used is said, all at once and each with its name.
pub fn configuration(bytes: &[u8]) {
    use clap::Parser;
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().filter(|line| !line.contains(['/', '\0']));
    let Ok(cli) = Cli::try_parse_from(std::iter::once("switchboard").chain(lines)) else {
        return;
    };
    if let Err(problems) = Config::check(&cli.settings) {
        let said = problems.to_string();
        assert!(
            said.contains("SWITCHBOARD_") || said.contains("TELEGRAM_"),
            "{said}"
        );
    }
}

/// One of them, by name.
#[allow(dead_code, reason = "the harness takes them all")]
pub fn run(name: &str, bytes: &[u8]) {
    let found = ALL.iter().find(|(one, _)| *one == name);
    let (_, target) = found.expect("a target of this name");
    target(bytes);
}
