/**
 * Owns taking one mechanism out of the program: preloaded into a server, it changes the text of a few modules and Lua
 * scripts as they are loaded.
 */
import fs from 'node:fs';
import { registerHooks, syncBuiltinESMExports } from 'node:module';
import { EDIT_BREAKS } from './editors/breaks.ts';
import { BREAKS, type Cut } from '../history-checker/breaks.ts';
import { VALUE_BREAKS } from './roundtrip/breaks.ts';

const VALUES = Object.fromEntries(Object.entries(VALUE_BREAKS).map(([name, { cuts }]) => [name, cuts]));
const ALL: Readonly<Record<string, readonly Cut[]>> = { ...BREAKS, ...EDIT_BREAKS, ...VALUES };

const name = process.env['BREAK'] ?? '';
const cuts = ALL[name] ?? [];
if (cuts.length === 0)
  throw new RangeError(`BREAK=${name} names no mechanism; there are ${Object.keys(ALL).join(', ')}.`);

const left = new Set(cuts);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!cuts.some(({ file }) => url.endsWith(file))) return loaded;
    return {
      ...loaded,
      source: withoutMechanism(url, Buffer.from(loaded.source as Uint8Array).toString()),
      shortCircuit: true,
    };
  },
});

const { readFileSync } = fs;
fs.readFileSync = ((path: fs.PathOrFileDescriptor, options: fs.ObjectEncodingOptions = {}) => {
  const content = readFileSync(path, options);
  return path instanceof URL && path.pathname.endsWith('.lua') && typeof content === 'string'
    ? withoutMechanism(path.pathname, content)
    : content;
}) as typeof fs.readFileSync;
// Modules that import the function by its name get this one too.
syncBuiltinESMExports();

function withoutMechanism(path: string, text: string): string {
  return cuts
    .filter(({ file }) => path.endsWith(file))
    .reduce((before, cut) => {
      if (before.split(cut.text).length !== 2)
        throw new Error(`${cut.file} does not have once what "${name}" takes out of it: ${cut.text}`);
      left.delete(cut);
      return before.replace(cut.text, () => cut.instead);
    }, text);
}

// A server that has answered has loaded everything that it is made of.
setTimeout(() => {
  if (left.size === 0) return;
  process.stderr.write(
    `"${name}" was not taken out of ${[...left].map(({ file }) => file).join(', ')}, which nobody loads.\n`,
  );
  process.exit(1);
}, 60_000).unref();
