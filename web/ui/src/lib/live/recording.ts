/** A recording of the live stream on this computer: what arrives is written as it is into MP4 files (LIVE-11, LIVE-12, GEN-11). */
import { equal } from './bytes';
import type { AccessUnit, VideoConfig } from './codec';
import { fitsMp4, initSegment, mediaSegment, TIMESCALE } from './fmp4';
import type { SoundConfig, SoundUnit } from './sound';

/** A file of this size is closed and the next one begun: browsers and file systems handle it. */
export const MAX_FILE = 1024 ** 3;
/** Pieces of this size are handed to the browser, which may keep them on its disk. */
const PIECE = 4 * 1024 ** 2;
/** A frame that lasts longer was followed by a gap in the stream, and is not shown for all of it. */
const LONGEST = TIMESCALE;

export interface Written {
  blob: Blob;
  /** 1 for the first file of a recording. */
  number: number;
  frames: number;
  seconds: number;
}

const same = (a: VideoConfig, b: VideoConfig): boolean =>
  a.codec === b.codec && a.width === b.width && a.height === b.height && equal(a.description, b.description);

const sameSound = (a: SoundConfig, b: SoundConfig): boolean =>
  a.codec === b.codec && a.rate === b.rate && a.channels === b.channels && equal(a.description, b.description);

/** One file being written. */
class File {
  private pieces: Blob[] = [];
  private open: Uint8Array<ArrayBuffer>[] = [];
  private openSize = 0;
  private held: AccessUnit | null = null;
  /** End of what was written, 1/90000 s. */
  private time = 0;
  private usual = TIMESCALE / 25;
  private heard: SoundConfig | null = null;
  /** End of the sound that was written, samples. */
  private heardTo: number | null = null;
  private fragments = 0;
  size = 0;
  frames = 0;
  /** The sound is of another kind now; one file has one kind. */
  stale = false;

  constructor(readonly config: VideoConfig) {}

  push(unit: AccessUnit): void {
    if (this.held) {
      const apart = unit.rtp - this.held.rtp;
      // Another connection counts from another number; a frame that comes too late does not stretch the last one.
      if (apart > 0 && apart <= LONGEST) this.usual = apart;
      this.write(this.held, this.usual);
    }
    this.held = unit;
  }

  private write(unit: AccessUnit, duration: number): void {
    this.frames++;
    this.add(mediaSegment({ sequence: ++this.fragments, time: this.time, duration, key: unit.key, data: unit.data }));
    this.time += duration;
  }

  /** `at` is the place of the sound on the clock of the frames. */
  sound(unit: SoundUnit, config: SoundConfig, at: number): void {
    if (!this.held || Math.abs(at - this.held.rtp) > LONGEST) return;
    this.heard ??= config;
    if (!sameSound(this.heard, config)) {
      this.stale = true;
      return;
    }
    const due = Math.round(((this.time + at - this.held.rtp) * config.rate) / TIMESCALE);
    // Piece after piece, unless some are missing.
    const goesOn = this.heardTo !== null && Math.abs(due - this.heardTo) <= config.rate / 10;
    const time = goesOn ? (this.heardTo ?? due) : due;
    // What was before the first frame, or comes twice, has no place.
    if (time < (this.heardTo ?? 0)) return;
    this.add(mediaSegment({ sequence: ++this.fragments, track: 2, time, duration: unit.samples, key: true, data: unit.data }));
    this.heardTo = time + unit.samples;
  }

  private add(part: Uint8Array<ArrayBuffer>): void {
    this.size += part.length;
    this.open.push(part);
    this.openSize += part.length;
    if (this.openSize >= PIECE) this.handOver();
  }

  private handOver(): void {
    this.pieces.push(new Blob(this.open));
    this.open = [];
    this.openSize = 0;
  }

  end(number: number): Written {
    if (this.held) this.write(this.held, this.usual);
    this.held = null;
    this.handOver();
    // Now the length is known: players show it and find any place.
    const sound = this.heardTo === null ? null : this.heard;
    const blob = new Blob([initSegment(this.config, this.time, sound), ...this.pieces], { type: 'video/mp4' });
    return { blob, number, frames: this.frames, seconds: this.time / TIMESCALE };
  }
}

export class Recording {
  private file: File | null = null;
  private files = 0;

  /** `written` gets each file when it is complete. */
  constructor(
    private readonly written: (file: Written) => void,
    private readonly maxFile = MAX_FILE,
  ) {}

  /** Every unit of the stream, in order, with the configuration that it is decoded by. */
  push(unit: AccessUnit, config: VideoConfig): void {
    // JPEG has no place in these files.
    if (config.codec === 'jpeg') return;
    const { file } = this;
    if (file && unit.key && (file.stale || !same(file.config, config) || file.size >= this.maxFile)) this.close();
    // A file begins with a key frame, and nothing of another size or codec gets into it.
    if (!this.file && unit.key) this.file = new File(config);
    if (this.file && same(this.file.config, config)) this.file.push(unit);
  }

  /** A piece of sound at its place `at` on the clock of the units. */
  sound(unit: SoundUnit, config: SoundConfig, at: number): void {
    if (fitsMp4(config)) this.file?.sound(unit, config, at);
  }

  end(): void {
    this.close();
  }

  private close(): void {
    const { file } = this;
    this.file = null;
    if (file) this.written(file.end(++this.files));
  }
}
