/** One connection of the live view: packets in, pictures, boxes and sound out. */
import { BoxTrack } from './boxes';
import { ClockMap } from './clock';
import type { AccessUnit, Depacketiser, VideoConfig } from './codec';
import { Ear, type LiveSound } from './ear';
import { H264Depacketiser } from './h264';
import { H265Depacketiser } from './h265';
import { JpegDepacketiser } from './jpeg';
import { MetadataDepacketiser, parseMetadata, type TrackedObject } from './metadata';
import { chooseRenderer, createRenderer, type Renderer, type RendererKind, type Surface } from './renderer';
import { LossDetector, parseRtp, parseSenderReport, Unwrapper } from './rtp';
import { RtspClient, RtspError } from './rtsp';
import type { Track } from './sdp';
import { SOUND_NAMES, type SoundConfig, soundConfig, type SoundUnit } from './sound';

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

/** Hears all that arrives, for a recording. */
export interface Tap {
  push(unit: AccessUnit, config: VideoConfig): void;
  sound(unit: SoundUnit, config: SoundConfig, at: number): void;
}

export interface PlayerOptions {
  surface: Surface;
  /** Device clock minus browser clock, ms; null when unknown. */
  clockOffset(): number | null;
  /** Called for each shown picture with the objects that belong to it. */
  draw(objects: TrackedObject[]): void;
  /** Whether the sound of the stream is asked for. */
  sound?: boolean;
}

export interface RunEvents {
  firstPicture(): void;
  tap(): Tap | null;
  sound(sound: LiveSound | null): void;
  ended(reason: string): void;
  rendererFailed(kind: RendererKind): void;
  unsupported(codec: string): void;
}

/** One connection from SETUP to its end. */
export class Run {
  private readonly client: RtspClient;
  private readonly boxes = new BoxTrack();
  private readonly clock = new ClockMap(90000);
  private readonly metadata = new MetadataDepacketiser();
  private readonly loss = { video: new LossDetector(), metadata: new LossDetector() };
  private ear: Ear | null | undefined;
  private volume: number | null = null;
  /** From capture to screen by the two clocks as they are. */
  private lagMs: number | null = null;
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
    }, options.sound);
  }

  start(): void {
    const started = this.client.start().then(() => {
      if (!this.over && !this.client.tracks.some(({ kind }) => kind === 'audio')) this.events.sound(null);
    });
    started.catch((error: unknown) => {
      const missing = error instanceof RtspError && error.status === 404;
      this.fail(missing ? 'stream-off' : error instanceof Error ? error.message : String(error));
    });
  }

  /** Made by the first packet of sound; null for sound of an unknown kind. */
  private earOf(track: Track): Ear | null {
    const config = soundConfig(track);
    const told = (playable: boolean) => {
      const name = config ? SOUND_NAMES[config.codec] : track.encoding;
      if (!this.over) this.events.sound({ name, config, playable });
    };
    const ear = config && new Ear(config, (utcMs) => (this.lagMs === null ? null : (this.lagMs - (Date.now() - utcMs)) / 1000), told);
    if (ear) ear.hear(this.volume);
    else told(false);
    return ear;
  }

  hear(volume: number | null): void {
    this.volume = volume;
    this.ear?.hear(volume);
  }

  close(): void {
    this.over = true;
    this.ear?.hear(null);
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
    if (track.kind === 'audio' && this.ear === undefined) this.ear = this.earOf(track);
    if (rtcp) {
      const report = parseSenderReport(data);
      if (report && track.kind === 'video') this.clock.update(report, this.time.unwrap(report.timestamp));
      if (report && track.kind === 'audio') this.ear?.report(report);
      return;
    }
    const packet = parseRtp(data);
    if (!packet || packet.payloadType !== track.payloadType) return;
    if (track.kind === 'metadata') {
      const text = this.metadata.push(packet.payload, packet.marker, this.loss.metadata.gap(packet.sequence));
      if (text) for (const frame of parseMetadata(text)) this.boxes.add(frame);
      return;
    }
    if (track.kind === 'audio') {
      for (const { unit, utcMs } of this.ear?.push(packet) ?? []) {
        const at = utcMs === null ? null : this.clock.toRtp(utcMs);
        if (at !== null && this.ear) this.events.tap()?.sound(unit, this.ear.config, at);
      }
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
    if (this.config) this.events.tap()?.push(unit, this.config);
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
    const lag = Date.now() - utcMs;
    this.lagMs = this.lagMs === null ? lag : this.lagMs * 0.9 + lag * 0.1;
    const offset = this.options.clockOffset();
    if (offset !== null) {
      const delay = lag + offset;
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
