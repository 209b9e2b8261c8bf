import { it } from 'node:test';
import { startTestGraph, EU, US, AP } from '../support/graph.ts';
import { TokenCodec } from '../../src/consistency/token.ts';
import { TOKEN_SECRET } from '../support/app.ts';
it('x', { timeout: 120000 }, async () => {
  const t0 = performance.now();
  await using g = await startTestGraph();
  console.log('started', performance.now() - t0);
  for (const kind of ['hive', 'apollo'] as const) {
    const w = await g.gql({ kind, region: EU }, 'mutation { updateUser(id: 1, input: { name: "Ada" }) { user { name assignedTasks(first: 2) { nodes { title assignee { name } } } } token } }');
    console.log(kind, JSON.stringify(w));
    const r = await g.gql({ kind, region: AP }, '{ user(id: 1) { name assignedTasks(first: 2) { nodes { title assignee { name } } } } task(id: 1) { title assignee { name } } }', { token: w.token });
    console.log(kind, JSON.stringify(r));
    console.log([...new TokenCodec({ secrets: [TOKEN_SECRET], maxTokenBytes: 4096 }).decode(r.token ?? '').values()]);
  }
});
