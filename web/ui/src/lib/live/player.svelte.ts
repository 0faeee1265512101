/** Live player: connects, picks a renderer, keeps boxes in step and comes back by itself after a loss. */
import type { LiveSound } from './ear';
import type { RendererKind } from './renderer';
import { type LiveStats, type PlayerOptions, Run, type Tap } from './run';

export type StreamName = 'main' | 'sub';
export type PlayerState = 'idle' | 'connecting' | 'playing' | 'waiting' | 'paused' | 'unsupported';

const NO_STATS: LiveStats = { codec: '', renderer: '', width: 0, height: 0, fps: 0, kbps: 0, delayMs: null, lost: 0 };
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

/** The manual's stream address (Streamtype 0 = main, 1 = sub). */
export function streamUrl(stream: StreamName, host: string): string {
  return `rtsp://${host}/video/livemedia?Ch=1&Streamtype=${stream === 'main' ? 0 : 1}`;
}

export class LivePlayer {
  state = $state<PlayerState>('idle');
  stats = $state<LiveStats>({ ...NO_STATS });
  /** Why there is no picture, for the message on the stage. */
  reason = $state('');
  /** Seconds until the next attempt. */
  retryIn = $state(0);
  /** What there is to hear; null without sound. */
  sound = $state.raw<LiveSound | null>(null);
  /** Gets all that arrives, for a recording. */
  tap: Tap | null = null;

  private stream: StreamName = 'main';
  private wanted = false;
  private attempt = 0;
  private run: Run | null = null;
  private retryTimer = 0;
  private statsTimer = 0;
  private volume: number | null = null;
  /** A renderer that failed twice is not tried again until the user asks. */
  private readonly failures = new Map<RendererKind, number>();

  constructor(private readonly options: PlayerOptions) {}

  play(stream: StreamName): void {
    this.stream = stream;
    this.wanted = true;
    this.attempt = 0;
    this.open();
  }

  /** Hidden tab: no decoding, no bytes. */
  pause(): void {
    if (!this.wanted) return;
    this.close();
    this.state = 'paused';
  }

  resume(): void {
    if (this.wanted && this.state === 'paused') this.open();
  }

  retryNow(): void {
    if (!this.wanted || this.state === 'playing') return;
    this.failures.clear();
    this.attempt = 0;
    this.open();
  }

  stop(): void {
    this.wanted = false;
    this.close();
    this.state = 'idle';
  }

  /** 0 to 100; null is muted, and costs nothing. */
  hear(volume: number | null): void {
    this.volume = volume;
    this.run?.hear(volume);
  }

  private close(): void {
    clearTimeout(this.retryTimer);
    clearInterval(this.statsTimer);
    this.run?.close();
    this.run = null;
    this.options.draw([]);
  }

  private open(): void {
    this.close();
    this.state = 'connecting';
    this.stats = { ...NO_STATS };
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const run: Run = new Run(
      `${scheme}://${location.host}/api/v1/live`,
      streamUrl(this.stream, location.host),
      this.options,
      new Set([...this.failures].filter(([, count]) => count >= 2).map(([kind]) => kind)),
      {
        firstPicture: () => {
          this.attempt = 0;
          this.reason = '';
          this.state = 'playing';
        },
        tap: () => this.tap,
        sound: (sound) => {
          if (this.run === run) this.sound = sound;
        },
        ended: (reason) => this.run === run && this.lost(reason),
        rendererFailed: (kind) => this.failures.set(kind, (this.failures.get(kind) ?? 0) + 1),
        unsupported: (codec) => {
          if (this.run !== run) return;
          this.close();
          this.reason = codec;
          this.state = 'unsupported';
        },
      },
    );
    this.run = run;
    run.hear(this.volume);
    this.statsTimer = window.setInterval(() => {
      this.stats = run.measure();
    }, 1000);
    run.start();
  }

  private lost(reason: string): void {
    this.close();
    this.reason = reason;
    this.state = 'waiting';
    const delay = RETRY_MS[Math.min(this.attempt++, RETRY_MS.length - 1)];
    const until = performance.now() + delay;
    const tick = () => {
      const left = until - performance.now();
      this.retryIn = Math.max(0, Math.ceil(left / 1000));
      if (left <= 0) this.open();
      else this.retryTimer = window.setTimeout(tick, Math.min(left, 250));
    };
    tick();
  }
}
