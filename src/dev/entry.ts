/** Owns the paths of programs that are started as a process or worker: `.ts` from source, `.js` after the build. */
import { fileURLToPath } from 'node:url';

export function entryPath(relative: `./${string}.ts` | `../${string}.ts`): string {
  const here = import.meta.url;
  return fileURLToPath(new URL(here.endsWith('.ts') ? relative : relative.replace(/\.ts$/, '.js'), here));
}

/** The command line's program, which the servers are started from. */
export const MAIN = entryPath('../cli/main.ts');
