//! Dispute: what stands between a row here and the one in Supabase, in fixed words, each with a code for programs and for pages
//! in other languages.

pub(super) const LABEL: &str = "the label was changed here and in Supabase";
pub(super) const API: &str = "api_id or api_hash was changed here and in Supabase";
pub(super) const LOG_OUT_FIRST: &str =
    "api_id was changed in Supabase under a signed-in account: log it out first";
pub(super) const TYPED_OVER: &str = "an api_hash was typed over the sealed one in Supabase, and nothing shows by whom; the account is \
                                     signed in: log it out first";
pub(super) const NO_HASH: &str = "api_hash in Supabase is neither sealed nor 32 hexadecimal digits";
pub(super) const UNSEALABLE: &str = "api_hash can't be sealed";
pub(super) const BAD_HASH: &str = "api_hash in Supabase:";
pub(super) const SESSION_REMOVED: &str = "the session was removed in Supabase; it is still used here. Log the account out, or sign it in again";
pub(super) const BAD_SESSION: &str = "the session in Supabase:";
pub(super) const SIGNED_OUT_HERE: &str =
    "the account was signed out here, and signed in anew in Supabase";
pub(super) const SIGNED_IN_TWICE: &str = "the account was signed in anew here and in Supabase";
pub(super) const BAD_PROXIES: &str = "the proxies in Supabase:";
pub(super) const PROXIES: &str = "the proxies were changed here and in Supabase";

const CODES: [(&str, &str); 13] = [
    (LABEL, "label_changed_twice"),
    (API, "api_changed_twice"),
    (LOG_OUT_FIRST, "api_id_under_session"),
    (TYPED_OVER, "api_hash_typed_over"),
    (NO_HASH, "api_hash_unreadable"),
    (UNSEALABLE, "api_hash_unreadable"),
    (BAD_HASH, "api_hash_unreadable"),
    (SESSION_REMOVED, "session_removed"),
    (BAD_SESSION, "session_unreadable"),
    (SIGNED_OUT_HERE, "signed_out_here"),
    (SIGNED_IN_TWICE, "signed_in_twice"),
    (BAD_PROXIES, "proxies_unreadable"),
    (PROXIES, "proxies_changed_twice"),
];
/// The row in Supabase can't be taken or written at all; the words say why.
const ROW: &str = "row_unusable";

/// The codes of what is said in words.
pub(super) fn codes(what: &str) -> Vec<String> {
    let mut codes: Vec<String> = Vec::new();
    for (words, code) in CODES {
        if what.contains(words) && codes.iter().all(|known| known != code) {
            codes.push(code.to_owned());
        }
    }
    if codes.is_empty() {
        codes.push(ROW.to_owned());
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects who reads another language: everything that is disputed has a code of its own, and the desk has words for it.
    #[test]
    fn each_dispute_has_a_code_and_words() {
        let desk = [
            include_str!("../../static/i18n/en.json"),
            include_str!("../../static/i18n/ru.json"),
            include_str!("../../static/i18n/ar.json"),
        ]
        .map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap());
        let rows = CODES.into_iter().chain([("the row has no api_id", ROW)]);
        for (words, code) in rows {
            assert_eq!(codes(&format!("{words} and more")), [code]);
            for words in &desk {
                assert!(words[format!("dispute.{code}")].is_string(), "{code}");
            }
        }
        let both = format!("{LABEL}, where it is \"x\" now; {BAD_SESSION} it is older");
        assert_eq!(codes(&both), ["label_changed_twice", "session_unreadable"]);
    }
}
