/** The option viewerSettings: what it says, and what it may not say. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Viewer } from '../../../src/base/viewer.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { isSettingName, parseViewerSettings } from '../../../src/config/viewer-settings.ts';
import { settingsKey } from '../../../src/read/loaders/through-cache.ts';
import { type Setting } from '../../../src/read/ports.ts';
import { checkedSettings, settingsMaker } from '../../../src/read/settings.ts';

const viewer = { id: 'ada', tenant: '7', roles: ['admin', 'member'] };

describe('viewer settings', () => {
  it('carry the viewer, and literals', () => {
    const make = settingsMaker(' app.tenant_id=tenant, app.user_id = id,app.roles=roles,role:app_user,app.via:a=b:c ');
    assert.deepEqual(make(viewer), [
      { name: 'app.tenant_id', value: '7' },
      { name: 'app.user_id', value: 'ada' },
      { name: 'app.roles', value: 'admin,member' },
      { name: 'role', value: 'app_user' },
      { name: 'app.via', value: 'a=b:c' },
    ]);
    assert.deepEqual(
      make(null).map(({ value }) => value),
      ['', '', '', 'app_user', 'a=b:c'],
    );
    assert.deepEqual(
      make({ ...viewer, tenant: null, roles: [] }).map(({ value }) => value),
      ['', 'ada', '', 'app_user', 'a=b:c'],
    );
    assert.deepEqual(settingsMaker('')(viewer), []);
  });

  it('are refused where they could be misunderstood', () => {
    const problems: readonly (readonly [string, RegExp])[] = [
      [
        'app.tenant_id',
        /must list setting=id\|tenant\|roles or setting:literal, comma-separated, and has "app.tenant_id"/,
      ],
      ['app.a=id,,app.b=id', /and has ""/],
      ['tenant=tenant', /names "tenant"/],
      ['app.tenant"; DROP=tenant', /must name settings/],
      ['search_path:evil', /names "search_path"/],
      ['meridian.refused=tenant', /names "meridian.refused"/],
      [
        'app.tenant=organisation',
        /app.tenant asks for "organisation" \(a literal follows a colon: app.tenant:organisation\)/,
      ],
      ['role=tenant', /role as a literal/],
      ['role:', /must name a role/],
      ['app.t=tenant,APP.T=id', /gives APP.T twice/],
    ];
    for (const [text, problem] of problems) {
      const parsed = parseViewerSettings(text);
      assert.match('problem' in parsed ? parsed.problem : 'accepted', problem, text);
      assert.throws(() => loadConfig({ settings: { viewerSettings: text }, env: {} }), {
        code: 'CONFIG_INVALID',
        message: problem,
      });
    }
    assert.equal(
      loadConfig({ settings: { viewerSettings: 'app.t=tenant' }, env: {} }).options.viewerSettings,
      'app.t=tenant',
    );
  });

  it('are kept of a viewer that cannot change, and made anew of one that can', () => {
    const make = settingsMaker('app.tenant=tenant,app.roles=roles,role:app_user');
    const fixed = (tenant: string): Viewer => Object.freeze({ id: '7', tenant, roles: Object.freeze(['staff']) });
    const [ann, bob] = [fixed('a'), fixed('b')];
    assert.equal(make(ann), make(ann));
    assert.deepEqual(
      make(bob).map(({ value }) => value),
      ['b', 'staff', 'app_user'],
    );
    assert.deepEqual(
      make(ann).map(({ value }) => value),
      ['a', 'staff', 'app_user'],
    );
    assert.throws(() => (make(ann) as Setting[]).push({ name: 'app.x', value: '' }), TypeError);
    assert.throws(() => Object.assign(make(ann)[0] as object, { value: 'b' }), TypeError);
    assert.equal(settingsMaker('app.id=id')(ann)[0]?.name, 'app.id', 'another server has other settings');
    const loose = { id: '7', tenant: 'a', roles: ['staff'] };
    const half = Object.freeze({ id: '7', tenant: 'a', roles: ['staff'] });
    const made = {
      ...loose,
      get tenant() {
        return String(Math.random());
      },
    };
    assert.equal(settingsKey(make(loose)), settingsKey(make(ann)));
    assert.equal(settingsKey(make(half)), settingsKey(make(ann)));
    loose.tenant = 'b';
    half.roles.push('admin');
    assert.equal(settingsKey(make(loose)), settingsKey(make(bob)));
    assert.deepEqual(
      make(half).map(({ value }) => value),
      ['a', 'staff,admin', 'app_user'],
    );
    assert.notDeepEqual(make(Object.freeze(made)), make(made));
    assert.notEqual(settingsKey(make(ann)), settingsKey(make(bob)));
    assert.equal(settingsKey(make(ann)), settingsKey(make(ann)));
    assert.equal(settingsKey(settingsMaker('')(ann)), '');
  });

  it('refuse what a setting cannot hold, and other names that code gives', () => {
    assert.throws(() => settingsMaker('app.roles=roles')({ ...viewer, roles: ['a,admin'] }), {
      code: 'FORBIDDEN',
      message: /a comma/,
    });
    assert.throws(() => settingsMaker('app.user=id')({ ...viewer, id: 'a\u0000b' }), { code: 'FORBIDDEN' });
    assert.ok(
      isSettingName('app.x') &&
        isSettingName('role') &&
        !isSettingName('row_security') &&
        !isSettingName('a.b.c') &&
        !isSettingName('a.b\n'),
    );
    assert.throws(() => checkedSettings([{ name: 'row_security', value: 'off' }]), { code: 'BAD_USER_INPUT' });
    assert.deepEqual(checkedSettings([{ name: 'app.x', value: '' }]), [{ name: 'app.x', value: '' }]);
  });
});
