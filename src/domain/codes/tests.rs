//! Tables: what is masked, what stays.

use proptest::prelude::*;

use super::*;

fn masked(text: &str) -> String {
    mask_codes(text).unwrap_or_else(|| text.to_owned())
}

/// Protects every account: whatever could be a code is gone, in any language and grouping; the words stay.
#[test]
fn codes_are_masked_and_the_words_stay() {
    for (text, wanted) in [
        (
            "Login code: 12345. Do not give this code to anyone",
            "Login code: •••••. Do not give this code to anyone",
        ),
        (
            "Код для входа в Telegram: 123456. Не давайте код никому",
            "Код для входа в Telegram: •••••. Не давайте код никому",
        ),
        (
            "رمز تسجيل الدخول: ١٢٣٤٥. لا تعطِ هذا الرمز لأي شخص",
            "رمز تسجيل الدخول: •••••. لا تعطِ هذا الرمز لأي شخص",
        ),
        (
            "رمز الدخول: \u{2066}12345\u{2069}.",
            "رمز الدخول: \u{2066}•••••\u{2069}.",
        ),
        (
            "کد ورود: ۱۲۳۴۵. این کد را به هیچ‌کس ندهید",
            "کد ورود: •••••. این کد را به هیچ‌کس ندهید",
        ),
        (
            "Anmeldecode: 12345. Gib diesen Code niemandem",
            "Anmeldecode: •••••. Gib diesen Code niemandem",
        ),
        (
            "Código de inicio de sesión: 12345. No lo compartas",
            "Código de inicio de sesión: •••••. No lo compartas",
        ),
        (
            "登录代码：12345。请勿将此代码提供给任何人",
            "登录代码：•••••。请勿将此代码提供给任何人",
        ),
        ("로그인 코드: 12345입니다", "로그인 코드: •••••입니다"),
        ("लॉगिन कोड: १२३४५।", "लॉगिन कोड: •••••।"),
        ("code １２３４５!", "code •••••!"),
        ("Code 123", "Code •••••"),
        (
            "Web login code:\n0__--___---\n\nDo not give it",
            "Web login code:\n•••••\n\nDo not give it",
        ),
        ("Code: 1234-5678", "Code: •••••"),
        ("Code: 123 456.", "Code: •••••."),
        ("Code: 12-34-56", "Code: •••••"),
        ("Code: 1 2 3 4 5", "Code: •••••"),
        ("Code: 12\u{a0}345", "Code: •••••"),
        ("Code: 12 – 345", "Code: •••••"),
        (
            "Code: 12.345 or 12,345 or 12'345",
            "Code: ••••• or ••••• or •••••",
        ),
        ("Code: 12.34.56", "Code: •••••"),
        ("Code: 1️⃣2️⃣3️⃣4️⃣5️⃣", "Code: •••••\u{fe0f}\u{20e3}"),
        ("Code: 1\u{200b}2\u{200b}3", "Code: •••••"),
        ("https://t.me/login/12345", "https://t.me/login/•••••"),
        (
            "This is your login code:\nAbC1-dEfGhI\n\nDo not give it",
            "This is your login code:\n•••••\n\nDo not give it",
        ),
        (
            "This is your login code:\nabcdefghijk\n",
            "This is your login code:\n•••••\n",
        ),
        ("code AbCdEfGhIjK here", "code ••••• here"),
        ("code sXkQzlvT-bQ", "code •••••"),
        ("code -bQ4S-y_jz-", "code •••••"),
        ("code AbC1--dEfG", "code •••••"),
        ("code a1b2", "code •••••"),
        ("code G-123456", "code •••••"),
        (
            "To set up your e-mail, use 654321",
            "To set up your e-mail, use •••••",
        ),
        ("12345", "•••••"),
        ("99:12345", "•••••"),
        ("12/345", "•••••"),
        ("Code 2024", "Code •••••"),
    ] {
        assert_eq!(masked(text), wanted);
    }
}

/// Protects whoever has to judge a new sign-in: when, from where and with what stays readable.
#[test]
fn what_is_told_of_a_new_sign_in_stays_readable() {
    for text in [
        "New login. Dear Ann, we detected a login into your account from a new device on 12/10/2026 at 10:11:12 UTC.\n\n\
         Device: Telegram Desktop, Windows 10\nLocation: Berlin, Germany (IP = 192.0.2.17)\n\n\
         If this wasn't you, you can terminate that session in Settings > Devices.",
        "Новый вход. Мы обнаружили вход в Ваш аккаунт с нового устройства 12.10.2026 в 10:11:12 UTC.",
        "вход 12 октября 2026 г. в 10:11",
        "تسجيل دخول جديد في ١٢/١٠/٢٠٢٦ الساعة ١٠:١١:١٢",
        "ورود جدید در ۱۲/۱۰/۲۰۲۶ ساعت ۱۰:۱۱:۱۲",
        "Neue Anmeldung am 12.10.2026 um 10:11 Uhr",
        "Nuevo inicio de sesión el 12 de octubre de 2026 a las 10:11",
        "on October 12, 2026 at 10:11 AM",
        "on 12 October 2026 at 9:05",
        "2026-10-12 10:11:12 +03:00",
        "2026年10月12日 10:11",
        "IP = 2001:db8::2:1",
        "IP 192.0.2.17:44",
        "Telegram Desktop 4.16.8, iOS 17.1, x64, IPv6, MacBookPro, iPhone 15",
        "Enable 2-Step Verification. You have 24 hours, 2 sessions.",
        "Telegram",
    ] {
        assert_eq!(masked(text), text);
    }
}

/// Protects rows that are masked once more, by the upgrade or an edit.
#[test]
fn what_is_masked_stays_as_it_is() {
    let once = masked("Login code: 123 456. Web: AbC1-dEfGhI");
    assert_eq!(mask_codes(&once), None, "{once}");
}

#[test]
fn telegram_itself_has_two_numbers() {
    assert!(is_telegram_itself(ChatId::user(777_000)));
    assert!(is_telegram_itself(ChatId::user(42_777)));
    assert!(!is_telegram_itself(ChatId::group(777_000)));
    assert!(!is_telegram_itself(ChatId::user(777_001)));
}

proptest! {
    /// Protects what nobody thought of: digits in whatever grouping are gone, and so is a code of my.telegram.org's
    /// alphabet below the line that announces it; what is masked stays as it is.
    #[test]
    fn no_grouping_lets_a_code_through(
        code in "[0-9]{1,3}([ ,'_]?[0-9]{1,3}){2,4}",
        web in "[A-Za-z0-9_-]{11}",
        before in "[a-zа-я]{2,8}[:]?",
    ) {
        let masked = mask_codes(&format!("{before} {code} {before}")).unwrap_or_default();
        prop_assert_eq!(&masked, &format!("{} ••••• {}", before, before));
        prop_assert_eq!(mask_codes(&masked), None);
        let masked = mask_codes(&format!("{before}:\n{web}\n\n{before}")).unwrap_or_default();
        let rest = masked.replace(['-', '_'], "");
        prop_assert_eq!(rest, format!("{}:\n•••••\n\n{}", before, before));
    }
}
