/** History router: links stay plain `<a href>`. */
import { canonical, match } from './routes';

class Router {
  path = $state(canonical(location.pathname));
  query = $state.raw(new URLSearchParams(location.search));
  route = $derived(match(this.path, this.query));
  /** A page with unsaved changes asks before it is left. */
  private guard: (() => boolean) | null = null;

  constructor() {
    window.addEventListener('popstate', () => {
      if (this.guard && !this.guard()) {
        history.pushState(null, '', this.href());
        return;
      }
      this.read();
    });
    document.addEventListener('click', (event) => this.click(event));
  }

  go(href: string, replace = false): void {
    if (this.guard && !this.guard()) return;
    this.guard = null;
    if (replace) history.replaceState(null, '', href);
    else history.pushState(null, '', href);
    this.read();
    window.scrollTo(0, 0);
  }

  /** Changes the query only, without a new history entry. */
  setQuery(query: URLSearchParams): void {
    const text = query.toString();
    history.replaceState(null, '', text ? `${this.path}?${text}` : this.path);
    this.query = query;
  }

  /** `stay` returns true when the page may be left. */
  guardWith(leave: (() => boolean) | null): void {
    this.guard = leave;
  }

  private href(): string {
    const text = this.query.toString();
    return text ? `${this.path}?${text}` : this.path;
  }

  private read(): void {
    this.path = canonical(location.pathname);
    if (this.path !== location.pathname) history.replaceState(null, '', this.path + location.search);
    this.query = new URLSearchParams(location.search);
  }

  private click(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = (event.target as Element | null)?.closest?.('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (link.pathname.startsWith('/api/')) return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  }
}

export const router = new Router();
