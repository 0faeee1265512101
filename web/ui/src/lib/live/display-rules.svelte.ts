/** What the Live page shows over the picture: the section `lpr.commission`, followed while it changes (COMM-1). */
import { api } from '../api';
import { events } from '../events.svelte';

export const COMMISSION = 'lpr.commission';

class DisplayRules {
  boxes = $state(true);
  tracks = $state(false);

  /** Reads now and after every change; returns the way to stop. Who may not read settings sees what is delivered. */
  follow(): () => void {
    const load = () =>
      api.section(COMMISSION).then(
        ({ value }) => {
          this.boxes = value.show_boxes !== false;
          this.tracks = value.show_tracks === true;
        },
        () => undefined,
      );
    void load();
    return events.on((event) => {
      if ((event.type === 'settings' && event.key === COMMISSION) || event.type === 'missed' || event.type === 'hello') void load();
    });
  }
}

export const displayRules = new DisplayRules();
