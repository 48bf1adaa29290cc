//! What the desk's own calls take and give.

super::schemas! {
    answer Error { error: "ErrorBody" }
    answer ErrorBody { code: "string", message: "string", request_id: "maybe string", params: "maybe object" }
    answer Account {
        id: "uuid", label: "string", colour: "integer", phone: "string?", is_active: "boolean",
        state: "one of signed_out|signing_in|connecting|online|reconnecting|limited|stopped|needs_login|banned|failed",
        state_reason: "string?", state_code: "string?", state_params: "object?", state_since: "time", retry_at: "time?", attempt: "integer", user: "TelegramUser?",
        unread: "integer", outbox_pending: "integer", last_update_at: "time?", created_at: "time", sync: "Sync?",
        archive: "one of recent|all", history: "History?",
        media: "one of none|previews|all", proxies: "ProxyName[]?", proxy: "ProxyName?", exit: "one of direct|proxy",
        health: "Health", pace: "Pace", device: "Device?", retention: "Retention",
    }
    answer Health { frozen: "Frozen?", strangers_limited: "StrangersLimit?", paid: "PaidPeer[]", flood_waits: "FloodDay", strangers_today: "integer", learned_per_minute: "integer?", unofficial: "UnofficialMark?" }
    answer UnofficialMark { marked: "boolean", seen_at: "time" }
    answer Frozen { since: "time?", until: "time?", appeal_url: "string?" }
    answer StrangersLimit { since: "time", last_at: "time" }
    answer PaidPeer { chat_id: "string", stars: "integer", learned_at: "time" }
    answer FloodDay { count: "integer", seconds: "integer", longest_s: "integer", last_at: "time?" }
    answer Pace { strangers_per_day: "integer?", per_minute: "integer?" }
    answer DeviceSessions { sessions: "DeviceSession[]" }
    answer DeviceSession {
        hash: "string", current: "boolean", official_app: "boolean", unconfirmed: "boolean", device: "string", system: "string",
        app: "string", ip: "string", country: "string", created_at: "time", active_at: "time",
    }
    answer ProxyName { kind: "one of socks5|http|https|mtproxy", host: "string" }
    answer WouldFree { for_all: "KeepFor", accounts: "AccountWouldFree[]" }
    answer KeepFor { messages_days: "integer?", media_days: "integer?", events_days: "integer?" }
    answer AccountWouldFree {
        account_id: "uuid", messages_days: "integer?", media_days: "integer?", messages: "integer", bytes: "integer", files: "integer",
        file_bytes: "integer",
    }
    answer ServiceWays { proxies: "ProxyName[]" }
    answer Ways { ways: "Way[]" }
    answer Way { proxy: "ProxyName?", dcs: "Reach[]" }
    answer Reach { id: "integer", ms: "integer?", code: "string?", error: "string?" }
    answer TelegramUser { id: "string", first_name: "string", last_name: "string?", username: "string?" }
    answer Sync { phase: "one of dialogs|history|done", done: "integer", total: "integer" }
    answer History { done: "integer", total: "integer", eta_s: "integer" }
    answer Login {
        method: "one of phone|qr|session", step: "one of code|email|password|scan|done",
        code_via: "one of app|sms|sms_word|sms_phrase|call|flash_call|missed_call|email|fragment|other?", code_length: "integer?",
        code_hint: "string?", resend_via: "one of app|sms|sms_word|sms_phrase|call|flash_call|missed_call|email|fragment|other?",
        password_recovery: "boolean?", password_reset_at: "time?",
        expires_at: "time?", resend_at: "time?", password_hint: "string?", attempts_left: "integer?", qr: "Qr?",
    }
    answer Qr { url: "string", svg: "string", expires_at: "time", scanned: "boolean" }
    answer Conversation {
        id: "integer", account_id: "uuid", chat_id: "string", kind: "one of private|bot|group|supergroup|channel",
        title: "string", username: "string?", unread: "integer", can_send: "boolean", last_message: "Message?",
        last_message_at: "time?", muted: "boolean", draft: "ChatDraft?", topic_drafts: "maybe TopicDraft[]", archived: "boolean", marked_unread: "boolean", blocked: "boolean",
        read_inbox_max_id: "integer", read_outbox_max_id: "integer",
    }
    answer Message {
        id: "integer", account_id: "uuid", conversation_id: "integer", chat_id: "string", message_id: "string?",
        direction: "one of incoming|outgoing", text: "string", timestamp: "time",
        status: "one of received|pending|sent|failed", delivery: "one of queued|in_flight|unanswered|failed|given_up?",
        sender: "Sender?", reply_to_message_id: "string?", topic: "Topic?", edited_at: "time?", deleted_at: "time?",
        media: "Media?", service: "string?", backfilled: "boolean", masked: "boolean", late: "boolean",
        entities: "Entity[]?", album_id: "string?", forwarded_from: "ForwardedFrom?", quote: "string?",
        buttons: "Button[][]?", reactions: "Reaction[]?", action: "maybe Action", details: "maybe Details",
        error: "SendError?", retry_at: "time?", upload: "Upload?", scheduled_for: "schedule?", orders: "maybe OrderNote[]",
        waits_for: "one of flood_wait|slow_mode|pace_strangers|pace_minute|file_elsewhere?",
    }
    answer TopicDraft { topic_id: "string", like: "ChatDraft" }
    answer ChatDraft { text: "string", entities: "Entity[]", reply_to_message_id: "integer?", at: "time" }
    answer Scheduled { messages: "Message[]", compared: "boolean" }
    answer OrderNote {
        id: "integer", kind: "order kind", status: "one of pending|failed",
        delivery: "one of queued|in_flight|unanswered|failed|given_up", error: "SendError?", retry_at: "time?",
    }
    answer Order {
        id: "integer", account_id: "uuid", conversation_id: "integer", chat_id: "string", kind: "order kind",
        status: "one of pending|done|failed|taken_back", delivery: "one of queued|in_flight|unanswered|failed|given_up?",
        messages: "integer[]", error: "SendError?", retry_at: "time?",
    }
    answer OneOrder { order: "Order" }
    answer Orders { orders: "Order[]" }
    answer Upload { done: "integer", total: "integer" }
    answer UploadProgress { account_id: "uuid", id: "integer", done: "integer", total: "integer" }
    answer Entity {
        type: "one of mention|hashtag|bot_command|url|email|bold|italic|code|pre|text_url|mention_name|phone|cashtag|underline|strike|bank_card|spoiler|custom_emoji|blockquote|date|diff_insert|diff_replace|diff_delete|ton_address|other",
        offset: "integer", length: "integer", url: "maybe string", user_id: "maybe string", language: "maybe string",
        misleading: "maybe boolean", custom_emoji_id: "maybe string", date: "maybe time",
    }
    answer ForwardedFrom { id: "string?", name: "string?", date: "time" }
    answer Contacts { contacts: "ListedContact[]", next_cursor: "string?", fetched_at: "time?" }
    answer ListedContact {
        account_id: "uuid", chat_id: "string", name: "string", username: "string?", mutual: "boolean",
        conversation_id: "integer?", accounts: "uuid[]",
    }
    answer FoundRecipient { found: "FoundChat" }
    answer FoundChat {
        chat_id: "string?", kind: "one of private|bot|group|supergroup|channel", title: "string", username: "string?",
        about: "string?", members: "integer?", on_request: "boolean", joinable: "boolean", conversation: "Conversation?",
        accounts: "uuid[]", wants: "Wanted?",
    }
    answer Wanted { stars: "integer?", premium: "boolean" }
    answer Joined { conversation: "Conversation?", requested: "boolean" }
    answer Topics { topics: "Topic[]" }
    answer Topic { id: "string", title: "string?" }
    answer Sender { id: "string", name: "string", username: "string?" }
    answer SendError { code: "string", message: "string" }
    answer Media {
        kind: "one of photo|video|video_note|animation|voice|audio|document|sticker|location|contact|poll|web_page|game|dice|invoice|story|giveaway|paid_media|todo|live_stream|other",
        name: "string?", size: "integer?", mime: "string?", duration: "integer?", width: "integer?", height: "integer?",
        thumb: "string?", url: "string?", thumb_url: "string?", waveform: "maybe integer[]", spoiler: "maybe boolean", vanishes_after: "maybe integer",
        audio: "maybe Track", sticker: "maybe Sticker", location: "maybe Location", contact: "maybe Contact",
        poll: "maybe Poll", page: "maybe Page", game: "maybe Game", dice: "maybe Dice", invoice: "maybe Invoice",
        story: "maybe Story", giveaway: "maybe Giveaway", paid: "maybe Paid", todo: "maybe Todo",
    }
    answer Track { title: "string?", performer: "string?" }
    answer Sticker { emoji: "string?", set: "string?" }
    answer Location {
        latitude: "number", longitude: "number", accuracy: "integer?", live_for: "integer?", heading: "integer?",
        title: "string?", address: "string?",
    }
    answer Contact { first_name: "string", last_name: "string", phone: "string", user_id: "string?" }
    answer Poll {
        id: "string", question: "string", options: "PollOption[]", voters: "integer?", quiz: "boolean", multiple: "boolean",
        anonymous: "boolean", closed: "boolean", closes_at: "time?", explanation: "string?",
    }
    answer PollOption { text: "string", votes: "integer?", mine: "boolean", correct: "boolean?", key: "string" }
    answer Page {
        id: "string", url: "string?", site: "string?", title: "string?", description: "string?", author: "string?",
        pending: "boolean",
    }
    answer Game { title: "string", description: "string?", short_name: "string" }
    answer Dice { emoji: "string", value: "integer" }
    answer Invoice {
        title: "string", description: "string?", amount: "integer", currency: "string", test: "boolean", paid: "boolean",
    }
    answer Story { chat_id: "string", id: "integer", text: "string?", mention: "boolean" }
    answer Giveaway {
        winners: "integer", winner_ids: "string[]", finished: "boolean", months: "integer?", stars: "integer?",
        prize: "string?", until: "time",
    }
    answer Paid { stars: "integer", items: "Media[]", bought: "boolean" }
    answer Todo { title: "string", items: "TodoItem[]" }
    answer TodoItem { id: "integer", text: "string", done_by: "Named?", done_at: "time?" }
    answer Named { id: "string", name: "string?" }
    answer Button {
        text: "string", kind: "one of text|url|app|callback|copy|user|pay|game|inline|request|disabled",
        url: "maybe string", copies: "maybe string", user_id: "maybe string",
    }
    answer Reaction {
        emoji: "string", count: "integer", mine: "boolean", custom_emoji_id: "maybe string", paid: "maybe boolean",
        who: "maybe Named[]",
    }
    answer Action {
        kind: "string", who: "maybe Named", whom: "maybe Named[]", value: "maybe string", currency: "maybe string",
    }
    answer Details {
        views: "maybe integer", forwards: "maybe integer", replies: "maybe integer", deletes_after: "maybe integer",
        protected: "maybe boolean", silent: "maybe boolean", pinned: "maybe boolean", mentioned: "maybe boolean",
        from_scheduled: "maybe boolean", automatic: "maybe boolean", rich: "maybe boolean", partial: "maybe boolean",
        via_bot: "maybe Named", business_bot: "maybe Named", paid_stars: "maybe integer", suggested_post: "maybe string",
        effect: "maybe string", fact_check: "maybe string", restricted: "maybe string", reply_to_chat: "maybe string",
        reply_to_story: "maybe integer", forwarded_message_id: "maybe string", imported_at: "maybe time",
    }
    answer Accounts { accounts: "Account[]", server_has_api: "boolean", vault: "Vault" }
    answer Vault {
        kind: "one of local|supabase", state: "one of online|offline", since: "time", reason: "string?",
        reason_code: "string?", reason_params: "object?", queued: "integer", conflicts: "VaultConflict[]",
    }
    answer VaultConflict { account_id: "uuid", what: "string", codes: "string[]", settled_here: "boolean" }
    answer OneAccount { account: "Account" }
    answer Imported { import: "ImportCounts" }
    answer ImportCounts {
        chats: "integer", messages: "integer", added: "integer", known: "integer", differing: "integer", skipped: "integer",
    }
    answer SignedOut { account: "Account", logout: "one of done|ordered|unreadable" }
    answer AccountAndLogin { account: "Account", login: "Login?", ended: "maybe ErrorBody?" }
    answer Conversations { conversations: "Conversation[]", next_cursor: "string?" }
    answer OneConversation { conversation: "Conversation" }
    answer Messages { messages: "Message[]", next_cursor: "string?", prev_cursor: "maybe string?" }
    answer FoundMessages { messages: "FoundMessage[]", next_cursor: "string?" }
    answer FoundMessage { like: "Message", highlights: "integer[][]", conversation: "Conversation" }
    answer OneMessage { message: "Message" }
    answer Replied { message: "Message", messages: "maybe Message[]" }
    answer SomeMessages { messages: "Message[]" }
    answer Revealed { text: "string" }
    answer MessageAndConversation { message: "Message", conversation: "Conversation" }
    answer AuditEntries { entries: "AuditEntry[]", next_after: "integer" }
    answer AuditEntry {
        id: "integer", at: "time", action: "string", by: "string", token_id: "integer?", ip: "string?", account_id: "uuid?",
        detail: "string",
    }
    answer Tokens { tokens: "Token[]" }
    answer NewToken { token: "Token", secret: "string" }
    answer Token {
        id: "integer", name: "string", scope: "one of read|send|admin|licence|desk", account_ids: "uuid[]?", owner: "string?",
        state: "one of valid|revoked|expired", created_at: "time", last_used_at: "time?", expires_at: "time?",
        revoked_at: "time?",
    }
    answer Webhooks { webhooks: "Webhook[]" }
    answer OneWebhook { webhook: "Webhook" }
    answer NewWebhook { webhook: "Webhook", secret: "maybe string" }
    answer Webhook {
        id: "string", source: "one of rest|configuration", url: "string?", events: "event name[]?", account_ids: "uuid[]?",
        owner: "string?", patience: "integer", state: "one of active|failing|paused|unreadable", last_taken_at: "time?",
        last_error: "WebhookError?", accounts_waiting: "integer", waiting_seconds: "integer", created_at: "time?",
    }
    answer WebhookError { at: "time", reason: "string", code: "string", params: "object" }
    answer WebhookTested { answer: "WebhookAnswer" }
    answer WebhookAnswer {
        taken: "boolean", status: "integer?", error: "string?", error_code: "string?", error_params: "object?",
        took_ms: "integer",
    }
    answer Versions { versions: "Version[]" }
    answer Version { text: "string", replaced_at: "time?" }
    answer Events { events: "Event[]", next_after: "integer" }
    answer Event {
        seq: "integer", at: "time",
        event: "one of message_received|message_sent|message_edited|message_reacted|message_deleted|conversation_updated|order_updated|account_status|account_removed|login_updated",
        data: "object",
    }
    answer MessageEvent { message: "Message", conversation: "Conversation" }
    answer MessagesDeleted {
        account_id: "uuid", conversation_id: "integer", chat_id: "string", ids: "integer[]", message_ids: "string[]",
        deleted_at: "time",
    }
    answer AccountRemoved { account_id: "uuid" }
    answer LoginUpdated { account_id: "uuid", login: "Login?" }
    answer Hello { seq: "integer", oldest_seq: "integer", version: "string", scope: "one of read|send|admin|licence" }
    answer Resync { seq: "integer" }
    answer Typing { account_id: "uuid", conversation_id: "integer", chat_id: "string", sender: "Sender?" }
    answer VaultStatus { vault: "Vault" }
    answer WebhookTest { webhook_id: "string" }
    answer Ticket { ticket: "string", expires_at: "time" }
    answer Launch { url: "string", expires_at: "time" }
    answer Live { status: "one of ok|unavailable", stuck: "maybe string[]" }
    answer Ready { status: "one of ok|unavailable", store: "StoreHealth", vault: "Vault", webhooks: "WebhooksHealth", node: "NodeHealth?" }
    answer NodeHealth { id: "uuid", nodes: "integer", draining: "boolean", accounts: "integer", renewed_seconds: "integer?" }
    answer About { version: "string", layer: "integer", database: "one of sqlite|postgres", nodes: "integer", files: "KeptFiles" }
    answer KeptFiles { store: "one of disk|bucket", kept_bytes: "integer", bound: "integer" }
    answer FilesCleared { files: "integer", freed_bytes: "integer" }
    answer Nodes { nodes: "Node[]", without_node: "uuid[]" }
    answer Node {
        id: "uuid", name: "string", address: "string?", version: "string", this: "boolean", alive: "boolean", draining: "boolean",
        started_at: "time", seen_ms: "integer", vault: "NodeVault?", accounts: "NodeLease[]",
    }
    answer NodeVault {
        kind: "one of local|supabase", state: "one of online|offline", since: "time", reason: "string?", reason_code: "string?",
        reason_params: "object?", conflicts: "integer",
    }
    answer NodeLease { id: "uuid", epoch: "integer", left_ms: "integer" }
    body DrainNode { draining: "maybe boolean?" }
    answer NodeDrained { id: "uuid", draining: "boolean" }
    answer WebhooksHealth { accounts_waiting: "integer", waiting_seconds: "integer" }
    answer StoreHealth {
        ok: "boolean", since: "time", reason: "string?", reason_code: "string?", reason_params: "object?",
    }

    body AddAccount {
        label: "line", api_id: "maybe api id?", api_hash: "maybe api hash?", phone: "maybe phone?", qr: "maybe boolean",
        session: "maybe secret?", colour: "maybe hue?", archive: "maybe one of recent|all?", proxies: "maybe proxies?",
        device: "maybe ChangeDevice?",
    }
    body TestWays { proxies: "maybe proxies?" }
    body ChangeAccount {
        label: "maybe line?", is_active: "maybe boolean?", colour: "maybe hue?", archive: "maybe one of recent|all?",
        media: "maybe one of none|previews|all?", proxies: "maybe proxies?", pace: "maybe ChangePace?",
        device: "maybe ChangeDevice?", retention: "maybe ChangeRetention?",
    }
    answer Device { model: "string", system: "string", app: "string", language: "string" }
    body ChangeDevice {
        model: "maybe device name?", system: "maybe device name?", app: "maybe device name?", language: "maybe language tag?",
    }
    answer Retention { messages_days: "integer?", media_days: "integer?" }
    body ChangeRetention { messages_days: "maybe days kept?", media_days: "maybe days kept?" }
    body ChangePace { strangers_per_day: "maybe pace limit?", per_minute: "maybe pace limit?" }
    body BeginLogin {
        phone: "maybe phone?", qr: "maybe boolean", session: "maybe secret?", proxies: "maybe proxies?",
    }
    body MakeToken {
        name: "line", scope: "one of read|send|admin|licence", account_ids: "maybe uuid[]?", expires_at: "maybe time?",
    }
    body MakeWebhook {
        url: "web address", events: "maybe event name[]?", account_ids: "maybe uuid[]?", owner: "maybe owner?",
        patience: "maybe patience?", paused: "maybe boolean",
    }
    body ChangeWebhook {
        url: "maybe web address?", events: "maybe event name[]?", account_ids: "maybe uuid[]?", owner: "maybe owner?",
        patience: "maybe patience?", paused: "maybe boolean?", rotate_secret: "maybe boolean",
    }
    body Replay { after: "event number" }
    body Code { code: "secret" }
    body Email { email: "secret" }
    body Password { password: "secret" }
    body Send {
        recipient: "secret", text: "words", entities: "maybe NewEntity[]?", format: "maybe one of plain|markdown?",
        preview: "maybe boolean?",
    }
    body Find { recipient: "secret" }
    body NewContact { phone: "phone", first_name: "line", last_name: "maybe line?" }
    body Edit {
        text: "new text", entities: "maybe NewEntity[]?", format: "maybe one of plain|markdown?", preview: "maybe boolean?",
    }
    body EditForm {
        file: "file[]", text: "maybe caption", entities: "maybe string", format: "maybe one of plain|markdown",
        as: "maybe one of photo|file", keep_metadata: "maybe one of true|false",
    }
    body NewEntity {
        type: "one of bold|italic|underline|strike|spoiler|code|pre|blockquote|text_url|mention_name|custom_emoji",
        offset: "place", length: "length", url: "maybe string?", user_id: "maybe user number?", language: "maybe string?",
        custom_emoji_id: "maybe emoji number?",
    }
    body Reschedule {
        text: "maybe new text?", entities: "maybe NewEntity[]?", format: "maybe one of plain|markdown?", preview: "maybe boolean?",
        scheduled_for: "maybe schedule?",
    }
    body NewDraft {
        text: "new text", entities: "maybe NewEntity[]?", format: "maybe one of plain|markdown?", preview: "maybe boolean?",
        reply_to_message_id: "maybe telegram number?", topic_id: "maybe telegram number?",
    }
    body React { emoji: "emoji?" }
    body Pin { pinned: "boolean", silent: "maybe boolean?" }
    body Clear { for: "one of everyone|me" }
    body ChangeConversation {
        muted: "maybe boolean?", muted_until: "maybe time?", archived: "maybe boolean?", marked_unread: "maybe boolean?",
        blocked: "maybe boolean?",
    }
    body Forward {
        message_ids: "row ids", conversation_ids: "few row ids", hide_origin: "maybe boolean?",
        topic_id: "maybe telegram number?", scheduled_for: "maybe schedule?",
    }
    body DeleteMessages { message_ids: "row ids", for: "one of everyone|me" }
    body Reply {
        text: "words", entities: "maybe NewEntity[]?", format: "maybe one of plain|markdown?", preview: "maybe boolean?",
        reply_to_message_id: "maybe telegram number?", quote: "maybe NewQuote?", topic_id: "maybe telegram number?",
        scheduled_for: "maybe schedule?",
    }
    body NewQuote { text: "quote", offset: "maybe place?" }
    body ReplyForm {
        file: "file[]", text: "maybe caption", entities: "maybe string", format: "maybe one of plain|markdown",
        as: "maybe one of photo|file|voice", reply_to_message_id: "maybe telegram number",
        topic_id: "maybe telegram number", keep_metadata: "maybe one of true|false", waveform: "maybe string",
        scheduled_for: "maybe schedule",
    }
}
