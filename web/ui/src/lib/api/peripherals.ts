/** Plates to devices that are wired to the unit (docs/reference/web-api/peripherals.md). */
import { call, query } from '../http';

export interface PlateNumber {
  format: '26' | '34';
  number: number;
  facility: number;
  card: number;
}

export const peripherals = {
  line: (plate: string) => call<{ line: string }>('POST', '/peripherals/serial/test', { plate }),
  send: (plate: string) => call<PlateNumber>('POST', '/peripherals/wiegand/test', { plate }),
  number: (plate: string) => call<PlateNumber>('GET', `/peripherals/wiegand/number?${query({ plate })}`),
};
