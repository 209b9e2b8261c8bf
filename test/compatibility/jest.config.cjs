/**
 * Owns how jest finds the suite's tests: they come compiled, in a folder of packages, where jest does not look by
 * itself.
 */
const { dirname, join } = require('node:path');

const suite = dirname(require.resolve('@apollo/federation-subgraph-compatibility-tests/package.json'));

module.exports = {
  rootDir: join(suite, 'dist', 'tests'),
  testEnvironment: 'node',
  transform: {},
  haste: { retainAllFiles: true },
  testPathIgnorePatterns: [],
  moduleNameMapper: { '^make-fetch-happen$': require.resolve('./fetch.cjs') },
};
