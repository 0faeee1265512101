/** What the Live page shows over the picture: the section `lpr.commission`, followed while it changes (COMM-1). */
import { api } from '../api';
import { events } from '../events.svelte';
import { session } from '../session.svelte';
import { RULE_SECTIONS, type Rule, rulesOf } from './rules';

export const COMMISSION = 'lpr.commission';

class DisplayRules {
  boxes = $state(true);
  tracks = $state(false);
  /** Areas to outline: those of the settings while *Show Rules* is on. */
  rules = $state.raw<Rule[]>([]);

  /** Reads now and after every change; returns the way to stop. Who may not read settings sees what is delivered. */
  follow(): () => void {
    // Only the newest answer counts.
    let run = 0;
    const load = async () => {
      const mine = ++run;
      try {
        const { value } = await api.section(COMMISSION);
        const rules = value.show_rules === true ? await areas() : [];
        if (mine !== run) return;
        this.boxes = value.show_boxes !== false;
        this.tracks = value.show_tracks === true;
        this.rules = rules;
      } catch {
        // as before
      }
    };
    void load();
    return events.on((event) => {
      const changed = event.type === 'settings' && [COMMISSION, ...RULE_SECTIONS].includes(event.key);
      if (changed || event.type === 'missed' || event.type === 'hello') void load();
    });
  }
}

async function areas(): Promise<Rule[]> {
  const there = (await session.sections()).map(({ key }) => key).filter((key) => RULE_SECTIONS.includes(key));
  const views = await Promise.all(there.map((key) => api.section(key)));
  return views.flatMap(({ key, value }) => rulesOf(key, value));
}

export const displayRules = new DisplayRules();
