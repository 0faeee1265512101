/** The motorised lens (docs/reference/web-api/lens.md). */
import { call } from '../http';

export type Motor = 'zoom' | 'focus';
export type Way = 'back' | 'forward';

export interface MotorState {
  position: number;
  step: number;
  moving: boolean;
  end: string | null;
}

export interface LensState {
  zoom: MotorState | null;
  focus: MotorState | null;
  focusing: boolean;
  busy: boolean;
  fault: string | null;
}

export const lens = {
  state: () => call<LensState>('GET', '/lens'),
  move: (motor: Motor, how: { position: number } | { step: Way } | { on: Way }) => call<void>('POST', '/lens/move', { motor, ...how }),
  stop: (motor: Motor) => call<void>('POST', '/lens/stop', { motor }),
  autoFocus: (area?: number[]) => call<void>('POST', '/lens/auto-focus', { area }),
};
