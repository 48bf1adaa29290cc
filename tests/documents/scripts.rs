//! Scripts: what runs on Node runs on the oldest one that is promised, Debian 12's Node 18.

use std::{fs, path::Path};

use super::root_folder;

/// What Node 18 does not have, and what has it; with the first letter in front, so that a name of one's own is none.
const NEWER: [&str; 22] = [
    ".toSorted(",
    ".toReversed(",
    ".toSpliced(",
    ".with(",
    "Object.groupBy",
    "Map.groupBy",
    "Promise.withResolvers",
    "Promise.try",
    "Array.fromAsync",
    ".isWellFormed(",
    ".toWellFormed(",
    "URL.canParse",
    "URL.parse(",
    ".isSubsetOf(",
    ".symmetricDifference(",
    "import.meta.dirname",
    "import.meta.filename",
    "RegExp.escape",
    "Iterator.from",
    "process.loadEnvFile",
    "mock.timers",
    "node:sqlite",
];
const KINDS: [&str; 3] = ["js", "mjs", "ts"];
const FOLDERS: [&str; 4] = ["static/js", "tests", "simulator/tests", "docs"];

fn scripts(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "node_modules") {
                scripts(&path, found);
            }
        } else if path
            .extension()
            .and_then(|kind| kind.to_str())
            .is_some_and(|kind| KINDS.contains(&kind))
        {
            found.push(path);
        }
    }
}

/// Protects people on Debian 12, whose browser's pages and tests fail over a function that came with Node 20.
#[test]
fn no_script_uses_what_the_oldest_node_lacks() {
    let mut found = Vec::new();
    for folder in FOLDERS {
        scripts(&root_folder().join(folder), &mut found);
    }
    assert!(found.len() > 40, "only {} scripts", found.len());
    for script in found {
        let text = fs::read_to_string(&script).expect("text");
        for newer in NEWER {
            assert!(
                !text.contains(newer),
                "{} uses {newer}, which Node 18 lacks",
                script.display()
            );
        }
    }
}
