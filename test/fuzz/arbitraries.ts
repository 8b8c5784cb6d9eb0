import fc, { type Arbitrary } from 'fast-check';

/** The part of JSON Schema that the API's document is written in. */
export type Schema = {
  type?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  items?: Schema;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
};

/** Texts that have broken servers before. */
const NASTY = [
  '',
  ' ',
  '.',
  '..',
  '../../../../etc/passwd',
  '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  '%',
  '%00',
  '\u0000',
  '\ud800',
  '\r\nX-Injected: 1',
  "' or 1=1 --",
  '$(reboot)',
  '`reboot`',
  '-rf',
  '--upload-pack=reboot',
  '{{7*7}}',
  '<script>alert(1)</script>',
  '\u001b]0;title\u0007',
  '\u202etxt.exe',
  '__proto__',
  'constructor',
  'null',
  'NaN',
  '1e999',
  '٣',
  '00000000-0000-0000-0000-000000000000',
  'x'.repeat(5000),
];

const NASTY_NUMBERS = [0, -0, -1, 0.5, 1e308, -1e308, 2 ** 31, 2 ** 53, Number.MIN_VALUE];

export const anyText = fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: 'binary' }), fc.string());

/** Values of any kind, most of them wrong wherever they are put. */
const anything: Arbitrary<unknown> = fc.oneof(
  anyText,
  fc.constantFrom(...NASTY_NUMBERS),
  fc.constantFrom(null, true, false, [], {}, [[]], [null]),
  fc.jsonValue({ maxDepth: 3 }),
);

/**
 * Addresses of sources that nobody is asked for: a port of this machine on which nobody listens, in many spellings, and
 * what no source may be.
 */
const anySource = fc
  .tuple(
    fc.constantFrom(
      'http://',
      'https://',
      'git::http://',
      's3::http://',
      'file://',
      'ext::',
      'ssh://',
      '//',
      '-',
    ),
    fc.constantFrom(
      '127.0.0.1:1',
      'localhost:1',
      '[::1]:1',
      '0x7f.1:1',
      '2130706433:1',
      'user:pass@127.0.0.1:1',
    ),
    fc.constantFrom('/a.zip', '/a.tar.gz', '/a/b', '/tree/main/x', '?a=b', '#x', '/%00', '/\u0000', ''),
  )
  .map((parts) => parts.join(''));

/** Values for a schema: some that it allows, some at its bounds and just past them, some that have nothing to do with it. */
export function valuesFor(schema: Schema = {}, name = ''): Arbitrary<unknown> {
  if (name === 'url') return fc.oneof({ weight: 3, arbitrary: anySource }, anything);
  const fitting = fittingValues(schema);
  return fc.oneof({ weight: 2, arbitrary: fitting }, anything);
}

function fittingValues({
  type,
  anyOf,
  enum: values,
  maximum,
  maxLength,
  minimum,
  ...schema
}: Schema): Arbitrary<unknown> {
  if (values) return fc.constantFrom(...values);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (anyOf) return fc.oneof(...anyOf.map(fittingValues));
  switch (type) {
    case 'object':
      return bodiesFor({ ...schema });
    case 'array':
      return fc.array(valuesFor(schema.items), { maxLength: 3 });
    case 'boolean':
      return fc.boolean();
    case 'integer':
    case 'number': {
      const [low, high] = [minimum ?? 0, maximum ?? 1000];
      return fc.oneof(
        fc.integer({ min: Math.ceil(low), max: Math.floor(high) }),
        fc.constantFrom(low, high, low - 1, high + 1),
      );
    }
    default: {
      const lengths = maxLength === undefined ? [] : [maxLength, maxLength + 1];
      const bounds = lengths.map((length) => fc.constant('a'.repeat(length)));
      return fc.oneof(anyText, ...bounds);
    }
  }
}

/** Objects with some of a schema's properties, and at times one that it has not. */
export function bodiesFor({ properties = {} }: Schema): Arbitrary<unknown> {
  const known = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, valuesFor(schema, name)]),
  );
  return fc
    .tuple(
      fc.record(known, { requiredKeys: [] }),
      fc.option(fc.dictionary(anyText, anything, { maxKeys: 1 }), { freq: 4, nil: {} }),
    )
    .map(([body, unknown]) => ({ ...body, ...unknown }));
}
