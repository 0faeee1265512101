/** History router: links stay plain `<a href>`. */
import { canonical, match } from './routes';

class Router {
  path = $state(canonical(location.pathname));
  query = $state.raw(new URLSearchParams(location.search));
  route = $derived(match(this.path, this.query));
  /** What waits for an answer to "leave the page with unsaved changes?"; the frame asks. */
  pending = $state.raw<(() => void) | null>(null);
  /** Forms with unsaved changes. */
  private readonly guards = new Set<() => boolean>();

  constructor() {
    if (this.path !== location.pathname) history.replaceState(null, '', this.path + location.search);
    window.addEventListener('popstate', () => {
      if (!this.dirty) {
        this.read();
        return;
      }
      const wanted = location.pathname + location.search;
      history.pushState(null, '', this.href());
      this.pending = () => this.open(wanted, false);
    });
    document.addEventListener('click', (event) => this.click(event));
  }

  get dirty(): boolean {
    return [...this.guards].some((isDirty) => isDirty());
  }

  go(href: string, replace = false): void {
    this.attempt(() => this.open(href, replace));
  }

  /** Does what would lose unsaved changes, after asking when there are any. */
  attempt(action: () => void): void {
    if (this.dirty) this.pending = action;
    else action();
  }

  /** The answer to the question. */
  answer(leave: boolean): void {
    const action = this.pending;
    this.pending = null;
    if (!leave) return;
    this.guards.clear();
    action?.();
  }

  /** Changes the query only, without a new history entry. */
  setQuery(query: URLSearchParams): void {
    const text = query.toString();
    history.replaceState(null, '', text ? `${this.path}?${text}` : this.path);
    this.query = query;
  }

  /** A form tells whether it has unsaved changes; the answer forgets it again. Made for `$effect`. */
  guard(isDirty: () => boolean): () => void {
    this.guards.add(isDirty);
    return () => this.guards.delete(isDirty);
  }

  private open(href: string, replace: boolean): void {
    if (replace) history.replaceState(null, '', href);
    else history.pushState(null, '', href);
    this.read();
    window.scrollTo(0, 0);
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
