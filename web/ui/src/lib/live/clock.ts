/** Ties media time to UTC by sender reports (LIVE-9: boxes in step with the picture). */
import type { SenderReport } from './rtp';

export class ClockMap {
  private reference: { rtp: number; utcMs: number } | null = null;

  constructor(private readonly clockRate: number) {}

  get ready(): boolean {
    return this.reference !== null;
  }

  /** `rtp` is the report's timestamp after unwrapping on the same track. */
  update(report: SenderReport, rtp: number): void {
    this.reference = { rtp, utcMs: report.utcMs };
  }

  /** UTC in ms of an unwrapped RTP time; null before the first report. */
  toUtc(rtp: number): number | null {
    if (!this.reference) return null;
    return this.reference.utcMs + ((rtp - this.reference.rtp) * 1000) / this.clockRate;
  }

  /** Unwrapped RTP time of a UTC in ms; null before the first report. */
  toRtp(utcMs: number): number | null {
    if (!this.reference) return null;
    return this.reference.rtp + ((utcMs - this.reference.utcMs) * this.clockRate) / 1000;
  }
}
