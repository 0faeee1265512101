/** Shows access units; the three ways differ in what the browser offers. */
import type { AccessUnit, VideoConfig } from './codec';
import { initSegment, mediaSegment, TIMESCALE } from './fmp4';

export type RendererKind = 'webcodecs' | 'mse' | 'jpeg';

export interface RendererEvents {
  /** The frame with this RTP time is on the screen now. */
  shown(rtp: number): void;
  /** Decoding failed; the player starts again with another renderer or a key frame. */
  failed(reason: string): void;
}

export interface Renderer {
  readonly kind: RendererKind;
  push(unit: AccessUnit): void;
  close(): void;
}

export interface Surface {
  canvas: HTMLCanvasElement;
  video: HTMLVideoElement;
}

/** The best renderer for a codec in this browser, or null when it cannot be shown. */
export async function chooseRenderer(config: VideoConfig, avoid: ReadonlySet<RendererKind>): Promise<RendererKind | null> {
  if (config.codec === 'jpeg') return 'jpeg';
  if (!avoid.has('webcodecs') && typeof VideoDecoder !== 'undefined') {
    try {
      const answer = await VideoDecoder.isConfigSupported(decoderConfig(config));
      if (answer.supported) return 'webcodecs';
    } catch {
      // An unknown codec string is the same as "not supported".
    }
  }
  if (!avoid.has('mse') && mediaSource()?.isTypeSupported(mimeType(config))) return 'mse';
  return null;
}

export function createRenderer(kind: RendererKind, surface: Surface, events: RendererEvents): Renderer {
  if (kind === 'webcodecs') return new WebCodecsRenderer(surface, events);
  if (kind === 'mse') return new MseRenderer(surface, events);
  return new JpegRenderer(surface, events);
}

function decoderConfig(config: VideoConfig): VideoDecoderConfig {
  return {
    codec: config.codecString,
    description: config.description,
    codedWidth: config.width,
    codedHeight: config.height,
    optimizeForLatency: true,
  };
}

const mimeType = (config: VideoConfig): string => `video/mp4; codecs="${config.codecString}"`;

function mediaSource(): typeof MediaSource | undefined {
  const scope = globalThis as { ManagedMediaSource?: typeof MediaSource; MediaSource?: typeof MediaSource };
  return scope.MediaSource ?? scope.ManagedMediaSource;
}

/** Draws at most one picture per display refresh, always the newest. */
class CanvasPainter<T extends { close(): void } & CanvasImageSource> {
  private next: { image: T; width: number; height: number; rtp: number } | null = null;
  private request = 0;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly events: RendererEvents,
  ) {}

  show(image: T, width: number, height: number, rtp: number): void {
    this.next?.image.close();
    this.next = { image, width, height, rtp };
    this.request ||= requestAnimationFrame(() => this.paint());
  }

  close(): void {
    cancelAnimationFrame(this.request);
    this.next?.image.close();
    this.next = null;
  }

  private paint(): void {
    this.request = 0;
    if (!this.next) return;
    const { image, width, height, rtp } = this.next;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    this.canvas.getContext('2d')?.drawImage(image, 0, 0, width, height);
    image.close();
    this.next = null;
    this.events.shown(rtp);
  }
}

/** More undecoded frames than this and the browser falls behind: skip to the next key frame. */
const MAX_UNDECODED = 12;

/** Secure contexts: lowest delay, exact time of each shown frame. */
class WebCodecsRenderer implements Renderer {
  readonly kind = 'webcodecs';
  private readonly painter: CanvasPainter<VideoFrame>;
  private readonly decoder: VideoDecoder;
  private base: number | null = null;
  private skipping = false;

  constructor(surface: Surface, private readonly events: RendererEvents) {
    this.painter = new CanvasPainter(surface.canvas, events);
    this.decoder = new VideoDecoder({
      output: (frame) => {
        const rtp = Math.round((frame.timestamp * 9) / 100) + (this.base ?? 0);
        this.painter.show(frame, frame.displayWidth, frame.displayHeight, rtp);
      },
      error: (error) => events.failed(error.message),
    });
  }

  push(unit: AccessUnit): void {
    if (this.decoder.state === 'closed') return;
    try {
      if (unit.config) this.decoder.configure(decoderConfig(unit.config));
      if (this.decoder.state !== 'configured') return;
      if (this.decoder.decodeQueueSize > MAX_UNDECODED) this.skipping = true;
      if (unit.key && this.decoder.decodeQueueSize <= MAX_UNDECODED) this.skipping = false;
      if (this.skipping) return;
      this.base ??= unit.rtp;
      const timestamp = Math.round(((unit.rtp - this.base) * 100) / 9);
      this.decoder.decode(new EncodedVideoChunk({ type: unit.key ? 'key' : 'delta', timestamp, data: unit.data }));
    } catch (error) {
      this.events.failed(error instanceof Error ? error.message : String(error));
    }
  }

  close(): void {
    if (this.decoder.state !== 'closed') this.decoder.close();
    this.painter.close();
  }
}

/** Play faster above this delay to the newest frame, jump above the second. */
const CATCH_UP_S = 0.1;
const JUMP_S = 0.4;
/** A browser that is too slow for the jumps is left more delay, up to this. */
const MAX_JUMP_S = 4;
const JUMP_PAUSE_MS = 5000;
const KEEP_S = 10;
const MAX_QUEUE = 300;

/** Plain http: fragmented MP4, one fragment a frame, kept at the live edge. */
class MseRenderer implements Renderer {
  readonly kind = 'mse';
  private readonly source: MediaSource;
  private buffer: SourceBuffer | null = null;
  private readonly url: string;
  private queue: { data: Uint8Array<ArrayBuffer>; type: string | null }[] = [];
  private type = '';
  private base: number | null = null;
  private lastTime = -1;
  private duration = TIMESCALE / 30;
  private sequence = 0;
  private closed = false;
  private jumpAt = JUMP_S;
  private jumped = 0;
  private readonly timer: number;

  constructor(private readonly surface: Surface, private readonly events: RendererEvents) {
    const Source = mediaSource();
    if (!Source) throw new Error('no MediaSource in this browser');
    const { video } = surface;
    this.source = new Source();
    this.url = URL.createObjectURL(this.source);
    video.disableRemotePlayback = true;
    video.muted = true;
    video.onerror = () => this.fail(video.error?.message ?? 'the browser could not decode the video');
    video.src = this.url;
    this.source.addEventListener('sourceopen', () => this.pump());
    this.timer = window.setInterval(() => this.followEdge(), 100);
    this.watchFrames();
  }

  push(unit: AccessUnit): void {
    if (this.closed) return;
    if (unit.config) {
      this.queue.push({ data: initSegment(unit.config), type: mimeType(unit.config) });
    }
    this.base ??= unit.rtp;
    const time = unit.rtp - this.base;
    if (time <= this.lastTime) return;
    if (this.lastTime >= 0 && time - this.lastTime < TIMESCALE) this.duration = time - this.lastTime;
    this.lastTime = time;
    this.queue.push({
      data: mediaSegment({ sequence: ++this.sequence, time, duration: this.duration, key: unit.key, data: unit.data }),
      type: null,
    });
    if (this.queue.length > MAX_QUEUE) this.fail('the browser does not keep up');
    else this.pump();
  }

  close(): void {
    this.closed = true;
    clearInterval(this.timer);
    const { video } = this.surface;
    video.onerror = null;
    video.removeAttribute('src');
    video.load();
    URL.revokeObjectURL(this.url);
    this.queue = [];
  }

  private fail(reason: string): void {
    if (!this.closed) this.events.failed(reason);
  }

  private pump(): void {
    if (this.closed || this.source.readyState !== 'open') return;
    if (this.buffer?.updating) return;
    const next = this.queue[0];
    if (!next) return;
    try {
      if (next.type && next.type !== this.type) {
        if (this.buffer) {
          this.buffer.changeType(next.type);
        } else {
          this.buffer = this.source.addSourceBuffer(next.type);
          this.buffer.addEventListener('updateend', () => this.pump());
          this.buffer.addEventListener('error', () => this.fail('the browser refused the video data'));
        }
        this.type = next.type;
      }
      if (!this.buffer || this.trimmed(this.buffer)) return;
      this.queue.shift();
      this.buffer.appendBuffer(next.data);
    } catch (error) {
      this.fail(error instanceof Error ? error.message : String(error));
    }
  }

  /** Removes what was played long ago; true while the removal runs. */
  private trimmed(buffer: SourceBuffer): boolean {
    if (buffer.buffered.length === 0) return false;
    const start = buffer.buffered.start(0);
    const now = this.surface.video.currentTime;
    if (now - start < 2 * KEEP_S) return false;
    buffer.remove(start, now - KEEP_S);
    return true;
  }

  private followEdge(): void {
    const { video } = this.surface;
    const ranges = video.buffered;
    if (ranges.length === 0) return;
    const start = ranges.start(ranges.length - 1);
    const end = ranges.end(ranges.length - 1);
    const behind = end - video.currentTime;
    const now = performance.now();
    if (video.currentTime < start || behind > this.jumpAt) {
      // Each jump decodes from the last key frame on: a jump soon after a jump would only do harm.
      const soon = now - this.jumped < JUMP_PAUSE_MS;
      this.jumpAt = soon ? Math.min(MAX_JUMP_S, this.jumpAt * 1.5) : this.jumpAt;
      this.jumped = now;
      video.currentTime = Math.max(start, end - CATCH_UP_S / 2);
    } else if (now - this.jumped > 6 * JUMP_PAUSE_MS) {
      this.jumpAt = JUMP_S;
    }
    video.playbackRate = behind > CATCH_UP_S ? 1.1 : 1;
    if (video.paused) video.play().catch(() => undefined);
  }

  private watchFrames(): void {
    const { video } = this.surface;
    if (!('requestVideoFrameCallback' in video)) {
      const tick = () => {
        if (this.closed) return;
        this.report((video as HTMLVideoElement).currentTime);
        requestAnimationFrame(tick);
      };
      requestAnimationFrame(tick);
      return;
    }
    const onFrame = (_: number, frame: VideoFrameCallbackMetadata) => {
      if (this.closed) return;
      this.report(frame.mediaTime);
      video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
  }

  private report(mediaTime: number): void {
    if (this.base !== null) this.events.shown(this.base + Math.round(mediaTime * TIMESCALE));
  }
}

/** Motion JPEG: needs no video decoder at all. */
class JpegRenderer implements Renderer {
  readonly kind = 'jpeg';
  private readonly painter: CanvasPainter<ImageBitmap>;
  private busy = false;
  private closed = false;

  constructor(surface: Surface, events: RendererEvents) {
    this.painter = new CanvasPainter(surface.canvas, events);
  }

  push(unit: AccessUnit): void {
    if (this.busy || this.closed) return; // a slow machine shows fewer pictures, never older ones
    this.busy = true;
    createImageBitmap(new Blob([unit.data], { type: 'image/jpeg' }))
      .then((image) => {
        if (this.closed) image.close();
        else this.painter.show(image, image.width, image.height, unit.rtp);
      })
      .catch(() => undefined) // one damaged picture; the next one follows
      .finally(() => {
        this.busy = false;
      });
  }

  close(): void {
    this.closed = true;
    this.painter.close();
  }
}
