/**
 * The shapes that cross module borders, as the REST and WebSocket contract gives them. No code here.
 *
 * @typedef {'signed_out'|'signing_in'|'connecting'|'online'|'reconnecting'|'limited'|'stopped'|'needs_login'|'banned'|'failed'} AccountState
 *
 * @typedef {object} Account
 * @property {string} id
 * @property {string} label
 * @property {string|null} phone        masked by the server
 * @property {boolean} is_active
 * @property {AccountState} state
 * @property {string|null} state_reason   in English
 * @property {string|null} state_code      the same as a code,
 * @property {object|null} state_params    with what belongs to it
 * @property {string|null} state_since
 * @property {string|null} retry_at
 * @property {number|null} attempt
 * @property {{id: string, first_name: string, last_name: string|null, username: string|null}|null} user
 * @property {number} unread
 * @property {number} outbox_pending
 * @property {string|null} last_update_at
 * @property {string} created_at
 * @property {number} [colour]          0 to 11; derived from the id when missing
 * @property {string} [photo]
 * @property {{phase: 'dialogs'|'history'|'done', done: number, total: number}} [sync]
 * @property {'recent'|'all'} archive
 * @property {{done: number, total: number, eta_s: number}|null} history   with 'all'; eta_s 0: nothing is left
 * @property {{frozen: object|null, strangers_limited: object|null, paid: object[], flood_waits: object, strangers_today: number}} health
 * @property {{model: string, system: string, app: string, language: string}|null} device   what it calls itself at Telegram
 * @property {{messages_days: number|null, media_days: number|null}} retention   days; null: as for all, 0: for ever
 * @property {{strangers_per_day: number|null, per_minute: number|null}} pace   null: no limit
 *
 * @typedef {object} Login
 * @property {'phone'|'qr'|'session'} method
 * @property {'code'|'email'|'password'|'scan'|'done'} step
 * @property {string|null} code_via
 * @property {number|null} code_length
 * @property {string|null} code_hint
 * @property {boolean|null} password_recovery
 * @property {string|null} password_reset_at
 * @property {string|null} expires_at
 * @property {string|null} resend_at
 * @property {string|null} password_hint
 * @property {number|null} attempts_left
 * @property {{url: string, svg: string, expires_at: string}|null} qr
 *
 * @typedef {object} Conversation
 * @property {string} id
 * @property {string} account_id
 * @property {string} chat_id
 * @property {'private'|'bot'|'group'|'supergroup'|'channel'} kind
 * @property {string|null} title
 * @property {string|null} username
 * @property {number} unread
 * @property {boolean} can_send
 * @property {Message|null} last_message
 * @property {string|null} last_message_at
 * @property {boolean} muted
 * @property {boolean} [archived]
 * @property {boolean} [marked_unread]  by a person, whatever was read
 * @property {boolean} [blocked]
 * @property {number} [members]
 * @property {number} [read_outbox_max_id]  up to which own message the other side has read
 *
 * @typedef {object} Message
 * @property {string} id
 * @property {string} account_id
 * @property {string} conversation_id
 * @property {string} chat_id
 * @property {string|null} message_id   Telegram's number
 * @property {'incoming'|'outgoing'} direction
 * @property {string} text
 * @property {string} timestamp
 * @property {'received'|'pending'|'sent'|'failed'} status
 * @property {'queued'|'in_flight'|'unanswered'|'failed'|'given_up'|null} delivery   how far a reply is that is not sent
 * @property {{id: string, name: string, username: string|null}|null} sender
 * @property {string|null} reply_to_message_id
 * @property {{id: string, title: string|null}|null} topic
 * @property {string|null} edited_at
 * @property {string|null} deleted_at
 * @property {{kind: string, name?: string, size?: number, mime?: string, width?: number, height?: number, duration?: number, waveform?: number[], thumb?: string, url?: string|null, thumb_url?: string|null, spoiler?: boolean, vanishes_after?: number}|null} media   what only its kind has stands under the kind's name
 * @property {string|null} service
 * @property {boolean} backfilled
 * @property {boolean} late  came while the account was away
 * @property {boolean} masked           a one-time code was taken out of the text
 * @property {Array<{type: string, offset: number, length: number, url?: string, user_id?: string, language?: string}>|null} entities   in UTF-16 units
 * @property {string|null} album_id
 * @property {{id: string|null, name: string|null, date: string}|null} forwarded_from
 * @property {string|null} quote
 * @property {Array<Array<{text: string, kind: string, url?: string}>>|null} buttons
 * @property {Array<{emoji: string, count: number, mine: boolean}>|null} reactions
 * @property {{kind: string, value?: string}} [action]   what a service message says
 * @property {Record<string, any>} [details]
 * @property {{code: string, message: string}|null} error
 * @property {string|null} retry_at
 * @property {Array<{id: number, kind: string, status: 'pending'|'failed', delivery: string, error: object|null, retry_at: string|null}>} [orders]  what is to be done with it and is not done
 * @property {{done: number, total: number}|null} [upload]  of its file, while it goes out
 *
 * @typedef {object} Local              a reply typed here that the service has not confirmed yet
 * @property {string} key               its Idempotency-Key
 * @property {string} conversation_id
 * @property {string} account_id
 * @property {string} text
 * @property {string|null} reply_to_message_id
 * @property {string|null} [topic_id]   of a forum; null: General
 * @property {string} at
 * @property {{code: string, message: string}|null} error
 *
 * @typedef {object} Chat               the loaded stretch of one conversation, oldest first
 * @property {Message[]} messages
 * @property {Record<string, string|null>} olderAt   message id → cursor of the page before it
 * @property {boolean} atStart
 * @property {boolean} atEnd
 * @property {Message[]} tail           live messages that belong behind a stretch not loaded yet
 * @property {boolean} tailLost
 * @property {string|null} loading      'latest' | 'older' | 'newer' | 'around'
 * @property {{direction: string, code: string, message?: string, state?: AccountState|null}|null} error  with the account's state then
 * @property {string|null} unreadFrom   id of the first unread message when the chat was opened
 * @property {number} newCount
 * @property {boolean} atBottom
 * @property {string|null} jump         message id to bring into view
 * @property {string|null} below        cursor of what is older than all that was looked through
 * @property {boolean} dry              the last look further back found nothing, and there is more
 *
 * @typedef {{accounts: string[], kind: string|null, unread: boolean, archived: boolean, grouped: boolean}} Filter
 *
 * @typedef {{phase: 'connecting'|'open'|'waiting'|'offline', retryAt: number|null, attempt: number, since: number}} LivePhase
 */
export {};
