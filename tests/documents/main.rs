//! Documents: what they name exists, what they show works, and what stands beside the program is in order.

mod blocks;
mod containers;
mod crates;
mod layer;
mod log_lines;
mod packages;
#[path = "../../simulator/tests/program_support/mod.rs"]
mod program;
#[allow(dead_code, reason = "shared by several test binaries")]
#[path = "../support/python.rs"]
mod python;
mod scripts;

use std::{fmt::Write as _, fs, path::Path};

use clap::{Arg, CommandFactory as _};
use switchboard::{cli::Cli, domain::AccountState};

/// Every page: those in the root, and all of `docs/`.
fn documents() -> Vec<String> {
    let root = ["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(str::to_owned);
    let folder = fs::read_dir(root_folder().join("docs")).expect("docs");
    let pages = folder.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let pages = pages.filter(|name| name.ends_with(".md"));
    root.into_iter()
        .chain(pages.map(|name| format!("docs/{name}")))
        .collect()
}

fn root_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(document: &str) -> String {
    fs::read_to_string(root_folder().join(document)).expect(document)
}

/// Folders of the repository; what begins with one of them and stands in backticks is a path.
const ROOTS: [&str; 7] = [
    "packaging/",
    "src/",
    "static/",
    "tests/",
    "simulator/",
    "docs/",
    "migrations/",
];

/// Protects: a reader who follows a file name finds the file, also after it was moved.
#[test]
fn every_file_that_a_document_names_is_there() {
    let root = root_folder();
    let mut named = 0;
    for document in &documents() {
        let text = read(document);
        let folder = root.join(document).parent().expect("a folder").to_owned();
        let in_backticks = text.split('`').skip(1).step_by(2);
        for path in in_backticks.filter(|word| ROOTS.iter().any(|root| word.starts_with(root))) {
            assert!(
                root.join(path).exists(),
                "{document} names {path}, which is not there"
            );
            named += 1;
        }
        let links = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            let path = link.split('#').next().unwrap_or_default();
            assert!(
                folder.join(path).exists(),
                "{document} links {link}, which is not there"
            );
            named += 1;
        }
    }
    assert!(
        named > 40,
        "only {named} names were found: are they still written in backticks?"
    );
}

/// Protects: whoever looks a setting up finds every one of them, as it is. `SWITCHBOARD_WRITE_DOCUMENTS=1` writes the table anew.
#[test]
fn the_table_of_settings_is_what_the_program_takes() {
    const HEAD: &str = "| flag | environment | without it | what it is |\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/settings.md");
    let written = fs::read_to_string(&path).expect("docs/settings.md");
    let (before, _) = written.split_once(HEAD).expect("a table");
    let mut wanted = format!("{before}{HEAD}|---|---|---|---|\n");
    for arg in Cli::command().get_arguments() {
        if let Some(row) = row(arg) {
            wanted.push_str(&row);
        }
    }
    if std::env::var_os("SWITCHBOARD_WRITE_DOCUMENTS").is_some() {
        fs::write(&path, &wanted).expect("written");
        return;
    }
    assert!(
        written == wanted,
        "docs/settings.md is not what the program takes: write it anew with \
         SWITCHBOARD_WRITE_DOCUMENTS=1 cargo test --test documents"
    );
}

/// `None`: help and version.
fn row(arg: &Arg) -> Option<String> {
    let environment = arg.get_env().map(|name| name.to_string_lossy())?;
    let values = arg.get_value_names().unwrap_or_default();
    let takes = arg.get_action().takes_values();
    let flag = match arg.get_long() {
        Some(long) if !arg.is_hide_set() => {
            let value = values.first().filter(|_| takes);
            let value = value.map_or_else(String::new, |value| format!(" {value}"));
            format!("`--{long}{value}`")
        }
        _ => String::new(),
    };
    let defaults = arg.get_default_values().iter();
    let defaults: Vec<_> = defaults.map(|value| value.to_string_lossy()).collect();
    let default = match defaults.as_slice() {
        [] => String::new(),
        some => format!("`{}`", some.join(",")),
    };
    let help = match (arg.get_help(), environment.strip_suffix("_FILE")) {
        (Some(help), _) => help.to_string(),
        (None, Some(twin)) => format!("file that holds `{twin}`"),
        (None, None) => panic!("{environment} has no description in src/cli.rs"),
    };
    let mut row = String::new();
    let help = help.replace('|', "\\|").replace('\n', " ");
    writeln!(row, "| {flag} | `{environment}` | {default} | {help} |").ok()?;
    Some(row)
}

/// Protects whoever's account is not online: there is a row for each state that it can be in.
#[test]
fn every_state_has_its_recovery() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recovery.md");
    let text = fs::read_to_string(path).expect("docs/recovery.md");
    for state in AccountState::ALL {
        let row = format!("\n| `{}` |", state.as_str());
        assert!(text.contains(&row), "docs/recovery.md has no {row:?}");
    }
}
