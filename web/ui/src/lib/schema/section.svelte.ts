/** Editing one settings section: draft, dirty state, save, conflict, refusals (UI-4). */
import { ApiError, api, type SectionView } from '../api';
import { told } from '../refusals';
import { broken, type FieldSpec, fieldsOf, isVisible, type JsonSchema, mergePatch, type Values } from './schema';

export type SaveResult = 'saved' | 'unchanged' | 'invalid' | 'conflict' | 'failed';

export class SectionForm {
  fields = $state.raw<FieldSpec[]>([]);
  view = $state.raw<SectionView | null>(null);
  draft = $state.raw<Values>({});
  errors = $state.raw<Record<string, string>>({});
  /** Message that belongs to no field. */
  failure = $state('');
  busy = $state(false);
  /** A newer revision exists on the device: who made it. */
  conflict = $state<{ revision: number; by: string } | null>(null);
  /** Whether the conflict is being asked about. */
  asking = $state(false);

  patch = $derived(this.view ? mergePatch(this.view.value, this.draft) : null);
  dirty = $derived(this.patch !== null);

  constructor(readonly key: string) {}

  /** Refresh: reads the stored values into the form. */
  async load(): Promise<void> {
    this.busy = true;
    this.failure = '';
    try {
      const [schema, view] = await Promise.all([
        this.fields.length > 0 ? null : api.schema(this.key),
        api.section(this.key),
      ]);
      if (schema) this.fields = fieldsOf(schema as JsonSchema);
      this.take(view);
    } catch (error) {
      this.failure = text(error);
    } finally {
      this.busy = false;
    }
  }

  /** Default: this page's defaults into the form; nothing is stored before Save. */
  toDefaults(): void {
    if (!this.view) return;
    this.draft = structuredClone(this.view.defaults);
    this.errors = {};
  }

  set(name: string, value: unknown): void {
    this.draft = { ...this.draft, [name]: value };
    const pointer = `/${name}`;
    const left = Object.entries(this.errors).filter(([at]) => at !== pointer && !at.startsWith(`${pointer}/`));
    this.errors = Object.fromEntries(left);
  }

  /** Another user or protocol changed the section. */
  changedElsewhere(revision: number, by: string): void {
    if (!this.view || revision <= this.view.revision || this.busy) return;
    if (this.dirty) this.conflict = { revision, by };
    else void this.load();
  }

  async save(): Promise<SaveResult> {
    if (!this.view || !this.patch) return 'unchanged';
    if (this.fields.some((field) => isVisible(field, this.draft) && broken(field, this.draft[field.name]))) return 'invalid';
    this.busy = true;
    this.failure = '';
    this.errors = {};
    try {
      const stored = await api.patchSection(this.key, this.view.revision, this.patch);
      this.take(await api.section(this.key).catch(() => ({ ...(this.view as SectionView), ...stored })));
      return 'saved';
    } catch (error) {
      if (error instanceof ApiError && error.status === 412) {
        const now = await api.section(this.key).catch(() => null);
        this.conflict = { revision: now?.revision ?? this.view.revision, by: now?.changed_by ?? '' };
        this.asking = true;
        return 'conflict';
      }
      if (error instanceof ApiError && error.errors.length > 0) {
        this.errors = Object.fromEntries(error.errors.map((e) => [e.pointer, e.reason]));
        this.failure = error.errors
          .filter((e) => !this.fields.some((f) => e.pointer === f.pointer || e.pointer.startsWith(`${f.pointer}/`)))
          .map((e) => told(e, e.pointer.slice(1)))
          .join('; ');
        return 'invalid';
      }
      this.failure = text(error);
      return 'failed';
    } finally {
      this.busy = false;
    }
  }

  /** Conflict answer "keep mine": my changes on top of the newer values. */
  async rebase(): Promise<void> {
    const mine = this.patch ?? {};
    await this.load();
    if (this.view) this.draft = apply(this.view.value, mine);
  }

  private take(view: SectionView): void {
    this.view = view;
    this.draft = structuredClone(view.value);
    this.errors = {};
    this.conflict = null;
    this.asking = false;
  }
}

/** Applies a merge patch (RFC 7396) without touching its input. */
export function apply(target: Values, patch: Values): Values {
  const out: Values = { ...target };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete out[name];
    else if (typeof value === 'object' && !Array.isArray(value)) {
      const old = out[name];
      out[name] = apply(typeof old === 'object' && old !== null ? (old as Values) : {}, value as Values);
    } else out[name] = value;
  }
  return out;
}

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));
