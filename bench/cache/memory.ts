import { type Setting } from './setting.ts';
export async function memory(_: Setting): Promise<void> {}
