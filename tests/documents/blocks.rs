//! Blocks: the code in the documents is code: commands that the program takes, calls that it serves, JSON, Python and YAML that can be
//! read. Those of `docs/first-account.md` and of `README.md` are run as well, in tests of their own.

use std::{
    collections::BTreeSet,
    io::Write as _,
    process::{Command, Stdio},
};

use clap::Parser as _;
use switchboard::cli::Cli;

use crate::{documents, read};

/// A language and what stands in it.
struct Block {
    place: String,
    language: String,
    text: String,
    /// How far it is moved in, as part of a list.
    indent: usize,
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    for document in documents() {
        let text = read(&document);
        let mut open: Option<Block> = None;
        for (index, line) in text.lines().enumerate() {
            let inner = line.trim_start();
            match (inner.strip_prefix("```"), open.take()) {
                (Some(language), None) => {
                    open = Some(Block {
                        place: format!("{document}:{}", index + 1),
                        language: language.to_owned(),
                        text: String::new(),
                        indent: line.len() - inner.len(),
                    });
                }
                (Some(_), Some(block)) => blocks.push(block),
                (None, Some(mut block)) => {
                    block
                        .text
                        .push_str(line.get(block.indent..).unwrap_or_default());
                    block.text.push('\n');
                    open = Some(block);
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{document} ends inside a block");
    }
    blocks
}

/// What a program says of a text that it reads.
fn refusal(program: &str, arguments: &[&str], text: &str) -> Option<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (!output.status.success()).then_some(said)
}

/// The words behind each `switchboard` of a shell text, in simple commands: no quotes around spaces are needed for these.
fn commands(text: &str) -> Vec<Vec<String>> {
    let joined = text.replace("\\\n", " ");
    let mut found = Vec::new();
    for line in joined.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        for (index, word) in words.iter().enumerate() {
            let before = index.checked_sub(1).map(|before| words[before]);
            let called = match *word {
                "switchboard" => before.is_none_or(|before| {
                    before.contains('=') || ["switchboard", "|", "&&"].contains(&before)
                }),
                "/usr/bin/switchboard" => true,
                _ => false,
            };
            if called {
                let end = |word: &&str| !["|", "&&", "&", "#", ";"].contains(word);
                let rest = words[index + 1..].iter().copied().take_while(end);
                let clean = rest.map(|word| word.trim_matches(['"', '\'', ')']).to_owned());
                found.push(clean.filter(|word| word != "switchboard").collect());
            }
        }
    }
    found
}

/// Protects whoever copies a command out of a document: a shell can read it, and the program takes it.
#[test]
fn every_command_in_the_documents_is_one() {
    let mut tried = 0;
    for block in blocks() {
        if !["sh", ""].contains(&block.language.as_str()) {
            continue;
        }
        let place = &block.place;
        // A name in angle brackets is for the reader to fill in.
        let text = block.text.replace(['<', '>'], "_");
        assert_eq!(refusal("bash", &["-n"], &text), None, "{place}");
        for words in commands(&text) {
            let line = std::iter::once("switchboard".to_owned()).chain(words.clone());
            if let Err(error) = Cli::try_parse_from(line) {
                assert!(!error.use_stderr(), "{place}: {words:?}: {error}");
            }
            tried += 1;
        }
    }
    assert!(tried >= 8, "only {tried} commands were found");
}

/// Protects whoever copies anything else.
#[test]
fn every_other_block_can_be_read_by_what_it_is_for() {
    const PYTHON: &str = "import ast, sys; ast.parse(sys.stdin.read())";
    const YAML: &str = "import yaml, sys; yaml.safe_load(sys.stdin.read())";
    for block in blocks() {
        let (place, text) = (&block.place, &block.text);
        match block.language.as_str() {
            "python" => assert_eq!(refusal("python3", &["-c", PYTHON], text), None, "{place}"),
            "yaml" => assert_eq!(refusal("python3", &["-c", YAML], text), None, "{place}"),
            "json" => drop(serde_json::from_str::<serde_json::Value>(text).expect(place)),
            "sh" | "text" | "" => {}
            other => panic!("{place}: nothing reads {other:?}"),
        }
    }
}

/// Protects whoever looks a call up: what a document names is served, under that method and path.
#[test]
fn every_call_that_a_document_names_is_served() {
    const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    let table = read("docs/rights.md");
    let served: BTreeSet<(&str, String)> = (table.lines())
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`')?.0.split_once(' '))
        .map(|(method, path)| (method, shape(path)))
        .collect();
    assert!(served.len() > 60, "{served:?}");
    let mut named = 0;
    for document in documents() {
        let text = read(&document);
        for word in text.split('`').skip(1).step_by(2) {
            let Some((method, rest)) = word.split_once(' ') else {
                continue;
            };
            if !METHODS.contains(&method) || !rest.starts_with('/') {
                continue;
            }
            let path = rest.split(['?', ' ', '\n']).next().unwrap_or_default();
            assert!(
                served.contains(&(method, shape(path))),
                "{document} names {method} {path}, which is not served"
            );
            named += 1;
        }
    }
    assert!(named > 60, "only {named} calls were found");
}

/// Whatever stands in the place of an id.
fn shape(path: &str) -> String {
    let parts = path.trim_end_matches('/').split('/');
    let parts = parts.map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}
