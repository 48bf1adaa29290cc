//! Has the release linked small, as far as the linker that is used here can. Nothing depends on it.

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
};

/// Functions that came out the same are kept once: what is written over types is compiled for each type, and often to the same.
const SAME_ONCE: &str = "-Wl,--icf=all";
/// A list of the addresses that a start has to set, of bits. The C library has to be able to read it (glibc from 2.36 on).
const DENSE: &str = "-Wl,-z,pack-relative-relocs";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("PROFILE").as_deref() != Ok("release") {
        return;
    }
    let here = env::var("HOST") == env::var("TARGET");
    for (argument, has_to_run) in [(SAME_ONCE, false), (DENSE, true)] {
        if (here || !has_to_run) && links(argument, has_to_run).is_some() {
            println!("cargo:rustc-link-arg-bins={argument}");
        }
    }
}

/// Tries it on a program that does nothing.
fn links(argument: &str, runs: bool) -> Option<()> {
    let out = env::var_os("OUT_DIR")?;
    let (source, program) = (
        Path::new(&out).join("probe.rs"),
        Path::new(&out).join("probe"),
    );
    fs::write(&source, "fn main() {}").ok()?;
    let mut rustc = Command::new(env::var_os("RUSTC")?);
    rustc.args(["--edition", "2024", "--target", &env::var("TARGET").ok()?]);
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        rustc.arg("-C").arg(format!("linker={}", linker.display()));
    }
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    rustc.args(flags.split('\x1f').filter(|flag| !flag.is_empty()));
    rustc.arg("-C").arg(format!("link-arg={argument}"));
    rustc.arg(&source).arg("-o").arg(&program);
    ends_well(&mut rustc)?;
    if runs {
        ends_well(&mut Command::new(&program))?;
    }
    Some(())
}

fn ends_well(command: &mut Command) -> Option<()> {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().ok()?.success().then_some(())
}
