//! The `switchboard` command. All of it is in the library.

fn main() -> std::process::ExitCode {
    switchboard::program::run()
}
