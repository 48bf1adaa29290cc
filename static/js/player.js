/** What is heard: one sound at a time, whatever chat is on the screen. It starts only when somebody asks. */

const SPEEDS = [1, 1.5, 2];

export class Player {
  constructor() {
    /** @type {HTMLAudioElement|null} */
    this.audio = null;
    this.href = null;
    this.speed = 1;
    /** @type {Set<(player: Player) => void>} whoever shows the sound that plays */
    this.watchers = new Set();
    /** @type {((href: string) => void)|null} what comes after a sound's end */
    this.onEnd = null;
  }

  get playing() {
    return this.audio !== null && !this.audio.paused && !this.audio.ended;
  }

  plays(href) {
    return this.href === href && this.playing;
  }

  /** Starts a sound, or goes on with it. @returns {Promise<boolean>} false: it can't be played */
  async start(href, at = null) {
    if (this.href !== href) this.load(href);
    if (at !== null) this.seek(at);
    this.audio.playbackRate = this.speed;
    try {
      await this.audio.play();
      return true;
    } catch (error) {
      // Somebody paused it, or chose another one, before it began.
      return error.name === 'AbortError';
    }
  }

  load(href) {
    this.stop();
    const audio = new Audio();
    audio.preload = 'metadata';
    audio.src = href;
    for (const event of ['play', 'playing', 'waiting', 'pause', 'timeupdate', 'durationchange', 'error']) audio.addEventListener(event, () => this.tell());
    audio.addEventListener('ended', () => {
      this.tell();
      this.onEnd?.(href);
    });
    this.audio = audio;
    this.href = href;
  }

  pause() {
    this.audio?.pause();
  }

  stop() {
    this.audio?.pause();
    this.audio = null;
    this.href = null;
    this.tell();
  }

  seek(seconds) {
    if (this.audio) this.audio.currentTime = seconds;
  }

  nextSpeed() {
    this.speed = SPEEDS[(SPEEDS.indexOf(this.speed) + 1) % SPEEDS.length];
    if (this.audio) this.audio.playbackRate = this.speed;
    this.tell();
  }

  tell() {
    for (const watcher of this.watchers) watcher(this);
  }
}
