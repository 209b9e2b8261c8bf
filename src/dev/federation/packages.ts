/**
 * Owns the packages that only a federated development cluster needs. Users install them themselves, so a missing one is
 * reported before anything is started.
 */
import { MeridianError } from '../../base/errors.ts';

const PACKAGES = [
  '@graphql-hive/gateway-runtime',
  '@graphql-mesh/transport-http',
  '@theguild/federation-composition',
] as const;

/** Throws one sentence with the fix if a package is not installed. `resolve` is the folder where Node looks for it. */
export function requirePackages(resolve: (name: string) => string = (name) => import.meta.resolve(name)): void {
  const missing = PACKAGES.filter((name) => {
    try {
      resolve(name);
      return false;
    } catch (error) {
      if (['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes((error as NodeJS.ErrnoException).code ?? ''))
        return true;
      throw error;
    }
  });
  if (missing.length === 0) return;
  const [which, verb] = missing.length === 1 ? ['package', 'is'] : ['packages', 'are'];
  throw new MeridianError({
    code: 'CLUSTER_START_FAILED',
    message: `--federated composes the subgraphs and runs a gateway in each region with the npm ${which} ${missing.join(' and ')}, which ${verb} not installed; run "npm install --save-dev ${missing.join(' ')}", or start without --federated.`,
  });
}
