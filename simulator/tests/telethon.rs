//! Telethon from PyPI lives on the simulator: signs in, reads, writes, listens, is cut off and catches up.

mod telethon_support;

use telethon_support::scenario;

const TRANSPORTS: [&str; 4] = ["full", "intermediate", "abridged", "obfuscated"];

/// Protects: the sign-in by code, over every transport, with a key exchange of the client's own.
#[tokio::test(flavor = "multi_thread")]
async fn telethon_signs_in_by_code_over_every_transport() {
    for transport in TRANSPORTS {
        scenario("code", transport).await;
    }
}

/// Protects: codes that are too old, and numbers that have to sign up first.
#[tokio::test(flavor = "multi_thread")]
async fn telethon_is_told_of_expired_codes_and_of_signing_up() {
    scenario("expired_code", "full").await;
}

/// Protects: SRP against an implementation that nobody here wrote.
#[tokio::test(flavor = "multi_thread")]
async fn telethon_signs_in_with_a_password() {
    scenario("password", "abridged").await;
}

/// Protects: QR sign-in, with expiry, with a password, and across data centres.
#[tokio::test(flavor = "multi_thread")]
async fn telethon_signs_in_by_qr() {
    scenario("qr", "intermediate").await;
}

/// Protects: a device hears the codes of sign-ins elsewhere and of the web from Telegram's own user.
#[tokio::test(flavor = "multi_thread")]
async fn telethon_is_told_codes_by_telegram_itself() {
    scenario("codes", "full").await;
}

/// Protects: PHONE_MIGRATE.
#[tokio::test(flavor = "multi_thread")]
async fn telethon_follows_a_number_to_its_data_centre() {
    scenario("migration", "obfuscated").await;
}

/// Protects: dialogs, histories, media and search of every kind of chat.
#[tokio::test(flavor = "multi_thread")]
async fn telethon_reads_every_kind_of_chat_to_its_beginning() {
    scenario("reading", "full").await;
}

/// Protects: every rule of paging that a client's own iterators build on, from both ends and past the first hundred.
#[tokio::test(flavor = "multi_thread")]
async fn telethon_pages_from_both_ends() {
    scenario("paging", "intermediate").await;
}

/// Protects: files of every awkward size, up and down, from another data centre, and with references that expire.
#[tokio::test(flavor = "multi_thread")]
async fn telethon_sends_and_fetches_files() {
    scenario("files", "full").await;
}

/// Protects: everything that a client writes.
#[tokio::test(flavor = "multi_thread")]
async fn telethon_sends_edits_forwards_and_deletes() {
    scenario("writing", "intermediate").await;
}

/// Protects: what waits for its time, in numbers of its own, and drafts.
#[tokio::test(flavor = "multi_thread")]
async fn telethon_sends_later() {
    scenario("later", "intermediate").await;
}

/// Protects: pushes in all their shapes.
#[tokio::test(flavor = "multi_thread")]
async fn telethon_hears_what_happens_while_it_happens() {
    scenario("live", "abridged").await;
}

/// Protects: differences of an account and its channels, over every transport.
#[tokio::test(flavor = "multi_thread")]
async fn telethon_catches_up_after_being_cut_off() {
    for transport in TRANSPORTS {
        scenario("cut_off", transport).await;
    }
}
