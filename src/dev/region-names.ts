/** Owns which names the regions of a development cluster may have. */
import { MeridianError } from '../base/errors.ts';
import { MAX_REGIONS } from './ports.ts';

const REGION = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const REGION_CHARS = 40;

/** Throws one sentence that begins with `said`, by which the user has named them. */
export function requireRegionNames(names: readonly string[], said: string): void {
  const invalid = (what: string): MeridianError =>
    new MeridianError({ code: 'BAD_USER_INPUT', message: `${said}${what}` });
  if (names.length === 0 || names.length > MAX_REGIONS)
    throw invalid(` names ${names.length} regions; name 1 to ${MAX_REGIONS} of them.`);
  for (const [i, name] of names.entries()) {
    if (!REGION.test(name) || name.length > REGION_CHARS)
      throw invalid(`: "${name}" is no region name; use small letters, digits and single hyphens, as in eu-west-1.`);
    if (names.indexOf(name) !== i) throw invalid(` names "${name}" twice; name each region once.`);
  }
}
