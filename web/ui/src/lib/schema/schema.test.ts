import { flushSync, mount, unmount } from 'svelte';
import { afterEach, describe, expect, it, vi } from 'vitest';
import SchemaField from '../../components/SchemaField.svelte';
import { check, fieldsOf, isVisible, type JsonSchema, mergePatch, plainHelp } from './schema';
import { apply, SectionForm } from './section.svelte';

const STREAM: JsonSchema = {
  type: 'object',
  $defs: { Mode: { oneOf: [{ const: 'CBR', description: 'Constant.' }, { const: 'VBR' }] } },
  properties: {
    enabled: { type: 'boolean', title: 'Enable' },
    codec: { oneOf: [{ const: 'H.264' }, { const: 'MJPEG' }], title: 'Encode Mode' },
    size: { enum: ['1920x1080', '640x360'] },
    mode: { $ref: '#/$defs/Mode', title: 'Bit Rate Type', 'x-hidden-when': { codec: 'MJPEG' } },
    quality: { type: 'integer', minimum: 1, maximum: 6, 'x-widget': 'range', 'x-visible-when': [{ mode: 'VBR' }, { codec: 'MJPEG' }] },
    bit_rate: { type: 'integer', minimum: 32, maximum: 16384, 'x-unit': 'kbit/s' },
    note: { type: ['string', 'null'], maxLength: 4 },
    place: { anyOf: [{ type: 'string', minLength: 2 }, { type: 'null' }] },
    scopes: { type: 'array', items: { type: 'string' }, maxItems: 2 },
    inner: { type: 'object', properties: { deep: { type: 'string' } } },
    key: { type: 'string', writeOnly: true },
    strange: { type: 'array', items: { type: 'object' } },
  },
};
const fields = fieldsOf(STREAM);
const field = (name: string) => fields.find((f) => f.name === name) ?? fields[0];

describe('plainHelp', () => {
  it('leaves out what is for programmers', () => {
    for (const [description, help] of [
      ['Older ones never are (HTTPS-8). ONVIF: `tas:SetEnabledTLSVersions`.', 'Older ones never are.'],
      ['Ports (NET-13..17, C-33) of it. ONVIF: `a:B`, `c` (Profile T 7.17). They `stay`.', 'Ports of it. They stay.'],
      ['Serves web and ONVIF over TLS (1.2 or 1.3).', 'Serves web and ONVIF over TLS (1.2 or 1.3).'],
      ['', ''],
    ]) {
      expect(plainHelp(description)).toBe(help);
    }
  });
});

describe('fieldsOf', () => {
  it('gives each field its widget', () => {
    expect(fields.map((f) => [f.name, f.widget])).toEqual([
      ['enabled', 'switch'], ['codec', 'select'], ['size', 'select'], ['mode', 'select'], ['quality', 'range'], ['bit_rate', 'number'],
      ['note', 'text'], ['place', 'text'], ['scopes', 'list'], ['inner', 'group'], ['key', 'secret'], ['strange', 'fixed'],
    ]);
  });

  it('reads titles, units, bounds, choices and references', () => {
    expect(field('bit_rate')).toMatchObject({ title: 'Bit rate', unit: 'kbit/s', minimum: 32, maximum: 16384, pointer: '/bit_rate' });
    expect(field('mode')).toMatchObject({ title: 'Bit Rate Type' });
    expect(field('mode').choices).toEqual([{ value: 'CBR', label: 'CBR', help: 'Constant.' }, { value: 'VBR', label: 'VBR', help: '' }]);
    expect([field('note').nullable, field('place').nullable, field('codec').nullable]).toEqual([true, true, false]);
    expect(field('inner').fields[0].pointer).toBe('/inner/deep');
  });

  it('keeps the order of the model, which only `required` tells', () => {
    const schema: JsonSchema = { properties: { a: {}, b: {}, c: {}, d: {} }, required: ['d', 'b', 'a'] };
    expect(fieldsOf(schema).map((f) => f.name)).toEqual(['d', 'b', 'a', 'c']);
  });

  it('ends on a schema that contains itself', () => {
    const loop: JsonSchema = { $defs: {}, properties: {} };
    loop.$defs = { Node: { type: 'object', properties: { next: { $ref: '#/$defs/Node' } } } };
    loop.properties = { node: { $ref: '#/$defs/Node' } };
    expect(fieldsOf(loop)).toHaveLength(1);
  });
});

describe('rules', () => {
  it.each([
    [{ mode: 'CBR', codec: 'H.264' }, false, true],
    [{ mode: 'VBR', codec: 'H.264' }, true, true],
    [{ mode: 'CBR', codec: 'MJPEG' }, true, false],
  ])('%j: quality %s, mode %s (VIDEO-9, VIDEO-12)', (values, quality, mode) => {
    expect([isVisible(field('quality'), values), isVisible(field('mode'), values)]).toEqual([quality, mode]);
  });

  it.each([
    ['bit_rate', 32, null],
    ['bit_rate', 31, { rule: 'range', min: 32, max: 16384 }],
    ['bit_rate', Number.NaN, { rule: 'number' }],
    ['note', 'abcd', null],
    ['note', 'abcde', { rule: 'length', min: 0, max: 4 }],
    ['note', null, null],
    ['place', 'x', { rule: 'length', min: 2, max: Number.POSITIVE_INFINITY }],
  ])('%s = %s', (name, value, want) => {
    expect(check(field(name), value)).toEqual(want);
  });
});

describe('mergePatch', () => {
  it.each([
    [{ a: 1, b: 2 }, { a: 1, b: 2 }, null],
    [{ a: 1, b: 2 }, { a: 1, b: 3 }, { b: 3 }],
    [{ a: { b: 1, c: 2 } }, { a: { b: 1, c: 3 } }, { a: { c: 3 } }],
    [{ a: { t: 'x', v: 1 } }, { a: { t: 'y', w: 2 } }, { a: { t: 'y', v: null, w: 2 } }],
    [{ a: 'x' }, { a: null }, { a: null }],
    [{ a: null }, {}, null],
    [{ a: [1, 2] }, { a: [1] }, { a: [1] }],
    [{}, { a: false }, { a: false }],
  ])('from %j to %j is %j', (before, after, want) => {
    const patch = mergePatch(before, after);
    expect(patch).toEqual(want);
    const clean = (o: object) => Object.fromEntries(Object.entries(o).filter(([, v]) => v !== null));
    expect(clean(apply(before, patch ?? {}))).toEqual(clean(after));
  });
});

describe('SchemaField', () => {
  let made: ReturnType<typeof mount> | null = null;
  afterEach(() => {
    if (made) void unmount(made);
    made = null;
    document.body.innerHTML = '';
  });
  const show = (name: string, value: unknown, errors: Record<string, string> = {}) => {
    const onchange = vi.fn();
    made = mount(SchemaField, {
      target: document.body,
      props: { field: field(name), value, messages: 'settings.test', errors, disabled: false, onchange },
    });
    flushSync();
    return onchange;
  };

  it('joins label, help and error to the control', () => {
    show('bit_rate', 5, { '/bit_rate': 'is too small' });
    const input = document.querySelector('input') as HTMLInputElement;
    expect(document.querySelector('label')?.getAttribute('for')).toBe(input.id);
    expect(input.getAttribute('aria-invalid')).toBe('true');
    const described = input.getAttribute('aria-describedby')?.split(' ') ?? [];
    expect(described.map((id) => document.getElementById(id)?.textContent).join(' ')).toContain('is too small');
  });

  it('hands over numbers, choices and switches by their types', () => {
    const number = show('bit_rate', 4096);
    const input = document.querySelector('input') as HTMLInputElement;
    input.value = '2048';
    input.dispatchEvent(new Event('input', { bubbles: true }));
    expect(number).toHaveBeenCalledWith(2048);
    if (made) void unmount(made);

    const choice = show('codec', 'H.264');
    const select = document.querySelector('select') as HTMLSelectElement;
    expect(select.selectedOptions[0].textContent).toBe('H.264');
    select.value = '1';
    select.dispatchEvent(new Event('change', { bubbles: true }));
    expect(choice).toHaveBeenCalledWith('MJPEG');
    if (made) void unmount(made);

    const toggle = show('enabled', true);
    const button = document.querySelector('[role=switch]') as HTMLButtonElement;
    expect(button.getAttribute('aria-checked')).toBe('true');
    button.click();
    expect(toggle).toHaveBeenCalledWith(false);
  });
});

describe('SectionForm', () => {
  const view = { key: 'k', revision: 3, value: { codec: 'H.264', bit_rate: 4096 }, defaults: { codec: 'H.264', bit_rate: 1024 }, changed_by: '', changed_at: null };
  const schema = { properties: { codec: STREAM.properties?.codec, bit_rate: STREAM.properties?.bit_rate } };
  const requests: { method: string; headers: Record<string, string>; body: string }[] = [];
  const serve = (patch: () => Response) => {
    requests.length = 0;
    vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
      if (init.method === 'PATCH') {
        requests.push({ method: 'PATCH', headers: init.headers as Record<string, string>, body: String(init.body) });
        return Promise.resolve(patch());
      }
      return Promise.resolve(Response.json(url.includes('/schema/') ? schema : structuredClone(view)));
    });
  };
  const problem = (status: number, body: object) => Response.json(body, { status });

  it('sends only what changed, on the revision that was read (UI-4)', async () => {
    serve(() => Response.json({ revision: 4, value: view.value }));
    const form = new SectionForm('k');
    await form.load();
    expect(form.dirty).toBe(false);
    form.toDefaults();
    expect([form.dirty, form.draft.bit_rate]).toEqual([true, 1024]);
    expect(await form.save()).toBe('saved');
    expect(requests[0].body).toBe('{"bit_rate":1024}');
    expect(requests[0].headers['If-Match']).toBe('"3"');
  });

  it('puts refusals at their fields', async () => {
    serve(() => problem(422, { errors: [{ pointer: '/bit_rate', value: '2', reason: 'no' }, { pointer: '/other', value: '', reason: 'bad' }] }));
    const form = new SectionForm('k');
    await form.load();
    form.set('bit_rate', 64);
    expect(await form.save()).toBe('invalid');
    expect(form.errors).toEqual({ '/bit_rate': 'no', '/other': 'bad' });
    expect(form.failure).toBe('other: bad');
    form.set('bit_rate', 65);
    expect(form.errors).toEqual({ '/other': 'bad' });
  });

  it('does not send what breaks a bound', async () => {
    serve(() => problem(500, {}));
    const form = new SectionForm('k');
    await form.load();
    form.set('bit_rate', 5);
    expect(await form.save()).toBe('invalid');
    expect(requests).toEqual([]);
  });

  it('tells a conflict and can put its changes on top', async () => {
    serve(() => problem(412, { detail: 'changed' }));
    const form = new SectionForm('k');
    await form.load();
    form.set('bit_rate', 64);
    expect(await form.save()).toBe('conflict');
    expect(form.conflict).not.toBeNull();
    await form.rebase();
    expect([form.conflict, form.draft.bit_rate, form.dirty]).toEqual([null, 64, true]);
  });
});
