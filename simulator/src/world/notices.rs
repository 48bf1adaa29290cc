//! Notices: what Telegram itself writes to an account, as its user 777000.
//!
//! A code goes to the devices that are signed in already; an account without any is told by SMS, so nothing is written.

use rand::RngExt;

use super::{Draft, Posted, Refusal, User, World, bad, digits, ids::ChatRef};

/// Telegram's own user.
pub const TELEGRAM: i64 = 777_000;
/// Length of what my.telegram.org sends.
const WEB_CODE: usize = 11;
const WEB_LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// How a code for signing in is told, by language; `{}` is the code.
const LOGIN: &[(&str, &str)] = &[
    (
        "en",
        "Login code: {}. Do not give this code to anyone, even if they say they are from Telegram!\n\n\
         This code can be used to log in to your Telegram account. We never ask it for anything else.\n\n\
         If you didn't request this code by trying to log in on another device, simply ignore this message.",
    ),
    (
        "ru",
        "Код для входа в Telegram: {}. Не давайте код никому, даже если его требуют от имени Telegram!\n\n\
         Этот код используется для входа в Ваш аккаунт в Telegram. Он никогда не нужен для чего-то ещё.\n\n\
         Если Вы не запрашивали код для входа, проигнорируйте это сообщение.",
    ),
    (
        "ar",
        "رمز تسجيل الدخول: {}. لا تعطِ هذا الرمز لأي شخص، حتى لو قال إنه من تيليجرام!\n\n\
         إن لم تطلب هذا الرمز، تجاهل هذه الرسالة.",
    ),
    (
        "fa",
        "کد ورود: {}. این کد را به هیچ‌کس ندهید، حتی اگر بگوید از طرف تلگرام است!\n\n\
         اگر این کد را درخواست نکرده‌اید، این پیام را نادیده بگیرید.",
    ),
    (
        "de",
        "Anmeldecode: {}. Gib diesen Code niemandem, selbst wenn jemand sagt, er komme von Telegram!\n\n\
         Wenn du den Code nicht angefordert hast, ignoriere diese Nachricht.",
    ),
    (
        "es",
        "Código de inicio de sesión: {}. No des este código a nadie, ¡aunque diga que es de Telegram!\n\n\
         Si no pediste este código, ignora este mensaje.",
    ),
];

const WEB: &str = "Web login code. Dear {name}, we received a request from your account to log in on my.telegram.org. \
    This is your login code:\n{code}\n\nDo not give this code to anyone, even if they say they're from Telegram! \
    This code can be used to delete your Telegram account. We never ask to send it anywhere.";

impl World {
    pub(super) fn add_telegram(&mut self) {
        let phone = "42777".to_owned();
        self.by_phone.insert(phone.clone(), TELEGRAM);
        let user = User {
            id: TELEGRAM,
            first_name: "Telegram".to_owned(),
            phone: Some(phone),
            ..User::default()
        };
        self.users.insert(TELEGRAM, user);
    }

    /// Tells the account's other devices a code for signing in.
    pub(super) fn tell_login_code(&mut self, phone: &str, code: &str) {
        let user = self.user_by_phone(phone);
        let Some(user) = user.filter(|user| self.has_devices(*user)) else {
            return;
        };
        let language = self.language_of(user);
        let known = LOGIN.iter().find(|(name, _)| *name == language);
        let (language, text) = known.unwrap_or(&LOGIN[0]);
        let code = in_digits_of(language, code);
        self.notify(user, &text.replace("{}", &code));
        self.issued.push(code);
    }

    /// Somebody gave the account's number to my.telegram.org: its devices are told a code for that, which is answered.
    pub fn web_login(&mut self, phone: &str) -> Result<String, Refusal> {
        let user = self.user_by_phone(&digits(phone));
        let Some(user) = user.filter(|user| self.has_devices(*user)) else {
            return Err(bad("PHONE_NUMBER_INVALID"));
        };
        let mut code: String = (0..WEB_CODE)
            .map(|_| char::from(WEB_LETTERS[self.rng.random_range(0..WEB_LETTERS.len())]))
            .collect();
        code.replace_range(4..5, "-");
        let name = self.users.get(&user).map(|user| user.first_name.clone());
        let text = WEB
            .replace("{name}", &name.unwrap_or_default())
            .replace("{code}", &code);
        self.notify(user, &text);
        self.issued.push(code.clone());
        Ok(code)
    }

    /// Telegram writes to an account.
    pub fn notify(&mut self, user: i64, text: &str) -> Posted {
        self.post(TELEGRAM, ChatRef::User(user), Draft::text(text), None)
    }

    fn has_devices(&self, user: i64) -> bool {
        self.accounts
            .get(&user)
            .is_some_and(|account| account.registered && !account.keys.is_empty())
    }

    /// Its own, else that of the device that came last.
    fn language_of(&self, user: i64) -> String {
        let Some(account) = self.accounts.get(&user) else {
            return String::new();
        };
        let device = || {
            let key = account.keys.last()?;
            Some(self.keys.get(key)?.client.as_ref()?.lang_code.clone())
        };
        account.language.clone().or_else(device).unwrap_or_default()
    }
}

/// Persian text has Persian digits.
fn in_digits_of(language: &str, code: &str) -> String {
    if language != "fa" {
        return code.to_owned();
    }
    let zero = u32::from('۰');
    code.chars()
        .map(|digit| {
            let value = digit.to_digit(10);
            value
                .and_then(|value| char::from_u32(zero + value))
                .unwrap_or(digit)
        })
        .collect()
}
