/** Reads the settings JSON Schema (schemars, draft 2020-12) with our `x-` hints into fields. */

export interface JsonSchema {
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  type?: string | string[];
  title?: string;
  description?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  enum?: unknown[];
  const?: unknown;
  oneOf?: JsonSchema[];
  anyOf?: JsonSchema[];
  allOf?: JsonSchema[];
  items?: JsonSchema;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  format?: string;
  pattern?: string;
  default?: unknown;
  readOnly?: boolean;
  writeOnly?: boolean;
  'x-unit'?: string;
  'x-widget'?: string;
  'x-title'?: string;
  'x-visible-when'?: Condition | Condition[];
  'x-hidden-when'?: Condition | Condition[];
}

/** All named siblings have the value, or one of the values. A list of conditions holds when one does. */
export type Condition = Record<string, unknown>;

export type Widget =
  | 'switch'
  | 'select'
  | 'radio'
  | 'checks'
  | 'number'
  | 'range'
  | 'text'
  | 'textarea'
  | 'file'
  | 'picture'
  | 'secret'
  | 'ip'
  | 'time'
  | 'date-time'
  | 'list'
  | 'objects'
  | 'group'
  | 'week'
  | 'schedule'
  | 'prompt'
  | 'fixed';

export interface Choice {
  value: unknown;
  label: string;
  help: string;
}

export interface FieldSpec {
  name: string;
  /** JSON pointer in the section. */
  pointer: string;
  title: string;
  help: string;
  unit: string;
  widget: Widget;
  choices: Choice[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
  nullable: boolean;
  readOnly: boolean;
  format: string;
  /** Of a group. */
  fields: FieldSpec[];
  /** Of a list: its items, whose pointer has no index. */
  item: FieldSpec | null;
  /** A value for a new item. */
  initial: unknown;
  visibleWhen: Condition[];
  hiddenWhen: Condition[];
}

export type Values = Record<string, unknown>;

/** Fields of a section's schema in the order of the schema. */
export function fieldsOf(root: JsonSchema): FieldSpec[] {
  return objectFields(resolve(root, root), root, '', 0);
}

const MAX_DEPTH = 8;

function objectFields(schema: JsonSchema, root: JsonSchema, pointer: string, depth: number): FieldSpec[] {
  if (depth > MAX_DEPTH) return []; // a schema that refers to itself
  return ordered(schema).map(([name, raw]) => fieldOf(name, raw, root, join(pointer, name), depth));
}

/** A member's JSON pointer. */
export const join = (pointer: string, name: string | number): string =>
  `${pointer}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;

/**
 * What a description tells who fills in the form: without the numbers of requirements, the names that ONVIF has for it and
 * the marks of code, which the reference of the settings keeps.
 */
export const plainHelp = (text: string): string =>
  text
    .replace(/ ?\((?:C|[A-Z]{2,})-\d[^)]*\)/g, '')
    .replace(/\s*\bONVIF: .*?\.(?=\s|$)/gs, '')
    .replaceAll('`', '')
    .trim();

function fieldOf(name: string, raw: JsonSchema, root: JsonSchema, pointer: string, depth: number): FieldSpec {
  const schema = resolve(raw, root);
  const { inner, nullable } = unwrapNullable(schema, root);
  const items = inner.type === 'array' && inner.items && depth < MAX_DEPTH ? fieldOf(name, inner.items, root, pointer, depth + 1) : null;
  const choices = choicesOf(inner, root);
  const widget = widgetOf(inner, choices, items);
  return {
    name,
    pointer,
    title: schema['x-title'] ?? schema.title ?? inner.title ?? humanise(name),
    help: plainHelp(schema.description ?? inner.description ?? ''),
    unit: inner['x-unit'] ?? schema['x-unit'] ?? '',
    widget,
    choices: widget === 'checks' ? (items?.choices ?? []) : choices,
    minimum: inner.minimum,
    maximum: inner.maximum,
    minLength: inner.minLength,
    maxLength: inner.maxLength,
    maxItems: inner.maxItems,
    nullable,
    readOnly: schema.readOnly ?? false,
    format: inner.format ?? '',
    fields: widget === 'group' ? objectFields(inner, root, pointer, depth + 1) : [],
    item: widget === 'list' || widget === 'objects' ? items : null,
    initial: initial(inner, choices, root, depth),
    visibleWhen: conditions(schema['x-visible-when']),
    hiddenWhen: conditions(schema['x-hidden-when']),
  };
}

/** What a new item of a list starts with: the schema's default, else the least that it allows. */
function initial(schema: JsonSchema, choices: Choice[], root: JsonSchema, depth: number): unknown {
  if (schema.default !== undefined) return schema.default;
  if (choices.length > 0) return choices[0].value;
  if (schema.type === 'object') {
    if (depth > MAX_DEPTH) return {};
    const members = ordered(schema).map(([name, raw]) => {
      const { inner, nullable } = unwrapNullable(resolve(raw, root), root);
      return [name, nullable && inner.default === undefined ? null : initial(inner, choicesOf(inner, root), root, depth + 1)];
    });
    return Object.fromEntries(members);
  }
  if (schema.type === 'integer' || schema.type === 'number') return schema.minimum ?? 0;
  if (schema.type === 'boolean') return false;
  return schema.type === 'array' ? [] : '';
}

/** `properties` come sorted by name; `required` has the order in which the model declares its fields. */
function ordered(schema: JsonSchema): [string, JsonSchema][] {
  const place = new Map((schema.required ?? []).map((name, index) => [name, index]));
  const rank = (name: string) => place.get(name) ?? place.size;
  return Object.entries(schema.properties ?? {}).sort(([a], [b]) => rank(a) - rank(b));
}

function conditions(value: Condition | Condition[] | undefined): Condition[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** Follows `$ref` and single `allOf`; keywords beside the reference win over those behind it. */
export function resolve(schema: JsonSchema, root: JsonSchema): JsonSchema {
  let current = schema;
  for (let hops = 0; hops < MAX_DEPTH; hops++) {
    const next: JsonSchema | undefined = current.$ref
      ? root.$defs?.[current.$ref.replace(/^#\/(\$defs|definitions)\//, '')]
      : current.allOf?.length === 1
        ? current.allOf[0]
        : undefined;
    if (!next) break;
    const { $ref: _, allOf: __, ...own } = current;
    current = { ...next, ...own };
  }
  return current;
}

function unwrapNullable(schema: JsonSchema, root: JsonSchema): { inner: JsonSchema; nullable: boolean } {
  if (Array.isArray(schema.type) && schema.type.includes('null')) {
    const types = schema.type.filter((type) => type !== 'null');
    return { inner: { ...schema, type: types.length === 1 ? types[0] : types }, nullable: true };
  }
  const parts = schema.anyOf ?? [];
  if (parts.some((part) => part.type === 'null')) {
    const rest = parts.filter((part) => part.type !== 'null');
    if (rest.length === 1) {
      const { anyOf: _, ...own } = schema;
      return { inner: { ...resolve(rest[0], root), ...own }, nullable: true };
    }
  }
  return { inner: schema, nullable: false };
}

function choicesOf(schema: JsonSchema, root: JsonSchema): Choice[] {
  if (schema.enum) return schema.enum.map((value) => ({ value, label: String(value), help: '' }));
  const variants = (schema.oneOf ?? []).map((variant) => resolve(variant, root));
  if (variants.length === 0) return [];
  const choices: Choice[] = [];
  for (const variant of variants) {
    const values = variant.enum ?? (variant.const !== undefined ? [variant.const] : []);
    if (values.length === 0) return []; // not a plain choice
    for (const value of values) {
      choices.push({ value, label: variant.title ?? String(value), help: plainHelp(variant.description ?? '') });
    }
  }
  return choices;
}

const BY_HINT = new Map<string, Widget>([
  ['password', 'secret'], ['secret', 'secret'], ['textarea', 'textarea'], ['multiline', 'textarea'], ['file', 'file'], ['pem', 'file'], ['png', 'picture'],
  ['ip', 'ip'], ['ipv4', 'ip'], ['ipv6', 'ip'], ['time', 'time'], ['partial-time', 'time'], ['time-of-day', 'time'],
  ['date-time', 'date-time'], ['datetime', 'date-time'], ['schedule', 'schedule'], ['prompt', 'prompt'],
]);

function widgetOf(schema: JsonSchema, choices: Choice[], items: FieldSpec | null): Widget {
  const hint = schema['x-widget'] ?? '';
  if (choices.length > 0) return hint === 'radio' ? 'radio' : 'select';
  switch (schema.type) {
    case 'boolean':
      return 'switch';
    case 'integer':
    case 'number':
      return hint === 'range' && schema.minimum !== undefined && schema.maximum !== undefined ? 'range' : 'number';
    case 'array':
      if (!items || items.widget === 'fixed' || items.widget === 'list' || items.widget === 'objects') return 'fixed';
      if (items.widget === 'group') return 'objects';
      return items.choices.length > 0 && (hint === 'checks' || schema.uniqueItems) ? 'checks' : 'list';
    case 'object':
      if (hint === 'week') return 'week';
      return schema.properties ? 'group' : 'fixed';
    case 'string':
      return BY_HINT.get(hint) ?? (schema.writeOnly ? 'secret' : (BY_HINT.get(schema.format ?? '') ?? 'text'));
    default:
      return 'fixed'; // shown as text, never guessed
  }
}

function humanise(name: string): string {
  const words = name.replaceAll(/[_-]+/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function holds(condition: Condition, siblings: Values): boolean {
  return Object.entries(condition).every(([name, wanted]) =>
    Array.isArray(wanted) ? wanted.includes(siblings[name]) : siblings[name] === wanted,
  );
}

/** Whether a field is shown, given the values of its group. */
export function isVisible(field: FieldSpec, siblings: Values): boolean {
  if (field.hiddenWhen.some((condition) => holds(condition, siblings))) return false;
  return field.visibleWhen.length === 0 || field.visibleWhen.some((condition) => holds(condition, siblings));
}

/** RFC 7396 merge patch that turns `before` into `after`; null when nothing changed. */
export function mergePatch(before: Values, after: Values): Values | null {
  const patch: Values = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [a, b] = [before[name], after[name]];
    if (b === undefined || b === null) {
      if (a !== undefined && a !== null) patch[name] = null;
    } else if (isObject(a) && isObject(b)) {
      const inner = mergePatch(a, b);
      if (inner) patch[name] = inner;
    } else if (JSON.stringify(a) !== JSON.stringify(b)) {
      patch[name] = b;
    }
  }
  return Object.keys(patch).length > 0 ? patch : null;
}

/** Quick check in the page; the device is the judge. Returns the violated bound. */
export type Bound = { rule: 'number' } | { rule: 'ip' } | { rule: 'range'; min: number; max: number } | { rule: 'length'; min: number; max: number };

const IPV4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;
const IPV6 = /^[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*$/i;

export function check(field: FieldSpec, value: unknown): Bound | null {
  if (field.nullable && (value === null || value === undefined || value === '')) return null;
  switch (field.widget) {
    case 'number':
    case 'range': {
      if (typeof value !== 'number' || !Number.isFinite(value)) return { rule: 'number' };
      const [min, max] = [field.minimum ?? -Infinity, field.maximum ?? Infinity];
      return value < min || value > max ? { rule: 'range', min, max } : null;
    }
    case 'ip': {
      const text = String(value ?? '');
      if (text === '' && !field.minLength) return null;
      return (field.format !== 'ipv6' && IPV4.test(text)) || (field.format !== 'ipv4' && IPV6.test(text)) ? null : { rule: 'ip' };
    }
    case 'text':
    case 'textarea': {
      const length = [...String(value ?? '')].length;
      const [min, max] = [field.minLength ?? 0, field.maxLength ?? Infinity];
      return length < min || length > max ? { rule: 'length', min, max } : null;
    }
    default:
      return null;
  }
}

/** Whether a value that is shown breaks a bound, in it or below it. */
export function broken(field: FieldSpec, value: unknown): boolean {
  if (field.widget === 'group') {
    const members = (value ?? {}) as Values;
    return field.fields.some((inner) => isVisible(inner, members) && broken(inner, members[inner.name]));
  }
  const { item } = field;
  if (item) return Array.isArray(value) && value.some((entry) => broken(item, entry));
  return check(field, value) !== null;
}

function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
