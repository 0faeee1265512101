/** Local storage (docs/reference/web-api/storage.md). */
import { call } from '../http';

export interface Card {
  state: 'no-slot' | 'absent' | 'opening' | 'ready' | 'read-only' | 'unformatted' | 'damaged' | 'failed' | 'formatting';
  pulled: boolean;
  id: string | null;
  device: string | null;
  file_system: string | null;
  total: number;
  free: number;
  error: string | null;
}

export interface Storage {
  card: Card;
  unit: { total: number; free: number };
}

export const storage = {
  status: () => call<Storage>('GET', '/storage'),
  format: () => call<Card>('POST', '/storage/card/format', { confirm: 'FORMAT' }),
};
