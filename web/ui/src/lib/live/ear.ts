/** What is heard of one connection. */
import { ClockMap } from './clock';
import { playable, SoundPlayer } from './listener';
import { LossDetector, type RtpPacket, type SenderReport, Unwrapper } from './rtp';
import { type SoundConfig, SoundDepacketiser, type SoundUnit } from './sound';

/** What a stream has to hear. */
export interface LiveSound {
  name: string;
  /** Null when it is of an unknown kind. */
  config: SoundConfig | null;
  playable: boolean;
}

/** The sound of a connection: always taken apart, for recordings, and decoded while somebody listens. */
export class Ear {
  private readonly time = new Unwrapper();
  private readonly loss = new LossDetector();
  private readonly clock: ClockMap;
  private readonly depacketiser: SoundDepacketiser;
  private player: SoundPlayer | null = null;
  private volume: number | null = null;
  private playable = false;

  /** `wait` says how long the sound of a UTC has to wait for its picture; `known` hears whether this browser can play it. */
  constructor(
    readonly config: SoundConfig,
    private readonly wait: (utcMs: number) => number | null,
    known: (playable: boolean) => void,
  ) {
    this.clock = new ClockMap(config.rate);
    this.depacketiser = new SoundDepacketiser(config);
    void playable(config).then((can) => {
      this.playable = can;
      this.hear(this.volume);
      known(can);
    });
  }

  hear(volume: number | null): void {
    this.volume = volume;
    if (volume === null || !this.playable) {
      this.player?.close();
      this.player = null;
      return;
    }
    this.player ??= new SoundPlayer(this.config, (rtp) => {
      const utcMs = this.clock.toUtc(rtp);
      return utcMs === null ? null : this.wait(utcMs);
    });
    this.player.volume = volume;
  }

  report(report: SenderReport): void {
    this.clock.update(report, this.time.unwrap(report.timestamp));
  }

  push(packet: RtpPacket): { unit: SoundUnit; utcMs: number | null }[] {
    const gap = this.loss.gap(packet.sequence);
    const units = this.depacketiser.push(packet.payload, this.time.unwrap(packet.timestamp), gap);
    for (const unit of units) this.player?.push(unit);
    return units.map((unit) => ({ unit, utcMs: this.clock.toUtc(unit.rtp) }));
  }
}
