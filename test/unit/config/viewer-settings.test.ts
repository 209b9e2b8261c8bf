/** The option viewerSettings: what it says, and what it may not say. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import { isSettingName, parseViewerSettings } from '../../../src/config/viewer-settings.ts';
import { checkedSettings, settingsMaker } from '../../../src/read/settings.ts';

const viewer = { id: 'ada', tenant: '7', roles: ['admin', 'member'] };

describe('viewer settings', () => {
  it('carry the viewer, and literals', () => {
    const make = settingsMaker(' app.tenant_id=tenant, app.user_id = id,app.roles=roles,role:app_user,app.via:a=b:c ');
    assert.deepEqual(make(viewer), [
      { name: 'app.tenant_id', value: '7' }, { name: 'app.user_id', value: 'ada' }, { name: 'app.roles', value: 'admin,member' }, { name: 'role', value: 'app_user' }, { name: 'app.via', value: 'a=b:c' },
    ]);
    assert.deepEqual(make(null).map(({ value }) => value), ['', '', '', 'app_user', 'a=b:c']);
    assert.deepEqual(make({ ...viewer, tenant: null, roles: [] }).map(({ value }) => value), ['', 'ada', '', 'app_user', 'a=b:c']);
    assert.deepEqual(settingsMaker('')(viewer), []);
  });

  it('are refused where they could be misunderstood', () => {
    const problems: readonly (readonly [string, RegExp])[] = [
      ['app.tenant_id', /must list setting=id\|tenant\|roles or setting:literal, comma-separated, and has "app.tenant_id"/],
      ['app.a=id,,app.b=id', /and has ""/],
      ['tenant=tenant', /names "tenant"/],
      ['app.tenant"; DROP=tenant', /must name settings/],
      ['search_path:evil', /names "search_path"/],
      ['meridian.refused=tenant', /names "meridian.refused"/],
      ['app.tenant=organisation', /app.tenant asks for "organisation" \(a literal follows a colon: app.tenant:organisation\)/],
      ['role=tenant', /role as a literal/],
      ['role:', /must name a role/],
      ['app.t=tenant,APP.T=id', /gives APP.T twice/],
    ];
    for (const [text, problem] of problems) {
      const parsed = parseViewerSettings(text);
      assert.match('problem' in parsed ? parsed.problem : 'accepted', problem, text);
      assert.throws(() => loadConfig({ settings: { viewerSettings: text }, env: {} }), { code: 'CONFIG_INVALID', message: problem });
    }
    assert.equal(loadConfig({ settings: { viewerSettings: 'app.t=tenant' }, env: {} }).options.viewerSettings, 'app.t=tenant');
  });

  it('are not made of what a setting cannot hold, and not given other names by code', () => {
    assert.throws(() => settingsMaker('app.roles=roles')({ ...viewer, roles: ['a,admin'] }), { code: 'FORBIDDEN', message: /a comma/ });
    assert.throws(() => settingsMaker('app.user=id')({ ...viewer, id: 'a\u0000b' }), { code: 'FORBIDDEN' });
    assert.ok(isSettingName('app.x') && isSettingName('role') && !isSettingName('row_security') && !isSettingName('a.b.c') && !isSettingName('a.b\n'));
    assert.throws(() => checkedSettings([{ name: 'row_security', value: 'off' }]), { code: 'BAD_USER_INPUT' });
    assert.deepEqual(checkedSettings([{ name: 'app.x', value: '' }]), [{ name: 'app.x', value: '' }]);
  });
});
