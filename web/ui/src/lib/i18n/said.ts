/** What the unit says, which is English, in another language: texts in which `{0}`, `{1}` stand for what changes. */
export class Said {
  private readonly patterns: { pattern: RegExp; text: string }[];

  constructor(private readonly table: Partial<Record<string, string>>) {
    // Of two that fit, the one with more words of its own.
    const own = (key: string) => key.replace(/\{\d\}/g, '').length;
    const keys = Object.keys(table).filter((key) => /\{\d\}/.test(key));
    keys.sort((a, b) => own(b) - own(a));
    this.patterns = keys.map((key) => ({ pattern: pattern(key), text: table[key] ?? key }));
  }

  /** The text in the language of the table, reasons within it too; as it is where the table has none. */
  say(text: string): string {
    const whole = this.table[text];
    if (whole !== undefined) return whole;
    for (const { pattern, text: to } of this.patterns) {
      const found = pattern.exec(text);
      if (found) return to.replace(/\{(\d)\}/g, (_, n: string) => this.say(found[Number(n) + 1]));
    }
    return text;
  }
}

function pattern(key: string): RegExp {
  const literal = (part: string) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${key.split(/\{\d\}/).map(literal).join('(.+?)')}$`, 's');
}
