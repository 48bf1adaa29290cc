//! Phrases: what people say, in several languages and scripts.

/// One person keeps to one language.
const LANGUAGES: &[&[&str]] = &[
    &[
        "Hi! Is the order on its way?",
        "Thanks a lot 🙏",
        "Could you send me the price list, please?",
        "I'll be there at six.",
        "That works for me.",
        "Any news?",
        "Sorry, I was on the phone.",
        "Perfect, see you tomorrow!",
        "Can I pay by card?",
        "The second one is better, I think.",
    ],
    &[
        "Добрый день! Когда будет доставка?",
        "Спасибо большое!",
        "Пришлите, пожалуйста, прайс.",
        "Буду в шесть.",
        "Хорошо, договорились 👌",
        "Есть новости?",
        "Извините, был на встрече.",
        "А можно перенести на завтра?",
        "Мне больше нравится второй вариант.",
        "Оплатил, проверьте, пожалуйста.",
    ],
    &[
        "السلام عليكم، متى يصل الطلب؟",
        "شكراً جزيلاً 🌹",
        "ممكن ترسل لي قائمة الأسعار؟",
        "سأكون هناك الساعة السادسة.",
        "تمام، اتفقنا.",
        "هل من جديد؟",
        "عذراً، كنت في اجتماع.",
        "ممكن نؤجل الموعد إلى الغد؟",
        "الخيار الثاني أفضل.",
        "تم الدفع، أرجو التأكيد.",
    ],
    &[
        "¡Hola! ¿Cuándo llega el pedido?",
        "Muchas gracias 😊",
        "¿Me mandas la lista de precios?",
        "Llego a las seis.",
        "Perfecto, quedamos así.",
        "¿Hay novedades?",
        "Perdona, estaba reunida.",
        "¿Podemos dejarlo para mañana?",
        "Me gusta más el segundo.",
        "Ya está pagado.",
    ],
    &[
        "你好，订单发货了吗？",
        "非常感谢！",
        "请把价目表发给我。",
        "我六点到。",
        "好的，就这样定了。",
        "有新消息吗？",
        "不好意思，刚才在开会。",
        "能改到明天吗？",
        "我觉得第二个更好。",
        "已付款，请查收。",
    ],
    &[
        "नमस्ते, ऑर्डर कब तक आएगा?",
        "बहुत धन्यवाद 🙏",
        "कृपया मूल्य सूची भेज दीजिए।",
        "मैं छह बजे पहुँचूँगा।",
        "ठीक है, तय रहा।",
        "कोई ख़बर?",
        "माफ़ कीजिए, मैं मीटिंग में था।",
        "क्या कल कर सकते हैं?",
        "मुझे दूसरा वाला बेहतर लगा।",
        "भुगतान हो गया है।",
    ],
    &[
        "Grüß Gott! Wann kommt die Lieferung?",
        "Vielen Dank!",
        "Können Sie mir die Preisliste schicken?",
        "Ich bin um sechs da.",
        "Passt, so machen wir's.",
        "Gibt es etwas Neues?",
        "Entschuldigung, ich war im Gespräch.",
        "Geht es auch morgen?",
        "Das Zweite gefällt mir besser.",
        "Ist überwiesen.",
    ],
    &[
        "שלום, מתי מגיע המשלוח?",
        "תודה רבה!",
        "אפשר לקבל את המחירון?",
        "אהיה שם בשש.",
        "מצוין, סגרנו.",
        "יש חדש?",
        "סליחה, הייתי בפגישה.",
        "אפשר לדחות למחר?",
        "השני נראה לי טוב יותר.",
        "שילמתי, תבדקו בבקשה.",
    ],
];

/// What this person says now.
pub fn phrase(person: u64, chance: u64) -> &'static str {
    let language = LANGUAGES
        .get(person as usize % LANGUAGES.len())
        .copied()
        .unwrap_or(&[]);
    language
        .get((chance % language.len().max(1) as u64) as usize)
        .copied()
        .unwrap_or("…")
}

/// What this person answers: never with the question that opens each list.
pub fn answer(person: u64, chance: u64) -> &'static str {
    let language = LANGUAGES
        .get(person as usize % LANGUAGES.len())
        .copied()
        .unwrap_or(&[]);
    let rest = language.get(1..).unwrap_or(&[]);
    rest.get((chance % rest.len().max(1) as u64) as usize)
        .copied()
        .unwrap_or("…")
}
