/** When something is sent later: the usual times, and a moment as a field of the page has it. Pure. */

const HOUR = 3_600_000;
const MORNING = 9;
const EVENING = 20;

function at(day, hour) {
  const moment = new Date(day);
  moment.setHours(hour, 0, 0, 0);
  return moment;
}

function dayAfter(now, days) {
  const day = new Date(now);
  day.setDate(day.getDate() + days);
  return day;
}

/** @param {Date} now @returns {Array<{key: string, at: Date}>} */
export function usualTimes(now) {
  const times = [{ key: 'later.hour', at: new Date(Math.ceil((now.getTime() + HOUR) / 60_000) * 60_000) }];
  const evening = at(now, EVENING);
  if (evening.getTime() - now.getTime() > HOUR) times.push({ key: 'later.evening', at: evening });
  times.push({ key: 'later.tomorrow', at: at(dayAfter(now, 1), MORNING) });
  const toMonday = (8 - now.getDay()) % 7 || 7;
  if (toMonday > 1) times.push({ key: 'later.monday', at: at(dayAfter(now, toMonday), MORNING) });
  return times;
}

/** As `datetime-local` has it: by the clock of this machine, without a zone. */
export function fieldValue(moment) {
  const two = (n) => String(n).padStart(2, '0');
  return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}T${two(moment.getHours())}:${two(moment.getMinutes())}`;
}

/** @returns {Date|null} null: no moment, or one that has passed */
export function fieldMoment(value, now) {
  const moment = new Date(value);
  return Number.isNaN(moment.getTime()) || moment <= now ? null : moment;
}

/** The next to go out first; what waits for somebody comes last. */
export function inOrder(messages) {
  const key = (one) => (one.scheduled_for === 'online' ? Infinity : Date.parse(one.scheduled_for));
  return [...messages].sort((a, b) => key(a) - key(b) || Number(a.id) - Number(b.id));
}
