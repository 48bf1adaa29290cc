//! Documents: what they name exists.

use std::{fs, path::Path};

const DOCUMENTS: [&str; 4] = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/architecture.md",
];

/// Folders of the repository; what begins with one of them and stands in backticks is a path.
const ROOTS: [&str; 6] = [
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
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut named = 0;
    for document in DOCUMENTS {
        let text = fs::read_to_string(root.join(document)).expect(document);
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
