/** A voice message or a piece of music in its bubble: waveform, position, speed. All of it by keys too. */

import { el, icon, setAttr, setIcon, setText, show } from '../dom.js';
import { duration } from '../format.js';
import { barsOf } from '../media.js';
import { cleanName } from '../text.js';
import { troubleBox } from './trouble.js';

const BARS = 42;
/** Of HTMLMediaElement: less of it is here than is being played. */
const HAVE_FUTURE_DATA = 3;
const SVG = 'http://www.w3.org/2000/svg';

/** @param {import('../main.js').App} app */
export function soundOf(app, message, href) {
  return new Sound(app, message, href).root;
}

class Sound {
  constructor(app, message, href) {
    this.app = app;
    this.href = href;
    this.media = message.media;
    this.length = Number.isFinite(this.media.duration) ? this.media.duration : 0;
    const { t } = app;
    const voice = this.media.kind === 'voice';
    this.icon = icon('play');
    this.button = el('button', { type: 'button', class: 'play', 'aria-label': t('sound.play', { what: t(`media.${this.media.kind}`) }), on: { click: () => this.toggle() } }, this.icon);
    this.at = el('input', { type: 'range', min: 0, max: Math.max(1, this.length), step: 'any', value: 0, 'aria-label': t('sound.position'), on: { input: () => this.moved() } });
    this.time = el('span', { class: 'small quiet time' });
    this.speed = el('button', { type: 'button', class: 'speed', on: { click: () => app.player.nextSpeed() } });
    this.wave = el('span', { class: 'wave' }, voice ? bars(this.media.waveform) : el('span', { class: 'track' }), this.at);
    const name = voice ? null : el('span', { class: 'sound-name', dir: 'auto' }, el('bdi', { text: titleOf(app, this.media) }));
    this.trouble = el('div', { hidden: true });
    this.root = el('div', { class: 'sound', 'data-kind': this.media.kind, 'data-message': message.id, 'data-href': href, dir: 'ltr' }, this.button, el('span', { class: 'sound-body' }, name, this.wave, this.time), this.speed, this.trouble);
    this.watcher = (player) => this.paint(player);
    app.player.watchers.add(this.watcher);
    this.paint(app.player);
  }

  async toggle() {
    const { player } = this.app;
    show(this.trouble, false);
    if (player.plays(this.href)) return player.pause();
    const fresh = player.href !== this.href || player.audio?.ended;
    const started = await player.start(this.href, fresh ? this.wanted ?? 0 : null);
    if (started || player.href !== this.href) return undefined;
    player.stop();
    this.trouble.replaceChildren(await troubleBox(this.app, this.href, () => this.toggle()));
    return show(this.trouble, true);
  }

  moved() {
    this.wanted = Number(this.at.value);
    if (this.app.player.href === this.href) this.app.player.seek(this.wanted);
    this.draw(this.wanted);
  }

  /** Whoever is no longer on the screen stops listening with the next sound. */
  paint(player) {
    if (this.seen && !this.root.isConnected) {
      player.watchers.delete(this.watcher);
      return;
    }
    this.seen ||= this.root.isConnected;
    const { t, lang } = this.app;
    const ours = player.href === this.href;
    const plays = player.plays(this.href);
    setIcon(this.icon, plays ? 'pause' : 'play');
    this.button.classList.toggle('coming', plays && player.audio.readyState < HAVE_FUTURE_DATA);
    setAttr(this.button, 'aria-label', t(plays ? 'sound.pause' : 'sound.play', { what: t(`media.${this.media.kind}`) }));
    const speed = new Intl.NumberFormat(lang).format(player.speed);
    setText(this.speed, `${speed}×`);
    setAttr(this.speed, 'aria-label', t('sound.speed', { speed }));
    if (ours && Number.isFinite(player.audio.duration) && player.audio.duration > 0) {
      this.length = player.audio.duration;
      setAttr(this.at, 'max', this.length);
    }
    this.root.classList.toggle('now', ours);
    if (ours && plays) this.wanted = null;
    this.draw(ours ? player.audio.currentTime : this.wanted ?? 0);
  }

  draw(seconds) {
    const { lang } = this.app;
    this.at.value = String(seconds);
    const share = this.length > 0 ? Math.min(1, seconds / this.length) : 0;
    this.wave.style.setProperty('--at', `${(share * 100).toFixed(1)}%`);
    const shown = seconds > 0 ? `${duration(lang, seconds)} / ${duration(lang, this.length)}` : duration(lang, this.length);
    setText(this.time, shown);
    setAttr(this.at, 'aria-valuetext', shown);
  }
}

function titleOf(app, media) {
  const { title, performer } = media.audio ?? {};
  const named = [performer, title].map((one) => cleanName(one)).filter(Boolean).join(' – ');
  return named || cleanName(media.name) || app.t('media.audio');
}

/** The loudness as bars; once quiet, once in the colour of what was heard. */
function bars(waveform) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${BARS * 4} 24`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  const line = barsOf(waveform, BARS).map((height, n) => `M${n * 4 + 2} ${(12 - height * 11).toFixed(1)}V${(12 + height * 11).toFixed(1)}`).join('');
  for (const name of ['rest', 'heard']) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', line);
    path.setAttribute('class', name);
    svg.append(path);
  }
  return svg;
}

/** A voice message plays on to the next one of the chat. */
export function playOn(app) {
  app.player.onEnd = (href) => {
    const all = [...document.querySelectorAll('#log .sound[data-kind="voice"]')];
    const at = all.findIndex((one) => one.dataset.href === href);
    if (at >= 0) all[at + 1]?.querySelector('.play')?.click();
  };
}
