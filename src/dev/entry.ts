/**
 * Owns where a program of this room lies, so that it can be started as a process or worker: `.ts` from source, `.js`
 * once built.
 */
import { fileURLToPath } from 'node:url';

export function entryPath(relative: `./${string}.ts`): string {
  const here = import.meta.url;
  return fileURLToPath(new URL(here.endsWith('.ts') ? relative : relative.replace(/\.ts$/, '.js'), here));
}
