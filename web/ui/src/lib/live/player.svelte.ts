/** Live player: connects, picks a renderer, keeps boxes in step and comes back by itself after a loss. */
import { BoxTrack } from './boxes';
import { ClockMap } from './clock';
import type { AccessUnit, Depacketiser, VideoConfig } from './codec';
import { H264Depacketiser } from './h264';
import { H265Depacketiser } from './h265';
import { JpegDepacketiser } from './jpeg';
import { MetadataDepacketiser, parseMetadata, type TrackedObject } from './metadata';
import { chooseRenderer, createRenderer, type Renderer, type RendererKind, type Surface } from './renderer';
import { LossDetector, parseRtp, parseSenderReport, Unwrapper } from './rtp';
import { RtspClient, RtspError } from './rtsp';
import type { Track } from './sdp';

export type StreamName = 'main' | 'sub';
export type PlayerState = 'idle' | 'connecting' | 'playing' | 'waiting' | 'paused' | 'unsupported';

export interface LiveStats {
  codec: string;
  renderer: RendererKind | '';
  width: number;
  height: number;
  fps: number;
  kbps: number;
  /** Capture to screen; null until the device's and the browser's clocks are tied. */
  delayMs: number | null;
  lost: number;
}

const NO_STATS: LiveStats = { codec: '', renderer: '', width: 0, height: 0, fps: 0, kbps: 0, delayMs: null, lost: 0 };
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

/** The manual's stream address (Streamtype 0 = main, 1 = sub). */
export function streamUrl(stream: StreamName, host: string): string {
  return `rtsp://${host}/video/livemedia?Ch=1&Streamtype=${stream === 'main' ? 0 : 1}`;
}

export interface PlayerOptions {
  surface: Surface;
  /** Device clock minus browser clock, ms; null when unknown. */
  clockOffset(): number | null;
  /** Called for each shown picture with the objects that belong to it. */
  draw(objects: TrackedObject[]): void;
}

export class LivePlayer {
  state = $state<PlayerState>('idle');
  stats = $state<LiveStats>({ ...NO_STATS });
  /** Why there is no picture, for the message on the stage. */
  reason = $state('');
  /** Seconds until the next attempt. */
  retryIn = $state(0);

  private stream: StreamName = 'main';
  private wanted = false;
  private attempt = 0;
  private run: Run | null = null;
  private retryTimer = 0;
  private statsTimer = 0;
  /** Hears every unit that arrives, for a recording. */
  tap: ((unit: AccessUnit, config: VideoConfig) => void) | null = null;
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
        unit: (unit, config) => this.tap?.(unit, config),
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

interface RunEvents {
  firstPicture(): void;
  unit(unit: AccessUnit, config: VideoConfig): void;
  ended(reason: string): void;
  rendererFailed(kind: RendererKind): void;
  unsupported(codec: string): void;
}

/** One connection from SETUP to its end. */
class Run {
  private readonly client: RtspClient;
  private readonly boxes = new BoxTrack();
  private readonly clock = new ClockMap(90000);
  private readonly metadata = new MetadataDepacketiser();
  private readonly loss = { video: new LossDetector(), metadata: new LossDetector() };
  private readonly time = new Unwrapper();
  private depacketiser: Depacketiser | null = null;
  private renderer: Renderer | null = null;
  /** Units that arrive while the renderer is being chosen. */
  private pending: AccessUnit[] | null = null;
  private config: VideoConfig | null = null;
  private shownSince = 0;
  private bytesBefore = 0;
  private measuredAt = performance.now();
  private delayMs: number | null = null;
  private seen = false;
  private over = false;

  constructor(
    socketUrl: string,
    url: string,
    private readonly options: PlayerOptions,
    private readonly avoid: ReadonlySet<RendererKind>,
    private readonly events: RunEvents,
  ) {
    this.client = new RtspClient(socketUrl, url, {
      packet: (track, rtcp, data) => this.packet(track, rtcp, data),
      closed: (reason) => this.fail(reason),
    });
  }

  start(): void {
    this.client.start().catch((error: unknown) => {
      const missing = error instanceof RtspError && error.status === 404;
      this.fail(missing ? 'stream-off' : error instanceof Error ? error.message : String(error));
    });
  }

  close(): void {
    this.over = true;
    this.client.stop();
    this.renderer?.close();
    this.renderer = null;
  }

  measure(): LiveStats {
    const now = performance.now();
    const seconds = Math.max(0.001, (now - this.measuredAt) / 1000);
    const stats: LiveStats = {
      codec: this.config?.codec ?? '',
      renderer: this.renderer?.kind ?? '',
      width: this.config?.width ?? 0,
      height: this.config?.height ?? 0,
      fps: this.shownSince / seconds,
      kbps: ((this.client.bytes - this.bytesBefore) * 8) / 1000 / seconds,
      delayMs: this.delayMs,
      lost: this.loss.video.lost,
    };
    this.measuredAt = now;
    this.shownSince = 0;
    this.bytesBefore = this.client.bytes;
    return stats;
  }

  private fail(reason: string): void {
    if (this.over) return;
    this.over = true;
    this.events.ended(reason);
  }

  private packet(track: Track, rtcp: boolean, data: Uint8Array): void {
    if (this.over) return;
    if (rtcp) {
      const report = track.kind === 'video' ? parseSenderReport(data) : null;
      if (report) this.clock.update(report, this.time.unwrap(report.timestamp));
      return;
    }
    const packet = parseRtp(data);
    if (!packet || packet.payloadType !== track.payloadType) return;
    if (track.kind === 'metadata') {
      const text = this.metadata.push(packet.payload, packet.marker, this.loss.metadata.gap(packet.sequence));
      if (text) for (const frame of parseMetadata(text)) this.boxes.add(frame);
      return;
    }
    this.depacketiser ??= createDepacketiser(track);
    if (!this.depacketiser) {
      this.over = true;
      this.events.unsupported(track.encoding);
      return;
    }
    const gap = this.loss.video.gap(packet.sequence);
    const unit = this.depacketiser.push(packet.payload, this.time.unwrap(packet.timestamp), packet.marker, gap);
    if (unit) this.show(unit);
  }

  private show(unit: AccessUnit): void {
    this.config = unit.config ?? this.config;
    if (this.config) this.events.unit(unit, this.config);
    if (this.renderer) {
      this.renderer.push(unit);
    } else if (this.pending) {
      this.pending.push(unit);
    } else if (unit.config) {
      const { config } = unit;
      this.pending = [unit];
      chooseRenderer(config, this.avoid)
        .then((kind) => this.began(kind, config.codec))
        .catch((error: unknown) => this.fail(String(error)));
    }
  }

  private began(kind: RendererKind | null, codec: string): void {
    if (this.over) return;
    if (!kind) {
      this.over = true;
      this.events.unsupported(codec);
      return;
    }
    this.renderer = createRenderer(kind, this.options.surface, {
      shown: (rtp) => this.shown(rtp),
      failed: (reason) => {
        this.events.rendererFailed(kind);
        this.fail(reason);
      },
    });
    const waiting = this.pending ?? [];
    this.pending = null;
    for (const unit of waiting) this.renderer.push(unit);
  }

  private shown(rtp: number): void {
    if (this.over) return;
    this.shownSince++;
    if (!this.seen) {
      this.seen = true;
      this.events.firstPicture();
    }
    const utcMs = this.clock.toUtc(rtp);
    if (utcMs === null) return;
    const offset = this.options.clockOffset();
    if (offset !== null) {
      const delay = Date.now() + offset - utcMs;
      this.delayMs = this.delayMs === null ? delay : this.delayMs * 0.9 + delay * 0.1;
    }
    this.options.draw(this.boxes.at(utcMs));
  }
}

export function createDepacketiser(track: Track): Depacketiser | null {
  if (track.encoding === 'H264') return new H264Depacketiser(track.fmtp.get('sprop-parameter-sets'));
  if (track.encoding === 'H265') return new H265Depacketiser(track.fmtp);
  if (track.encoding === 'JPEG') return new JpegDepacketiser();
  return null;
}
