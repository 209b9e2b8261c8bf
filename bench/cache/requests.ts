import { type Setting } from './setting.ts';
export async function requests(_: Setting): Promise<void> {}
