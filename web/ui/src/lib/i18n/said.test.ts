import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import table from '../../locales/de.said.json';
import { Said } from './said';

/** What only programs are told. */
const PROTOCOLS = ['digest.rs', 'digest_client.rs', 'reset_code.rs'];

/** Rust sources of a folder, without their tests. */
function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return entry.name.endsWith('.rs') && ![...PROTOCOLS, 'tests.rs'].includes(entry.name) ? [readFileSync(path, 'utf8').split('#[cfg(test)]\nmod tests')[0]] : [];
  });
}

/** The arguments of a call that begins at `from`. */
function call(text: string, from: number): string {
  let depth = 1;
  let at = from;
  while (at < text.length && depth > 0) {
    if (text[at] === '(') depth += 1;
    if (text[at] === ')') depth -= 1;
    at += 1;
  }
  return text.slice(from, at);
}

/** A format of Rust with its places as the table writes them. */
function numbered(format: string): string {
  let n = 0;
  return format.replace(/\{[^}]*\}/g, () => `{${n++}}`);
}

/** Reasons for which the core refuses a value, as the table writes them. */
function reasons(): string[] {
  const found = new Set<string>();
  for (const text of sources('../../device/model/src/settings').concat(sources('../../device/model/src/auth'), sources('../../web/src/api'))) {
    for (const begin of text.matchAll(/(?:Violation::new|\bbad|\bErr|\binvalid|reason = (?:\w+ *=> *)?format!)\(/g)) {
      const wanted = call(text, begin.index + begin[0].length);
      for (const [, literal] of wanted.matchAll(/"((?:[^"\\\n]|\\.)*)"/g)) {
        if (!/[a-z] [a-z{]|\} [a-z]/.test(literal) || literal.startsWith('/')) continue;
        found.add(numbered(literal));
      }
    }
  }
  // Findings of the check are whole sentences, and what they hold.
  const rules = readFileSync('../../device/model/src/upkeep/rules.rs', 'utf8').replace(/^\s*\/\/.*$/gm, '');
  for (const [, literal] of rules.matchAll(/"((?:[^"\\\n]|\\.)* (?:[^"\\\n]|\\.)*)"/g)) found.add(numbered(literal));
  return [...found];
}

describe('what the unit says', () => {
  const german = new Said(table);

  it('is said in German, with what changes', () => {
    const rows = [
      ['2000 is outside 1 to 1024', '2000 liegt nicht zwischen 1 und 1024'],
      ['70 is outside 0 to 60 s', '70 liegt nicht zwischen 0 und 60 s'],
      ['has 3 characters; needed are 8', 'hat 3 Zeichen; nötig sind 8'],
      ["the group 'night (2)' exists already", "die Gruppe 'night (2)' gibt es schon"],
      ['its port 443 cannot be listened on: in use', 'sein Port 443 kann nicht geöffnet werden: in use'],
      ['is a reserved port', 'ist ein reservierter Port'],
      ['is no PEM certificate: it holds none', 'ist kein PEM-Zertifikat: es enthält keines'],
    ];
    for (const [said, expected] of rows) expect(german.say(said)).toBe(expected);
  });

  it('stays as it is where nobody has translated it', () => {
    expect(german.say('out of cheese')).toBe('out of cheese');
    expect(new Said({}).say('is a reserved port')).toBe('is a reserved port');
  });

  it('has a text for every reason of the core', () => {
    const all = reasons();
    expect(all.length).toBeGreaterThan(110);
    const sample = (reason: string) => reason.replace(/\{\d\}/g, 'X').replace(/\\"/g, '"');
    expect(all.filter((reason) => german.say(sample(reason)) === sample(reason))).toEqual([]);
  });

  it('names everything that changes in both texts', () => {
    for (const [from, to] of Object.entries(table)) {
      const places = (text: string) => [...new Set(text.match(/\{\d\}/g) ?? [])].sort();
      expect(places(to), from).toEqual(places(from));
    }
  });
});
