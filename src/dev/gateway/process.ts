/** Owns a region's gateway as a process of the cluster: what it serves, where, and with which secrets. */
import { join } from 'node:path';
import { entryPath } from '../entry.ts';
import { type Supervisor } from '../supervisor/supervisor.ts';
import { inherited } from '../servers.ts';
import { ServedProcess } from '../served.ts';
import { type Secrets } from '../state.ts';

export interface GatewayOptions {
  readonly region: string;
  readonly port: number;
  /** File with the supergraph as it is seen from this region. */
  readonly supergraph: string;
  readonly supervisor: Supervisor;
  readonly secrets: Secrets;
  readonly logDir: string;
  /** What the user has set; the cluster's own settings win. */
  readonly env: NodeJS.ProcessEnv;
}

/** What a gateway has no use for, databases above all. */
const NOT_ITS = /^(MERIDIAN_POSTGRES_|MERIDIAN_REGIONS$|DB_URL_|SERVER_URL_|REDIS_URL_)/;

export class GatewayProcess extends ServedProcess {
  readonly region: string;

  constructor({ region, port, supergraph, supervisor, secrets, logDir, env }: GatewayOptions) {
    super({
      what: `The gateway of ${region}`,
      supervisor,
      args: [entryPath('./gateway/main.ts'), supergraph],
      env: {
        ...inherited(env, NOT_ITS),
        MERIDIAN_REGION: region,
        MERIDIAN_HOST: '127.0.0.1',
        MERIDIAN_PORT: String(port),
        MERIDIAN_JWT_SECRET: secrets.jwtSecret,
        MERIDIAN_TOKEN_SECRET: secrets.tokenSecret,
      },
      logFile: join(logDir, `gateway-${region}.log`),
      url: `http://127.0.0.1:${port}`,
    });
    this.region = region;
  }
}
