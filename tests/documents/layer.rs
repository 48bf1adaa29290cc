//! Layer: the script that says which layer of Telegram's schema this is, and what another one has changed.

use std::{fs, process::Command};

use crate::{read, root_folder};

/// Protects whoever takes a newer layer over: the script names ours as the documents do, and finds what is new, gone and different.
#[test]
fn the_script_tells_what_a_newer_layer_changed() {
    let run = |arguments: &[&str]| {
        let output = Command::new(root_folder().join("tools/layer"))
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        String::from_utf8(output.stdout).unwrap()
    };
    let ours = run(&[]);
    let number = ours.trim().strip_prefix("layer ").unwrap();
    assert!(
        read("docs/messages.md").contains(&format!("layer {number}")),
        "{ours}"
    );
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("newer.tl");
    let newer = "// LAYER 9999\nboolFalse#bc799737 = Bool;\nboolTrue#997275b5 now:int = Bool;\nbrandNew#00000001 = Bool;\n";
    fs::write(&file, newer).unwrap();
    let told = run(&[file.to_str().unwrap()]);
    for line in [
        "beside layer 9999:",
        "new       brandNew",
        "different boolTrue",
        "gone      inputPeerSelf",
    ] {
        assert!(told.lines().any(|told| told == line), "{line}");
    }
    assert!(!told.contains("boolFalse"));
}
