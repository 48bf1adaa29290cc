/** To whom a new conversation goes. Pure. */

const HOST = '(?:https?:\\/\\/)?(?:www\\.)?(?:t|telegram)\\.(?:me|dog)\\/';
const NAME_LINK = new RegExp(`^${HOST}(?:s\\/)?(\\w{3,32})(?:[/?].*)?$`, 'i');
const NUMBER_LINK = new RegExp(`^${HOST}\\+(\\d{7,15})\\/?$`, 'i');
const INVITE_LINK = new RegExp(`^(?:${HOST}(?:\\+|joinchat\\/)|tg:\\/\\/join\\?invite=)[\\w-]{8,64}\\/?$`, 'i');
const COMMAND = /^tg:\/\/resolve\?(?:domain=(\w{3,32})|phone=\+?(\d{7,15}))(?:&.*)?$/i;

/** Does it lead into a chat that has no name? Nothing is written by it. */
export function isInvitation(text) {
  return INVITE_LINK.test(text) && !NUMBER_LINK.test(text);
}

/** What Telegram knows a person or a chat by, or null. */
export function recipientOf(text) {
  const number = NUMBER_LINK.exec(text);
  if (number) return `+${number[1]}`;
  if (isInvitation(text)) return text;
  const link = NAME_LINK.exec(text);
  if (link) return `@${link[1]}`;
  const command = COMMAND.exec(text);
  if (command) return command[1] ? `@${command[1]}` : `+${command[2]}`;
  if (/^@\w{3,32}$/.test(text)) return text;
  const digits = text.replace(/[\s().-]/g, '');
  if (/^\+\d{5,15}$/.test(digits)) return digits;
  return /^-?\d{1,16}$/.test(text) ? text : null;
}
