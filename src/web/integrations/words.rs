//! Words: what people read in the answers, in Arabic, English and Russian.

use serde_json::Value;

use super::language::Language;
use crate::domain::{CodeChannel, LogOut, Login, LoginStep};

/// Good news.
#[derive(Clone, Copy, Debug)]
pub enum Said {
    Connected,
    Works,
    Disconnected,
    /// Here; Telegram is told later.
    DisconnectedHere,
    /// Here; Telegram can't be told.
    DisconnectedByHand,
}

impl Said {
    #[must_use]
    pub const fn disconnected(log_out: LogOut) -> Self {
        match log_out {
            LogOut::Done => Self::Disconnected,
            LogOut::Ordered => Self::DisconnectedHere,
            LogOut::Unreadable => Self::DisconnectedByHand,
        }
    }

    #[must_use]
    pub const fn text(self, language: Language) -> &'static str {
        language.pick(match self {
            Self::Connected => [
                "تم ربط الرقم بنجاح",
                "Successfully authorized",
                "Номер успешно подключён",
            ],
            Self::Works => [
                "الاتصال بتيليجرام يعمل",
                "The connection to Telegram works",
                "Подключение к Telegram работает",
            ],
            Self::Disconnected => [
                "تم قطع الاتصال بتيليجرام",
                "Disconnected from Telegram",
                "Telegram отключён",
            ],
            Self::DisconnectedHere => [
                "تم قطع الاتصال هنا، وستنتهي الجلسة في تيليجرام حالما يمكن الوصول إليه",
                "Disconnected here; the session at Telegram ends as soon as Telegram can be reached",
                "Отключено здесь; сеанс в Telegram завершится, как только Telegram станет доступен",
            ],
            Self::DisconnectedByHand => [
                "تم قطع الاتصال هنا. أنهِ الجلسة بنفسك في تيليجرام: الإعدادات، الأجهزة",
                "Disconnected here; end the session yourself, in Telegram under Settings, Devices",
                "Отключено здесь; завершите сеанс сами: Telegram, Настройки, Устройства",
            ],
        })
    }
}

/// What is waited for: the code, with where it is and how to tell it, or what comes before.
#[must_use]
pub fn waits_for(language: Language, login: &Login) -> String {
    if login.step == LoginStep::Email {
        let text = language.pick([
            "يريد تيليجرام أن يكون لهذا الحساب بريد إلكتروني أولا: أدخل البريد، ثم الرمز الذي يصل إليه",
            "Telegram wants this account to have an e-mail address first: enter one, then the code that is sent there",
            "Telegram хочет, чтобы у аккаунта сначала была электронная почта: введите адрес, затем код, который придёт на него",
        ]);
        return text.to_owned();
    }
    let text = language.pick(match login.code_via {
        None | Some(CodeChannel::App | CodeChannel::Other) => [
            "تم إرسال رمز التحقق إلى تطبيق تيليجرام",
            "Code sent to Telegram",
            "Код отправлен в Telegram",
        ],
        Some(CodeChannel::Sms) => [
            "تم إرسال رمز التحقق في رسالة نصية قصيرة",
            "Code sent by SMS",
            "Код отправлен по SMS",
        ],
        Some(CodeChannel::SmsWord) => [
            "تم إرسال كلمة في رسالة نصية قصيرة: أدخل الكلمة كاملة",
            "A word was sent by SMS: enter the whole word",
            "В SMS отправлено слово: введите его целиком",
        ],
        Some(CodeChannel::SmsPhrase) => [
            "تم إرسال بضع كلمات في رسالة نصية قصيرة: أدخلها كلها",
            "A few words were sent by SMS: enter all of them",
            "В SMS отправлено несколько слов: введите их все",
        ],
        Some(CodeChannel::Call) => [
            "سيتصل تيليجرام بالرقم ويقول الرمز",
            "Telegram calls the number and says the code",
            "Telegram позвонит на номер и назовёт код",
        ],
        Some(CodeChannel::FlashCall) => [
            "سيتصل تيليجرام بالرقم: الرمز هو رقم المتصل كاملا",
            "Telegram calls the number: the code is the whole number that calls",
            "Telegram позвонит на номер: код — весь номер звонящего",
        ],
        Some(CodeChannel::MissedCall) => [
            "سيتصل تيليجرام ويغلق الخط: الرمز هو آخر أرقام رقم المتصل",
            "Telegram calls and hangs up: the code is the last digits of the number that calls",
            "Telegram позвонит и сбросит: код — последние цифры номера звонящего",
        ],
        Some(CodeChannel::Email) => [
            "تم إرسال الرمز إلى البريد الإلكتروني للحساب",
            "Code sent to the account's e-mail address",
            "Код отправлен на электронную почту аккаунта",
        ],
        Some(CodeChannel::Fragment) => [
            "الرمز ينتظر على fragment.com حيث اشتُري الرقم",
            "The code waits on fragment.com, where the number was bought",
            "Код ждёт на fragment.com, где куплен номер",
        ],
    });
    match (&login.code_hint, language) {
        (None, _) => text.to_owned(),
        // Kept from turning the line around it.
        (Some(hint), Language::Arabic) => format!("{text} (\u{2068}{hint}\u{2069})"),
        (Some(hint), _) => format!("{text} ({hint})"),
    }
}

/// What somebody can do who has forgotten the password that is asked for.
#[must_use]
pub fn forgotten(language: Language, params: &Value) -> Option<&'static str> {
    let by_email = params.get("recovery")?.as_bool()?;
    let resets = params.get("reset_at").is_some_and(Value::is_string);
    Some(language.pick(match (by_email, resets) {
        (_, true) => [
            "نسيتها؟ إعادة تعيينها جارية في تيليجرام: سجّل الدخول عندما تكتمل",
            "Forgotten? Its reset is under way at Telegram: sign in when that is done",
            "Забыли? Сброс уже идёт в Telegram: войдите, когда он завершится",
        ],
        (true, false) => [
            "نسيتها؟ غيّرها عبر البريد الإلكتروني في تطبيق تيليجرام الرسمي",
            "Forgotten? Replace it by e-mail in an official Telegram app",
            "Забыли? Замените его по электронной почте в официальном приложении Telegram",
        ],
        (false, false) => [
            "نسيتها؟ أعد تعيينها في تطبيق تيليجرام الرسمي؛ يستغرق ذلك أسبوعا",
            "Forgotten? Reset it in an official Telegram app; that takes a week",
            "Забыли? Сбросьте его в официальном приложении Telegram; это займёт неделю",
        ],
    }))
}

/// Trouble in words, by its code. `None`: we have only the English text that came with it.
#[must_use]
pub fn trouble(language: Language, code: &str) -> Option<&'static str> {
    if language == Language::English {
        return None;
    }
    let three = match code {
        "wrong_code" => [
            "الرمز غير صحيح: تحقق منه وأدخله مرة أخرى",
            "",
            "Неверный код: проверьте его и введите снова",
        ],
        "code_expired" => [
            "انتهت صلاحية الرمز: اطلب رمزا جديدا",
            "",
            "Срок действия кода истёк: запросите новый",
        ],
        "code_missing" => [
            "أدخل الرمز الذي وصلك من تيليجرام",
            "",
            "Введите код, который прислал Telegram",
        ],
        "needs_password" | "password_needed" => [
            "هذا الحساب محمي بالتحقق بخطوتين: أدخل كلمة المرور",
            "",
            "У этого аккаунта включена двухэтапная проверка: введите пароль",
        ],
        "wrong_password" => [
            "كلمة مرور التحقق بخطوتين غير صحيحة",
            "",
            "Неверный пароль двухэтапной проверки",
        ],
        "phone_invalid" => [
            "رقم الهاتف غير صالح: اكتبه بالصيغة الدولية التي تبدأ بعلامة +",
            "",
            "Неверный номер: введите его в международном формате, начиная с +",
        ],
        "phone_banned" => [
            "هذا الرقم محظور في تيليجرام",
            "",
            "Этот номер заблокирован в Telegram",
        ],
        "sign_up_required" => [
            "لا يوجد حساب تيليجرام بهذا الرقم: سجّله أولا في التطبيق الرسمي",
            "",
            "Для этого номера нет аккаунта Telegram: сначала зарегистрируйте его в официальном приложении",
        ],
        "flood_wait" | "too_many_attempts" => [
            "محاولات كثيرة: انتظر قليلا ثم حاول مرة أخرى",
            "",
            "Слишком много попыток: подождите и попробуйте снова",
        ],
        "payment_required" => [
            "يطلب تيليجرام دفعا لإرسال الرمز إلى هذا الرقم، ولا يُدفع شيء من هنا: سجّل الدخول برمز QR",
            "",
            "Telegram просит оплатить отправку кода на этот номер, а отсюда ничего не оплачивается: войдите по QR-коду",
        ],
        "check_wanted" => [
            "يطلب تيليجرام تحققا لا يظهر إلا في تطبيقاته: سجّل الدخول برمز QR، أو على هاتف أولا",
            "",
            "Telegram хочет проверку, которую показывают только его приложения: войдите по QR-коду или сначала на телефоне",
        ],
        "email_required" => [
            "يريد تيليجرام أن يكون لهذا الحساب بريد إلكتروني أولا: أدخل البريد، ثم الرمز الذي يصل إليه",
            "",
            "Telegram хочет, чтобы у аккаунта сначала была электронная почта: введите адрес, затем код, который придёт на него",
        ],
        "email_invalid" => [
            "لا يقبل تيليجرام هذا البريد الإلكتروني: أعط بريدا آخر",
            "",
            "Telegram не принимает этот адрес: укажите другой",
        ],
        "telegram_refused" => [
            "رفض تيليجرام ذلك: ابدأ من جديد، أو سجّل الدخول برمز QR",
            "",
            "Telegram отказал: начните заново или войдите по QR-коду",
        ],
        "session_invalid" => [
            "لا يمكن قراءة الجلسة: أنشئها من جديد",
            "",
            "Сеанс не читается: создайте его заново",
        ],
        "wrong_step" | "login_cancelled" => [
            "تسجيل الدخول ليس في هذه الخطوة: ابدأ من جديد",
            "",
            "Вход не на этом шаге: начните заново",
        ],
        "not_authorized" => [
            "لم يسجّل أحد الدخول: سجّل الدخول برقم الهاتف أو برمز QR أولا",
            "",
            "Никто не вошёл: сначала войдите по номеру или QR-коду",
        ],
        "telegram_unreachable" => [
            "تيليجرام لا يستجيب الآن: حاول بعد قليل",
            "",
            "Telegram сейчас не отвечает: попробуйте немного позже",
        ],
        "no_login" | "session_not_found" => [
            "لا توجد عملية تسجيل دخول جارية: ابدأ من جديد",
            "",
            "Вход не начат или устарел: начните заново",
        ],
        "already_connected" => [
            "هناك رقم مرتبط بهذه الرخصة: اقطع اتصاله أولا",
            "",
            "К этой лицензии уже подключён номер: сначала отключите его",
        ],
        "not_connected" => ["لا يوجد رقم مرتبط", "", "Номер не подключён"],
        "login_required" => [
            "انتهت الجلسة: سجّل الدخول مرة أخرى",
            "",
            "Сеанс завершён: войдите снова",
        ],
        "licence_required" => [
            "أرسل مفتاح الرخصة في الترويسة X-License-Key",
            "",
            "Передайте ключ лицензии в заголовке X-License-Key",
        ],
        "token_required" | "token_invalid" | "licence_not_yours" | "scope_too_small" => {
            ["مفتاح الرخصة غير صالح", "", "Ключ лицензии недействителен"]
        }
        "too_many_failures" => [
            "محاولات كثيرة بمفتاح خاطئ: انتظر دقيقة",
            "",
            "Слишком много неверных ключей: подождите минуту",
        ],
        "another_user" => [
            "هذا الرقم لمستخدم آخر: ابدأ من جديد",
            "",
            "Это другой пользователь Telegram: начните заново",
        ],
        "api_credentials_missing" | "api_credentials_rejected" => [
            "إعدادات تيليجرام في الخادم غير مكتملة: اتصل بالدعم",
            "",
            "Сервер не настроен для Telegram: обратитесь в поддержку",
        ],
        "malformed_json" | "unsupported_media_type" | "body_too_large" => [
            "الطلب غير مقروء: أرسل JSON صحيحا",
            "",
            "Запрос не читается: пришлите правильный JSON",
        ],
        "internal" | "store_unavailable" | "account_moving" | "answer_lost" | "stopping" => [
            "حدث خطأ في الخادم: حاول بعد قليل",
            "",
            "Ошибка на сервере: попробуйте немного позже",
        ],
        _ => return None,
    };
    Some(language.pick(three))
}

/// How long Telegram asks to wait; the English text says it already.
#[must_use]
pub fn wait(language: Language, params: &Value) -> Option<String> {
    let seconds = params.get("seconds")?.as_u64()?;
    let (n, unit) = match seconds {
        0..=119 => (seconds, ["ثانية", "", "с"]),
        120..=7199 => (seconds.div_ceil(60), ["دقيقة", "", "мин"]),
        _ => (seconds.div_ceil(3600), ["ساعة", "", "ч"]),
    };
    (language != Language::English).then(|| format!("{n} {}", language.pick(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{telegram::LoginError, web::ApiError};

    /// Protects who signs in from a dead end in a foreign language: whatever can be wrong is said in each, here and on the
    /// desk.
    #[test]
    fn everything_that_can_be_wrong_with_a_sign_in_has_words() {
        let desk = [
            include_str!("../../../static/i18n/ar.json"),
            include_str!("../../../static/i18n/en.json"),
            include_str!("../../../static/i18n/ru.json"),
        ];
        for error in LoginError::every() {
            let code = ApiError::from(error).code;
            for language in [Language::Arabic, Language::Russian] {
                assert!(trouble(language, code).is_some(), "{code}");
            }
            for words in desk {
                assert!(words.contains(&format!("\"error.{code}")), "{code}");
            }
        }
    }
}
