/** Plays sound beside the live picture: as late as the picture is, and never later than a live view bears. */
import { g711, type SoundConfig, type SoundUnit } from './sound';

/** Sound waits so long before it is heard, so that packets may be late; seconds. */
export const LEAST_S = 0.04;
export const MOST_S = 0.2;
/** As long as nothing is known about the picture. */
const USUAL_S = 0.08;
/** Further than this from where it belongs, for a while, and it is moved there. */
const APART_S = 0.06;
/** Frames that a decoder may be behind. */
const MAX_UNDECODED = 12;

/** Where pieces of sound belong on the clock of what plays them; seconds. */
export class SoundLine {
  /** That clock minus the media's. */
  private anchor: number | null = null;
  private wait = USUAL_S;

  /** When the piece that came `now` is to be heard; `moved` when what waits is to be left out for it. `wanted` is the wait that the picture asks for. */
  place(media: number, now: number, wanted: number | null): { at: number; moved: boolean } {
    const wait = Math.min(MOST_S, Math.max(LEAST_S, wanted ?? USUAL_S));
    const ahead = this.anchor === null ? -1 : this.anchor + media - now;
    this.wait += 0.05 * (ahead - wait - this.wait);
    if (this.anchor !== null && ahead >= 0 && ahead <= MOST_S && Math.abs(this.wait) <= APART_S) return { at: now + ahead, moved: false };
    this.anchor = now + wait - media;
    this.wait = 0;
    return { at: now + wait, moved: true };
  }
}

/** Whether this browser can play it. */
export async function playable(config: SoundConfig): Promise<boolean> {
  if (config.codec === 'pcmu' || config.codec === 'pcma') return true;
  if (typeof AudioDecoder === 'undefined') return false;
  try {
    return (await AudioDecoder.isConfigSupported(decoderConfig(config))).supported === true;
  } catch {
    return false;
  }
}

const decoderConfig = (config: SoundConfig): AudioDecoderConfig => ({
  codec: config.codecString,
  sampleRate: config.rate,
  numberOfChannels: config.channels,
  ...(config.description.length > 0 ? { description: config.description } : {}),
});

export class SoundPlayer {
  private readonly context: AudioContext;
  private readonly gain: GainNode;
  private readonly line = new SoundLine();
  private readonly waiting = new Set<AudioBufferSourceNode>();
  private decoder: AudioDecoder | null = null;
  private base: number | null = null;

  /** `wait` says how long the sound of an RTP time has to wait for its picture, in seconds; null when that is not known. */
  constructor(
    private readonly config: SoundConfig,
    private readonly wait: (rtp: number) => number | null,
  ) {
    this.context = new AudioContext({ latencyHint: 'interactive', sampleRate: config.rate });
    this.gain = this.context.createGain();
    this.gain.connect(this.context.destination);
    if (config.codecString) {
      // What cannot be decoded is not heard; the picture goes on.
      this.decoder = new AudioDecoder({ output: (data) => this.decoded(data), error: () => undefined });
      this.decoder.configure(decoderConfig(config));
    }
  }

  /** 0 to 100. */
  set volume(volume: number) {
    this.gain.gain.value = (volume / 100) ** 2;
  }

  push(unit: SoundUnit): void {
    this.base ??= unit.rtp;
    const { codec, rate, channels } = this.config;
    if (codec === 'pcmu' || codec === 'pcma') {
      const samples = g711(codec, unit.data);
      this.play(unit.rtp, unit.samples, channels, (channel) => (channels === 1 ? samples : samples.filter((_, n) => n % channels === channel)));
    } else if (this.decoder?.state === 'configured' && this.decoder.decodeQueueSize <= MAX_UNDECODED) {
      const timestamp = Math.round(((unit.rtp - this.base) * 1e6) / rate);
      this.decoder.decode(new EncodedAudioChunk({ type: 'key', timestamp, data: unit.data }));
    }
  }

  close(): void {
    if (this.decoder && this.decoder.state !== 'closed') this.decoder.close();
    this.waiting.clear();
    void this.context.close();
  }

  private decoded(data: AudioData): void {
    const rtp = (this.base ?? 0) + (data.timestamp * this.config.rate) / 1e6;
    this.play(rtp, data.numberOfFrames, data.numberOfChannels, (channel) => {
      const samples = new Float32Array(data.numberOfFrames);
      data.copyTo(samples, { planeIndex: channel, format: 'f32-planar' });
      return samples;
    });
    data.close();
  }

  private play(rtp: number, length: number, channels: number, samples: (channel: number) => Float32Array<ArrayBuffer>): void {
    const { context, config } = this;
    if (context.state !== 'running') void context.resume();
    const { at, moved } = this.line.place(rtp / config.rate, context.currentTime, this.wait(rtp));
    if (moved) {
      for (const source of this.waiting) source.stop();
      this.waiting.clear();
    }
    const buffer = context.createBuffer(channels, length, config.rate);
    for (let channel = 0; channel < channels; channel++) buffer.copyToChannel(samples(channel), channel);
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.gain);
    source.onended = () => this.waiting.delete(source);
    source.start(at);
    this.waiting.add(source);
  }
}
