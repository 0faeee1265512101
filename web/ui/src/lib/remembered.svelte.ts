/** View choices kept in this browser; unknown or damaged entries fall back to the defaults. */
export function remembered<T extends Record<string, string | boolean | number>>(key: string, defaults: T): T {
  const stored: Partial<T> = {};
  try {
    const raw: unknown = JSON.parse(localStorage.getItem(key) ?? '{}');
    for (const name of Object.keys(defaults) as (keyof T & string)[]) {
      const value = (raw as Partial<T> | null)?.[name];
      if (typeof value === typeof defaults[name]) stored[name] = value;
    }
  } catch {
    // blocked storage or a damaged entry
  }
  const state = $state<T>({ ...defaults, ...stored });
  $effect(() => {
    const text = JSON.stringify(state);
    try {
      localStorage.setItem(key, text);
    } catch {
      // kept for this page only
    }
  });
  return state;
}
