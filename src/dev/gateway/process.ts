/** Owns a region's gateway as a process of the cluster: its supergraph, port and secrets. */
import { join } from 'node:path';
import { entryPath } from '../entry.ts';
import { type Supervisor } from '../supervisor/supervisor.ts';
import { inherited } from '../servers.ts';
import { ServedProcess } from '../served.ts';
import { type Secrets } from '../state.ts';

export interface GatewayOptions {
  readonly region: string;
  readonly port: number;
  /** The file with the supergraph and this region's URLs. */
  readonly supergraph: string;
  readonly supervisor: Supervisor;
  readonly secrets: Secrets;
  readonly logDir: string;
  /** The user's environment; the cluster's own settings take precedence. */
  readonly env: NodeJS.ProcessEnv;
}

/** Variables that a gateway does not use, above all those of databases. */
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
