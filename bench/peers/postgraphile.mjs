/** PostGraphile 5 (Grafast): the schema and the statements come from the database. */
import { createServer } from 'node:http';
import { grafserv } from 'postgraphile/grafserv/node';
import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { HOST, listening, POOL_SIZE, port, readUrl } from './shared/environment.mjs';

const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ connectionString: readUrl, schemas: ['public'], poolConfig: { max: POOL_SIZE } })],
  grafserv: { graphiql: false, watch: false, websockets: false },
  grafast: { explain: false },
});
const server = createServer();
server.keepAliveTimeout = 72_000;
await instance.createServ(grafserv).addTo(server);
server.listen(port, HOST, () => listening());
