/** A voice message is spoken: pressed once or held, its loudness seen, then sent or thrown away. */

import { el, icon, setText, show } from '../dom.js';
import { duration } from '../format.js';
import { offers } from '../offers.js';
import { waveformOf } from '../outgoing.js';

const TYPES = ['audio/webm;codecs=opus', 'audio/ogg;codecs=opus'];
/** Held longer than this, letting go sends it. */
const HELD_MS = 600;
const EVERY_MS = 100;
/** Shorter ones were a slip. */
const SHORTEST_MS = 500;

/** Which kind of recording this browser makes that the service takes; null: none. */
export function recordable() {
  if (!offers('voice') || !navigator.mediaDevices?.getUserMedia || typeof MediaRecorder === 'undefined') return null;
  return TYPES.find((type) => MediaRecorder.isTypeSupported(type)) ?? null;
}

export class Recorder {
  /** @param {import('../main.js').App} app @param {HTMLElement} button @param {HTMLElement} room @param {(file: File, waveform: number[]) => void} send */
  constructor(app, button, room, send) {
    this.app = app;
    this.button = button;
    this.room = room;
    this.send = send;
    this.type = recordable();
    this.recording = null;
    if (this.type === null) return;
    const { t } = app;
    this.level = el('span', { class: 'level', 'aria-hidden': 'true' });
    this.time = el('span', { class: 'grow', role: 'timer' });
    const tool = (name, key, act, className) => el('button', { type: 'button', class: className, 'aria-label': t(key), title: t(key), on: { click: act } }, icon(name));
    this.sendButton = tool('send', 'voice.send', () => this.end(true), 'icon-button primary');
    room.append(this.level, this.time, tool('trash', 'voice.discard', () => this.end(false), 'icon-button'), this.sendButton);
    button.addEventListener('pointerdown', (event) => this.hold(event));
    button.addEventListener('click', (event) => { if (event.detail === 0) this.start(); });
    button.addEventListener('contextmenu', (event) => event.preventDefault());
  }

  /** It begins with the finger; let go late it is sent, let go at once it goes on by itself. */
  hold(event) {
    if (event.button !== 0 || this.recording) return;
    event.preventDefault();
    const began = performance.now();
    addEventListener('pointerup', () => { if (performance.now() - began >= HELD_MS) this.end(true); }, { once: true });
    this.start();
  }

  async start() {
    if (this.recording) return;
    const { t } = this.app;
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
    } catch (error) {
      this.app.toast(t(error.name === 'NotFoundError' ? 'voice.none' : 'voice.denied'));
      return;
    }
    const recorder = new MediaRecorder(stream, { mimeType: this.type, audioBitsPerSecond: 32_000 });
    const parts = [];
    recorder.addEventListener('dataavailable', (event) => parts.push(event.data));
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 1024;
    context.createMediaStreamSource(stream).connect(analyser);
    this.recording = { stream, recorder, parts, context, analyser, levels: [], began: performance.now() };
    this.recording.timer = setInterval(() => this.measure(), EVERY_MS);
    recorder.start();
    show(this.room, true);
    this.room.parentElement.classList.add('recording');
    this.measure();
    this.sendButton.focus();
    this.app.say(t('voice.on'));
  }

  measure() {
    const { analyser, levels, began } = this.recording;
    const samples = new Float32Array(analyser.fftSize);
    analyser.getFloatTimeDomainData(samples);
    let loudest = 0;
    for (const one of samples) loudest = Math.max(loudest, Math.abs(one));
    levels.push(Math.min(1, loudest));
    this.level.style.setProperty('--level', String(Math.min(1, loudest * 1.6)));
    setText(this.time, duration(this.app.lang, (performance.now() - began) / 1000));
  }

  /** @param {boolean} sends or thrown away */
  end(sends) {
    const { recording } = this;
    if (!recording) return;
    this.recording = null;
    clearInterval(recording.timer);
    show(this.room, false);
    this.room.parentElement.classList.remove('recording');
    this.button.focus();
    const { recorder, stream, context, parts, levels, began } = recording;
    const long = performance.now() - began >= SHORTEST_MS;
    recorder.addEventListener('stop', () => {
      for (const track of stream.getTracks()) track.stop();
      context.close();
      if (!sends) return;
      if (!long) return this.app.toast(this.app.t('voice.short'));
      const name = this.type.startsWith('audio/ogg') ? 'voice.ogg' : 'voice.webm';
      return this.send(new File(parts, name, { type: this.type.split(';')[0] }), waveformOf(levels));
    });
    recorder.stop();
  }

  get on() {
    return this.recording !== null;
  }
}
