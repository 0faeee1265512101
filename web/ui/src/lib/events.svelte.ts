/** One WebSocket for everything that happens on the device: reads, status, settings, session end. */
import type { DeviceStatus, PlateRecord, SourceState } from './api';
import { session } from './session.svelte';

/** Something that is wrong now and may end by itself. */
export interface Condition {
  id: string;
  severity: 'error' | 'warning' | 'notice';
  /** Route of the page that mends it; empty when none does. */
  page: string;
}

export type DeviceEvent =
  | { type: 'hello'; time: string }
  | { type: 'record'; record: PlateRecord }
  | { type: 'record_changed'; record: PlateRecord }
  | { type: 'source'; source_state: SourceState }
  | { type: 'missed'; count: number }
  | { type: 'status'; status: DeviceStatus }
  | { type: 'settings'; key: string; revision: number; changed_by: string }
  | { type: 'stream_changed'; stream: 'main' | 'sub' }
  | { type: 'network'; news: string }
  | { type: 'clock_jumped'; before: string; after: string }
  | { type: 'restarting'; reason: string }
  | { type: 'upgrade_available'; version: string }
  | { type: 'alarm' }
  | { type: 'online' }
  | { type: 'conditions'; conditions: Condition[] }
  | { type: 'session_end'; reason: string };

const RETRY_MS = [500, 1000, 2000, 5000];

class Events {
  connected = $state(false);
  status = $state<DeviceStatus | null>(null);
  /** What is wrong now, worst first. */
  conditions = $state.raw<Condition[]>([]);
  /** Device clock minus browser clock in ms, good to half a round trip. */
  clockOffset: number | null = null;

  private socket: WebSocket | null = null;
  private readonly listeners = new Set<(event: DeviceEvent) => void>();
  private attempt = 0;
  private timer = 0;
  private wanted = false;

  start(): void {
    if (this.wanted) return;
    this.wanted = true;
    this.open();
  }

  stop(): void {
    this.wanted = false;
    clearTimeout(this.timer);
    this.socket?.close();
    this.socket = null;
    this.connected = false;
    this.conditions = [];
  }

  /** Returns the way to stop listening; made for `$effect`. */
  on(listener: (event: DeviceEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private open(): void {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/events`);
    this.socket = socket;
    socket.onmessage = (message) => this.receive(String(message.data));
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.connected = false;
      if (!this.wanted) return;
      const delay = RETRY_MS[Math.min(this.attempt++, RETRY_MS.length - 1)];
      this.timer = window.setTimeout(() => {
        // A browser hides why an upgrade was refused: ask whether the session still lives.
        session.load().then(() => {
          if (this.wanted && session.current) this.open();
        });
      }, delay);
    };
  }

  private receive(text: string): void {
    let event: DeviceEvent;
    try {
      event = JSON.parse(text) as DeviceEvent;
    } catch {
      return;
    }
    if (event.type === 'hello') {
      this.connected = true;
      this.attempt = 0;
      this.clockOffset = Date.parse(event.time) - Date.now();
    } else if (event.type === 'status') {
      this.status = event.status;
      const offset = Date.parse(event.status.time) - Date.now();
      // Late messages only make the offset smaller: the largest seen is the closest.
      if (this.clockOffset === null || offset > this.clockOffset || this.clockOffset - offset > 2000) {
        this.clockOffset = offset;
      }
    } else if (event.type === 'conditions') {
      this.conditions = event.conditions;
    } else if (event.type === 'source' && this.status) {
      this.status = { ...this.status, source_state: event.source_state };
    } else if (event.type === 'session_end') {
      session.end('expired');
    }
    for (const listener of this.listeners) listener(event);
  }
}

export const events = new Events();
