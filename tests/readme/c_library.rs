//! Which C library the release needs.

use std::{path::Path, process::Command};

use super::{CLONE, build, clean_clone, target};

type Version = (u32, u32);

fn version(text: &str) -> Option<Version> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The newest version of glibc that a program asks for.
fn needed_by(program: &Path) -> Version {
    let said = said_by(
        "readelf",
        &["--version-info", "--wide", program.to_str().unwrap()],
    );
    let named = said
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("GLIBC_"));
    let versions = named.filter_map(|name| match name {
        // The dense list of addresses (`build.rs`): older ones can't read it.
        "ABI_DT_RELR" => Some((2, 36)),
        name => version(name),
    });
    versions.max().expect("it is linked with glibc")
}

/// Protects who runs the release on another system than it was built on: built on the oldest that is promised, it needs nothing
/// newer than the documents say; built on a newer one, nothing newer than that one has.
#[tokio::test]
#[ignore = "builds the release; ./tests/run asks for it"]
async fn the_release_needs_no_newer_c_library_than_the_documents_say() {
    let mut alone = CLONE.lock().await;
    let clone = alone.get_or_insert_with(clean_clone).clone();
    build(&clone);
    let document = std::fs::read_to_string(clone.join("docs/packages.md")).unwrap();
    let (_, promise) = document.split_once("The program needs glibc ").unwrap();
    let promised = version(promise.split_whitespace().next().unwrap()).unwrap();
    let here = said_by("getconf", &["GNU_LIBC_VERSION"]);
    let here = version(here.trim().strip_prefix("glibc ").unwrap()).unwrap();
    let needed = needed_by(&target().join("release/switchboard"));
    println!(
        "the release needs glibc {needed:?}, this system has {here:?}, promised is {promised:?}"
    );
    assert!(needed <= promised.max(here), "{needed:?}");
}
