/** Short messages that leave by themselves. */
export interface Toast {
  id: number;
  kind: 'ok' | 'bad';
  text: string;
}

class Toasts {
  list = $state<Toast[]>([]);
  private next = 1;

  show(kind: Toast['kind'], text: string): void {
    const id = this.next++;
    this.list = [...this.list.slice(-2), { id, kind, text }];
    window.setTimeout(() => this.dismiss(id), kind === 'ok' ? 4000 : 8000);
  }

  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
