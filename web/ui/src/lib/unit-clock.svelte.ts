/** The unit's clock as the pages show it: its zone and formats once they are known, else those of this browser. */
import { type DateFormat, dateText, fromLocal, parseZone, type TimeFormat, timeText, toLocal } from './unit-time';

export interface UnitFormats {
  posix: string;
  date_format: DateFormat;
  time_format: TimeFormat;
}

class UnitClock {
  formats = $state.raw<UnitFormats | null>(null);
  private readonly zone = $derived(this.formats ? parseZone(this.formats.posix) : null);

  /** Texts of a moment; `null` before the unit's formats are known. */
  date(value: string | Date): string | null {
    const wall = this.wall(value);
    return wall && this.formats ? dateText(wall, this.formats.date_format) : null;
  }

  time(value: string | Date): string | null {
    const wall = this.wall(value);
    return wall && this.formats ? timeText(wall, this.formats.time_format) : null;
  }

  /** For `<input type="datetime-local">`. */
  input(value: string | Date): string {
    const at = new Date(value);
    if (Number.isNaN(at.getTime())) return '';
    if (this.zone) return toLocal(this.zone, at.getTime());
    return toLocal({ standard: -at.getTimezoneOffset() * 60, daylight: null }, at.getTime());
  }

  /** The moment that such an input says, in UTC. */
  moment(local: string): string | undefined {
    if (!local) return undefined;
    const at = this.zone ? fromLocal(this.zone, local) : Date.parse(local);
    return at === null || Number.isNaN(at) ? undefined : new Date(at).toISOString();
  }

  private wall(value: string | Date): Date | null {
    const at = new Date(value);
    if (!this.zone || Number.isNaN(at.getTime())) return null;
    return new Date(`${toLocal(this.zone, at.getTime())}Z`);
  }
}

export const unit = new UnitClock();
