/** The live log: one WebSocket while somebody watches (DEBUG-4). */
import type { LogEntry } from './api/log';

const RETRY_MS = 2000;

export class LogTail {
  connected = $state(false);
  /** Entries left out because this page was too slow. */
  missed = $state(0);
  private socket: WebSocket | null = null;
  private timer = 0;

  /** `kind` is a list separated by commas; empty for all. */
  start(kind: string, take: (entry: LogEntry) => void): void {
    this.stop();
    this.missed = 0;
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/log/live${kind ? `?kind=${encodeURIComponent(kind)}` : ''}`);
    this.socket = socket;
    socket.onmessage = (message) => {
      const event = JSON.parse(String(message.data)) as { type: string; entry?: LogEntry; count?: number };
      if (event.type === 'hello') this.connected = true;
      if (event.type === 'entry' && event.entry) take(event.entry);
      if (event.type === 'missed') this.missed += event.count ?? 0;
    };
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.connected = false;
      this.timer = window.setTimeout(() => this.start(kind, take), RETRY_MS);
    };
  }

  stop(): void {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.connected = false;
  }
}
