//! Log lines: the fields and targets that `docs/log.md` lists are those that the program writes.

use std::{collections::BTreeSet, fs, path::Path};

use crate::{read, root_folder};

/// Where lines are put together that are logged elsewhere.
const BUILDERS: [&str; 2] = ["account/journal.rs", "web/audit.rs"];

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            found.push((path.to_string_lossy().into_owned(), text.to_owned()));
        }
    }
}

/// What stands between `log::…!(` and the end of the statement.
fn logged(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    for level in ["error", "warn", "info", "debug", "trace"] {
        let begin = format!("log::{level}!(");
        let calls = text.split(&begin).skip(1);
        all.extend(calls.map(|rest| &rest[..end_of_call(rest)]));
    }
    all
}

/// The bracket that closes the one before `text`, outside of quotes.
fn end_of_call(text: &str) -> usize {
    let (mut depth, mut quoted, mut escaped) = (1, false, false);
    for (at, sign) in text.char_indices() {
        match sign {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// `name=` before something that is put in.
fn fields(text: &str, found: &mut BTreeSet<String>) {
    for (at, _) in text.match_indices('=') {
        let rest = &text[at + 1..];
        if !(rest.starts_with('{') || rest.starts_with("\\\"")) {
            continue;
        }
        let name = text[..at]
            .rsplit(|sign: char| !(sign.is_ascii_lowercase() || sign == '_'))
            .next()
            .unwrap_or_default();
        if !name.is_empty() {
            found.insert(name.to_owned());
        }
    }
}

fn rows(text: &str) -> BTreeSet<String> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned()))
        .collect()
}

/// Protects programs that read the log: every field and target is listed, and nothing that is not written.
#[test]
fn the_log_says_what_its_page_says() {
    let mut all = Vec::new();
    sources(&root_folder().join("src"), &mut all);
    let (mut written, mut targets) = (BTreeSet::new(), BTreeSet::new());
    for (path, text) in &all {
        for call in logged(text) {
            fields(call, &mut written);
            if let Some(target) = call.split("target: \"").nth(1) {
                targets.insert(target.split('"').next().unwrap_or_default().to_owned());
            }
        }
        if BUILDERS.iter().any(|builder| path.ends_with(builder)) {
            fields(text, &mut written);
        }
    }
    assert!(
        written.len() > 20 && targets.len() > 5,
        "{written:?} {targets:?}"
    );
    let listed = rows(&read("docs/log.md"));
    let (listed_targets, listed_fields): (BTreeSet<_>, BTreeSet<_>) = listed
        .into_iter()
        .partition(|name| name == "switchboard" || name.contains("::"));
    assert_eq!(listed_fields, written);
    assert_eq!(listed_targets, targets);
}
