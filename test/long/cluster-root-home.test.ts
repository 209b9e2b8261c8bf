/** Proves that an embedded cluster that root starts works although PostgreSQL's account cannot enter root's home. */
import assert from 'node:assert/strict';
import { chmodSync, cpSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startCluster } from '../../src/dev/start.ts';
import { freePorts } from '../support/ports.ts';
import { Supervisor } from '../../src/dev/supervisor/supervisor.ts';
import { chooseAccount } from '../../src/dev/postgres/account.ts';
import { findPackage, usableBinaries } from '../../src/dev/postgres/binaries.ts';
import { withSession } from '../../src/dev/postgres/session.ts';

const isRoot = process.getuid?.() === 0;

describe(
  'an embedded cluster of root, in a home directory that only root may enter,',
  { timeout: 60_000, skip: isRoot ? false : 'root only' },
  () => {
    it('keeps programs and data where the unprivileged account can reach them', async () => {
      const home = mkdtempSync(join(tmpdir(), 'meridian-home-'));
      chmodSync(home, 0o700);
      const supervisor = await Supervisor.start();
      let dataDir = home;
      try {
        const installed = findPackage();
        cpSync(installed.root, join(home, 'package'), { recursive: true, verbatimSymlinks: true });
        // As after npm install --ignore-scripts.
        rmSync(join(home, 'package', 'native', 'lib', 'libpq.so.5'));
        const binaries = await usableBinaries(supervisor, chooseAccount(), {
          ...installed,
          root: join(home, 'package'),
          home: join(home, 'package', 'native'),
        });
        assert.ok(!binaries.startsWith(home), binaries);

        const start = async () =>
          startCluster({
            regions: ['a', 'b'],
            database: 'workspace',
            stateDir: join(home, '.meridian'),
            dataDir: join(home, '.meridian', 'data'),
            ports: await freePorts(['a', 'b']),
            wan: 'off',
            sharedBuffersMb: 32,
            initial: {
              fingerprint: '',
              load: (dsn) => withSession({ dsn }, async (client) => void (await client.query('CREATE TABLE t ()'))),
            },
          });
        const first = await start();
        ({ dataDir } = first);
        assert.ok(!dataDir.startsWith(home), dataDir);
        assert.equal(statSync(dataDir).uid, 0, 'the account owns its data, not the folder around it');
        assert.notEqual(statSync(join(dataDir, 'a')).uid, 0);
        await first.stop();
        const second = await start();
        assert.equal(second.dataDir, dataDir);
        await withSession({ dsn: second.region('b').dsn }, (client) => client.query('SELECT FROM t'));
        await second.stop();
      } finally {
        await supervisor.stop();
        rmSync(home, { recursive: true });
        if (dataDir !== home) rmSync(dataDir, { recursive: true });
      }
    });
  },
);
