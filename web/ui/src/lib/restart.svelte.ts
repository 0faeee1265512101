/** The unit is going away on purpose: which screen to show meanwhile, and where to go on. */
class Restart {
  active = $state.raw<{ text: string; downS: number; next: string } | null>(null);

  /** `next` is opened once the unit answers again; it may be at another address. */
  begin(text: string, downS: number, next = location.origin): void {
    this.active = { text, downS, next };
  }
}

export const restart = new Restart();
