/** Small things every view of a record needs. */
import type { ColorRead, PlateRecord } from './api';
import { i18n } from './i18n/index.svelte';

/** Width x height of the plate box in pixels (LIVE-19). */
export function plateSize(record: PlateRecord): string {
  const rect = record.plate_rect;
  return rect ? `${Math.round(rect.width)}x${Math.round(rect.height)}` : '';
}

export function region(record: PlateRecord): string {
  return [record.country_code, record.issuing_entity].filter(Boolean).join(' · ');
}

export const kindText = (record: PlateRecord): string => i18n.text(`record.kind.${record.kind}`);
export const directionText = (record: PlateRecord): string => i18n.text(`direction.${record.direction}`);
export const percent = (likelihood: number): string =>
  new Intl.NumberFormat(i18n.locale, { style: 'percent' }).format(likelihood);

/** Speed as people say it; empty when it was not measured (SNAPRULE-15). */
export const speedText = (record: PlateRecord): string =>
  record.speed_mps == null ? '' : `${i18n.number(Math.round(record.speed_mps * 3.6))} km/h`;

/** A colour with how sure it is; empty when it is unknown. */
export const colorText = (read: ColorRead | null): string =>
  read ? `${i18n.text(`color.${read.color}`)} (${percent(read.likelihood)})` : '';

/** The type of the vehicle with how sure it is; empty when it is unknown. */
export const typeText = ({ vehicle_type: read }: PlateRecord): string =>
  read ? `${i18n.text(`vehicle.${read.type}`)} (${percent(read.likelihood)})` : '';

/** Type of the vehicle and colours in a few words. */
export function looksText(record: PlateRecord): string {
  const { plate, vehicle } = record.colors;
  const kind = record.vehicle_type;
  const name = (read: ColorRead) => i18n.text(`color.${read.color}`);
  return [
    kind && i18n.text(`vehicle.${kind.type}`),
    plate && i18n.text('record.plate-color-named', { color: name(plate) }),
    vehicle && i18n.text('record.vehicle-color-named', { color: name(vehicle) }),
  ]
    .filter(Boolean)
    .join(' · ');
}

/** `2026-11-22_15-04-05_ABC123.jpg`: sorts by time, safe in every file system. */
export function fileName(record: PlateRecord, suffix = ''): string {
  const time = record.captured_at.slice(0, 19).replace('T', '_').replaceAll(':', '-');
  const plate = record.plate_number.replaceAll(/[^A-Za-z0-9]/g, '') || record.kind;
  return `${time}_${plate}${suffix}.jpg`;
}
