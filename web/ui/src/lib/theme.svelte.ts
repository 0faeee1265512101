/** Light, dark or as the system says; the choice is kept in this browser. */
export type Theme = 'auto' | 'light' | 'dark';

function stored(): Theme {
  try {
    const value = localStorage.getItem('theme');
    return value === 'light' || value === 'dark' ? value : 'auto';
  } catch {
    return 'auto'; // storage may be blocked
  }
}

class ThemeChoice {
  current = $state<Theme>(stored());

  constructor() {
    this.apply();
  }

  next(): void {
    const order: Theme[] = ['auto', 'light', 'dark'];
    this.current = order[(order.indexOf(this.current) + 1) % order.length];
    try {
      localStorage.setItem('theme', this.current);
    } catch {
      // kept for this page only
    }
    this.apply();
  }

  private apply(): void {
    document.documentElement.dataset.theme = this.current;
  }
}

export const theme = new ThemeChoice();
