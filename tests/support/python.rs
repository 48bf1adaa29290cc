//! Python: one with the packages in it that a folder of tests has pinned, made once under the target directory.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{process::Command, sync::Mutex};

use super::program::words;

/// For the packages to arrive, once.
const INSTALL_LIMIT: Duration = Duration::from_secs(180);
static MAKING: Mutex<()> = Mutex::const_new(());

/// With what `tests/<folder>/requirements.txt` says.
pub async fn with(folder: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    made_of(&here.join(folder).join("requirements.txt"), folder).await
}

/// With what a file says; one for each name.
pub async fn made_of(requirements: &Path, name: &str) -> PathBuf {
    let _alone = MAKING.lock().await;
    let wanted = std::fs::read_to_string(requirements).unwrap();
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-venv"));
    let (python, stamp) = (home.join("bin/python"), home.join("installed.txt"));
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return python;
    }
    let make = ["-m", "venv", "--clear"];
    let mut make_it = Command::new("python3");
    words(make_it.args(make).arg(&home), INSTALL_LIMIT).await;
    let install = ["-m", "pip", "install", "--quiet"];
    let by_name = ["--disable-pip-version-check", "-r"];
    let mut packages = Command::new(&python);
    packages.args(install).args(by_name).arg(requirements);
    words(&mut packages, INSTALL_LIMIT).await;
    std::fs::write(stamp, wanted).unwrap();
    python
}
