/** Times, sizes and counts in the reader's language and zone. Pure: language and now come in. */

const formats = new Map();

function dateFormat(lang, name, options) {
  const key = `${lang}|${name}`;
  let format = formats.get(key);
  if (!format) formats.set(key, (format = new Intl.DateTimeFormat(lang, options)));
  return format;
}

function numberFormat(lang, name, options) {
  const key = `${lang}#${name}`;
  let format = formats.get(key);
  if (!format) formats.set(key, (format = new Intl.NumberFormat(lang, options)));
  return format;
}

/** Whole days between two moments, by the local calendar. */
export function daysBetween(earlier, later) {
  const midnight = (date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((midnight(later) - midnight(earlier)) / 86_400_000);
}

/** A key that is the same for all moments of one local day. */
export function dayKey(iso) {
  const date = new Date(iso);
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

export function minuteKey(iso) {
  return Math.floor(Date.parse(iso) / 60_000);
}

/** "9:05 AM" and "09:05": a leading zero belongs to the 24-hour clock only. */
export function clock(lang, iso) {
  const half = dateFormat(lang, 'hour', { hour: 'numeric' }).resolvedOptions().hour12;
  return dateFormat(lang, 'clock', { hour: half ? 'numeric' : '2-digit', minute: '2-digit' }).format(new Date(iso));
}

export function fullTime(lang, iso) {
  return dateFormat(lang, 'full', { dateStyle: 'full', timeStyle: 'medium' }).format(new Date(iso));
}

/** Day and time in full, but short. */
export function moment(lang, iso) {
  return dateFormat(lang, 'moment', { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(iso));
}

/** The short time of a list row: the clock today, the weekday this week, else the date. */
export function listTime(lang, iso, now) {
  if (!iso) return '';
  const date = new Date(iso);
  const days = daysBetween(date, now);
  if (days <= 0) return clock(lang, iso);
  if (days < 7) return dateFormat(lang, 'weekday', { weekday: 'short' }).format(date);
  if (date.getFullYear() === now.getFullYear()) return dateFormat(lang, 'day', { day: 'numeric', month: 'short' }).format(date);
  return dateFormat(lang, 'date', { day: '2-digit', month: '2-digit', year: '2-digit' }).format(date);
}

/** The line above a day's messages. `relative` gives the words for today and yesterday. */
export function dayLine(lang, iso, now, relative) {
  const date = new Date(iso);
  const days = daysBetween(date, now);
  if (days === 0) return relative.today;
  if (days === 1) return relative.yesterday;
  if (date.getFullYear() === now.getFullYear()) {
    return dateFormat(lang, 'dayline', { weekday: 'long', day: 'numeric', month: 'long' }).format(date);
  }
  return dateFormat(lang, 'dayyear', { day: 'numeric', month: 'long', year: 'numeric' }).format(date);
}

/** What is left of a wait: "4 sec", then "12:30", then "2:05:00". Never negative. */
export function countdown(lang, milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  if (seconds < 60) return numberFormat(lang, 'seconds', { style: 'unit', unit: 'second', unitDisplay: 'short' }).format(seconds);
  return duration(lang, seconds);
}

/** Minutes and seconds, with hours when there are any. */
export function duration(lang, seconds) {
  const two = numberFormat(lang, 'two', { minimumIntegerDigits: 2, useGrouping: false });
  const one = numberFormat(lang, 'one', { useGrouping: false });
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = Math.floor(seconds % 60);
  if (hours > 0) return `${one.format(hours)}:${two.format(minutes)}:${two.format(rest)}`;
  return `${one.format(minutes)}:${two.format(rest)}`;
}

/** A long wait, in its largest unit and never too short: "3 days", "5 hr", "1 min". */
export function about(lang, seconds) {
  const [unit, length] = [['day', 86400], ['hour', 3600], ['minute', 60]].find(([, length], n) => n === 2 || seconds >= 2 * length);
  return numberFormat(lang, `about-${unit}`, { style: 'unit', unit, unitDisplay: unit === 'day' ? 'long' : 'short' }).format(Math.ceil(seconds / length));
}

export function number(lang, value) {
  return numberFormat(lang, 'plain', {}).format(value);
}

/** A badge: exact to 999, then "1.2K". */
export function badge(lang, value) {
  if (value < 1000) return number(lang, value);
  return numberFormat(lang, 'compact', { notation: 'compact', maximumFractionDigits: 1 }).format(value);
}

export function percent(lang, part) {
  return numberFormat(lang, 'percent', { style: 'percent', maximumFractionDigits: 0 }).format(part);
}

export function fileSize(lang, bytes) {
  if (!Number.isFinite(bytes) || bytes < 0) return '';
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];
  const step = bytes < 1000 ? 0 : Math.min(3, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** step;
  return numberFormat(lang, `size${step}`, { style: 'unit', unit: units[step], unitDisplay: 'short', maximumFractionDigits: step ? 1 : 0 }).format(value);
}
