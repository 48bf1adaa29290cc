/** To whom a new conversation goes. Pure. */

/** What Telegram knows a person by, or null. */
export function recipientOf(text) {
  const link = /^(?:https?:\/\/)?(?:t|telegram)\.me\/(\w{3,32})\/?$/i.exec(text);
  if (link) return `@${link[1]}`;
  if (/^@\w{3,32}$/.test(text)) return text;
  const number = text.replace(/[\s().-]/g, '');
  if (/^\+\d{5,15}$/.test(number)) return number;
  return /^-?\d{1,16}$/.test(text) ? text : null;
}
