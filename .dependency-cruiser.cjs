// Rooms are layered: a lower number never imports a higher one, and rooms of one number never import each other.
const ROOMS = [
  ['base'],
  ['protocol'],
  ['config', 'telemetry', 'model'],
  ['region', 'conflict'],
  ['consistency', 'change'],
  ['cache'],
  ['read', 'write', 'forwarding', 'live'],
  ['postgres', 'redis', 'http', 'schema-compiler'],
  ['graphql', 'introspection'],
  ['server'],
  ['app', 'gateway'],
  ['dev'],
  ['cli', 'testing'],
];
const room = (names) => `^src/(${names.join('|')})/`;

const layers = ROOMS.flatMap((names, level) =>
  names.map((name) => {
    const allowed = [name, ...ROOMS.slice(0, level).flat()];
    // Writing speaks of statements, which reading declares: the one pair of neighbours that may meet, one way.
    if (name === 'write') allowed.push('read');
    return {
      name: `room-${name}`,
      severity: 'error',
      comment: `${name}/ may import ${allowed.join(', ')} and nothing above`,
      from: { path: `^src/${name}/` },
      to: { path: '^src/', pathNot: room(allowed) },
    };
  }),
);

const onlyImporter = (pkg, names) => ({
  name: `only-importer-of-${pkg.replace(/\W/g, '-')}`,
  severity: 'error',
  from: { path: '^src/', pathNot: room(names) },
  to: { path: `node_modules/${pkg}/` },
});

/**
 * Where execution begins: the package, the command, and what the cluster starts as processes and workers of their own.
 */
const PROGRAMS =
  '^src/(index|testing/index|cli/main|dev/supervisor/(main|end-with-input)|dev/gateway/main|client/(index|apollo|urql|relay)|gateway/(hive|apollo)|dev/wan/worker)\\.ts$';

module.exports = {
  forbidden: [
    ...layers,
    onlyImporter('pg', ['postgres', 'dev']),
    onlyImporter('pg-logical-replication', ['postgres']),
    onlyImporter('ioredis', ['redis']),
    {
      name: 'client-stays-small',
      severity: 'error',
      from: { path: '^src/client/' },
      to: { path: '^src/', pathNot: '^src/(client/|protocol/(headers|token-text)\\.ts$)' },
    },
    {
      name: 'client-is-for-clients',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/client/' },
      to: { path: '^src/client/' },
    },
    {
      name: 'gateway-stays-small',
      severity: 'error',
      comment: 'a gateway has no database: its plugins know tokens and errors, and nothing of rows',
      from: { path: '^src/gateway/' },
      to: { path: '^src/', pathNot: '^src/(gateway|base|protocol|consistency|telemetry)/' },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-dead-module',
      severity: 'error',
      comment: 'every module is reached from a program or from what the package exports',
      from: { path: PROGRAMS },
      to: { path: '^src/', pathNot: PROGRAMS, reachable: false },
    },
    {
      name: 'no-dev-dependency',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(dev|client|gateway)/' },
      to: { dependencyTypes: ['npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
