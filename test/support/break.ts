/** Owns taking one mechanism out of the program: preloaded into a server, it changes the text of a few modules as they are loaded. */
import { registerHooks } from 'node:module';
import { EDIT_BREAKS } from './editors/breaks.ts';
import { BREAKS, type Cut } from './history/breaks.ts';
import { VALUE_BREAKS } from './roundtrip/breaks.ts';

const VALUES = Object.fromEntries(Object.entries(VALUE_BREAKS).map(([name, { cuts }]) => [name, cuts]));
const ALL: Readonly<Record<string, readonly Cut[]>> = { ...BREAKS, ...EDIT_BREAKS, ...VALUES };

const name = process.env['BREAK'] ?? '';
const cuts = ALL[name];
if (cuts === undefined) throw new RangeError(`BREAK=${name} names no mechanism; there are ${Object.keys(ALL).join(', ')}.`);

const left = new Set(cuts);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const own = cuts.filter(({ file }) => url.endsWith(file));
    if (own.length === 0) return loaded;
    let source = Buffer.from(loaded.source as Uint8Array).toString();
    for (const cut of own) {
      if (source.split(cut.text).length !== 2) throw new Error(`${cut.file} does not have once what "${name}" takes out of it: ${cut.text}`);
      source = source.replace(cut.text, () => cut.instead);
      left.delete(cut);
    }
    return { ...loaded, source, shortCircuit: true };
  },
});

// A server that has answered has loaded everything that it is made of.
setTimeout(() => {
  if (left.size === 0) return;
  process.stderr.write(`"${name}" was not taken out of ${[...left].map(({ file }) => file).join(', ')}, which nobody loads.\n`);
  process.exit(1);
}, 60_000).unref();
