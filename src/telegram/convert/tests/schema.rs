//! Schema: every constructor of the layer that messages are made of stands in `docs/messages.md`.

use std::{path::PathBuf, process::Command};

use grammers_client::tl::LAYER;
use serde_json::Value;

const DOCUMENT: &str = include_str!("../../../../docs/messages.md");

/// The schema that the types were made from.
fn schema() -> String {
    let said = |command: &mut Command| {
        let output = command
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let compiler = said(Command::new("rustc").arg("-vV"));
    let host = compiler
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    // Packages of other platforms may not be here.
    let metadata = [
        "metadata",
        "--format-version",
        "1",
        "--offline",
        "--locked",
        "--filter-platform",
        host,
    ];
    let packages = said(Command::new(env!("CARGO")).args(metadata));
    let packages: Value = serde_json::from_str(&packages).unwrap();
    let types = packages["packages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|package| package["name"] == "grammers-tl-types")
        .unwrap();
    let manifest = PathBuf::from(types["manifest_path"].as_str().unwrap());
    std::fs::read_to_string(manifest.parent().unwrap().join("tl/api.tl")).unwrap()
}

fn constructors<'s>(schema: &'s str, of: &str) -> Vec<&'s str> {
    let end = format!("= {of};");
    let (types, _) = schema.split_once("---functions---").unwrap();
    let found = types.lines().filter(|line| line.ends_with(&end));
    found.map(|line| line.split('#').next().unwrap()).collect()
}

/// First and second column of a chapter's table.
fn documented(chapter: &str) -> Vec<(&'static str, &'static str)> {
    let (_, rest) = DOCUMENT.split_once(&format!("\n## {chapter}\n")).unwrap();
    let chapter = rest.split("\n## ").next().unwrap();
    let rows = chapter.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let mut cells = row
            .split('|')
            .skip(1)
            .map(|cell| cell.trim().trim_matches('`'));
        (cells.next().unwrap(), cells.next().unwrap())
    })
    .collect()
}

/// `ChatAddUser` as `chat_add_user`, `SetMessagesTTL` as `set_messages_ttl`.
fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let small = |at: usize| letters.get(at).is_some_and(|letter| letter.is_lowercase());
        let begins = at > 0 && letter.is_uppercase() && (small(at - 1) || small(at + 1));
        if begins {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

/// Protects against a new layer that brings what nobody has thought about.
#[test]
fn every_constructor_of_the_layer_is_documented() {
    let schema = schema();
    assert!(
        DOCUMENT.contains(&format!("layer {LAYER}.")),
        "layer {LAYER}"
    );
    for (of, chapter) in [
        ("MessageMedia", "Media"),
        ("MessageEntity", "Entities"),
        ("MessageAction", "Service messages"),
    ] {
        let documented: Vec<_> = documented(chapter)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(documented, constructors(&schema, of), "{of}");
    }
    // What service messages are called is Telegram's own name for them, and is what the converter says.
    let source = include_str!("../action.rs");
    for (name, kind) in documented("Service messages") {
        assert_eq!(kind, snake(name.strip_prefix("messageAction").unwrap()));
        assert!(source.contains(&format!("\"{kind}\"")), "{kind}");
    }
}
